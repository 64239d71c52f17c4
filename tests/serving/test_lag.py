"""A node says how late what it is sent comes, and how far it is behind with it."""

import asyncio

import httpx
import msgspec
import numpy as np

from evaluate.node_scene import Node, S, Time, arrivals, give, settings, stage, until
from skypact.model import Arrival, Outcome, Verdict
from skypact.model.plots import no_plots
from skypact.serving.desk_state import desk_state
from skypact.serving.lag import Lag
from skypact.tracking.lateness import Lateness
from tests.sharing.link_settings import QUICK

SETTINGS = settings(link=QUICK)
ALONE = {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}}
MOST_S = SETTINGS.node.greatest_lag_s


def test_a_node_says_by_how_much_plots_come_late(tmp_path):
    stage(tmp_path, ALONE, SETTINGS)

    async def story():
        times = Time()
        node = Node(tmp_path / "JPN", SETTINGS, clock=times.clock())
        await node.start()
        try:
            sent = arrivals("JPN", node.radars, begin_ns=times.now_ns, seconds=8.0)
            late_s = MOST_S + 3.0
            first = [one for one in sent if one.due_ns < sent[0].due_ns + 2 * S]
            for one in first:
                await give(node, one, times)
            assert node.health()["lag"]["late_s"] == {}
            for one in sent[len(first) :]:
                times.now_ns = max(times.now_ns, one.due_ns + round(late_s * S))
                verdict = await give(node, one, times)
                assert verdict.outcome == "accepted" and not verdict.catching_up, verdict
            health = node.health()
            # A scan's newest plot is as old as its arrival is late, or younger than its last row.
            assert late_s <= health["lag"]["late_s"]["JPN"] < late_s + 2.0
            assert any(told.startswith("plots of JPN late") for told in health["lag"]["told"])
            state = desk_state(node, {})
            assert state.late_s == health["lag"]["late_s"]
            async with httpx.AsyncClient() as web:
                told = (await web.get(f"http://127.0.0.1:{node.status.port}/metrics")).text
            assert f'skypact_late_seconds{{nation="JPN",radar="{sent[-1].arrival.radar}"}}' in told
            assert "skypact_behind_seconds " in told
            assert not [told for told in (*state.faults, *state.notices) if "late" in told]
            times.now_ns += 30 * S  # still what is known of it, and a track not lost for it
            assert late_s <= node.health()["lag"]["late_s"]["JPN"]
            lateness = node.shared.lateness
            assert max(lateness.late_ns(times.now_ns).values()) >= late_s * S
            times.now_ns += 31 * S  # nothing came for a minute: it is silent
            assert node.health()["lag"]["late_s"] == {}
        finally:
            await node.stop()

    asyncio.run(story())


def test_what_comes_in_time_again_says_so_soon_and_what_was_late_counts_a_minute_long():
    """On the desk a source is late no longer; a track is lost as much later for a minute yet."""
    lateness, accepted = Lateness(), Verdict(outcome=Outcome.ACCEPTED, content="")

    def come(at_s, late_s, **of):
        time_ns = np.array([round((at_s - late_s) * S)])
        plots = no_plots()._replace(time_ns=time_ns)
        arrival = Arrival(
            nation="JPN", radar="A", epoch=1, sequence=1, received_ns=at_s * S, plots=plots
        )
        lateness.note(arrival, msgspec.structs.replace(accepted, **of))

    def late_s(at_s):
        found = lateness.late_ns(at_s * S), lateness.late_now_ns(at_s * S)
        return tuple(one.get(("JPN", "A"), 0) / S for one in found)

    come(100, 30.0)
    assert late_s(101) == (30.0, 30.0)
    for second in range(102, 120):
        come(second, 0.5)
    assert late_s(120) == (30.0, 0.5)
    assert late_s(161) == (0.5, 0.5)
    assert late_s(180) == (0.0, 0.0)
    # What catches up after a cut was away, not late; what it saw is known all the same.
    come(200, 50.0, catching_up=True)
    assert late_s(200) == (0.0, 0.0)
    assert lateness.newest_ns["JPN", "A"] == 150 * S


def test_a_node_that_cannot_keep_up_says_how_far_it_is_behind(tmp_path):
    stage(tmp_path, ALONE, SETTINGS)

    async def story():
        node = Node(tmp_path / "JPN", SETTINGS)
        await node.start()
        try:
            assert await until(lambda: node.lag.behind_s < MOST_S)
            node.lag.note(MOST_S + 2.0)
            told = desk_state(node, {})
            assert told.behind_s == MOST_S + 2.0
            assert any(one.startswith("node behind") for one in node.health()["lag"]["told"])
        finally:
            await node.stop()

    asyncio.run(story())


def test_the_most_of_the_last_ten_seconds_counts():
    now_s = [0.0]
    lag = Lag(lambda: now_s[0])
    for at_s, behind_s in ((0.0, 1.0), (1.0, 7.0), (2.0, 3.0), (8.0, 2.0)):
        now_s[0] = at_s
        lag.note(behind_s)
    assert lag.behind_s == 7.0
    now_s[0] = 11.5
    assert lag.behind_s == 3.0
    now_s[0] = 30.0
    assert lag.behind_s == 0.0
