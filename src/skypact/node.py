"""A nation's node: the stages, wired in the order of the data. The file to read first.

    feeds ──▶ national picture          partners ──▶ entry ──▶ shared picture
      │  └──▶ shared picture
      └─────▶ release pictures ──▶ link ──▶ partners
    picture for public alerts ──▶ flights ──▶ warnings
    what is stated to partners, what people say ──▶ events ◀──▶ partners

Whatever comes in or goes out is in the journal. The pictures are folds of it: a node that was
killed reads the last checkpoint and the journal, and is where it was. So feeds, warnings and the
record may be processes of their own, by setting: `serving/apart.py`.
"""

import asyncio
import datetime
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from skypact.errors import InputError, JournalError, LinkError, SkypactError
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    EntryKind,
    Heartbeat,
    Outcome,
    StandingAlert,
    Use,
    Verdict,
)
from skypact.offline.warm import warm_up
from skypact.record.checkpoints import Checkpoint
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.sensing import load_radars
from skypact.serving.apart import Apart
from skypact.serving.assessor import Assessor
from skypact.serving.clock import NodeClock
from skypact.serving.consulting import Consulting
from skypact.serving.desk_feed import DeskFeed
from skypact.serving.desk_state import desk_state, told_ns
from skypact.serving.folded import RECORDS, Folded
from skypact.serving.kept import (
    KeptAlarm,
    KeptMark,
    KeptMessage,
    KeptPlots,
    KeptRecord,
    KeptSent,
    KeptVerdicts,
    Verdicts,
    encoded,
)
from skypact.serving.lag import Lag
from skypact.serving.node_health import health_of, metrics_of
from skypact.serving.operating import (
    CANCEL_WARNING,
    CONSULT,
    LEAVE_OUT,
    POLICY,
    RELEASE_WARNING,
    TAKE_BACK,
    Order,
    pass_on,
    policy_ordered,
    take_orders,
)
from skypact.serving.pictures import OF_USE, Pictures
from skypact.serving.plots_in import begun_feeds
from skypact.serving.policy_in_force import EDITED, KeptAction
from skypact.serving.recording import Recording
from skypact.serving.recovery import Recovery, checkpoints_of
from skypact.serving.release_way import ReleaseWay
from skypact.serving.releasing import Releasing
from skypact.serving.shedding import Shedding
from skypact.serving.status import StatusServer
from skypact.serving.warner import Taken, Warner, taken_of
from skypact.serving.watch import FaultLog, SilentServer
from skypact.settings import Settings
from skypact.sharing.certificates import expiry_fault
from skypact.sharing.chain import Alarm, Delivery
from skypact.sharing.coalition import check_folder, lacks_stages, made_with, write_generated
from skypact.sharing.entry import Accepted, Cause, Entry, Refused
from skypact.sharing.link import By, Link
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.outgoing import Sent
from skypact.sharing.policy import Policy
from skypact.sharing.policy_file import SignedPolicy
from skypact.sharing.tasks import end
from skypact.tracking import LivePicture
from skypact.tracking.live_picture import Record

S = 1_000_000_000
CHAINS = "chains.msgpack"
_TURNS = 4
"""Of the event loop, in which what goes to partners reaches the socket: pictures are folded after.
"""
_LONG_S = 0.1
"""Where it takes longer to fold what came, as much time after that is for what comes."""
_OCTETS = 4096
"""Of an entry of the journal beside what was observed; rather too much."""


