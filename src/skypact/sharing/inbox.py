"""The durable path in: this nation's server fetches what a partner has for it, and keeps it here.

A stream sources the partner's outbox through its named consumer, over the link. It is a work queue
too: a batch leaves it once all its messages were taken in. Where nothing takes them in, it fills to
its bound, the server stops fetching, and the rest waits in the partner's outbox.
"""

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import LinkError
from skypact.settings import LinkSettings
from skypact.sharing.nats_config import consumer_name, delivery_subject, inbox_name, outbox_name
from skypact.sharing.outbox import Batch, ask
from skypact.sharing.tasks import Turns, end

_NS = 1_000_000_000
_PAUSE_S = 0.2
_STEP_S = 0.005
_HOUR_NS = 3600 * _NS
_SOURCE = "Nats-Stream-Source"
_NO_STREAM = 10059
_EPOCH = "outbox"

Taken = Awaitable[Any] | None
"""Done once a message that was taken in is on disk; None: it need not be."""
TakeIn = Callable[[bytes], Awaitable[Taken]]


class _Unwritten(NamedTuple):
    """A batch that was taken in; what is done once it is on disk."""

    message: Msg
    written: list[Awaitable[Any]]


class Inbox:
    """What one partner sent by the durable path. `run` keeps it until cancelled."""

    def __init__(
        self,
        nation: str,
        partner: str,
        settings: LinkSettings,
        most_bytes: int,
        take_in: TakeIn,
        *,
        exercise: bool = False,
    ) -> None:
        self.partner, self._exercise = partner, exercise
        self._nation, self._settings, self._most_bytes = nation, settings, most_bytes
        self._take_in = take_in
        self._queue: asyncio.Queue[tuple[int, Msg]] = asyncio.Queue()
        self._turns = Turns(settings.slice_s)
        self._generation = 0
        self._broken = asyncio.Event()
        self._anew: str | None = None
        self.epoch = ""
        """The partner's outbox that the source was made for."""
        self.last = 0
        """The number, in the partner's outbox, of the newest batch that is taken in and on disk."""
        self._taken = 0
        """... that was taken in, and may not be on disk yet."""
        self._unwritten: asyncio.Queue[_Unwritten] = asyncio.Queue()
        self.last_ns = time.time_ns()
        """When that was, or when the link was started."""
        self.messages = 0
        self.repeated = 0
        """Batches that came again after a break and were dropped."""
        self.repeated_messages = 0
        """... and messages that came again in another batch."""
        self._come: OrderedDict[bytes, None] = OrderedDict()
        self.malformed = 0
        self.delay_s: float | None = None
        """From publishing to taking in, of the newest batch, by both clocks."""
        self.fault = "not started"
        self.busy = False
        self._under_way = 0
        """Batches that were taken in and are not acknowledged."""
        self._acknowledged: tuple[Client, str] | None = None
        self._held: dict[int, Msg] = {}
        self._jump = True
        self._missing_since_s = 0.0
        self._asked_for_missing = False
        self.lost = 0
        """Batches that never came although later ones did."""

    @property
    def idle(self) -> bool:
        """Whether nothing that came is still to be taken in."""
        return not self.busy and not self._under_way and self._queue.empty()

    def check(self) -> None:
        """Read on from the oldest batch that was not taken in: after a reconnection."""
        self._broken.set()

    def ask_anew(self, epoch: str) -> None:
        """Have the server fetch anew: its source is wedged (trap 8), or the outbox is a new one.

        `epoch` tells the partner's outbox of now.
        """
        self._jump |= epoch != self.epoch
        self._anew = epoch
        self._broken.set()

    async def run(self, keeper: Client) -> None:
        """Fetch and take in, through every break."""
        tasks = (
            asyncio.create_task(self._take(keeper), name=f"inbox from {self.partner}"),
            asyncio.create_task(self._acknowledge(keeper), name=f"inbox kept of {self.partner}"),
        )
        subscription = None
        try:
            while True:
                self._broken.clear()
                try:
                    if subscription:
                        with contextlib.suppress(nats.errors.Error):
                            await subscription.unsubscribe()
                    subscription = await self._open(keeper)
                    self.fault = ""
                    await self._broken.wait()
                except (nats.errors.Error, LinkError, OSError) as error:
                    self.fault = str(error) or type(error).__name__
                    await asyncio.sleep(_PAUSE_S)
        finally:
            await end(*tasks)

    async def close(self) -> None:
        """Finish the batches that are being taken in, and see their acknowledgement through.

        Before `run` is cancelled, so that a clean stop repeats nothing. What does not return in
        time comes again.
        """
        self._generation += 1  # no further batch
        ends_s = time.monotonic() + self._settings.stop_s
        while (self.busy or self._under_way) and time.monotonic() < ends_s:
            await asyncio.sleep(_STEP_S)
        if self._acknowledged and not self.busy and not self._under_way:
            client, reply = self._acknowledged
            with contextlib.suppress(nats.errors.Error, OSError):
                await client.request(reply, b"+ACK", timeout=self._settings.stop_s)

    async def _open(self, keeper: Client) -> Any:
        """Read from the start of what is left: the order holds, whatever had been handed out."""
        stream = inbox_name(self.partner, self._exercise)
        said = await ask(keeper, f"$JS.API.STREAM.INFO.{stream}", {})
        if said.get("error", {}).get("err_code") == _NO_STREAM:
            said = await self._require(keeper, f"$JS.API.STREAM.CREATE.{stream}", self._stream(""))
        if self._anew is not None:
            update = f"$JS.API.STREAM.UPDATE.{stream}"
            without = {key: value for key, value in self._stream("").items() if key != "sources"}
            await self._require(keeper, update, without)
            said = await self._require(keeper, update, self._stream(self._anew))
            self._anew = None
        self.epoch = said.get("config", {}).get("metadata", {}).get(_EPOCH, "")
        names = await self._require(keeper, f"$JS.API.CONSUMER.NAMES.{stream}", {})
        for name in names.get("consumers") or []:
            await ask(keeper, f"$JS.API.CONSUMER.DELETE.{stream}.{name}", {})
        self._held.clear()  # they come again
        self._generation += 1
        generation = self._generation

        async def arrived(message: Msg) -> None:
            self._queue.put_nowait((generation, message))

        deliver = keeper.new_inbox()
        subscription = await keeper.subscribe(deliver, cb=arrived)
        # A name of its own each time: an answer to the one before never counts for this one.
        name = f"gate_{time.time_ns()}"
        config = {
            "name": name,
            "durable_name": name,
            "deliver_subject": deliver,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": _HOUR_NS,  # never again by itself: that would be out of order
            "max_deliver": -1,
            "max_ack_pending": self._settings.inbox_batches,
            "replay_policy": "instant",
        }
        await self._require(
            keeper,
            f"$JS.API.CONSUMER.CREATE.{stream}.{name}",
            {"stream_name": stream, "config": config, "action": "create"},
        )
        return subscription

    async def _take(self, keeper: Client) -> None:
        while True:
            generation, message = await self._queue.get()
            if generation != self._generation:
                continue
            self.busy = True
            try:
                for due in self._in_order(message):
                    written = await self._take_batch(due)
                    self._under_way += 1
                    self._unwritten.put_nowait(_Unwritten(due, written))
            finally:
                self.busy = False

    async def _acknowledge(self, keeper: Client) -> None:
        """Acknowledge batches in order, each once all of it is on disk.

        What is acknowledged is gone from the durable path. The next are taken in meanwhile.
        """
        while True:
            one = await self._unwritten.get()
            number = _number_at_origin(one.message)
            try:
                await asyncio.gather(*one.written)
                if number is not None and number > self.last:
                    self.last = number
                self.last_ns = time.time_ns()
                await keeper.publish(one.message.reply, b"+ACK")
                self._acknowledged = (keeper, one.message.reply)
            except (nats.errors.Error, OSError):
                self.check()
            finally:
                self._under_way -= 1

    def _in_order(self, message: Msg) -> Iterator[Msg]:
        """What is due now that this one came: itself, and those that waited for it.

        After a stall the server's source starts over, and what was on its way before may be stored
        ahead of what is sent again: one that is ahead waits, unacknowledged, for those between.
        """
        number = _number_at_origin(message)
        ahead = number is not None and self._taken and number > self._taken + 1
        if ahead and not self._jump:
            self._held[number or 0] = message
            self._missing_since_s = self._missing_since_s or time.monotonic()
            return
        self._jump = False
        yield message
        while self._taken + 1 in self._held:
            yield self._held.pop(self._taken + 1)
        if not self._held:
            self._missing_since_s = 0.0

    def look_for_missing(self) -> None:
        """Ask anew for batches that do not come; pass over those that never will, and say so."""
        waited_s = time.monotonic() - self._missing_since_s if self._held else 0.0
        if waited_s > 2 * self._settings.wedged_s:
            self.lost += min(self._held) - self._taken - 1
            self._jump, self._missing_since_s = True, 0.0
            self._broken.set()
        elif waited_s > self._settings.wedged_s and not self._asked_for_missing:
            self._asked_for_missing = True
            self.ask_anew(self.epoch)

    async def _take_batch(self, message: Msg) -> list[Awaitable[Any]]:
        """Hand over what is in a batch; what is to be waited for until all of it is on disk."""
        number = _number_at_origin(message)
        written: list[Awaitable[Any]] = []
        if number is not None and number <= self._taken:
            self.repeated += 1
            return written
        self._asked_for_missing = False
        try:
            batch = msgspec.msgpack.decode(message.data, type=Batch)
        except msgspec.MsgspecError:
            self.malformed += 1  # only its own sender loses by it
        else:
            for message_id, data in batch.messages:
                if self._is_new(message_id, data):
                    await self._turns.pass_on()
                    taken = await self._take_in(data)
                    self.messages += 1
                    if taken is not None:
                        written.append(taken)
            self.delay_s = (time.time_ns() - batch.published_ns) / _NS
        if number is not None:
            self._taken = number
        return written

    def _is_new(self, message_id: str, data: bytes) -> bool:
        """Whether a message did not come before; then it has come now.

        A server that is killed may have stored a batch and not know it: the outbox sends it again
        under a new number.
        """
        content = hashlib.blake2b(message_id.encode() + b"\0" + data, digest_size=16).digest()
        if content in self._come:
            self.repeated_messages += 1
            return False
        self._come[content] = None
        if len(self._come) > self._settings.kept_messages:
            self._come.popitem(last=False)
        return True

    async def _require(self, keeper: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        said = await ask(keeper, subject, body)
        if "error" in said:
            raise LinkError(f"inbox from {self.partner}: {said['error'].get('description')}")
        return said

    def _stream(self, epoch: str) -> dict[str, Any]:
        deliver = delivery_subject(self.partner, self._nation, self._exercise)
        source = {
            "name": outbox_name(self._nation, self._exercise),
            "external": {"api": f"$JS.{self.partner}.API", "deliver": deliver},
            "consumer": {
                "name": consumer_name(self._nation, self._exercise),
                "deliver_subject": deliver,
            },
        }
        return {
            "name": inbox_name(self.partner, self._exercise),
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "max_bytes": self._most_bytes,
            "max_msgs": -1,
            "max_consumers": 2,
            "num_replicas": 1,
            "sources": [source],
            "metadata": {_EPOCH: epoch},
        }


def _number_at_origin(message: Msg) -> int | None:
    """The number that a sourced message had in the partner's outbox."""
    words = (message.headers or {}).get(_SOURCE, "").split(" ")
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else None
