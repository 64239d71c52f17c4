"""Assessments in a process of their own: each takes some 50 ms, and the node must go on."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

from skypact.flight import assess
from skypact.model import Flight, Launch, Radar, Track
from skypact.settings import FlightSettings

_BEHIND_ALL = 19
"""Its niceness: what partners wait for has the processor first."""


class Assessor:
    """Asks another process what tracks mean; it is started with the first question."""

    def __init__(self, radars: Sequence[Radar], settings: FlightSettings) -> None:
        self._radars, self._settings = tuple(radars), settings
        self._pool: ProcessPoolExecutor | None = None

    async def flight(self, track: Track, launch: Launch | None) -> Flight | None:
        """The flight that a track means; None: the process died, and the next call has another."""
        if self._pool is None:
            self._pool = await asyncio.to_thread(_behind_the_node)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._pool, _flight, track, self._radars, self._settings, launch
            )
        except BrokenProcessPool:
            self._pool = None
            return None

    def stop(self) -> None:
        """End the process; what it was asked is not answered."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)


def _behind_the_node() -> ProcessPoolExecutor:
    """The process, started, and behind all others from then on: its imports take seconds."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
    pool.submit(os.getpid)
    if hasattr(os, "SCHED_IDLE"):  # Linux: what wakes up has the processor of it at once
        for pid in list(pool._processes or {}):
            with contextlib.suppress(OSError):  # where a container forbids it: `_begin` does most
                os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    return pool


def _begin() -> None:
    """What the process does first."""
    os.nice(_BEHIND_ALL)
    _end_with_the_node()


def _end_with_the_node() -> None:
    """A node that is killed cannot end this process, which would wait for it for ever."""
    node = parent_process()

    def wait() -> None:
        if node is not None:
            node.join()
            os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _flight(
    track: Track, radars: tuple[Radar, ...], settings: FlightSettings, launch: Launch | None
) -> Flight:
    return assess(track, radars, settings, launch=launch)