class Node:
    """One nation's node. `start`, then it runs until `stop`.

    >>> node = Node(Path("coalition/JPN"), Settings())
    >>> await node.start()
    >>> node.shared.tracks()
    >>> await node.stop()
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        exercise: bool = False,
        clock: NodeClock | None = None,
    ) -> None:
        """`clock`: without it the machine's."""
        self.settings, self.exercise = settings, exercise
        self.clock = clock or NodeClock(settings.node.greatest_clock_step_s)
        now = datetime.datetime.now(datetime.UTC)
        self.faults: dict[str, str] = {}
        """What of the settings cannot be used, by what it is for: the node goes on without."""
        self.folder = check_folder(
            folder,
            exercise=exercise,
            passed_over=lambda error: self._go_on_without("partner", error),
        )
        if made_with(folder) != settings.link or lacks_stages(self.folder):
            write_generated(self.folder, settings.link)
        self.nation = self.folder.nation
        self.radars = tuple(load_radars(folder / "radars.toml"))
        self.log = structlog.get_logger().bind(node=self.nation)
        self.folded = Folded(
            self.nation,
            self.radars,
            settings,
            exercise=exercise,
            partners={name: card.signing_keys for name, card in self.folder.partners.items()},
            unsealing_keys=self.folder.keys.unsealing,
            told=self._keep_record,
        )
        self.releasing = Releasing(
            self.folder,
            self.radars,
            settings,
            exercise=exercise,
            clock=self.clock,
            write=self._write,
            send=self._send,
        )
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._checkpoints = checkpoints_of(self.folder.store, settings)
        self.assessor = Assessor(self.radars, settings.flight)
        self._came_ns: dict[str, int] = {}
        self.desk = DeskFeed(
            *(folder, lambda: self.pictures, self.radars, self.assessor, settings),
            clock=self.clock,
            exercise=exercise,
            state=lambda: desk_state(self, self._came_ns),
        )
        self.server = NatsServer(self.folder, settings.link)
        self.link = Link(self.folder, settings.link, self.take_message, self._partners_changed)
        self.shedding = Shedding(self.log)
        self.lag = Lag()
        self.apart = Apart(
            self.folder.file.stages.apart, settings.node, self.clock, exercise=exercise
        )
        warner: Warner | None = None
        with self._going_on("warnings"):
            warner = Warner.of(self.folder, self.radars, settings, self.log)
        self._areas_at = warner.areas_at if warner else None
        self.warner = None if "warnings" in self.apart.names else warner
        expired = expiry_fault(folder / "certificates" / "server.pem", now)
        if expired:  # partners refuse the links; everything else goes on
            self._go_on_without("certificate", expired)
        if self.releasing.in_force.fault:
            self.faults["release policy"] = self.releasing.in_force.fault
            self.log.error("release policy", fault=self.releasing.in_force.fault)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._news = asyncio.Event()
        self._leaves = False  # something since the pictures were folded last
        self._recovered = asyncio.Event()
        self._written: dict[str, asyncio.Future[int]] = {}  # of each partner's newest message

    @property
    def national(self) -> LivePicture:
        """The picture of own plots alone."""
        return self.folded.national

    @property
    def shared(self) -> LivePicture:
        """The picture of own plots and what partners granted for this nation's own eyes."""
        return self.folded.shared

    @property
    def pictures(self) -> Pictures:
        """All pictures, by name: also what alerts and exports may be made from."""
        return self.folded.pictures

    @property
    def ways(self) -> dict[str, ReleaseWay]:
        """What leaves for each partner."""
        return self.releasing.ways

    @property
    def policy(self) -> Policy:
        """The release policy in force."""
        return self.releasing.in_force.policy

    @property
    def entry(self) -> Entry:
        """What checks partners' messages."""
        return self.folded.entry

    @property
    def statements(self) -> dict[tuple[str, str, int], Assessment | AreaWarning]:
        """What partners last stated: by partner, what it is, and the partner's number of it."""
        return self.folded.statements

    # -- start and stop ------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all, or nothing; raises SkypactError that says what to do."""
        try:
            await self._start()
        except BaseException:
            await self.desk.stop()
            await end(*self._tasks)
            await self.link.stop()
            await self.server.stop()
            raise

    async def _start(self) -> None:
        """Server, journal, what was, link, feeds, status, clock: in this order."""
        warming = asyncio.create_task(asyncio.to_thread(warm_up, self.radars, self.settings))
        await self.server.start()
        wait_s = self.settings.link.answer_s
        self._connection = await connect(self.folder, NATIONAL_USER, wait_s=wait_s)
        self.journal = await Journal.open(
            self._connection,
            self.settings.journal,
            folder=self.folder.store,
            stream=stream_of(self.exercise),
            subject=subject_of(self.exercise),
        )
        await self.link.start()
        clean = self.releasing.begin()
        await warming
        recovery = Recovery(self.folded, self.journal, self.settings.node, self.log, clean=clean)
        await recovery.pictures(self._checkpoints)
        self.clock.note(recovery.newest_ns)
        async with self.releasing.lock:
            await recovery.release(self.releasing.releases, self._offer_again, self._send)
            self.releasing.left = self.folded.arrivals
        self._recovered.set()
        await self.apart.begin(self._connection, self.folded, self.journal, self.take_plots)
        self.feeds = await begun_feeds(
            *(self.folder, self.radars, self.take_plots),
            lambda error: self._go_on_without("feeds", error),
            epoch=self.releasing.epoch_ns,
            clock=self.clock,
            connection=self._connection,
            settings=self.settings,
            here="feeds" not in self.apart.names,
        )
        self.recording = Recording(
            self.nation,
            self.folded,
            self.journal,
            self.assessor,
            self.settings.record,
            self.folder.store,
            exercise=self.exercise,
            write=self._write,
            clock=self.clock,
            areas_at=self._areas_at,
        )
        self.consulting = Consulting(
            self.folded,
            self.releasing,
            self.assessor,
            self.settings.consultation,
            exercise=self.exercise,
            write=self._write,
            clock=self.clock,
        )
        await self.consulting.begin(self._connection, recovery.unsure_said)
        http = self.folder.file.http
        if self.warner:
            self.warner.told = self.folded.warned.note
            await self.warner.begin(self._connection, self.journal, self.clock)
        alerts = self.warner.routes(self.clock) if self.warner else ()
        place = f"{self.folder.folder / 'node.toml'}, [http]"
        self.status = StatusServer(http.host, http.port, place, self.health, self.metrics, alerts)
        with self._going_on("status"):
            await self.status.start()
        self._tasks = [
            asyncio.create_task(self._keep_time(), name="clock"),
            asyncio.create_task(self._keep_pictures(), name="pictures"),
            asyncio.create_task(self._state_flights(), name="assessments"),
            asyncio.create_task(self.consulting.run(), name="consultation"),
            asyncio.create_task(self._save_now_and_then(), name="checkpoints"),
        ]
        if "record" not in self.apart.names:
            self._tasks.append(asyncio.create_task(self.recording.run(), name="record"))
        if self.warner:
            warning = self.warner.keep_on(self._taken_for_alerts, self.clock)
            self._tasks.append(asyncio.create_task(warning, name="warnings"))
        await take_orders(self._connection, self.folder, self.clock, self._obey, self.exercise)
        await self.desk.start(self._connection)
        self._ready = True
        self.log.info("ready", partners=sorted(self.folder.partners), arrivals=self.folded.arrivals)

    async def stop(self) -> None:
        """Take nothing more, send what is open, save, and end all."""
        self._ready = False
        await self.feeds.stop()
        await self.apart.stop()
        await self.desk.stop()
        await end(*self._tasks)
        await self.recording.stop()
        await asyncio.to_thread(self.assessor.stop)
        if self.warner:
            await self.warner.stop()
        now_ns = self.clock()
        await self.releasing.ready(now_ns, no_more=True)
        await self._save()
        await self.status.stop()
        settled = await self.link.settled()
        await self.link.stop()
        await self.journal.close()
        self.releasing.save_chains(clean=settled)
        await self._connection.close()
        await self.server.stop()
        self.log.info("stopped")

    # -- the way of the data -------------------------------------------------------------------

    async def take_plots(self, arrivals: tuple[Arrival, ...]) -> Sequence[Verdict]:
        """Own plots: into all pictures and the journal, and out to whom they are released.

        Raises JournalError where the journal has no room: nothing is taken then.
        """
        self.journal.require_room(sum(_OCTETS + 64 * len(a.plots.time_ns) for a in arrivals))
        verdicts, written = [], []
        leaving: list[tuple[Arrival, int]] = []
        for arrival in arrivals:
            decided = self.folded.plots(arrival)
            verdict = next(one for one in decided if one is not None)
            verdicts.append(verdict)
            taken = verdict.outcome == Outcome.ACCEPTED
            kind = EntryKind.PLOTS_ACCEPTED if taken else EntryKind.PLOTS_REFUSED
            kept = KeptPlots.of(arrival, decided)
            written.append(self._write(kind, arrival.radar, arrival.received_ns, kept))
            if taken:
                self.folded.arrivals += 1
                self._came_ns[self.nation] = arrival.received_ns
                leaving.append((arrival, self.folded.arrivals))
        async with self.releasing.lock:
            for arrival, number in leaving:
                await self.releasing.take(arrival, number)
        self._leaves |= bool(leaving)
        self._news.set()
        await asyncio.gather(*written)
        return verdicts

    async def take_message(self, partner: str, by: By, data: bytes) -> "asyncio.Future[int] | None":
        """A partner's message: checked, into the pictures it is granted for, and the journal.

        Of the durable path the entry of the journal, which is to be waited for.
        """
        await self._recovered.wait()
        delivery = Delivery(by)
        while not await self._journal_takes(delivery, len(data)):
            if delivery == Delivery.LIVE:
                return None  # the durable path brings it again
        while True:
            result = self.entry.receive(data, partner, delivery, self.clock())
            for alarm in result.alarms:
                self._alarmed(partner, alarm)
            for gap in result.gaps:
                self.log.warning("gap", partner=partner, gap=str(gap))
            if isinstance(result, Accepted):
                break
            if not await self._held_back(result):
                known = result.cause is Cause.KNOWN and delivery == Delivery.DURABLE
                return self._written.get(partner) if known else None  # it may not be on disk yet
        if told := told_ns(result.content, result.received_ns):
            self._came_ns[partner] = max(told, self._came_ns.get(partner, 0))
        decided = self._observe(result)
        if isinstance(result.content, Heartbeat):
            return None
        kept = KeptMessage(delivery, result.received_ns, result.body, KeptVerdicts.of(decided))
        waits, kind = delivery == Delivery.DURABLE, EntryKind.PARTNER_MESSAGE
        written = self._write(kind, partner, result.received_ns, kept, soon=waits)
        self._written[partner] = written
        self._news.set()
        return written if waits else None

    def _alarmed(self, partner: str, alarm: Alarm) -> None:
        """Something does not fit in a partner's chain: what is in none goes out of the pictures."""
        if alarm.is_kept:
            self._write(EntryKind.CHAIN_ALARM, partner, self.clock(), KeptAlarm.of(alarm))
        taken_out = self.folded.take_out(partner, alarm) if alarm.without else 0
        self.log.warning("alarm", partner=partner, alarm=str(alarm), taken_out=taken_out)
        self._news.set()

    async def _journal_takes(self, delivery: Delivery, size: int) -> bool:
        """Whether there is room in the journal; on the durable path after a pause where not."""
        try:
            self.journal.require_room(_OCTETS + size)
        except JournalError:
            self.counts["shed", f"{delivery}, no room in the journal"] += 1
            await asyncio.sleep(0.2 if delivery == Delivery.DURABLE else 0.0)
            return False
        return True

    async def _held_back(self, refused: Refused) -> bool:
        """Whether a refused message is to be looked at again, after a pause."""
        if refused.delivery == Delivery.LIVE or refused.retry_ns is None:
            if refused.cause is not Cause.KNOWN:
                self.log.warning(
                    "refused",
                    partner=refused.partner,
                    cause=str(refused.cause),
                    place=refused.place,
                    reason=refused.reason,
                    remedy=refused.remedy,
                )
            return False
        await asyncio.sleep(max(0.01, min(5.0, (refused.retry_ns - self.clock()) / S)))
        return True

    def _observe(self, accepted: Accepted) -> Verdicts:
        return self.folded.observe(accepted)

    async def _send(self, partner: str, messages: Iterator[Sent], after: int, part: int) -> None:
        """Messages to a partner by both paths, and into the journal.

        `after`, `part`: own arrivals that they were made after, and which of the last one's parts
        it is (`KeptSent`). Nothing is waited for, so that they go in the order of their numbers;
        `releasing.lock` is held. The durable path alone waits for the journal: a node that is
        killed knows what partners will keep of it, and what they got live alone they take out.
        """
        for sent in messages:
            kept = KeptSent(sent.message_id, sent.data, after, part)
            kind, sent_ns = EntryKind.SENT_MESSAGE, sent.header.sent_ns
            written = self._write(kind, partner, sent_ns, kept, soon=False)
            self.counts["sent", partner] += 1
            try:
                waiting = await self.link.publish(
                    partner, sent.data, sent.message_id, after=written
                )
                waiting.add_done_callback(_told_elsewhere)
            except LinkError as error:
                self.counts["shed", f"to {partner}"] += 1
                self.log.error("not sent", partner=partner, reason=str(error))

    # -- what goes by the clock ----------------------------------------------------------------

    async def _keep_time(self) -> None:
        """Each second: a clock mark for the pictures, what is ready for partners, what is known."""
        every_s, faults = self.settings.node.mark_every_s, FaultLog(self.log)
        patience_s = self.settings.node.silent_server_s
        server = SilentServer(self.server, self.journal, patience_s, self.log)
        due_s = time.monotonic()
        while True:
            now_ns = self.clock()
            self.lag.note(time.monotonic() - due_s)
            health = self.health()
            faults.note([*health["faults"], *health["lag"]["told"]])
            await server.look()
            decided = self.folded.mark(now_ns)
            mark = KeptMark(now_ns, KeptVerdicts.of(decided))
            self._write(EntryKind.CLOCK_MARK, "", now_ns, mark, soon=False)
            await self.releasing.ready(now_ns)
            self.releasing.look()
            for picture in self.pictures.each():
                picture.give_ids()
            self.shedding.look(self.link.states())
            self._news.set()
            wait_s = every_s - self.clock() / S % every_s
            due_s = time.monotonic() + wait_s
            await asyncio.sleep(wait_s)

    async def _state_flights(self) -> None:
        """Say to partners what flights their release pictures show."""
        while True:
            await self.releasing.state_flights(self.assessor.flight)
            await asyncio.sleep(self.settings.node.mark_every_s)

    def _taken_for_alerts(self) -> Taken:
        live = self.pictures[OF_USE[Use.PUBLIC_WARNING]]
        return taken_of(live, live.tracks(), self.clock())

    async def _keep_pictures(self) -> None:
        """Fold what came, and rebuild what is to be rebuilt, slice by slice.

        The shared picture at once; all others, which no partner's track waits for, less often.
        """
        every_s, due_s = self.settings.node.national_every_s, 0.0
        while True:
            await self._news.wait()
            self._news.clear()
            if self.warner:
                self.warner.news()
            turns, self._leaves = _TURNS if self._leaves else 0, False
            for _ in range(turns):
                await asyncio.sleep(0)
            begun_s = time.monotonic()
            due = [self.shared]
            if time.monotonic() >= due_s:
                due += [one for one in self.pictures.each() if one is not self.shared]
                due_s = time.monotonic() + every_s
            for picture in due:
                began_s = time.monotonic()
                _ = picture.picture  # folds what came
                if picture is self.shared:
                    self.lag.note(time.monotonic() - begun_s)
                await _let_others(began_s)
                while picture.rebuild:
                    began_s = time.monotonic()
                    if picture.rebuild.step(self.settings.node.rebuild_plots):
                        break
                    await _let_others(began_s)
                if self.apart.unread:  # who follows sees tracks only under ids given here
                    picture.give_ids()
                    await asyncio.sleep(0)
            self.desk.news()
            if len(due) > 1:
                self.releasing.releases.catch_up()

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.settings.node.checkpoint_every_s)
            await self._save()

    # -- the journal ---------------------------------------------------------------------------

    def _write(
        self, kind: EntryKind, about: str, time_ns: int, entry: msgspec.Struct, soon: bool = True
    ) -> "asyncio.Future[int]":
        """Into the journal; the future may be waited for, or not (`soon` False)."""
        try:
            written = self.journal.put(kind, about, time_ns, encoded(entry), soon=soon)
        except JournalError as error:  # a mark, ids: the pictures go on without
            self.counts["shed", "not in the journal"] += 1
            written = asyncio.get_running_loop().create_future()
            written.set_exception(error)
        written.add_done_callback(_told_elsewhere)
        return written

    async def _save(self) -> None:
        """A checkpoint of the pictures as they are, after all that the journal has been given."""
        to_bytes, now_ns = self.folded.saved(), self.clock()
        mark = KeptRecord("checkpoint", b"")
        try:
            written = self._write(EntryKind.OPERATOR_ACTION, "checkpoint", now_ns, mark)
            blob = await asyncio.to_thread(to_bytes)
            checkpoint = Checkpoint(await written, now_ns, blob)
            await asyncio.to_thread(self._checkpoints.put, checkpoint)
            unread = self.apart.unread
            if "record" not in self.apart.names:
                unread.append(self.recording.followed + 1)
            await self.journal.compact(min(self._checkpoints.numbers()[0], *unread))
        except JournalError as error:
            self.log.error("no checkpoint", reason=str(error))

    async def _offer_again(self, partner: str, kept: KeptSent) -> None:
        """To a partner's outbox, by the durable path alone."""
        waiting = await self.link.publish(partner, kept.data, kept.message_id, live=False)
        waiting.add_done_callback(_told_elsewhere)

    # -- what operators change -----------------------------------------------------------------

    async def _obey(self, order: Order) -> str:
        """An operator's order, signed; what was done."""
        if order.what == POLICY:
            signed = policy_ordered(order, self.folder)
            await self.apply_policy(signed)
            return f"in force since now: {EDITED} {signed.hash[:12]}, by {signed.who}"
        if order.what == CONSULT:
            return await self.consulting.obey(order)
        if order.what in (RELEASE_WARNING, CANCEL_WARNING):
            if self.warner:
                return await self.warner.obey(order, self.clock())
            if "warnings" in self.apart.names:
                return await pass_on(
                    *(self._connection, "warnings", order),
                    exercise=self.exercise,
                    wait_s=self.settings.node.stage_answer_s,
                )
        known = {LEAVE_OUT: self.folded.leave_out, TAKE_BACK: self.folded.take_back}
        if order.what not in known or order.about not in self.folder.partners:
            raise SkypactError(f'"{order.what} {order.about}" is nothing that this node can do')
        known[order.what](order.about)
        signed_order = msgspec.msgpack.encode(order)
        action = KeptAction(order.what, order.who, order.when_ns, order.about, body=signed_order)
        await self._write(EntryKind.OPERATOR_ACTION, order.who, self.clock(), action)
        self._news.set()
        self.log.warning(order.what, partner=order.about, by=order.who)
        return f"{order.about}: {order.what}, by {order.who}"

    async def apply_policy(self, signed: SignedPolicy) -> None:
        """Put a release policy in force, between two messages. Raises SkypactError."""
        taken, followed = lambda: self.folded.arrivals, self.national.tracks
        await self.releasing.apply(signed, self.journal, taken, followed)
        self.faults.pop("release policy", None)

    async def _partners_changed(self, folder: NodeFolder) -> None:
        """Cards came, went or were changed, own keys too: who is a partner, and by which keys."""
        for gone in set(self.folder.partners) - set(folder.partners):
            self.entry.dismiss(gone)
        for name, card in folder.partners.items():
            self.entry.admit(name, card.signing_keys)
        self.entry.unseal_with(folder.keys.unsealing)
        self.folder = folder
        await self.releasing.partners_changed(folder)

    # -- what it is made of --------------------------------------------------------------------

    def _keep_record(self, picture: str, record: Record) -> None:
        """Keeps what a picture decides by itself: ids, rebuilds, who is left out."""
        if self._recovered.is_set():
            kind = next(kind for kind, of in RECORDS.items() if isinstance(record, of))
            kept = KeptRecord(picture, msgspec.msgpack.encode(record))
            self._write(kind, picture, self.clock(), kept, soon=False)

    @contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Where a setting is bad the node goes on without what it is for, and says so."""
        try:
            yield
        except InputError as error:
            self._go_on_without(what, error)

    def _go_on_without(self, what: str, error: InputError) -> None:
        self.faults[f"{what}, {error.place}"] = str(error)
        structlog.get_logger().error(what, fault=str(error))

    # -- how it is -----------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Whether all is well, and what is not, each with what to do."""
        return health_of(self, self._ready, self.faults.values())

    @property
    def alerts(self) -> Sequence[StandingAlert]:
        """Those that persons may release or cancel."""
        return self.warner.alerts(self.clock()) if self.warner else self.apart.alerts

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """All counts, as `/metrics` gives them."""
        return metrics_of(self)


async def _let_others(began_s: float) -> None:
    """A turn for all else after folding since a time; a long one after what took long.

    So what is late is not folded anew for each few that come of it, and what comes live does not
    wait for a rebuild.
    """
    took_s = time.monotonic() - began_s
    await asyncio.sleep(took_s if took_s > _LONG_S else 0)


def _told_elsewhere(done: "asyncio.Future[Any]") -> None:
    """A fault of the journal or an outbox shows in their states, not at each entry."""
    if not done.cancelled():
        done.exception()
