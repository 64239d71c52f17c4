"""The stages that a node's folder may set apart, each as what it is in a process of its own.

Feeds hand what comes to the node. What comes after the journal runs on followed pictures just as it
runs on the node's own.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog
from nats.aio.client import Client
from starlette.routing import Route

from skypact.errors import InputError, LinkError
from skypact.model import EntryKind, Radar, StandingAlert, Use
from skypact.offline.warm import warm_up
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.serving.assessor import Assessor
from skypact.serving.folded import Folded
from skypact.serving.following import FollowedJournal, Following
from skypact.serving.its_node import ItsNode
from skypact.serving.kept import encoded
from skypact.serving.operating import Order, take_orders
from skypact.serving.pictures import OF_USE
from skypact.serving.plots_in import begun_feeds, next_epoch
from skypact.serving.recording import Recording
from skypact.serving.recovery import checkpoints_of
from skypact.serving.warner import Warner
from skypact.settings import Settings
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.tasks import end

_AGAIN_S = 0.5
Counts = dict[str, dict[tuple[str, ...], float]]


class Ground(NamedTuple):
    """What a stage in a process of its own stands on."""

    folder: NodeFolder
    radars: tuple[Radar, ...]
    settings: Settings
    connection: Client
    node: ItsNode
    clock: Callable[[], int]


class Alone(Protocol):
    """A stage: `begin`, then `run` for as long as the process lasts, then `stop`."""

    faults: dict[str, str]
    routes: Sequence[Route]

    async def begin(self) -> None:
        """Be ready. Raises SkypactError."""
        ...

    async def run(self) -> None:
        """Do its work."""
        ...

    async def stop(self) -> None:
        """Take nothing more, and end what was begun."""
        ...

    def followed(self) -> int:
        """The journal's entry up to which it has done all."""
        ...

    def notices(self) -> Sequence[str]:
        """What waits for somebody."""
        ...

    def alerts(self) -> Sequence[StandingAlert]:
        """Those that persons may release or cancel."""
        ...

    def metrics(self) -> Counts:
        """Its own counts."""
        ...


