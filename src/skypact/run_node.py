"""`skypact node`: a node until it is told to stop, and what it says meanwhile."""

import asyncio
import signal
from pathlib import Path

from skypact.node import Node
from skypact.run_desk import log_as_json, run_desk
from skypact.serving.child import Child
from skypact.serving.clock import NodeClock
from skypact.serving.settled import settle_process
from skypact.settings import Settings
from skypact.sharing.node_folder import DESK


async def run(
    folder: Path, settings: Settings, *, exercise: bool = False, clock: NodeClock | None = None
) -> None:
    """Start a node, wait for SIGTERM or SIGINT, stop it. Logs are JSON lines on stderr.

    `clock`: what time it is to the node; None: the machine's.
    """
    log_as_json()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, told.set)
    node = Node(folder, settings, exercise=exercise, clock=clock)
    starting = asyncio.ensure_future(node.start())
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
        return
    settle_process()
    desk = None
    has_desk = settings.desk.enabled and DESK not in node.apart.names
    if not starting.exception() and has_desk:

        def told_of_desk(said: str) -> None:
            node.faults.pop("desk", None)
            if said:
                node.faults["desk"] = f"desk: {said}"

        desk = Child(run_desk, (folder, settings, exercise), told=told_of_desk)
        desk.start()
    waiting.cancel() if starting.exception() else await waiting
    starting.result()  # raises where it could not start
    if desk is not None:
        await desk.stop()
    await node.stop()
