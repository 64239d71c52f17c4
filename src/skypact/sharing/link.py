"""The link: what this nation releases to its partners, and what they release to it.

Two paths carry the same messages. The *live* path hands each over at once and keeps nothing. The
*durable* path goes through an outbox here and an inbox there, and loses nothing, doubles nothing
and keeps the order, however long the link is cut. The link moves opaque bytes: who takes them in
drops by sequence number what the other path brought before.
"""

import asyncio
import contextlib
import fcntl
import os
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import InputError, LinkError
from skypact.settings import LinkSettings
from skypact.sharing.inbox import Inbox, Taken
from skypact.sharing.nats_config import (
    GATE_USER,
    inbox_user,
    live_subject,
    outbox_name,
    outbox_user,
)
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import NodeFolder, load_node
from skypact.sharing.outbox import Outbox, OutboxCounts, ask
from skypact.sharing.tasks import Turns, end

_NS = 1_000_000_000
_MIB = 1 << 20
_MESSAGE, _HEARTBEAT = "message", "heartbeat"
_RUNNING, _LOCK = "link.running", "link.lock"
_POLL_S = 0.01
_QUOTA_SHARE = 0.9
"""A stream may take this share of its account's quota: the rest is the server's own."""

By = Literal["live", "durable"]
Received = Callable[[str, By, bytes], Awaitable[Taken]]
"""Takes in one message: its originator, by which path, its bytes.

Called one after the other for each originator and path; both paths of an originator at once. What
comes by the durable path is acknowledged once the call has returned and what it returns is done:
the entry of the journal. What was not when the node was killed comes again.
"""


Changed = Callable[[NodeFolder], Awaitable[None]]
"""Is told that there are other partners now, or other cards of them."""


class LinkState(NamedTuple):
    """How the link to one partner is."""

    partner: str
    up: bool
    """Whether its heartbeats come."""
    since_ns: int
    """Since when it is up, or down."""
    backlog_batches: int
    """Batches in the outbox that the partner has not said to have taken in."""
    backlog_bytes: int
    waiting_messages: int
    """Messages that the own outbox has not acknowledged."""
    round_trip_s: float | None
    """There and back on the live path, by this nation's clock alone."""
    delay_s: float | None
    """Of the newest batch by the durable path, from publishing there to taking in here."""
    alarms: tuple[str, ...]
    """What an operator should know, each a sentence; empty while all is well."""
    out: OutboxCounts
    live_sent: int
    live_received: int
    live_dropped: int
    """Not sent for want of a server, or dropped because they came faster than they were taken."""
    live_shed: int
    """Of these the latter: the durable path brings them."""
    durable_received: int
    durable_repeated: int
    malformed: int


class _Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """What each side tells the other on the live path, every second."""

    sent_ns: int
    waiting: int = 0
    """Batches in the sender's outbox that the server of the one who gets this does not have."""
    has: int = 0
    """The newest batch that the sender has taken in from the one who gets this."""
    outbox: str = ""
    """The sender's outbox to the one who gets this: another where it was made anew."""
    source: str = ""
    """The outbox that the sender's server sources from."""
    echo_ns: int = 0
    """`sent_ns` of the newest heartbeat that the sender got, and how long it kept it."""
    kept_ns: int = 0


class _Partner:
    """All that belongs to one partner."""

    def __init__(self, link: "Link", name: str) -> None:
        node, settings = link.node, link.settings
        self.name = name
        self._stop_s = settings.stop_s
        self.outbox = Outbox(
            node.nation,
            name,
            settings,
            int(node.file.store.outbox_mib * _MIB * _QUOTA_SHARE),
            lambda: self.up,
            exercise=node.exercise,
        )
        self.inbox = Inbox(
            node.nation,
            name,
            settings,
            int(node.file.store.inbox_mib * _MIB * _QUOTA_SHARE),
            lambda data: link.take_in(name, "durable", data),
            exercise=node.exercise,
        )
        self.live_subject = live_subject(name, node.exercise)
        self.live: asyncio.Queue[bytes] = asyncio.Queue(settings.live_queue_messages)
        self.up = False
        self.since_ns = time.time_ns()
        self.heard: _Heartbeat | None = None
        self.heard_ns = 0
        self.behind_since_ns = 0
        self.round_trip_s: float | None = None
        self.backlog = (0, 0)
        self.live_sent = self.live_received = self.malformed = 0
        self.unsent = self.shed = 0
        """Not sent by the live path, and dropped as more came by it than was taken in."""
        self.wedged = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.clients: list[Client] = []
        self.keeper: Client | None = None
        """Asks how much waits in the outbox."""

    async def close(self) -> None:
        await self.inbox.close()
        await end(*self.tasks)
        self.outbox.drop()
        closing = [asyncio.create_task(client.close()) for client in self.clients]
        if closing:
            # nats-py waits for the socket without end where the server is gone at the wrong moment
            await asyncio.wait(closing, timeout=self._stop_s)
        await end(*closing)
        # Of what they failed does not matter: taken note of, the loop does not complain of it.
        await asyncio.gather(*closing, return_exceptions=True)


