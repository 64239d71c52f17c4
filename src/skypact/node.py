"""A nation's node: the stages, wired in the order of the data. The file to read first.

    feeds ──▶ national picture          partners ──▶ entry ──▶ shared picture
      │  └──▶ shared picture
      └─────▶ release pictures ──▶ link ──▶ partners

Whatever comes in or goes out is in the journal. The pictures are folds of it: a node that was
killed reads the last checkpoint and the journal, and is where it was.
"""

import asyncio
import datetime
import hashlib
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
    JournalState,
    Outcome,
    Verdict,
)
from skypact.record.checkpoints import Checkpoint
from skypact.record.journal import Journal, stream_of, subject_of
from skypact.sensing import load_radars
from skypact.sensing.feeds import Feeds, FeedTable, load_feeds
from skypact.serving.assessor import Assessor
from skypact.serving.clock import NodeClock
from skypact.serving.folded import RECORDS, Folded
from skypact.serving.kept import (
    KeptMark,
    KeptMessage,
    KeptPlots,
    KeptRecord,
    KeptSent,
    KeptVerdicts,
    Verdicts,
    encoded,
)
from skypact.serving.operating import LEAVE_OUT, POLICY, TAKE_BACK, Order, take_orders
from skypact.serving.pictures import Pictures
from skypact.serving.policy_in_force import (
    EDITED,
    InForce,
    KeptAction,
    action_of,
    folded_again,
    in_force,
    not_applied,
    parsed,
    require_signed,
    save_signed,
)
from skypact.serving.recovery import Recovery, checkpoints_of
from skypact.serving.release_way import ReleaseWay
from skypact.serving.status import StatusServer
from skypact.settings import Settings
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.coalition import check_folder, write_generated
from skypact.sharing.entry import Accepted, Cause, Entry, Refused
from skypact.sharing.link import By, Link
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.node_folder import FEEDS, NodeFolder
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.policy import Policy
from skypact.sharing.policy_file import SignedPolicy
from skypact.sharing.tasks import end
from skypact.tracking import LivePicture
from skypact.tracking.live_picture import Record

