"""`skypact node DIR --stage NAME`: a stage of a nation's node in a process of its own.

On the node's machine, or on another that reaches the nation's server (docs/node.md).
"""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from skypact.errors import InputError, LinkError
from skypact.model import StandingAlert
from skypact.run_desk import log_as_json
from skypact.sensing import load_radars
from skypact.serving.apart import fits_of
from skypact.serving.clock import NodeClock
from skypact.serving.its_node import ItsNode
from skypact.serving.settled import settle_process
from skypact.serving.stage_alone import ALONE, Alone, Ground
from skypact.serving.status import StatusServer
from skypact.settings import Settings
from skypact.sharing.nats_config import stage_user
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import NodeFolder, load_node
from skypact.sharing.tasks import end

_AGAIN_S = 1.0


def node_of_stage(folder: Path, stage: str, *, exercise: bool) -> NodeFolder:
    """The folder, if this stage of it is apart. Raises InputError."""
    node = load_node(folder, exercise=exercise, passed_over=lambda error: None)
    if stage not in node.file.stages.apart:
        remedy = f'enter "{stage}" there, and start the node anew'
        raise InputError(f"{folder / 'node.toml'}: stages.apart", f'has no "{stage}"', remedy)
    return node


class StageProcess:
    """One stage. `start`, then `run` until it is over or cancelled, then `stop`."""

    def __init__(
        self, node: NodeFolder, settings: Settings, stage: str, clock: NodeClock | None = None
    ) -> None:
        """`clock`: without it the machine's."""
        self._folder, self._settings, self._stage = node, settings, stage
        self._clock = clock or NodeClock(settings.node.greatest_clock_step_s)
        self._log = structlog.get_logger().bind(node=node.nation, stage=stage)
        self._ready = False
        self._here: asyncio.Task[None] | None = None
        self.alone: Alone

    async def start(self) -> None:
        """Be ready. Raises InputError, LinkError, JournalError."""
        folder, stage, settings = self._folder, self._stage, self._settings
        radars = tuple(load_radars(folder.folder / "radars.toml"))
        wait_s = settings.link.answer_s
        self._connection = await connect(folder, stage_user(stage), wait_s=wait_s)
        try:
            fits = fits_of(radars, settings)
            self._node = ItsNode(self._connection, stage, settings, fits, exercise=folder.exercise)
            ground = Ground(folder, radars, settings, self._connection, self._node, self._clock)
            self.alone = ALONE[stage](ground)
            here = self._node.be_here(self._followed, self._own_faults, self._notices, self._alerts)
            self._here = asyncio.create_task(here, name="here")
            await self.alone.begin()
            host, port = folder.stage_address(stage)
            place = f"{folder.folder / 'node.toml'}, [stages], addresses.{stage}"
            routes = self.alone.routes
            self.status = StatusServer(host, port, place, self.health, self.metrics, routes)
            await self.status.start()
        except BaseException:
            await end(self._here)
            await self._connection.close()
            raise
        settle_process()
        self._ready = True
        self._log.info("ready", port=self.status.port)

    async def run(self) -> None:
        """Until the node says that another has its place: raises LinkError then."""
        working = asyncio.create_task(self.alone.run(), name=self._stage)
        try:
            either = [task for task in (self._here, working) if task is not None]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            raise LinkError(self._node.fault)
        finally:
            await end(working)

    async def stop(self) -> None:
        """End it."""
        self._ready = False
        await end(self._here)
        await self.alone.stop()
        await self.status.stop()
        await self._connection.close()
        self._log.info("stopped")

    def _followed(self) -> int:
        return self.alone.followed() if self._ready else 0

    def _notices(self) -> Sequence[str]:
        return self.alone.notices() if self._ready else ()

    def _alerts(self) -> Sequence[StandingAlert]:
        return self.alone.alerts() if self._ready else ()

    def _own_faults(self) -> list[str]:
        faults = [] if self._ready else ["it is starting, and reads the journal if it follows it"]
        faults += [self._clock.fault] if self._clock.fault else []
        return [*faults, *self.alone.faults.values()]

    def health(self) -> dict[str, Any]:
        """As a node's: what is wrong, and what to do."""
        node = [self._node.fault] if self._node.fault else []
        return {
            "nation": self._folder.nation,
            "stage": self._stage,
            "ready": self._ready,
            "exercise": self._folder.exercise,
            "faults": [*node, *self._own_faults()],
            "notices": list(self._notices()),
            "journal": {"followed": self._followed()},
        }

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Its own counts."""
        return self.alone.metrics()


async def run_stage(folder: Path, settings: Settings, stage: str, *, exercise: bool) -> None:
    """Run a stage until SIGTERM or SIGINT; it waits for its node's server. Raises SkypactError."""
    log_as_json()
    node = node_of_stage(folder, stage, exercise=exercise)
    loop, log = asyncio.get_running_loop(), structlog.get_logger()
    task = asyncio.current_task()
    assert task is not None
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, task.cancel)
    try:
        while True:
            process = StageProcess(node, settings, stage)
            try:
                await process.start()
                break
            except LinkError as error:
                remedy = f'start the node, with "{stage}" in stages.apart of its node.toml'
                log.warning("waits for its node", stage=stage, reason=str(error), remedy=remedy)
                await asyncio.sleep(_AGAIN_S)
        try:
            await process.run()
        finally:
            await process.stop()
    except asyncio.CancelledError:  # it was told to stop
        return