class Link:
    """The links of one nation's node to all its partners.

    The server must run (`NatsServer`). Partners that are added to the folder or removed from it
    while this runs are noticed within `link.look_s`.
    """

    def __init__(
        self,
        node: NodeFolder,
        settings: LinkSettings,
        received: Received,
        changed: Changed | None = None,
    ) -> None:
        self.node, self.settings = node, settings
        self._changed = changed
        self._received = received
        self._partners: dict[str, _Partner] = {}
        self._gate: Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._cards = _cards(node.folder)
        self._lock: int | None = None
        self._live_out: deque[tuple[_Partner, bytes]] = deque()
        self._live_waits = asyncio.Event()
        self._log: Any = structlog.get_logger().bind(node=node.nation)
        self.faults = 0
        """How often `received` raised: the message is taken as taken in."""
        self.folder_fault = ""

    async def start(self) -> None:
        """Connect to the nation's server and open all links; LinkError where none answers.

        Also where another node runs with this folder. A partner out of reach is no error: its
        link is down, and what is for it waits.
        """
        self._lock = _locked(self.node.store)
        self._gate = await self._connected(GATE_USER, self._reconnected)
        own = f"from.*.{live_subject(self.node.nation, self.node.exercise)}"
        await self._gate.subscribe(f"{own}.{_MESSAGE}", cb=self._live_arrived)
        await self._gate.subscribe(f"{own}.{_HEARTBEAT}", cb=self._heartbeat_arrived)
        crashed = _machine_crashed(self.node.store)
        for name in self.node.partners:
            self._open(name)
            self._partners[name].outbox.went_back = crashed
        _mark_running(self.node.store)
        self._tasks = [
            asyncio.create_task(self._keep_sending(), name="link live"),
            asyncio.create_task(self._beat(), name="link heartbeats"),
            asyncio.create_task(self._look(), name="link partners"),
        ]

    async def settled(self) -> bool:
        """Whether the outboxes have all that was published, within `settle_s`."""
        until_s = time.monotonic() + self.settings.settle_s
        while any(partner.outbox.waiting_messages for partner in self._partners.values()):
            if time.monotonic() > until_s:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def stop(self) -> None:
        """Close all; futures of what the outbox had not acknowledged are cancelled."""
        await end(*self._tasks)
        await asyncio.gather(*(partner.close() for partner in self._partners.values()))
        self._partners.clear()
        if self._gate:
            await self._gate.close()
            (self.node.store / _RUNNING).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def publish(
        self,
        partner: str,
        data: bytes,
        message_id: str,
        *,
        live: bool = True,
        after: "asyncio.Future[Any] | None" = None,
    ) -> "asyncio.Future[None]":
        """Send a message by both paths; `live=False` for one that is repeated.

        `after`: by the durable path not before this is done, such as being in the journal.

        `message_id` is never used again for another message. The future is done when the outbox
        has it on disk; until then it is kept here, in order, and repeated through every break.
        Nothing is waited for: messages go, on both paths, in the order in which this is called,
        however many tasks do.
        Raises LinkError for a partner that is none or a message that is too long, OutboxFullError
        when more wait than may; by the live path it may have gone all the same.
        """
        one = self._partners.get(partner)
        if one is None:
            raise LinkError(f"{partner} is no partner of {self.node.nation}; add its card first")
        fits = len(data) <= self.settings.max_message_bytes
        copied = live and fits and self._send_live(one, data)
        return one.outbox.put(message_id, data, time.time_ns(), copied=copied, after=after)

    def _send_live(self, partner: _Partner, data: bytes) -> bool:
        """Put a message among those that go by the live path, or drop it: the durable one has it.

        Kept until there is a server again it would not be live. Whether it goes.
        """
        connected = self._gate is not None and self._gate.is_connected
        if connected and len(self._live_out) < self.settings.live_queue_messages:
            self._live_out.append((partner, data))
            self._live_waits.set()
            return True
        partner.unsent += 1
        return False

    async def _keep_sending(self) -> None:
        """Send what goes by the live path, in order; a slow server holds up nothing but this."""
        while True:
            await self._live_waits.wait()
            self._live_waits.clear()
            while self._live_out:
                partner, data = self._live_out.popleft()
                try:
                    assert self._gate is not None
                    await self._gate.publish(f"{partner.live_subject}.{_MESSAGE}", data)
                    partner.live_sent += 1
                except (nats.errors.Error, OSError):
                    partner.unsent += 1

    def states(self) -> tuple[LinkState, ...]:
        """How each link is."""
        return tuple(self._state(partner) for partner in self._partners.values())

    async def take_in(self, origin: str, by: By, data: bytes) -> Taken:
        """Hand a message to whoever takes it in; a fault of theirs does not stop the link."""
        try:
            return await self._received(origin, by, data)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.faults += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._log.error(
                *("a fault in the node: a message was not taken in",),
                partner=origin,
                by=by,
                fault=f"{type(error).__name__}: {error}",
                where=f"{where.filename}:{where.lineno}",
            )
            return None

    async def refresh(self) -> None:
        """Read the folder and open or close links, as its partners' cards say."""
        node = load_node(self.node.folder, exercise=self.node.exercise)
        self.node = node
        for gone in set(self._partners) - set(node.partners):
            await self._partners.pop(gone).close()
        for new in set(node.partners) - set(self._partners):
            self._open(new)
        if self._changed is not None:
            await self._changed(node)

    def _open(self, name: str) -> None:
        partner = _Partner(self, name)
        self._partners[name] = partner
        partner.tasks = [
            asyncio.create_task(self._keep_outbox(partner), name=f"outbox to {name}"),
            asyncio.create_task(self._keep_inbox(partner), name=f"inbox from {name}"),
            asyncio.create_task(self._take_live(partner), name=f"live from {name}"),
            asyncio.create_task(self._measure(partner), name=f"backlog to {name}"),
        ]

    async def _keep_outbox(self, partner: _Partner) -> None:
        partner.keeper = await self._connected_at_last(partner, outbox_user(partner.name))
        if self._gate:
            await partner.outbox.run(self._gate, partner.keeper)

    async def _keep_inbox(self, partner: _Partner) -> None:
        async def again() -> None:
            partner.inbox.check()

        keeper = await self._connected_at_last(partner, inbox_user(partner.name), again)
        await partner.inbox.run(keeper)

    async def _connected_at_last(
        self, partner: _Partner, user: str, again: Callable[[], Awaitable[None]] | None = None
    ) -> Client:
        """A connection for this partner: the server may still be reading that it is one."""
        while True:
            try:
                client = await self._connected(user, again)
            except LinkError as error:
                partner.outbox.fault = partner.inbox.fault = str(error)
                await asyncio.sleep(self.settings.look_s)
            else:
                partner.clients.append(client)
                return client

    async def _connected(
        self, user: str, again: Callable[[], Awaitable[None]] | None = None
    ) -> Client:
        return await connect(
            self.node,
            user,
            wait_s=self.settings.answer_s,
            reconnected_cb=again,
            ping_interval=max(1, round(self.settings.answer_s)),
            max_outstanding_pings=2,
        )

    async def _reconnected(self) -> None:
        for partner in self._partners.values():
            partner.outbox.check()

    async def _live_arrived(self, message: Msg) -> None:
        partner = self._partners.get(message.subject.split(".", 2)[1])
        if partner is None:
            return
        try:
            partner.live.put_nowait(message.data)
        except asyncio.QueueFull:
            partner.shed += 1  # core NATS would drop them too, uncounted (trap 7)

    async def _take_live(self, partner: _Partner) -> None:
        turns = Turns(self.settings.slice_s)
        while True:
            if partner.live.empty():
                data = await partner.live.get()
                turns.begin()
            else:
                await turns.pass_on()
                data = partner.live.get_nowait()
            await self.take_in(partner.name, "live", data)
            partner.live_received += 1

    async def _heartbeat_arrived(self, message: Msg) -> None:
        partner = self._partners.get(message.subject.split(".", 2)[1])
        if partner is None:
            return
        try:
            heard = msgspec.msgpack.decode(message.data, type=_Heartbeat)
        except msgspec.MsgspecError:
            partner.malformed += 1
            return
        now_ns = time.time_ns()
        partner.heard, partner.heard_ns = heard, now_ns
        if heard.echo_ns:
            partner.round_trip_s = max(0, now_ns - heard.echo_ns - heard.kept_ns) / _NS
        self._set_up(partner, True)
        outbox, inbox = partner.outbox, partner.inbox
        if heard.outbox and heard.outbox != inbox.epoch and not inbox.fault:
            inbox.ask_anew(heard.outbox)
        if outbox.paused and outbox.epoch and heard.source == outbox.epoch and partner.keeper:
            with contextlib.suppress(LinkError):
                await outbox.agreed(partner.keeper)
        # Never more than an hour ahead: a partner that lies must not exhaust the numbers.
        if heard.has <= now_ns // 1_000_000 + 3_600_000:
            outbox.partner_has = heard.has
        if outbox.last and outbox.partner_has > outbox.last:
            # It has what is not here: the store went back in time (trap 2).
            outbox.check()

    def _set_up(self, partner: _Partner, up: bool) -> None:
        if partner.up != up:
            partner.up, partner.since_ns = up, time.time_ns()

    async def _beat(self) -> None:
        """Send heartbeats, and judge those that came."""
        while True:
            for partner in list(self._partners.values()):
                await self._send_heartbeat(partner)
                self._judge(partner)
            await asyncio.sleep(self.settings.heartbeat_s)

    async def _send_heartbeat(self, partner: _Partner) -> None:
        if not self._gate or not self._gate.is_connected:
            return
        now_ns = time.time_ns()
        heartbeat = _Heartbeat(
            now_ns,
            partner.backlog[0],
            partner.inbox.last,
            partner.outbox.epoch,
            partner.inbox.epoch,
            partner.heard.sent_ns if partner.heard else 0,
            now_ns - partner.heard_ns if partner.heard else 0,
        )
        with contextlib.suppress(nats.errors.Error):
            await self._gate.publish(
                f"{partner.live_subject}.{_HEARTBEAT}", msgspec.msgpack.encode(heartbeat)
            )

    def _judge(self, partner: _Partner) -> None:
        now_ns = time.time_ns()
        if (now_ns - partner.heard_ns) / _NS > self.settings.silent_s:
            self._set_up(partner, False)
        partner.inbox.look_for_missing()
        waiting = partner.heard.waiting if partner.heard else 0
        agreed = partner.heard is not None and partner.heard.outbox == partner.inbox.epoch
        behind = partner.up and agreed and waiting > 0 and partner.inbox.idle
        if not behind:
            partner.behind_since_ns = 0
        elif not partner.behind_since_ns:
            partner.behind_since_ns = now_ns
        quiet_ns = now_ns - max(partner.behind_since_ns, partner.inbox.last_ns)
        if behind and quiet_ns > self.settings.wedged_s * _NS:
            partner.wedged += 1
            partner.behind_since_ns = now_ns
            partner.inbox.last_ns = now_ns
            partner.inbox.ask_anew(partner.heard.outbox if partner.heard else "")

    async def _measure(self, partner: _Partner) -> None:
        """Ask how much waits in the outbox."""
        while True:
            await asyncio.sleep(self.settings.heartbeat_s)
            if not partner.keeper or not partner.keeper.is_connected:
                continue
            with contextlib.suppress(LinkError, KeyError):
                subject = f"$JS.API.STREAM.INFO.{outbox_name(partner.name, self.node.exercise)}"
                said: dict[str, Any] = await ask(partner.keeper, subject, {})
                partner.backlog = _backlog(said["state"], partner.outbox.partner_has)

    async def _look(self) -> None:
        """Notice partners that were added or removed."""
        while True:
            await asyncio.sleep(self.settings.look_s)
            try:
                cards = _cards(self.node.folder)
                if cards != self._cards:
                    await self.refresh()
                    self._cards = cards
                self.folder_fault = ""
            except (InputError, LinkError, OSError) as error:
                # a card may go while it is read: the next look sees what is there then
                self.folder_fault = str(error)

    def _state(self, partner: _Partner) -> LinkState:
        alarms = []
        if not partner.up:
            alarms.append(
                f"no heartbeat of {partner.name}: its node or the link is down; "
                "what is for it waits in the outbox"
            )
        for fault in (partner.outbox.fault, partner.inbox.fault, self.folder_fault):
            if fault:
                alarms.append(fault)
        if partner.up and partner.outbox.paused:
            alarms.append(
                f"the durable path to {partner.name} waits until that nation's node has said that "
                "it fetches from this outbox"
            )
        if partner.behind_since_ns and partner.wedged:
            alarms.append(
                f"the durable path from {partner.name} stands still while the live one goes on; "
                f"it was asked anew {partner.wedged} times: see the server's log"
            )
        if partner.inbox.lost:
            alarms.append(
                f"{partner.inbox.lost} batches of {partner.name} never came by the durable path: "
                "have it publish again what its journal has"
            )
        if partner.outbox.counts.renewed:
            alarms.append(
                f"the outbox to {partner.name} had lost what was acknowledged and was made anew: "
                "check the disk; publish again what the journal has as sent"
            )
        outbox, inbox = partner.outbox, partner.inbox
        return LinkState(
            partner=partner.name,
            up=partner.up,
            since_ns=partner.since_ns,
            backlog_batches=partner.backlog[0],
            backlog_bytes=partner.backlog[1],
            waiting_messages=outbox.waiting_messages,
            round_trip_s=partner.round_trip_s if partner.up else None,
            delay_s=inbox.delay_s,
            alarms=tuple(alarms),
            out=outbox.counts,
            live_sent=partner.live_sent,
            live_received=partner.live_received,
            live_dropped=partner.unsent + partner.shed,
            live_shed=partner.shed,
            durable_received=inbox.messages,
            durable_repeated=inbox.repeated,
            malformed=inbox.malformed + partner.malformed,
        )


