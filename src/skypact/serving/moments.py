"""Pictures of the past for the desk: replayed from the journal, in a process of their own."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import InputError, SkypactError
from skypact.flight import assess
from skypact.model import Ask, PictureChange, Radar, Track
from skypact.offline.warm import warm_up
from skypact.sensing import load_radars
from skypact.serving.child import end_with_parent
from skypact.serving.journal_source import open_source
from skypact.serving.pictures import NAMES
from skypact.serving.replay import THEN, Moment, replay
from skypact.serving.shown import expected_path
from skypact.serving.shown_picture import Eyes, ShownPicture, Sighting
from skypact.settings import Settings

S = 1_000_000_000
Seen = Mapping[int, Mapping[Eyes, Sighting]]
_BEHIND = 5
_SAMPLES = 30
"""Moments before the one that is asked for, from which paths are told."""


class Moments:
    """Answers desks; the process is begun with the first question."""

    def __init__(self, folder: Path, settings: Settings, exercise: bool) -> None:
        self._of = folder, settings, exercise
        self._pool: ProcessPoolExecutor | None = None

    async def answer(self, connection: Client, ask: Ask, asked: Msg, seen: Seen) -> None:
        """In parts, as a whole picture is; or why the journal does not tell.

        `seen`: who had seen which track when, as far as the node noted it then.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_begin_behind_the_node
            )
        loop = asyncio.get_running_loop()
        try:
            parts = await loop.run_in_executor(self._pool, _parts, *self._of, ask, seen)
        except BrokenProcessPool:
            self._pool = None
            parts = [_fault("moment", "its process died", "ask again")]
        for part in parts:
            await connection.publish(asked.reply, part)

    def stop(self) -> None:
        """End the process; what it was asked is not answered."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)


def _begin_behind_the_node() -> None:
    os.nice(_BEHIND)
    end_with_parent()


def _parts(folder: Path, settings: Settings, exercise: bool, ask: Ask, seen: Seen) -> list[bytes]:
    _warm(folder, settings)
    for again in (True, False):
        try:
            found = asyncio.run(moment(folder, settings, exercise, ask, seen))
            return [msgspec.msgpack.encode(part) for part in found]
        except InputError as error:
            return [_fault(error.place, error.reason, error.remedy)]
        except SkypactError as error:  # the journal's server was busy, or died
            if not again:
                return [_fault("journal", str(error), "ask again")]
    raise AssertionError


_warmed: set[Path] = set()


def _warm(folder: Path, settings: Settings) -> None:
    """Read the kernels before the server waits for an answer to its pings."""
    if folder not in _warmed:
        _warmed.add(folder)
        with contextlib.suppress(SkypactError):
            warm_up(load_radars(folder / "radars.toml"), settings)


def _fault(place: str, reason: str, remedy: str) -> bytes:
    said = f"{place}: {reason}; {remedy}"
    return msgspec.msgpack.encode(PictureChange("", 0, 0, 0, 0, fault=said))


async def moment(
    folder: Path, settings: Settings, exercise: bool, ask: Ask, seen: Seen
) -> list[PictureChange]:
    """A picture as of `ask.at_ns`, with the paths until then and what the tracks meant.

    Who saw them when is `seen`, which is finer than the replay's looks; where it tells nothing, as
    of before the node's start, it is by these. Raises InputError where the journal does not go back
    so far.
    """
    assert ask.at_ns is not None
    if ask.whole not in NAMES:
        raise InputError(ask.whole, "is not kept", f"ask for one of {', '.join(NAMES)}")
    radars, moments = await _replayed(folder, settings, exercise, ask)
    nations = {radar.id: radar.nation for radar in radars}
    shown = ShownPicture(ask.whole, ask.at_ns, nations, settings.desk)
    for one in moments:
        shown.look(_until(one.tracks, ask.at_ns))
    shown.take_sightings(seen)
    last = _until(moments[-1].tracks, ask.at_ns)
    newest = sorted(last, key=lambda track: track.last_plot_ns)[-settings.desk.moment_flights :]
    for track in sorted(newest if settings.desk.moment_flights else [], key=lambda one: one.id):
        flight = assess(track, radars, settings.flight, launch=shown.launch_of(track))
        shown.assessed(track, flight, expected_path(track, flight), ask.at_ns)
    return shown.whole(ask.at_ns)


async def _replayed(
    folder: Path, settings: Settings, exercise: bool, ask: Ask
) -> tuple[tuple[Radar, ...], tuple[Moment, ...]]:
    """The radars, and the moment with some before it as far as the journal goes back."""
    assert ask.at_ns is not None
    known = THEN if ask.known_ns == 0 else ask.known_ns
    step_ns = round(settings.desk.moment_path_s / _SAMPLES * S)
    before = [ask.at_ns - k * step_ns for k in range(_SAMPLES, 0, -1)] if step_ns else []
    for times in ([*before, ask.at_ns], [ask.at_ns]):
        async with open_source(folder, settings, exercise=exercise) as source:
            try:
                found = await replay(source, settings, ask.whole, times, known=known)
                return source.radars, found.moments
            except InputError:
                if len(times) == 1:
                    raise
    raise AssertionError


def _until(tracks: tuple[Track, ...], at_ns: int) -> tuple[Track, ...]:
    return tuple(track for track in tracks if track.first_plot_ns <= at_ns)
