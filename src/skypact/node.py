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
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from skypact.errors import InputError, JournalError, LinkError
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    ClockMark,
    EntryKind,
    Heartbeat,
    IdRecord,
    JournalState,
    LeaveOutRecord,
    Outcome,
    RebuildRecord,
    Verdict,
)
from skypact.record.checkpoints import Checkpoint, Checkpoints
from skypact.record.journal import Journal
from skypact.sensing import load_radars
from skypact.sensing.feeds import Feed, Feeds, FeedTable, load_feeds
from skypact.serving.assessor import Assessor
from skypact.serving.kept import KeptMark, KeptMessage, KeptPlots, KeptRecord, KeptSent, encoded
from skypact.serving.release_pictures import ReleasePictures
from skypact.serving.release_way import ReleaseWay
from skypact.serving.releases import Releases
from skypact.serving.shedding import Shedding, shed_counts
from skypact.serving.status import StatusServer
from skypact.serving.warm_up import warm_up
from skypact.settings import Settings
from skypact.sharing.chain import Delivery, OutgoingChain
from skypact.sharing.coalition import check_folder
from skypact.sharing.entry import Accepted, Cause, Entry, Refused
from skypact.sharing.link import By, Link
from skypact.sharing.nats_config import NATIONAL_USER
from skypact.sharing.nats_server import NatsServer, connect
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.policy_file import load_policy
from skypact.sharing.tasks import end
from skypact.tracking import LivePicture

S = 1_000_000_000
NATIONAL, SHARED = "national", "shared"
CHAINS = "chains.msgpack"
LINK_SOURCE = "link"
"""The source, among a partner's, that counts the messages of its link."""


class _Saved(msgspec.Struct, array_like=True):
    """What a checkpoint holds."""

    national: bytes
    shared: bytes
    entry: bytes
    arrivals: int