def _backlog(state: dict[str, Any], has: int) -> tuple[int, int]:
    """Batches and bytes that a partner has not taken in.

    The outbox itself holds more: acknowledgements come in groups.
    """
    messages = int(state["messages"])
    waiting = min(messages, max(0, int(state["last_seq"]) - has))
    return waiting, int(state["bytes"]) * waiting // max(1, messages)


def _locked(store: Path) -> int:
    """Lock a folder: two that write into one outbox would take each other's batches for theirs."""
    store.mkdir(parents=True, exist_ok=True)
    lock = os.open(store / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise LinkError(
            f"{store / _LOCK}: another node runs with this folder; end it, or use another folder"
        ) from None
    return lock


def is_running(store: Path) -> bool:
    """Whether a node runs with a store."""
    try:
        lock = os.open(store / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _machine_crashed(store: Path) -> bool:
    """Whether the machine went down while a link ran.

    Then even what was synced may be gone, where a disk lies about it: new outboxes (trap 2).
    """
    marker = store / _RUNNING
    return marker.exists() and marker.read_text() != _boot()


def _mark_running(store: Path) -> None:
    (store / _RUNNING).write_text(_boot())


def _boot() -> str:
    """What differs from one start of the machine to the next; empty where nobody says."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _cards(folder: Path) -> tuple[tuple[str, int], ...]:
    """Which cards there are, partners' and one's own, and when each was written."""
    cards = [*sorted((folder / "partners").glob("*.card.toml")), *folder.glob("*.card.toml")]
    return tuple((card.name, card.stat().st_mtime_ns) for card in cards)
