"""A server that answers the journal no more is ended, but one that is merely slow not for ever."""

import asyncio
from types import SimpleNamespace

from skypact.model import JournalState
from skypact.serving.watch import SilentServer

PATIENCE_S = 15.0


def ends(states: list[tuple[float, JournalState]]) -> list[float]:
    """When a server is ended whose journal is so until these times, looked at each second."""
    now_s, ended = 0.0, []
    health = SimpleNamespace(state=JournalState.WELL, waiting=1, reason="no answer")

    async def room() -> bool:
        return True

    one = SilentServer(
        SimpleNamespace(state=SimpleNamespace(up=True), end_it=lambda: ended.append(now_s)),
        SimpleNamespace(health=health, has_room_on_disk=room),
        PATIENCE_S,
        SimpleNamespace(error=lambda *_, **__: None),
        lambda: now_s,
    )
    for until_s, health.state in states:
        while now_s < until_s:
            asyncio.run(one.look())
            now_s += 1.0
    return ended


def test_each_time_it_is_waited_twice_as_long_at_most_sixteen_times() -> None:
    found = ends([(1200.0, JournalState.SILENT)])
    # Silence is noticed by the first look after the last end, and then has to last longer than so.
    waited = [b - a for a, b in zip([-1.0, *found], found, strict=False)]
    assert waited == [PATIENCE_S * times + 2.0 for times in (1, 2, 4, 8, 16, 16, 16)][: len(waited)]
    assert len(waited) >= 5


def test_a_moment_of_answers_in_between_changes_nothing_a_long_time_does() -> None:
    states = [(20.0, JournalState.SILENT), (30.0, JournalState.WELL), (55.0, JournalState.SILENT)]
    assert len(ends(states)) == 1
    states[1:] = [(180.0, JournalState.WELL), (205.0, JournalState.SILENT)]
    assert len(ends(states)) == 2
