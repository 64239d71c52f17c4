"""The durable path out: what is for a partner waits in a stream until that partner's server has it.

The outbox is a *work queue*: a message leaves it when the partner's server has acknowledged it, so
the disk that it takes is bounded by what is on its way. One with limits stays full even on a good
link and then refuses what is new (trap 3).

Messages go in by batches, each acknowledged once it is on disk. Several batches are under way at
once; each names the sequence number that the outbox must be at (`Nats-Expected-Last-Sequence`) and
an id of its own. So a batch that got lost makes all after it fail too, nothing overtakes, and after
a break the outbox's last number tells exactly which batches are in it: the rest is repeated in
order, unchanged.
"""

import asyncio
import contextlib
import itertools
import secrets
import time
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import LinkError, OutboxFullError
from skypact.settings import LinkSettings
from skypact.sharing.nats_config import (
    consumer_name,
    delivery_subject,
    outbox_name,
    outbox_subject,
)

_NS = 1_000_000_000
_MIB = 1 << 20
_NO_STREAM, _NO_CONSUMER = 10059, 10014
_FOR_EVER = "2999-01-01T00:00:00Z"
_FULL = (10047, 10077, 10122)
"""Codes of nats-server: storage, bytes and messages exceeded."""
_PAUSE_S = 0.1
_GREATEST_PAUSE_S = 2.0
_OVERHEAD_BYTES = 16


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """What goes into the outbox at once: several messages and when the first was published."""

    published_ns: int
    messages: list[tuple[str, bytes]]


class _Waiting(NamedTuple):
    message_id: str
    data: bytes
    published_ns: int
    stored: "asyncio.Future[None]"
    after: "asyncio.Future[Any] | None"

    @property
    def may_go(self) -> bool:
        """Whether what is to come before it is done."""
        return self.after is None or self.after.done()


class _Flight:
    """A batch on its way into the outbox."""

    def __init__(self, batch_id: str, body: bytes, messages: list[_Waiting]) -> None:
        self.batch_id, self.body, self.messages = batch_id, body, messages
        """The id is no other batch's, of no process: a server that has it has this one (trap 5)."""
        self.token = ""
        self.sent_s = 0.0


class OutboxCounts(NamedTuple):
    """How much went in, ever since the link was started."""

    messages: int
    batches: int
    repeated: int
    """Batches handed over again after a break."""
    renewed: int
    """How often the outbox was made anew because its store had gone back in time."""