class Node:
    """One nation's node. `start`, then it runs until `stop`.

    >>> node = Node(Path("coalition/JPN"), Settings())
    >>> await node.start()
    >>> node.shared.tracks()
    >>> await node.stop()
    """

    def __init__(self, folder: Path, settings: Settings, *, exercise: bool = False) -> None:
        self.settings, self.exercise = settings, exercise
        self.folder = check_folder(folder, datetime.datetime.now(datetime.UTC))
        self.nation = self.folder.nation
        self.radars = tuple(load_radars(folder / "radars.toml"))
        self.policy = load_policy(
            folder / "release.toml",
            nation=self.nation,
            partners=sorted(self.folder.partners),
            radars=[radar.id for radar in self.radars],
            settings=settings.release,
        )
        self.log = structlog.get_logger().bind(node=self.nation)
        self.national, self.shared = self._picture(NATIONAL), self._picture(SHARED)
        self.entry = self._entry(None)
        self.statements: dict[tuple[str, str, int], Assessment | AreaWarning] = {}
        """What partners last stated: by partner, what it is, and the partner's number of it."""
        self.ways: dict[str, ReleaseWay] = {}
        self.releases = Releases(ReleasePictures(self.radars, settings), self.ways)
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.arrivals = 0
        """Own arrivals since the journal began."""
        self._checkpoints = Checkpoints(
            self.folder.store / "checkpoints", keep=settings.node.kept_checkpoints
        )
        self.assessor = Assessor(self.radars, settings.flight)
        self.server = NatsServer(self.folder, settings.link)
        self.link = Link(self.folder, settings.link, self.take_message)
        self.shedding = Shedding(self.log)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self._news = asyncio.Event()
        self._recovered = asyncio.Event()

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
        warming = asyncio.create_task(asyncio.to_thread(warm_up, self.radars, self.settings))
        await self.server.start()
        wait_s = self.settings.link.answer_s
        self._connection = await connect(self.folder, NATIONAL_USER, wait_s=wait_s)
        self.journal = await Journal.open(
            self._connection, self.settings.journal, folder=self.folder.store
        )
        await self.link.start()
        clean = self._begin_chains()
        await warming
        await self._recover(clean)
        self._recovered.set()
        self.feeds = Feeds(
            self._feed_table(),
            [radar for radar in self.radars if radar.nation == self.nation],
            self.take_plots,
            epoch=time.time_ns(),
            connection=self._connection,
            settings=self.settings.feeds,
            sensing=self.settings.sensing,
        )
        await self.feeds.start()
        http = self.folder.file.http
        self.status = StatusServer(http.host, http.port, self.health, self.metrics)
        await self.status.start()
        self._tasks = [
            asyncio.create_task(self._keep_time(), name="clock"),
            asyncio.create_task(self._keep_pictures(), name="pictures"),
            asyncio.create_task(self._state_flights(), name="assessments"),
            asyncio.create_task(self._save_now_and_then(), name="checkpoints"),
        ]
        self._ready = True
        self.log.info("ready", partners=sorted(self.folder.partners), arrivals=self.arrivals)

    async def stop(self) -> None:
        """Take nothing more, send what is open, save, and end all."""
        self._ready = False
        await self.feeds.stop()
        await end(*self._tasks)
        await asyncio.to_thread(self.assessor.stop)
        now_ns = time.time_ns()
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
        """Own plots: into both pictures and the journal, and out to whom they are released."""
        verdicts, written = [], []
        leaving: list[tuple[Arrival, int]] = []
        for arrival in arrivals:
            decided = self.national.receive(arrival), self.shared.receive(arrival)
            verdicts.append(decided[0])
            taken = decided[0].outcome == Outcome.ACCEPTED
            kind = EntryKind.PLOTS_ACCEPTED if taken else EntryKind.PLOTS_REFUSED
            kept = KeptPlots.of(arrival, decided)
            written.append(self._write(kind, arrival.radar, arrival.received_ns, kept))
            if taken:
                self.arrivals += 1
                leaving.append((arrival, self.arrivals))
        for arrival, after in leaving:
            for partner, sent in self.releases.take(arrival):
                await self._send(partner, iter((sent,)), after)
        self._news.set()
        await asyncio.gather(*written)
        return verdicts

    async def take_message(self, partner: str, by: By, data: bytes) -> None:
        """A partner's message: checked, into the shared picture, and into the journal."""
        await self._recovered.wait()
        delivery = Delivery(by)
        while True:
            result = self.entry.receive(data, partner, delivery, time.time_ns())
            for alarm in result.alarms:
                self.log.warning("alarm", partner=partner, alarm=str(alarm))
            for gap in result.gaps:
                self.log.warning("gap", partner=partner, gap=str(gap))
            if isinstance(result, Accepted):
                break
            if not await self._held_back(result):
                return
        verdict = self._observe(result)
        if isinstance(result.content, Heartbeat):
            return
        kept = KeptMessage(delivery, result.received_ns, result.body, verdict)
        written = self._write(EntryKind.PARTNER_MESSAGE, partner, result.received_ns, kept)
        self._news.set()
        if delivery == Delivery.DURABLE:
            await written

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
        await asyncio.sleep(max(0.01, min(5.0, (refused.retry_ns - time.time_ns()) / S)))
        return True

    def _observe(self, accepted: Accepted, recorded: Verdict | None = None) -> Verdict | None:
        """Let a partner's message shape the shared picture; its verdict, None: it has none."""
        content, header = accepted.content, accepted.header
        if isinstance(content, Heartbeat):
            return None
        if isinstance(content, Assessment | AreaWarning):
            number = content.flight if isinstance(content, Assessment) else content.warning
            key = accepted.partner, type(content).__name__, number
            if content.withdrawn:
                self.statements.pop(key, None)
            else:
                self.statements[key] = content
            content = ()
        if isinstance(content, Arrival):
            arrival = msgspec.structs.replace(content, received_ns=accepted.received_ns)
            return self.shared.receive(arrival, recorded)
        arrival = Arrival(
            nation=accepted.partner,
            radar=LINK_SOURCE,
            epoch=header.epoch,
            sequence=header.sequence,
            received_ns=accepted.received_ns,
            tracklets=content,
        )
        return self.shared.receive(arrival, recorded)

    async def _send(self, partner: str, messages: Iterator[Sent], after: int | None = None) -> None:
        """Messages to a partner by both paths, and into the journal.

        `after`: own arrivals that they were made after; None: all that there were. Nothing is
        waited for, so that they go in the order of their numbers whoever else sends.
        """
        for sent in messages:
            made_after = self.arrivals if after is None else after
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
        every_s = self.settings.node.mark_every_s
        while True:
            now_ns = time.time_ns()
            mark = ClockMark(time_ns=now_ns, received_ns=now_ns)
            decided = self.national.receive(mark), self.shared.receive(mark)
            self._write(EntryKind.CLOCK_MARK, "", now_ns, KeptMark(now_ns, *decided))
            for way in self.ways.values():
                await self._send(way.partner, way.ready(now_ns))
            for picture in (self.national, self.shared):
                picture.give_ids()
            self.shedding.look(self.link.states())
            self._news.set()
            await asyncio.sleep(every_s - time.time() % every_s)

    async def _state_flights(self) -> None:
        """Say to partners what flights their release pictures show."""
        while True:
            tracks = await self.releases.tracks()
            for way in self.ways.values():
                for track in way.due(tracks[way.assessed]):
                    flight = await self.assessor.flight(track, way.launch_of(track))
                    if flight is not None:
                        await self._send(way.partner, way.state(track, flight, time.time_ns()))
            await asyncio.sleep(self.settings.node.mark_every_s)

    async def _keep_pictures(self) -> None:
        """Fold what came, and rebuild what is to be rebuilt, slice by slice.

        The shared picture at once; the national one, which nobody waits for, less often.
        """
        every_s, due_s = self.settings.node.national_every_s, 0.0
        while True:
            await self._news.wait()
            self._news.clear()
            due = [self.shared]
            if time.monotonic() >= due_s:
                due, due_s = [self.shared, self.national], time.monotonic() + every_s
            for picture in due:
                _ = picture.picture  # folds what came
                while picture.rebuild and not picture.rebuild.step(
                    self.settings.node.rebuild_plots
                ):
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
            self.releases.catch_up()

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.settings.node.checkpoint_every_s)
            await self._save()

    # -- the journal ---------------------------------------------------------------------------

    def _write(
        self, kind: EntryKind, about: str, time_ns: int, entry: msgspec.Struct
    ) -> "asyncio.Future[int]":
        """Into the journal; the future may be waited for, or not."""
        written = self.journal.put(kind, about, time_ns, encoded(entry))
        written.add_done_callback(_told_elsewhere)
        return written

    async def _save(self) -> None:
        """A checkpoint of the pictures as they are, after all that the journal has been given."""
        national, shared = self.national.saved(), self.shared.saved()
        entry, arrivals = self.entry.save(), self.arrivals
        mark = KeptRecord("checkpoint", b"")
        try:
            written = self._write(EntryKind.OPERATOR_ACTION, "checkpoint", time.time_ns(), mark)
            saved = _Saved(
                await asyncio.to_thread(national.to_bytes),
                await asyncio.to_thread(shared.to_bytes),
                entry,
                arrivals,
            )
            number = await written
            checkpoint = Checkpoint(number, time.time_ns(), msgspec.msgpack.encode(saved))
            await asyncio.to_thread(self._checkpoints.put, checkpoint)
        except JournalError as error:
            self.log.error("no checkpoint", reason=str(error))

    async def _recover(self, clean: bool) -> None:
        """The pictures as they were: the newest sound checkpoint, then the journal."""
        began = time.monotonic()
        checkpoint, faults = await asyncio.to_thread(self._checkpoints.newest)
        for fault in faults:
            self.log.error("checkpoint not used", reason=str(fault))
        done = 0
        if checkpoint is not None:
            try:
                self._take_up(msgspec.msgpack.decode(checkpoint.blob, type=_Saved))
                done = checkpoint.number
            except InputError as fault:
                self.log.warning("folding the whole journal", reason=str(fault))
        left = await self._replay(done, clean)
        self.log.info(
            "recovered",
            entries=self.journal.last_number - done,
            to_send=left,
            seconds=round(time.monotonic() - began, 3),
        )

    def _take_up(self, saved: _Saved) -> None:
        of = self.settings.tracking, self.settings.late
        national = LivePicture.from_bytes(saved.national, self.radars, *of, self._told(NATIONAL))
        shared = LivePicture.from_bytes(saved.shared, self.radars, *of, self._told(SHARED))
        self.national, self.shared, self.arrivals = national, shared, saved.arrivals
        self.entry = self._entry(saved.entry)

    async def _replay(self, done: int, clean: bool) -> int:
        """Fold the journal's entries after `done`, and send what had not been sent.

        Release pictures are folded from `release_replay_s` before the end on; what leaves them is
        sent if it was made after the last message that the journal knows of.
        """
        end_ns = 0
        async for entry in self.journal.read(max(1, self.journal.last_number)):
            end_ns = entry.time_ns
        from_ns = end_ns - round(self.settings.node.release_replay_s * S)
        start = done + 1
        async for entry in self.journal.read(from_time_ns=from_ns):
            start = min(start, entry.number)
            break
        again_ns = end_ns - round(self.settings.node.send_again_s * S)
        sent_after: dict[str, int] = {}
        unsure: list[tuple[str, KeptSent]] = []
        again: list[Arrival] = []
        async for entry in self.journal.read(start):
            if entry.number > done:
                self._fold_entry(entry.kind, entry.payload, entry.about)
            if entry.time_ns < from_ns:
                continue
            if entry.kind is EntryKind.SENT_MESSAGE:
                kept = msgspec.msgpack.decode(entry.payload, type=KeptSent)
                sent_after[entry.about] = kept.after
                if not clean and entry.time_ns >= again_ns:
                    unsure.append((entry.about, kept))
            elif entry.kind is EntryKind.PLOTS_ACCEPTED:
                again.append(msgspec.msgpack.decode(entry.payload, type=KeptPlots).arrival)
        for partner, kept in unsure:  # the outbox may not have got it; doubles are dropped
            if partner in self.folder.partners:
                waiting = await self.link.publish(partner, kept.data, kept.message_id, live=False)
                waiting.add_done_callback(_told_elsewhere)
        left, number = 0, self.arrivals - len(again)
        for arrival in again:
            number += 1
            before = [one for one in self.ways if clean or number <= sent_after.get(one, 0)]
            for partner, sent in self.releases.take(arrival, dry=before):
                left += 1
                await self._send(partner, iter((sent,)), number)
            self.releases.catch_up()
        if clean:  # what was open went when it stopped
            for way in self.ways.values():
                way.release.ready(no_more=True)
        return left

    def _fold_entry(self, kind: EntryKind, payload: bytes, about: str) -> None:
        """One entry of the journal into the pictures."""
        if kind in (EntryKind.PLOTS_ACCEPTED, EntryKind.PLOTS_REFUSED):
            kept = msgspec.msgpack.decode(payload, type=KeptPlots)
            self.national.receive(kept.arrival, kept.national)
            self.shared.receive(kept.arrival, kept.shared)
            self.arrivals += kind is EntryKind.PLOTS_ACCEPTED
        elif kind is EntryKind.CLOCK_MARK:
            mark = msgspec.msgpack.decode(payload, type=KeptMark)
            clock = ClockMark(time_ns=mark.time_ns, received_ns=mark.time_ns)
            self.national.receive(clock, mark.national)
            self.shared.receive(clock, mark.shared)
        elif kind is EntryKind.PARTNER_MESSAGE:
            message = msgspec.msgpack.decode(payload, type=KeptMessage)
            result = self.entry.recorded(
                message.body, about, Delivery(message.delivery), message.received_ns
            )
            if isinstance(result, Accepted):
                self._observe(result, message.shared)

    def _begin_chains(self) -> bool:
        """Number what goes to each partner; whether the node was stopped cleanly before."""
        path = self.folder.store / CHAINS
        saved = msgspec.msgpack.decode(path.read_bytes(), type=_Chains) if path.exists() else None
        clean = saved is not None and saved.clean
        secret = hashlib.sha256(self.folder.keys.signing.private_bytes_raw() + b"hidden").digest()
        for partner, card in self.folder.partners.items():
            chain = OutgoingChain.begin(
                saved.of.get(partner) if saved else None, time.time_ns(), clean=clean
            )
            outgoing = Outgoing(
                self.nation,
                partner,
                chain,
                self.folder.keys.signing,
                exercise=self.exercise,
                sealing_key=card.sealing_key,  # also where nobody carries it (NATS trap 9)
            )
            self.ways[partner] = ReleaseWay(
                self.policy,
                self.radars,
                outgoing,
                self.releases.pictures,
                secret=secret,
                epoch=time.time_ns() // S,
                settings=self.settings,
            )
        self._save_chains(clean=False)
        return clean

    def _save_chains(self, *, clean: bool) -> None:
        chains = {name: way.outgoing.chain.save() for name, way in self.ways.items()}
        path = self.folder.store / CHAINS
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.msgpack.encode(_Chains(clean, chains)))
        part.replace(path)

    # -- what it is made of --------------------------------------------------------------------

    def _picture(self, name: str) -> LivePicture:
        of = self.settings
        return LivePicture(self.radars, of.tracking, of.late, self._told(name))

    def _told(self, name: str) -> Callable[[IdRecord | RebuildRecord | LeaveOutRecord], None]:
        """Keeps what a picture decides by itself: ids, rebuilds."""

        def keep(record: IdRecord | RebuildRecord | LeaveOutRecord) -> None:
            if self._ready:
                ids = isinstance(record, IdRecord)
                kind = EntryKind.ID_RECORD if ids else EntryKind.REBUILD_RECORD
                kept = KeptRecord(name, msgspec.msgpack.encode(record))
                self._write(kind, name, time.time_ns(), kept)

        return keep

    def _entry(self, saved: bytes | None) -> Entry:
        return Entry(
            self.nation,
            {name: [card.signing_key] for name, card in self.folder.partners.items()},
            exercise=self.exercise,
            radars=self.radars,
            unsealing_keys=[self.folder.keys.sealing],
            settings=self.settings.entry,
            saved=saved,
        )

    def _feed_table(self) -> FeedTable:
        """`feeds.toml`, or without one what `node.toml` lets publish by NATS."""
        path = self.folder.folder / "feeds.toml"
        if path.exists():
            return load_feeds(path, self.radars)
        feeds = self.folder.file.feeds.items()
        return FeedTable(feed=tuple(Feed(name, tuple(radars)) for name, radars in feeds))

    # -- how it is -----------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Whether all is well, and what is not, each with what to do."""
        faults = []
        journal = self.journal.health
        if journal.state is not JournalState.WELL:
            faults.append(f"journal: {journal.reason}; {journal.remedy}")
        if not self.server.state.up:
            faults.append(f"server: {self.server.state.fault}")
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
        faults += self.shedding.faults
        return {
            "nation": self.nation,
            "ready": self._ready,
            "exercise": self.exercise,
            "faults": faults,
            "links": links,
            "journal": {"last": journal.last_number, "waiting": journal.waiting},
        }

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """All counts, as `/metrics` gives them."""
        pictures = {NATIONAL: self.national, SHARED: self.shared}
        partner: dict[tuple[str, ...], float] = {
            (name, outcome): float(count)
            for name in self.folder.partners
            for outcome, count in self.entry.counts(name).items()
        }
        links = self.link.states()
        return {
            "skypact_arrivals_total": {
                (name, verdict): float(count)
                for name, picture in pictures.items()
                for verdict, count in picture.counts.items()
            },
            "skypact_feed_total": {key: float(n) for key, n in self.feeds.counts.items()},
            "skypact_partner_messages_total": partner,
            "skypact_sent_total": {
                (name[1],): float(n) for name, n in self.counts.items() if name[0] == "sent"
            },
            "skypact_shed_total": {
                (name[1],): float(n) for name, n in self.counts.items() if name[0] == "shed"
            }
            | shed_counts(links),
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


def _told_elsewhere(done: "asyncio.Future[Any]") -> None:
    """A fault of the journal or an outbox shows in their states, not at each entry."""
    if not done.cancelled():
        done.exception()