class FeedsAlone:
    """Feeds: each is answered once the node says that its plots are in the journal."""

    routes: Sequence[Route] = ()

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.faults: dict[str, str] = {}

    async def begin(self) -> None:
        """Listen."""
        of = self._ground
        self._feeds = await begun_feeds(
            *(of.folder, of.radars, of.node.take, self._go_on_without),
            epoch=next_epoch(of.folder.store),
            clock=of.clock,
            connection=of.connection,
            settings=of.settings,
        )

    def _go_on_without(self, error: InputError) -> None:
        self.faults[error.place] = str(error)
        structlog.get_logger().error("feeds", fault=str(error))

    async def run(self) -> None:
        """All is done as it comes."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """End what is being taken."""
        await self._feeds.stop()

    def followed(self) -> int:
        """None of the journal."""
        return 0

    def notices(self) -> Sequence[str]:
        """Nothing waits for anybody."""
        return ()

    def alerts(self) -> Sequence[StandingAlert]:
        """None."""
        return ()

    def metrics(self) -> Counts:
        """What came."""
        return {"skypact_feed_total": {key: float(n) for key, n in self._feeds.counts.items()}}


class _AfterTheJournal:
    """A stage on followed pictures."""

    routes: Sequence[Route] = ()

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        of, self.faults = ground, dict[str, str]()
        self._log = structlog.get_logger().bind(node=of.folder.nation)
        self._folded = Folded(of.folder.nation, of.radars, of.settings, exercise=of.folder.exercise)

    async def begin(self) -> None:
        """Take the place of the process before, then be where the node is."""
        of, exercise = self._ground, self._ground.folder.exercise
        warming = asyncio.create_task(asyncio.to_thread(warm_up, of.radars, of.settings))
        while not await of.node.say_here():
            if of.node.over.is_set():
                raise LinkError(of.node.fault)
            await asyncio.sleep(_AGAIN_S)
        await warming
        names = {"stream": stream_of(exercise), "subject": subject_of(exercise)}
        journal = await Journal.reading(of.connection, of.settings.journal, **names)
        self.following = Following(self._folded, journal)
        await self.following.begin(checkpoints_of(of.folder.store, of.settings))
        self._journal = FollowedJournal(journal, self.following, of.node)

    def followed(self) -> int:
        """What was folded."""
        return self.following.number

    def notices(self) -> Sequence[str]:
        """Nothing waits for anybody."""
        return ()

    def alerts(self) -> Sequence[StandingAlert]:
        """None."""
        return ()

    def metrics(self) -> Counts:
        """What came to the pictures."""
        return {
            "skypact_arrivals_total": {
                (name, verdict): float(count)
                for name, picture in self._folded.pictures.items()
                for verdict, count in picture.counts.items()
            },
            "skypact_journal_last": {(): float(self.following.number)},
        }

    def _warner(self) -> Warner | None:
        of = self._ground
        return Warner.of(of.folder, of.radars, of.settings, self._log)


class WarningsAlone(_AfterTheJournal):
    """Warnings. An alert counts once the node has it in the journal, and is published then."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        warner = self._warner()
        if warner is None:
            path = ground.folder.folder / "warning.toml"
            raise InputError(str(path), "there is no such file", "docs/warning.md shows one")
        self._warns, self.faults = warner, warner.faults
        self.routes = warner.routes(ground.clock)

    async def begin(self) -> None:
        """As all, and where the process before was."""
        await super().begin()
        of = self._ground
        await self._warns.begin(of.connection, self._journal, of.clock)
        await take_orders(
            of.connection, of.folder, of.clock, self._obey, of.folder.exercise, "warnings"
        )

    async def _obey(self, order: Order) -> str:
        """What the node passes on."""
        return await self._warns.obey(order, self._ground.clock())

    def notices(self) -> Sequence[str]:
        """Alerts that wait for persons."""
        return self._warns.notices

    def alerts(self) -> Sequence[StandingAlert]:
        """Those that persons may release or cancel."""
        return self._warns.alerts(self._ground.clock())

    def metrics(self) -> Counts:
        """As of all, and how far behind the decisions are."""
        return {**super().metrics(), **self._warns.metrics()}

    async def run(self) -> None:
        """Look at the tracks of the picture for public alerts, as they come."""
        public = OF_USE[Use.PUBLIC_WARNING]
        await _first(
            self.following.run(self._warns.news),
            self._warns.keep_on(lambda: self.following.taken(public), self._ground.clock),
        )

    async def stop(self) -> None:
        """Let hooks end."""
        await self._warns.stop()


class RecordAlone(_AfterTheJournal):
    """The record: flights that ended, by way of the node into the journal, and from there."""

    async def begin(self) -> None:
        """As all, and the record."""
        await super().begin()
        of, warner = self._ground, None
        try:
            warner = self._warner()
        except InputError as error:  # the warnings' own process says it too
            self.faults["areas"] = str(error)
        self._assessor = Assessor(of.radars, of.settings.flight)
        self._recording = Recording(
            of.folder.nation,
            self._folded,
            self._journal,
            self._assessor,
            of.settings.record,
            of.folder.store,
            exercise=of.folder.exercise,
            write=self._write,
            clock=of.clock,
            areas_at=warner.areas_at if warner else None,
        )

    def _write(
        self, kind: EntryKind, about: str, time_ns: int, entry: msgspec.Struct
    ) -> "asyncio.Future[int]":
        writing = self._journal.append(kind, about, time_ns, encoded(entry))
        return asyncio.ensure_future(writing)

    async def run(self) -> None:
        """Look each few seconds what ended."""
        await _first(self.following.run(self._say_fault), self._recording.run())

    def _say_fault(self) -> None:
        self.faults.pop("record", None)
        if self._recording.fault:
            self.faults["record"] = self._recording.fault

    async def stop(self) -> None:
        """Give the database back."""
        await self._recording.stop()
        await asyncio.to_thread(self._assessor.stop)

    def followed(self) -> int:
        """What the record has: the journal may drop no more."""
        return self._recording.followed


ALONE: dict[str, Callable[[Ground], Alone]] = {
    "feeds": FeedsAlone,
    "warnings": WarningsAlone,
    "record": RecordAlone,
}
"""By name."""


async def _first(*work: Any) -> None:
    """Do all until one ends, and raise what ended it."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(*tasks)