class Outbox:
    """One partner's outbox. `run` keeps it until cancelled, through every break."""

    def __init__(
        self,
        nation: str,
        partner: str,
        settings: LinkSettings,
        most_bytes: int,
        reachable: Callable[[], bool],
        *,
        exercise: bool = False,
    ) -> None:
        self.partner = partner
        self._stream_name = outbox_name(partner, exercise)
        self._consumer_name = consumer_name(partner, exercise)
        self._subject = outbox_subject(partner, exercise)
        self._delivery = delivery_subject(nation, partner, exercise)
        self._nation, self._settings = nation, settings
        self._most_bytes = most_bytes
        self._reachable = reachable
        # Not by what is in a batch: a node that is started again offers the same messages anew.
        run = secrets.token_hex(8)
        self._ids = (f"{run}-{number}" for number in itertools.count())
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = self._waiting_messages = 0
        self._due_ns = 0
        self._flights: deque[_Flight] = deque()
        self._wake = asyncio.Event()
        self._broken = True
        self._generation = self._token = 0
        self._made = ""
        self._left: list[_Flight] = []
        """What was in an outbox that was given up, for the next."""
        self._last = self._found = 0
        self._counts = [0, 0, 0, 0]
        self.partner_has = 0
        """The newest batch that the partner said it has, from its heartbeat."""
        self.epoch = ""
        """When the consumer was made: tells one from the next."""
        self.paused = True
        """Whether the consumer waits for the partner's source."""
        self.went_back = False
        """Whether the store may have lost what it had acknowledged: it is made anew."""
        self.fault = "not started"
        """Why nothing goes in; empty while all is well."""

    @property
    def counts(self) -> OutboxCounts:
        """How much went in."""
        return OutboxCounts(*self._counts)

    @property
    def last(self) -> int:
        """The number of the newest batch in the outbox; 0 before it is known."""
        return self._last

    @property
    def waiting_messages(self) -> int:
        """Messages that the outbox has not acknowledged."""
        return self._waiting_messages

    def put(
        self,
        message_id: str,
        data: bytes,
        published_ns: int,
        *,
        copied: bool = False,
        after: "asyncio.Future[Any] | None" = None,
    ) -> "asyncio.Future[None]":
        """Hand over a message; the future is done when the outbox has it on disk.

        `copied`: it went by the live path too, so that this one may wait for others to go with.
        `after`: it, and what comes behind it, goes once this is done, well or not.
        Raises OutboxFullError when more wait than may, LinkError for one that is too long.
        """
        settings = self._settings
        if len(data) > settings.max_message_bytes:
            raise LinkError(
                f"a message of {len(data)} bytes to {self.partner}: longer than "
                f"link.max_message_bytes ({settings.max_message_bytes}); send it in parts"
            )
        if (
            self._waiting_messages >= settings.waiting_messages
            or self._waiting_bytes + len(data) > settings.waiting_mib * _MIB
        ):
            raise OutboxFullError(
                f"{self._waiting_messages} messages wait for the outbox to {self.partner} "
                f"({self.fault or 'it is slow'}); publish this one again later"
            )
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wait_s = settings.copy_batch_s if copied else settings.batch_s
        due_ns = published_ns + int(wait_s * _NS)
        sooner = not self._waiting or due_ns < self._due_ns
        self._due_ns = due_ns if sooner else self._due_ns
        self._waiting.append(_Waiting(message_id, data, published_ns, stored, after))
        self._waiting_messages += 1
        self._waiting_bytes += len(data)
        if sooner or self._batch_is_full():
            self._wake.set()
        return stored

    def check(self) -> None:
        """Have `run` look at the outbox again: after a reconnection, or a heartbeat."""
        self._broken = True
        self._wake.set()

    def drop(self) -> None:
        """Give up all that waits: the partner is none any more."""
        for waiting in [*(m for f in self._flights for m in f.messages), *self._waiting]:
            waiting.stored.cancel()
        self._flights.clear()
        self._waiting.clear()
        self._waiting_messages = self._waiting_bytes = 0

    async def run(self, gate: Client, keeper: Client) -> None:
        """Keep the outbox: `gate` hands over, `keeper` creates the stream and asks how it is."""
        inbox = gate.new_inbox()
        answers = await gate.subscribe(f"{inbox}.*", cb=self._answered)
        pause_s = _PAUSE_S
        try:
            while True:
                try:
                    if self._broken:
                        await self._settle(gate, keeper, inbox)
                        pause_s = _PAUSE_S
                    await self._hand_over(gate, inbox)
                except (nats.errors.Error, LinkError, OSError) as error:
                    self.fault = str(error) or type(error).__name__
                    self._broken = True
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _GREATEST_PAUSE_S)
        finally:
            with contextlib.suppress(Exception):
                await answers.unsubscribe()

    async def _hand_over(self, gate: Client, inbox: str) -> None:
        """Send batches as they become due, until something breaks."""
        while not self._broken:
            room = len(self._flights) < self._settings.batches_in_flight
            if not (room and self._waiting):
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.answer_s):
                        await self._wake.wait()
                self._look_for_lost_answers()
                continue
            await self._linger()
            await self._first_may_go()
            if self._broken or not self._waiting:
                continue
            flight = self._next_batch()
            self._flights.append(flight)
            await self._send(gate, inbox, flight, self._last + len(self._flights) - 1)

    async def _linger(self) -> None:
        """Let a batch grow: for a long time where nobody can get it anyway.

        Each batch costs a sync of the disk here and one at the partner. So batches gathered while
        a link was cut are caught up with many times faster than they were published.
        """
        settings = self._settings
        cut = not self._reachable()
        most_s = settings.cut_batch_s if cut else settings.copy_batch_s
        while (left_s := (self._ends_ns(cut) - time.time_ns()) / _NS) > 0:
            if left_s > most_s or self._batch_is_full():  # or the clock was set back
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s if not cut else min(left_s, settings.batch_s)):
                    await self._wake.wait()
            if self._broken or (cut and self._reachable()):
                return

    async def _first_may_go(self) -> None:
        """Wait until what is to come before the first is done."""
        while not self._broken and self._waiting and not self._waiting[0].may_go:
            assert self._waiting[0].after is not None
            await asyncio.wait([self._waiting[0].after], timeout=self._settings.answer_s)

    def _ends_ns(self, cut: bool) -> int:
        """When what waits is to go."""
        if cut:
            return self._waiting[0].published_ns + int(self._settings.cut_batch_s * _NS)
        return self._due_ns

    def _batch_is_full(self) -> bool:
        settings = self._settings
        return (
            len(self._waiting) >= settings.batch_messages
            or self._waiting_bytes >= settings.batch_bytes
        )

    def _next_batch(self) -> _Flight:
        settings = self._settings
        messages: list[_Waiting] = []
        size = 0
        while self._waiting and len(messages) < settings.batch_messages:
            if not self._waiting[0].may_go:
                break
            size += len(self._waiting[0].data) + _OVERHEAD_BYTES
            if messages and size > settings.batch_bytes:
                break
            messages.append(self._waiting.popleft())
        self._due_ns = 0  # what is left goes next
        batch = Batch(messages[0].published_ns, [(m.message_id, m.data) for m in messages])
        return _Flight(next(self._ids), msgspec.msgpack.encode(batch), messages)

    async def _send(self, gate: Client, inbox: str, flight: _Flight, expected: int) -> None:
        self._token += 1
        flight.token = f"{self._generation}-{self._token}"
        flight.sent_s = time.monotonic()
        await gate.publish(
            self._subject,
            flight.body,
            reply=f"{inbox}.{flight.token}",
            headers={
                "Nats-Msg-Id": flight.batch_id,
                "Nats-Expected-Last-Sequence": str(expected),
            },
        )

    async def _answered(self, message: Msg) -> None:
        token = message.subject.rpartition(".")[2]
        if not self._flights or token != self._flights[0].token:
            return  # of a batch that was settled otherwise
        try:
            said = msgspec.json.decode(message.data)
        except msgspec.DecodeError:
            said = {"error": {"description": "no outbox answers"}}
        if "error" in said:
            fault = said["error"]
            self.fault = f"outbox to {self.partner}: {fault.get('description')}"
            if fault.get("err_code") in _FULL:
                self.fault += "; raise store.outbox_mib, or mend the link"
            self._broken = True
        else:
            self._store_first(int(said["seq"]))
            self.fault = ""
        self._wake.set()

    def _store_first(self, number: int) -> None:
        """The oldest batch under way is in the outbox, under this number."""
        flight = self._flights.popleft()
        self._last = number
        self._counts[0] += len(flight.messages)
        self._counts[1] += 1
        self._waiting_messages -= len(flight.messages)
        self._waiting_bytes -= sum(len(message.data) for message in flight.messages)
        for message in flight.messages:
            if not message.stored.done():
                message.stored.set_result(None)

    def _look_for_lost_answers(self) -> None:
        if self._flights:
            late_s = time.monotonic() - self._flights[0].sent_s
            self._broken |= late_s > self._settings.answer_s

    async def _settle(self, gate: Client, keeper: Client, inbox: str) -> None:
        """Find out what the outbox has of what is under way, and hand over the rest again."""
        if self.fault:
            await asyncio.sleep(_PAUSE_S if self._flights else 0)
        self._generation += 1  # answers to what went before mean nothing any more
        made, state = await self._stream_state(keeper)
        last = int(state["last_seq"])
        if not self._made:
            self._made, self._last, self._found = made, last, last
        went_back = self.went_back or last < max(self._last, self.partner_has)
        if made == self._made and went_back:
            await self._give_up(keeper, state, self._last if last < self._last else self._found)
            made, state = await self._stream_state(keeper)
            last = int(state["last_seq"])
        if made != self._made:
            self._begin_anew(made, last)
        for _ in range(await self._stored_meanwhile(keeper, last)):
            self._store_first(last)
        self._last = last
        self._broken = False
        self.fault = ""
        for place, flight in enumerate(self._flights):
            self._counts[2] += flight.token != ""
            await self._send(gate, inbox, flight, self._last + place)

    async def _stored_meanwhile(self, keeper: Client, last: int) -> int:
        """How many of those under way are in the outbox: up to the newest that it shows.

        Not as many as it has grown by: it may have taken what a node that was killed had sent.
        What is gone from it again, because the partner has it, is repeated and dropped there.
        """
        places = {flight.batch_id: place for place, flight in enumerate(self._flights, 1)}
        for number in range(last, self._last, -1):
            if not places:
                break
            said = await self._message(keeper, {"seq": number})
            headers = b64decode(said.get("message", {}).get("hdrs", ""))
            for line in headers.decode(errors="replace").split("\r\n"):
                name, _, value = line.partition(":")
                if name == "Nats-Msg-Id" and value.strip() in places:
                    return places[value.strip()]
        return 0

    async def _message(self, keeper: Client, which: dict[str, Any]) -> dict[str, Any]:
        return await ask(keeper, f"$JS.API.STREAM.MSG.GET.{self._stream_name}", which)

    async def _give_up(self, keeper: Client, state: dict[str, Any], before: int) -> None:
        """End an outbox whose store has gone back in time: power was lost without a sync.

        The partner would pass over every new message whose number it has seen before, without a
        sign (trap 2). A new outbox has numbers that were never used. What is left in the old one
        goes on in it, but for those up to `before` that the partner said it has.
        """
        taken = min(before, self.partner_has)
        stream = self._stream_name
        left: list[_Flight] = []
        number = max(int(state["first_seq"]), taken + 1)
        while number <= int(state["last_seq"]):
            said = await self._message(keeper, {"seq": number, "next_by_subj": ">"})
            if "error" in said:
                break
            message = said["message"]
            number = int(message["seq"]) + 1
            body = b64decode(message.get("data", ""))
            left.append(_Flight(next(self._ids), body, []))
        self._left = left  # before it is gone: nobody may hear that it is
        await ask(keeper, f"$JS.API.STREAM.DELETE.{stream}", {})

    def _begin_anew(self, made: str, last: int) -> None:
        """Another outbox stands where one was: nothing of what is under way is in it."""
        self._made, self._last, self._found = made, last, last
        self._flights.extendleft(reversed(self._left))
        self._left = []
        self.partner_has = 0
        self.went_back = False
        self._counts[3] += 1

    async def _stream_state(self, keeper: Client) -> tuple[str, dict[str, Any]]:
        """When the outbox was made, which tells one from the next, and its state.

        Made where there is none.
        """
        stream = self._stream_name
        said = await ask(keeper, f"$JS.API.STREAM.INFO.{stream}", {})
        if said.get("error", {}).get("err_code") == _NO_STREAM:
            said = await ask(keeper, f"$JS.API.STREAM.CREATE.{stream}", self._stream())
        if "error" in said:
            raise LinkError(f"outbox to {self.partner}: {said['error'].get('description')}")
        await self._open_consumer(keeper)
        return said["created"], said["state"]

    async def _open_consumer(self, keeper: Client) -> None:
        """Find or make the consumer: a new one delivers nothing yet (`agreed`)."""
        name = f"{self._stream_name}.{self._consumer_name}"
        said = await ask(keeper, f"$JS.API.CONSUMER.INFO.{name}", {})
        if said.get("error", {}).get("err_code") == _NO_CONSUMER:
            body = {"stream_name": self._stream_name, "config": self._consumer()}
            said = await ask(keeper, f"$JS.API.CONSUMER.CREATE.{name}", body)
        if "error" in said:
            raise LinkError(f"outbox to {self.partner}: {said['error'].get('description')}")
        self.epoch, self.paused = said["created"], bool(said.get("paused"))

    async def agreed(self, keeper: Client) -> None:
        """Let the consumer deliver: the partner's server sources from this one.

        A source that knew an earlier consumer passes over as many messages of a new one as it had
        from the other, and acknowledges them. So a new consumer is paused until the partner has
        said, by heartbeat, that its source was made for it.
        """
        name = f"{self._stream_name}.{self._consumer_name}"
        said = await ask(keeper, f"$JS.API.CONSUMER.PAUSE.{name}", {})
        if "error" not in said:
            self.paused = False

    def _stream(self) -> dict[str, Any]:
        return {
            "name": self._stream_name,
            "subjects": [self._subject],
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "deny_delete": True,
            "max_bytes": self._most_bytes,
            "max_msgs": -1,
            "max_consumers": 1,
            "num_replicas": 1,
            # Milliseconds since 1970: whenever an outbox is made anew, its numbers go on above all
            # that were ever used, and the partner passes over none of them (traps 2, 4).
            "first_seq": time.time_ns() // 1_000_000,
        }

    def _consumer(self) -> dict[str, Any]:
        """The named durable consumer from which the partner's server sources (new in 2.15).

        The partner may start it over and nothing else; classic sourcing needs leave to create
        consumers, and took 48 s instead of 4 s to resume after a cut.
        """
        return {
            "durable_name": self._consumer_name,
            "name": self._consumer_name,
            "deliver_subject": self._delivery,
            "deliver_policy": "all",
            "ack_policy": "flow_control",
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": _NS,
            "max_ack_pending": self._settings.unacknowledged_batches,
            "max_deliver": -1,
            "pause_until": _FOR_EVER,
        }


async def ask(client: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask JetStream; an error that it answers is returned, LinkError where it does not answer."""
    try:
        message = await client.request(subject, msgspec.json.encode(body), timeout=5.0)
    except (nats.errors.Error, OSError) as error:
        raise LinkError(f"{subject}: {error or type(error).__name__}") from None
    said: dict[str, Any] = msgspec.json.decode(message.data)
    return said
