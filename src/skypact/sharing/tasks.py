"""Ending tasks for certain."""

import asyncio
import time
from typing import Any

_AGAIN_S = 0.2


async def end(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks until all have ended.

    One cancellation can get lost: `asyncio.wait_for` of Python 3.11, which nats-py waits with,
    swallows one that comes just as what it waits for is done.
    """
    pending = {task for task in tasks if task is not None}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)


class Turns:
    """Lets others have a turn whenever one has gone on for so long."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s
        self._began_s = 0.0

    def begin(self) -> None:
        """One's own turn begins."""
        self._began_s = time.monotonic()

    async def pass_on(self) -> None:
        """Wait for one's next turn, if this one is over."""
        if time.monotonic() - self._began_s >= self._slice_s:
            await asyncio.sleep(0)
            self._began_s = time.monotonic()