S = 1_000_000_000
CHAINS = "chains.msgpack"
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
        self.folder = check_folder(folder, now, exercise=exercise)
        if not self.folder.server_config.exists():  # a folder from before exercises had their own
            write_generated(self.folder, settings.link)
        self.nation = self.folder.nation
        self.radars = tuple(load_radars(folder / "radars.toml"))
        self.in_force = in_force(
            self.folder, self._own_radars, settings.release, round(now.timestamp() * S)
        )
        self.log = structlog.get_logger().bind(node=self.nation)
        self.folded = Folded(
            self.nation,
            self.radars,
            settings,
            exercise=exercise,
            partners={name: [card.signing_key] for name, card in self.folder.partners.items()},
            unsealing_keys=[self.folder.keys.sealing],
            told=self._keep_record,
        )
        self.ways: dict[str, ReleaseWay] = {}
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._checkpoints = checkpoints_of(self.folder.store, settings)
        self.assessor = Assessor(self.radars, settings.flight)
        self.server = NatsServer(self.folder, settings.link)
        self.link = Link(self.folder, settings.link, self.take_message, self._partners_changed)
        self._releasing = asyncio.Lock()
        self._since: list[Arrival] | None = None  # left while another policy is made ready
        self.faults: dict[str, str] = {}
        """What of the settings cannot be used, by what it is for: the node goes on without."""
        self._left = 0  # own arrivals whose release was looked at
        self._unapplied = ""
        if self.in_force.fault:
            self.faults["release policy"] = self.in_force.fault
            self.log.error("release policy", fault=self.in_force.fault)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._epoch_ns = 0
        self._news = asyncio.Event()
        self._recovered = asyncio.Event()

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
            await end(*self._tasks)
            await self.link.stop()
            await self.server.stop()
            raise

    async def _start(self) -> None:
        """Server, journal, what was, link, feeds, status, clock: in this order."""
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
        self._write_policy("release policy at start", self.in_force.signed)
        clean = self._begin_chains()
        recovery = Recovery(self.folded, self.journal, self.settings.node, self.log, clean=clean)
        await recovery.pictures(self._checkpoints)
        self.clock.note(recovery.newest_ns)
        await recovery.release(self.ways, self._offer_again, self._send)
        self._recovered.set()
        self._left = self.folded.arrivals
        self.feeds = Feeds(
            self._feed_table(),
            [radar for radar in self.radars if radar.nation == self.nation],
            self.take_plots,
            epoch=self._epoch_ns,
            clock=self.clock,
            exercise=self.exercise,
            connection=self._connection,
            settings=self.settings.feeds,
            sensing=self.settings.sensing,
        )
        with self._going_on("feeds"):
            await self.feeds.start()
        http = self.folder.file.http
        self.status = StatusServer(http.host, http.port, self.health, self.metrics)
        with self._going_on("status"):
            await self.status.start()
        self._tasks = [
            asyncio.create_task(self._keep_time(), name="clock"),
            asyncio.create_task(self._keep_pictures(), name="pictures"),
            asyncio.create_task(self._state_flights(), name="assessments"),
            asyncio.create_task(self._save_now_and_then(), name="checkpoints"),
        ]
        await take_orders(self._connection, self.folder, self.clock, self._obey, self.exercise)
        self._ready = True
        self.log.info("ready", partners=sorted(self.folder.partners), arrivals=self.folded.arrivals)

    async def stop(self) -> None:
        """Take nothing more, send what is open, save, and end all."""
        self._ready = False
        await self.feeds.stop()
        await end(*self._tasks)
        await asyncio.to_thread(self.assessor.stop)
        now_ns = self.clock()
        for way in self.ways.values():
            await self._send(way.partner, way.ready(now_ns, no_more=True))
        await self._save()
        await self.status.stop()
        await self.link.stop()
        await self.journal.close()
        self._save_chains(clean=True)
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
                leaving.append((arrival, self.folded.arrivals))
        async with self._releasing:
            for arrival, after in leaving:
                self._left = after
                if self._since is not None:
                    self._since.append(arrival)
                for way in self.ways.values():
                    await self._send(way.partner, way.take(arrival, arrival.received_ns), after)
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
                taken_out = self.folded.take_out(partner, alarm) if alarm.without else 0
                self.log.warning("alarm", partner=partner, alarm=str(alarm), taken_out=taken_out)
                self._news.set()
            for gap in result.gaps:
                self.log.warning("gap", partner=partner, gap=str(gap))
            if isinstance(result, Accepted):
                break
            if not await self._held_back(result):
                return None
        decided = self._observe(result)
        if isinstance(result.content, Heartbeat):
            return None
        kept = KeptMessage(delivery, result.received_ns, result.body, KeptVerdicts.of(decided))
        written = self._write(EntryKind.PARTNER_MESSAGE, partner, result.received_ns, kept)
        self._news.set()
        return written if delivery == Delivery.DURABLE else None

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

    async def _send(self, partner: str, messages: Iterator[Sent], after: int | None = None) -> None:
        """Messages to a partner by both paths, and into the journal.

        `after`: own arrivals that they were made after; None: all that there were.
        """
        for sent in messages:
            made_after = self.folded.arrivals if after is None else after
            kept = KeptSent(sent.message_id, sent.data, made_after)
            self._write(EntryKind.SENT_MESSAGE, partner, sent.header.sent_ns, kept)
            self.counts["sent", partner] += 1
            try:
                waiting = await self.link.publish(partner, sent.data, sent.message_id)
                waiting.add_done_callback(_told_elsewhere)
            except LinkError as error:
                self.counts["shed", f"to {partner}"] += 1
                self.log.error("not sent", partner=partner, reason=str(error))

    # -- what goes by the clock ----------------------------------------------------------------

    async def _keep_time(self) -> None:
        """Each second: a clock mark for the pictures, what is ready for partners, what is known."""
        every_s, fault = self.settings.node.mark_every_s, ""
        while True:
            now_ns = self.clock()
            if bool(self.clock.fault) != bool(fault):
                fault = self.clock.fault
                self.log.warning("clock", fault=fault or "right again")
            decided = self.folded.mark(now_ns)
            mark = KeptMark(now_ns, KeptVerdicts.of(decided))
            self._write(EntryKind.CLOCK_MARK, "", now_ns, mark)
            async with self._releasing:
                for way in self.ways.values():
                    await self._send(way.partner, way.ready(now_ns))
            self._look_at_policy()
            for picture in self.pictures.each():
                picture.tracks()  # gives ids, and keeps them
            self._news.set()
            await asyncio.sleep(every_s - self.clock() / S % every_s)

    async def _state_flights(self) -> None:
        """Say to partners what flights their release pictures show."""
        while True:
            for way in list(self.ways.values()):
                for due in way.due():
                    flight = await self.assessor.flight(due.track, way.launch_of(due))
                    async with self._releasing:
                        if flight is not None and self.ways.get(way.partner) is way:
                            await self._send(way.partner, way.state(due, flight, self.clock()))
            await asyncio.sleep(self.settings.node.mark_every_s)

    async def _keep_pictures(self) -> None:
        """Fold what came, and rebuild what is to be rebuilt, slice by slice."""
        while True:
            await self._news.wait()
            self._news.clear()
            for picture in self.pictures.each():
                _ = picture.picture  # folds what came
                while picture.rebuild and not picture.rebuild.step(
                    self.settings.node.rebuild_plots
                ):
                    await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.settings.node.checkpoint_every_s)
            await self._save()

    # -- the journal ---------------------------------------------------------------------------

    def _write(
        self, kind: EntryKind, about: str, time_ns: int, entry: msgspec.Struct
    ) -> "asyncio.Future[int]":
        """Into the journal; the future may be waited for, or not."""
        try:
            written = self.journal.put(kind, about, time_ns, encoded(entry))
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
            await self.journal.compact(self._checkpoints.numbers()[0])
        except JournalError as error:
            self.log.error("no checkpoint", reason=str(error))

    async def _offer_again(self, partner: str, kept: KeptSent) -> None:
        """To a partner's outbox, by the durable path alone."""
        waiting = await self.link.publish(partner, kept.data, kept.message_id, live=False)
        waiting.add_done_callback(_told_elsewhere)

    def _begin_chains(self) -> bool:
        """Number what goes to each partner; whether the node was stopped cleanly before."""
        path = self.folder.store / CHAINS
        saved = msgspec.msgpack.decode(path.read_bytes(), type=_Chains) if path.exists() else None
        clean = saved is not None and saved.clean
        now_ns = self.clock()
        # It rises where the clock was put back, too: sources whose epoch falls are refused.
        self._epoch_ns = max(now_ns, saved.epoch_ns + S if saved else 0)
        for partner in self.folder.partners:
            before = saved.of.get(partner) if saved else None
            chain = OutgoingChain.begin(before, now_ns, clean=clean)
            self.ways[partner] = self._way_to(partner, chain)
        self._save_chains(clean=False)
        return clean

    def _way_to(
        self, partner: str, chain: OutgoingChain, policy: Policy | None = None
    ) -> ReleaseWay:
        """The way to a partner, under the policy in force or another, by what its card says now."""
        signing = self.folder.keys.signing
        outgoing = Outgoing(
            self.nation,
            partner,
            chain,
            signing,
            exercise=self.exercise,
            # Also where nobody carries it (NATS trap 9).
            sealing_key=self.folder.partners[partner].sealing_key,
        )
        return ReleaseWay(
            policy or self.policy,
            self.radars,
            outgoing,
            secret=hashlib.sha256(signing.private_bytes_raw() + b"hidden").digest(),
            epoch=self._epoch_ns // S,
            settings=self.settings,
        )

    def _save_chains(self, *, clean: bool) -> None:
        chains = {name: way.outgoing.chain.save() for name, way in self.ways.items()}
        path = self.folder.store / CHAINS
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.msgpack.encode(_Chains(clean, chains, self._epoch_ns)))
        part.replace(path)

    # -- what operators change -----------------------------------------------------------------

    async def _obey(self, order: Order) -> str:
        """An operator's order, signed; what was done."""
        if order.what == POLICY:
            signed = msgspec.msgpack.decode(order.body, type=SignedPolicy)
            await self.apply_policy(signed)
            return f"in force since now: {EDITED} {signed.hash[:12]}, by {signed.who}"
        known = {LEAVE_OUT: self.folded.leave_out, TAKE_BACK: self.folded.take_back}
        if order.what not in known or order.about not in self.folder.partners:
            raise SkypactError(f'"{order.what} {order.about}" is nothing that this node can do')
        known[order.what](order.about)
        action = KeptAction(order.what, order.who, order.when_ns, order.about)
        await self._write(EntryKind.OPERATOR_ACTION, order.who, self.clock(), action)
        self._news.set()
        self.log.warning(order.what, partner=order.about, by=order.who)
        return f"{order.about}: {order.what}, by {order.who}"

    async def apply_policy(self, signed: SignedPolicy) -> None:
        """Put a release policy in force, between two messages.

        Release pictures are made anew from the plots that it releases; what the old one had decided
        goes before, and what was stated under it is withdrawn. Raises SkypactError: nothing is
        changed then.
        """
        place = f"{EDITED} by {signed.who}"
        require_signed(signed, self.folder, place)
        if self._since is not None:
            raise SkypactError("another change is being made; wait until it is done")
        if signed.replaces != self.in_force.signed.hash:
            raise SkypactError("the policy was changed meanwhile; look at the difference again")
        policy = parsed(signed.text, place, self.folder, self._own_radars)
        self._since = []
        try:
            async with self._releasing:
                asked = self._write_policy("release policy asked for", signed)
                skip, self._since = self.folded.arrivals - self._left, []
            number = await asyncio.wait_for(asked, self.settings.node.order_s)
            self._epoch_ns = max(self.clock(), self._epoch_ns + S)
            chains = {name: way.outgoing.chain for name, way in self.ways.items()}
            new = {name: self._way_to(name, chain, policy) for name, chain in chains.items()}
            from_ns = self.clock() - round(self.settings.node.policy_replay_s * S)
            await folded_again(
                self.journal, list(new.values()), from_ns=from_ns, before=number, skip_last=skip
            )
            async with self._releasing:
                for arrival in self._since:
                    for way in new.values():
                        _ = list(way.take(arrival, arrival.received_ns, dry=True))
                save_signed(self.folder, signed)
                for way in self.ways.values():
                    await self._send(way.partner, way.end(self.clock()))
                self.in_force = InForce(signed, policy)
                self.ways = {
                    name: new.get(name) or self._way_to(name, way.outgoing.chain)
                    for name, way in self.ways.items()  # there may be other partners by now
                }
                written = self._write_policy("release policy in force", signed)
                self._save_chains(clean=False)
            await written
        except TimeoutError:
            raise SkypactError("the journal takes no entries; see the node's health") from None
        finally:
            self._since = None
        self._look_at_policy()
        self.log.warning("release policy in force", by=signed.who, hash=signed.hash)

    def _write_policy(self, what: str, signed: SignedPolicy) -> "asyncio.Future[int]":
        action = action_of(what, signed)
        return self._write(EntryKind.OPERATOR_ACTION, signed.who, self.clock(), action)

    def _look_at_policy(self) -> None:
        """Say it once where `release.toml` was edited and is not in force."""
        unapplied = not_applied(self.folder.folder, self.in_force.signed)
        if unapplied and unapplied != self._unapplied:
            self.log.warning("release policy", notice=unapplied)
        self._unapplied = unapplied

    async def _partners_changed(self, folder: NodeFolder) -> None:
        """Cards came, went or were changed: who is a partner, and by which keys, at once."""
        async with self._releasing:
            self.folder = folder
            policy = parsed(self.in_force.signed.text, EDITED, folder, self._own_radars)
            self.in_force = self.in_force._replace(policy=policy)
            for gone in set(self.ways) - set(folder.partners):
                del self.ways[gone]
                self.entry.dismiss(gone)
                self.log.warning("partner removed", partner=gone)
            for name, card in folder.partners.items():
                self.entry.admit(name, [card.signing_key])
                if name not in self.ways:
                    chain = OutgoingChain.begin(None, self.clock(), clean=False)
                    self.ways[name] = self._way_to(name, chain)
                    self.log.warning("partner added", partner=name)
                else:
                    self.ways[name].outgoing.seal_for(card.sealing_key)
            self._save_chains(clean=False)

    # -- what it is made of --------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The release policy in force."""
        return self.in_force.policy

    @property
    def _own_radars(self) -> list[str]:
        return [radar.id for radar in self.radars if radar.nation == self.nation]

    def _keep_record(self, picture: str, record: Record) -> None:
        """Keeps what a picture decides by itself: ids, rebuilds, who is left out."""
        if self._recovered.is_set():
            kind = next(kind for kind, of in RECORDS.items() if isinstance(record, of))
            kept = KeptRecord(picture, msgspec.msgpack.encode(record))
            self._write(kind, picture, self.clock(), kept)

    def _feed_table(self) -> FeedTable:
        """`feeds.toml`; where it cannot be used nobody may send, and health says so."""
        path = self.folder.folder / FEEDS
        if path.exists():
            with self._going_on("feeds"):
                return load_feeds(path, self.radars)
        return FeedTable()

    @contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Where a setting is bad the node goes on without what it is for, and says so."""
        try:
            yield
        except InputError as error:
            self.faults[what] = str(error)
            self.log.error(what, fault=str(error))

    # -- how it is -----------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Whether all is well, and what is not, each with what to do."""
        faults = [self.clock.fault] if self.clock.fault else []
        journal = self.journal.health
        if journal.state is not JournalState.WELL:
            faults.append(f"journal: {journal.reason}; {journal.remedy}")
        if not self.server.state.up:
            faults.append(f"server: {self.server.state.fault}")
        faults += self.faults.values()
        links = {}
        for state in self.link.states():
            links[state.partner] = {
                "up": state.up,
                "since_ns": state.since_ns,
                "backlog_batches": state.backlog_batches,
                "delay_s": state.delay_s,
                "alarms": list(state.alarms),
            }
            faults += [f"link to {state.partner}: {alarm}" for alarm in state.alarms]
        return {
            "nation": self.nation,
            "ready": self._ready,
            "exercise": self.exercise,
            "faults": faults,
            "notices": [self._unapplied] if self._unapplied else [],
            "release_policy": {
                "hash": self.in_force.signed.hash,
                "by": self.in_force.signed.who,
                "since_ns": self.in_force.signed.when_ns,
            },
            "left_out": sorted(self.folded.left_out),
            "links": links,
            "journal": {"last": journal.last_number, "waiting": journal.waiting},
        }

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """All counts, as `/metrics` gives them."""
        partner: dict[tuple[str, ...], float] = {
            (name, outcome): float(count)
            for name in self.folder.partners
            for outcome, count in self.entry.counts(name).items()
        }
        links = self.link.states()
        return {
            "skypact_arrivals_total": {
                (name, verdict): float(count)
                for name, picture in self.pictures.items()
                for verdict, count in picture.counts.items()
            },
            "skypact_feed_total": {key: float(n) for key, n in self.feeds.counts.items()},
            "skypact_partner_messages_total": partner,
            "skypact_sent_total": {
                (name[1],): float(n) for name, n in self.counts.items() if name[0] == "sent"
            },
            "skypact_shed_total": {
                (name[1],): float(n) for name, n in self.counts.items() if name[0] == "shed"
            },
            "skypact_link_up": {(state.partner,): float(state.up) for state in links},
            "skypact_link_backlog_bytes": {
                (state.partner,): float(state.backlog_bytes) for state in links
            },
            "skypact_link_delay_seconds": {
                (state.partner,): state.delay_s for state in links if state.delay_s is not None
            },
            "skypact_journal_waiting_bytes": {(): float(self.journal.health.waiting_bytes)},
            "skypact_journal_last": {(): float(self.journal.last_number)},
        }


class _Chains(msgspec.Struct, array_like=True):
    """Where the chains to the partners stood, and whether that was at a clean stop."""

    clean: bool
    of: dict[str, bytes]
    epoch_ns: int = 0
    """Of the node's start: each later than the one before."""


def _told_elsewhere(done: "asyncio.Future[Any]") -> None:
    """A fault of the journal or an outbox shows in their states, not at each entry."""
    if not done.cancelled():
        done.exception()
