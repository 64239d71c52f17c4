"""Ending tasks for certain."""

import asyncio
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
