"""Assessments in a process of their own: each takes some 50 ms, and the node must go on."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from skypact.flight import Ways, assess, ways_of
from skypact.model import Flight, Launch, Radar, ShownPath, Track
from skypact.offline.warm import warm_flight
from skypact.serving.child import end_with_parent
from skypact.serving.shown import expected_path
from skypact.settings import FlightSettings

_BEHIND = 10
"""Its niceness: what partners wait for has the processor first. A tenth of a busy one stays its, as
people wait for this too."""
_Made = TypeVar("_Made")


class Assessor:
    """Asks another process what tracks mean; it is started with the first question."""

    def __init__(
        self, radars: Sequence[Radar], settings: FlightSettings, *, urgent: bool = False
    ) -> None:
        """`urgent`: not behind all others on the machine, as warnings wait for it."""
        self._radars, self._settings, self._urgent = tuple(radars), settings, urgent
        self._pool: ProcessPoolExecutor | None = None

    async def begin(self) -> None:
        """Start the process before it is asked: its imports and kernels take seconds."""
        await self._asked(warm_flight)

    async def flight(self, track: Track, launch: Launch | None) -> Flight | None:
        """The flight that a track means; None: the process died, and the next call has another."""
        return await self._asked(_flight, track, self._radars, self._settings, launch)

    async def ways(
        self, track: Track, launch: Launch | None, *, seek_launch: bool = True
    ) -> Ways | None:
        """A track's ways down; None as for `flight`."""
        given = (track, self._radars, self._settings, launch, seek_launch)
        return await self._asked(_ways, *given)

    async def shown(self, track: Track, launch: Launch | None) -> tuple[Flight, ShownPath] | None:
        """The same, and where it is thought to go from the track's time on."""
        return await self._asked(flight_and_path, track, self._radars, self._settings, launch)

    async def _asked(self, work: Callable[..., _Made], *given: Any) -> _Made | None:
        if self._pool is None:
            self._pool = await asyncio.to_thread(_process, self._urgent)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
        except BrokenProcessPool:
            self._pool = None
            return None

    def stop(self) -> None:
        """End the process; what it was asked is not answered."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)


def _process(urgent: bool) -> ProcessPoolExecutor:
    """The process, started; behind all others from then on, as its imports take seconds."""
    begin = end_with_parent if urgent else _begin
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin)
    pool.submit(os.getpid)
    if hasattr(os, "SCHED_BATCH") and not urgent:  # Linux: what wakes up has its processor at once
        for pid in list(pool._processes or {}):
            with contextlib.suppress(OSError):  # where a container forbids it: `_begin` does most
                os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
                os.setpriority(os.PRIO_PROCESS, pid, _BEHIND)
    return pool


def _begin() -> None:
    """What the process does first."""
    os.setpriority(os.PRIO_PROCESS, 0, _BEHIND)
    end_with_parent()


def _flight(
    track: Track,
    radars: tuple[Radar, ...],
    settings: FlightSettings,
    launch: Launch | None,
) -> Flight:
    return assess(track, radars, settings, launch=launch)


def _ways(
    track: Track,
    radars: tuple[Radar, ...],
    settings: FlightSettings,
    launch: Launch | None,
    seek_launch: bool,
) -> Ways:
    return ways_of(track, radars, settings, launch=launch, seek_launch=seek_launch)


def flight_and_path(
    track: Track, radars: tuple[Radar, ...], settings: FlightSettings, launch: Launch | None
) -> tuple[Flight, ShownPath]:
    """What a track means, and where it is thought to go from its time on."""
    flight = assess(track, radars, settings, launch=launch)
    return flight, expected_path(track, flight)
