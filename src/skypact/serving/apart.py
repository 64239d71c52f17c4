"""Stages of a node that are processes of their own: what they and their node say to each other.

    feeds ──plots──▶ node ──verdicts──▶ feeds
    node ──▶ journal ──▶ warnings, record ──entries──▶ node

Requests on the nation's own server, in its own account, to which no link is bound. The node alone
decides and writes the journal, so a stage that hands something in has it once the node answers. Of
each stage one process counts: another that is started takes its place, and what the one before
still asks is turned away.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from skypact.errors import JournalError, SkypactError
from skypact.model import Arrival, Entry, EntryKind, Radar, StandingAlert, Verdict
from skypact.record.journal import Journal
from skypact.serving.folded import Folded
from skypact.serving.stage_words import HERE, PLOTS, WRITE, Answer, HandedIn, Here, ToWrite
from skypact.settings import NodeSettings, Settings
from skypact.sharing.nats_config import stage_subject
from skypact.tracking.packed import conditions_of

AFTER_THE_JOURNAL = ("warnings", "record")
MAY_WRITE = {
    "warnings": (EntryKind.WARNING, EntryKind.OPERATOR_ACTION),
    "record": (EntryKind.FLIGHT_ENDED,),
}
_WRITTEN_KEPT = 256
_STOP_S = 1.0
Take = Callable[[tuple[Arrival, ...]], Awaitable[Sequence[Verdict]]]


class _Stage:
    """What a node knows of one."""

    def __init__(self) -> None:
        self.holder, self.is_new = "", False
        self.before: OrderedDict[str, None] = OrderedDict()
        self.heard_s = time.monotonic()
        self.followed = 0
        self.faults: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.alerts: tuple[StandingAlert, ...] = ()

    def is_held_by(self, holder: str) -> bool:
        """Whether this process is the one that counts; one that was never heard of becomes it."""
        if holder in self.before:
            return False
        if holder != self.holder:
            if self.holder:
                self.before[self.holder] = None
                if len(self.before) > _WRITTEN_KEPT:
                    self.before.popitem(last=False)
            self.holder, self.is_new = holder, True
        return True


class Apart:
    """A node's side: takes what stages hand in, and knows whether they are there.

    >>> apart = Apart(folder.file.stages.apart, settings.node, clock, exercise=False)
    >>> await apart.begin(connection, folded, journal, node.take_plots)
    """

    def __init__(
        self,
        names: Collection[str],
        settings: NodeSettings,
        clock: Callable[[], int],
        *,
        exercise: bool,
    ) -> None:
        self.names = frozenset(names)
        self._settings, self._clock, self._exercise = settings, clock, exercise
        self._stages = {name: _Stage() for name in sorted(names)}
        self._written: OrderedDict[tuple[str, str, bytes], asyncio.Future[int]] = OrderedDict()
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: list[Subscription] = []
        self._log = structlog.get_logger()
        self._folded: Folded
        self._journal: Journal
        self._take: Take

    async def begin(self, connection: Client, folded: Folded, journal: Journal, take: Take) -> None:
        """Answer from now on, for as long as the connection lasts."""
        self._folded, self._journal, self._take = folded, journal, take
        self._fits = fits_of(folded.radars, folded.settings)
        for name, stage in self._stages.items():
            stage.heard_s = time.monotonic()
            most = self._settings.stage_waiting
            subject = stage_subject(name, "*", self._exercise)
            self._listening.append(
                await connection.subscribe(subject, cb=self._came, pending_msgs_limit=2 * most)
            )
        # The library's PING may go before what it was to confirm: the second is sure to come after.
        await connection.flush()
        await connection.flush()

    async def stop(self) -> None:
        """Take nothing more, and answer what is being done; a second for it."""
        for one in self._listening:
            await one.unsubscribe()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_S)

    async def _came(self, message: Msg) -> None:
        """Begin what is asked, in the order of the requests; nothing is waited for here."""
        if len(self._tasks) >= self._settings.stage_waiting:
            await message.respond(_encoded(Answer("too much waits in the node")))
            return
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        name, what = message.subject.split(".")[-2:]
        try:
            answer = await self._done(self._stages[name], name, what, message.data)
        except (SkypactError, msgspec.MsgspecError) as error:
            answer = Answer(str(error))
        except Exception as error:  # who asks is told, and asks again
            self._log.exception("stage", stage=name, asked=what)
            answer = Answer(f"a fault in the node ({type(error).__name__}); see its log")
        with suppress(nats.errors.Error):  # who asked asks again
            await message.respond(_encoded(answer))

    async def _done(self, stage: _Stage, name: str, what: str, data: bytes) -> Answer:
        if what == HERE:
            return await self._is_here(stage, name, msgspec.msgpack.decode(data, type=Here))
        if what == PLOTS and name == "feeds":
            handed_in = msgspec.msgpack.decode(data, type=HandedIn)
            return _taken_over(name, stage, handed_in.holder) or await self._plots(handed_in)
        if what == WRITE and name in MAY_WRITE:
            asked = msgspec.msgpack.decode(data, type=ToWrite)
            if asked.kind not in MAY_WRITE[name]:
                return Answer(f'"{asked.kind}" is nothing that the stage {name} writes', over=True)
            return _taken_over(name, stage, asked.holder) or await self._write(asked)
        return Answer(f"the stage {name} may not ask for {what}", over=True)

    async def _is_here(self, stage: _Stage, name: str, here: Here) -> Answer:
        if name in AFTER_THE_JOURNAL and here.fits != self._fits:
            return Answer(
                f"the stage {name} runs with other radars, settings or software than its node; "
                "start it anew with the node's",
                over=True,
            )
        over = _taken_over(name, stage, here.holder)
        if over is None and stage.is_new:  # it is to find in the journal what the one before wrote
            async with self._writing:
                await asyncio.gather(*self._written.values(), return_exceptions=True)
            stage.is_new = False
        if over is None:
            stage.heard_s, stage.followed = time.monotonic(), here.followed
            stage.faults, stage.notices = here.faults, here.notices
            stage.alerts = here.alerts
        return over or Answer()

    async def _plots(self, handed_in: HandedIn) -> Answer:
        """Own plots, by the node's clock as all that it decides about."""
        now_ns = self._clock()
        arrivals = tuple(kept.arrival(self._folded.numbers) for kept in handed_in.arrivals)
        if any(arrival.nation != self._folded.nation for arrival in arrivals):
            return Answer("plots of another nation's radar", over=True)
        given = (msgspec.structs.replace(one, received_ns=now_ns) for one in arrivals)
        return Answer(verdicts=tuple(await self._take(tuple(given))))

    async def _write(self, asked: ToWrite) -> Answer:
        """Once, however often it is asked: an answer may have been lost with its node."""
        async with self._writing:
            if asked.key not in self._written:
                number = await self._found(asked) if asked.again else 0
                if number:
                    return Answer(number=number)
                self._written[asked.key] = self._put(asked)
        try:
            return Answer(number=await asyncio.shield(self._written[asked.key]))
        except JournalError:
            self._written.pop(asked.key, None)
            raise

    def _put(self, asked: ToWrite) -> "asyncio.Future[int]":
        """Into the journal, and at once into what is folded from it: no checkpoint is between."""
        written = self._journal.put(asked.kind, asked.about, asked.time_ns, asked.payload)
        self._folded.fold(
            Entry(
                number=0,
                kind=asked.kind,
                about=asked.about,
                time_ns=asked.time_ns,
                payload=asked.payload,
            )
        )
        while len(self._written) >= _WRITTEN_KEPT:
            self._written.popitem(last=False)
        return written

    async def _found(self, asked: ToWrite) -> int:
        """The number of an entry that an earlier node of this journal wrote; 0: none did."""
        async for entry in self._journal.read(from_time_ns=asked.time_ns):
            if asked.is_entry(entry):
                return entry.number
        return 0

    # -- how they are --------------------------------------------------------------------------

    def silent_s(self, name: str) -> float:
        """How long ago a stage was heard of, or this began."""
        return time.monotonic() - self._stages[name].heard_s

    def is_up(self, name: str) -> bool:
        """Whether a stage is there."""
        return bool(self._stages[name].holder) and self.silent_s(name) <= (
            self._settings.stage_silent_s
        )

    @property
    def unread(self) -> list[int]:
        """Of the stages that follow the journal, the first entry that each may not have yet."""
        return [s.followed + 1 for n, s in self._stages.items() if n in AFTER_THE_JOURNAL]

    @property
    def faults(self) -> list[str]:
        """Stages that are not there, and what those that are say is wrong."""
        out = []
        for name, stage in self._stages.items():
            silent_s = self.silent_s(name)
            if silent_s > self._settings.stage_silent_s:
                out.append(
                    f"stage {name}: is not heard of since {silent_s:.0f} s; run skypact node DIR "
                    f"--stage {name}, or take it out of stages.apart in node.toml and start the "
                    "node anew"
                )
            else:
                out += [f"stage {name}: {fault}" for fault in stage.faults]
        return out

    @property
    def notices(self) -> list[str]:
        """What waits for somebody, as stages that are there say."""
        there = (one for name, one in self._stages.items() if self.is_up(name))
        return [notice for one in there for notice in one.notices]

    @property
    def alerts(self) -> list[StandingAlert]:
        """Those that persons may release or cancel, as the warnings' stage says."""
        there = (one for name, one in self._stages.items() if self.is_up(name))
        return [alert for one in there for alert in one.alerts]

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """As `/metrics` gives them."""
        last, after = self._journal.last_number, self._stages.keys() & set(AFTER_THE_JOURNAL)
        return {
            "skypact_stage_up": {(name,): float(self.is_up(name)) for name in self._stages},
            "skypact_stage_silent_seconds": {(n,): self.silent_s(n) for n in self._stages},
            "skypact_stage_behind_entries": {
                (name,): float(max(0, last - self._stages[name].followed)) for name in sorted(after)
            },
        }


def fits_of(radars: Sequence[Radar], settings: Settings) -> str:
    """What pictures rest on, so that others are the same bits: radars, settings and kernels."""
    said = conditions_of(radars, tracking=settings.tracking, late=settings.late)
    return hashlib.blake2b(msgspec.msgpack.encode(sorted(said.items()))).hexdigest()


def _taken_over(name: str, stage: _Stage, holder: str) -> Answer | None:
    if stage.is_held_by(holder):
        return None
    return Answer(f"another process runs the stage {name} now", over=True)


_encoded = msgspec.msgpack.Encoder().encode
