"""The journal: all that came in and went out, in a JetStream stream of the nation's own account.

An entry counts when it is on disk: the server must be set to `sync_interval: always`, else it says
so before it is. That takes a millisecond or more each time, so entries that come meanwhile go
together in the next message. At most `in_flight` messages are under way; each names the one that
must be the last in the stream before it, so none is stored twice or out of order, whatever was
sent again and whatever the server still had. After any doubt (no answer, an error, a server that
died) the stream's last message tells how far it got, and the rest is sent anew.
"""

import asyncio
import contextlib
import json
import secrets
import shutil
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
    StreamState,
)

from skypact.errors import JournalError
from skypact.model import Entry, EntryKind, JournalHealth, JournalState
from skypact.settings import JournalSettings

STREAM = "JOURNAL"
SUBJECT = "journal"


def stream_of(exercise: bool) -> str:
    """The stream of a live node's journal, or of an exercise's."""
    return f"EXERCISE_{STREAM}" if exercise else STREAM


def subject_of(exercise: bool) -> str:
    """Its subject."""
    return f"exercise.{SUBJECT}" if exercise else SUBJECT


_GREATEST_ENTRIES = 1 << 16
"""Of one message."""
_OVERHEAD_OCTETS = 64
"""Of an entry, beside its payload and what it is about; and of a message. Rather too much."""
_READ_AT_ONCE = 64
_IDLE_S = 60.0
_FORGOTTEN = (
    TimeoutError,
    nats.js.errors.NotFoundError,
    nats.js.errors.ServiceUnavailableError,
)
"""What is heard of a server that is busy, or that forgot a reader who was long about the last."""
_T = TypeVar("_T")
_ASKED_AGAIN = 4
"""Times that a server that does not answer is asked again for what it has stored."""
_SERVER_FULL = frozenset((10023, 10047, 10077, 10002))
"""JetStream error codes: insufficient resources, storage; maximum bytes, account's resources."""
_CLOSE_S = 2.0
_CLOCK_S = 0.001
"""The event loop's clock may wake this much too early."""


class _Row(msgspec.Struct, array_like=True, frozen=True):
    """An entry as it is stored, without its number."""

    kind: EntryKind
    about: str
    time_ns: int
    payload: bytes


class _Message(msgspec.Struct, array_like=True, frozen=True):
    """Entries `first` and on. `newest_ns`: the newest time of these and all before."""

    version: int
    writer: str
    first: int
    newest_ns: int
    rows: list[_Row]

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    def entries(self) -> list[Entry]:
        return [
            Entry(number=number, kind=r.kind, about=r.about, time_ns=r.time_ns, payload=r.payload)
            for number, r in enumerate(self.rows, start=self.first)
        ]


class _Waiting(NamedTuple):
    """An entry that is not on disk, and who waits for it."""

    row: _Row
    size: int
    done: "asyncio.Future[int]"


class _Flight(NamedTuple):
    """A message on its way."""

    waiting: list[_Waiting]
    first: int
    newest_ns: int
    answer: "asyncio.Task[dict[str, Any]]"


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(_Message).decode


class Journal:
    """The one writer of a nation's journal, and a reader.

    >>> journal = await Journal.open(connection, settings.journal)
    >>> number = await journal.append(EntryKind.PLOTS_ACCEPTED, "JP-Sado", time_ns, payload)
    >>> async for entry in journal.read(from_number=checkpoint.number + 1):
    ...     replay(entry)
    >>> await journal.close()
    """

    def __init__(self, connection: Client, settings: JournalSettings, stream: str, subject: str):
        self._connection, self._settings = connection, settings
        self._stream, self._subject = stream, subject
        self._context = connection.jetstream(timeout=settings.answer_s)
        self._writer = secrets.token_hex(8)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._flying: deque[_Flight] = deque()
        self._work = asyncio.Event()
        self._due_s: float | None = None
        self._next_number = 1
        self._newest_ns = self._last_sequence = self._lost = 0
        self._last_number = 0
        self._state, self._reason, self._remedy = JournalState.WELL, "", ""
        self._task: asyncio.Task[None] | None = None
        self._folder: Path | None = None

    @classmethod
    async def open(
        cls,
        connection: Client,
        settings: JournalSettings,
        *,
        folder: Path | None = None,
        stream: str = STREAM,
        subject: str = SUBJECT,
    ) -> "Journal":
        """The journal of the connection's account; it is made where there is none.

        `folder`: where the server keeps its streams, if it is on this machine: its room is checked.
        Raises JournalError: no JetStream, no answer, or not enough room for rate × retention.
        """
        journal = cls(connection, settings, stream, subject)
        journal._folder = folder
        try:
            await journal._prepare()
            journal._take_up(*await journal._end_of_stream())
        except (nats.errors.Error, TimeoutError) as error:
            reason = f"the server does not serve it ({_words(error)})"
            raise JournalError(journal._place, reason, _JETSTREAM) from None
        journal._next_number = journal._last_number + 1
        journal._task = asyncio.create_task(journal._write(), name="journal")
        return journal

    @classmethod
    async def reading(
        cls, connection: Client, settings: JournalSettings, *, stream: str, subject: str
    ) -> "Journal":
        """The journal as it is, to be read alone, while a node writes it or none does.

        Raises JournalError: no JetStream, no answer, or there is no such journal.
        """
        journal = cls(connection, settings, stream, subject)
        try:
            journal._take_up(*await journal._end_of_stream())
        except nats.js.errors.NotFoundError:
            raise JournalError(
                journal._place, "there is none", "name the folder of a node that has run"
            ) from None
        except (nats.errors.Error, TimeoutError) as error:
            reason = f"the server does not serve it ({_words(error)})"
            raise JournalError(journal._place, reason, _JETSTREAM) from None
        journal._say(JournalState.CLOSED, "it is open to be read alone", "open it to write")
        return journal

    async def append(self, kind: EntryKind, about: str, time_ns: int, payload: bytes) -> int:
        """The entry's number, once it is on disk; waits while the disk is full or nobody answers.

        Who stops waiting (a time-out, a cancelled task) does not take the entry back.
        Raises JournalError as `put` does, and where the journal is closed meanwhile.
        """
        return await asyncio.shield(self.put(kind, about, time_ns, payload))

    def put(
        self, kind: EntryKind, about: str, time_ns: int, payload: bytes, *, soon: bool = True
    ) -> "asyncio.Future[int]":
        """Hand in an entry, in order, without waiting; the future gives its number, once on disk.

        `soon` False: nobody waits for it, and up to `linger_s` it waits for others to go with.
        Raises JournalError: it is too long, too much waits already, or the journal is closed.
        """
        size = len(payload) + len(about) + _OVERHEAD_OCTETS
        if size > self._settings.greatest_entry_bytes:
            reason = (
                f"an entry of {size:,} bytes, more than {self._settings.greatest_entry_bytes:,}"
            )
            raise JournalError(self._place, reason, "raise journal.greatest_entry_bytes")
        if self._state in (JournalState.CLOSED, JournalState.FOREIGN):
            raise JournalError(self._place, self._reason, self._remedy)
        if self._waiting_bytes + size > self._settings.greatest_waiting_mib * 2**20:
            reason = f"{self._waiting_bytes / 2**20:.0f} MiB wait for the disk"
            reason += f" ({self._reason})" if self._reason else ""
            remedy = self._remedy or "send less, use a faster disk, or raise "
            raise JournalError(
                self._place, reason, self._remedy or remedy + "journal.greatest_waiting_mib"
            )
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # Who does not ask is not told of a failure: no warning of one that nobody heard of.
        done.add_done_callback(_seen)
        self._waiting.append(_Waiting(_Row(kind, about, time_ns, payload), size, done))
        self._waiting_bytes += size
        self._fall_due(self._settings.batch_s if soon else self._settings.linger_s)
        return done

    def require_room(self, size_bytes: int) -> None:
        """Raise JournalError where `put` of so much would soon be refused, or is.

        A tenth of what may wait is left for what cannot be turned away.
        """
        if self._state in (JournalState.CLOSED, JournalState.FOREIGN):
            raise JournalError(self._place, self._reason, self._remedy)
        if self._waiting_bytes + size_bytes > 0.9 * self._settings.greatest_waiting_mib * 2**20:
            reason = f"{self._waiting_bytes / 2**20:.0f} MiB wait for the disk"
            raise JournalError(self._place, reason, self._remedy or "send it again later")

    @property
    def last_number(self) -> int:
        """Of the last entry on disk; 0: there is none."""
        return self._last_number

    @property
    def health(self) -> JournalHealth:
        """How it is."""
        return JournalHealth(
            state=self._state,
            reason=self._reason,
            remedy=self._remedy,
            last_number=self._last_number,
            waiting=len(self._waiting) + sum(len(flight.waiting) for flight in self._flying),
            waiting_bytes=self._waiting_bytes,
            lost=self._lost,
        )

    async def read(
        self, from_number: int = 1, *, from_time_ns: int | None = None
    ) -> AsyncIterator[Entry]:
        """The entries on disk, up to the last there is now, in order.

        From a number, or from the first whose time is at least `from_time_ns`, with all that came
        after it, whatever its time. Entries older than the retention are gone.
        Raises JournalError: no answer, or what is stored cannot be read.
        """
        try:
            async for message in self._messages(from_number, from_time_ns):
                for entry in message.entries():
                    early = from_time_ns is not None and entry.time_ns < from_time_ns
                    if entry.number < from_number or early:
                        continue
                    from_time_ns = None
                    yield entry
        except (nats.errors.Error, TimeoutError) as error:
            reason = f"cannot be read ({_words(error)})"
            raise JournalError(self._place, reason, _JETSTREAM) from None

    async def follow(self, from_number: int = 1) -> AsyncIterator[Entry]:
        """Entries from a number on, in order: those on disk, then each as it comes there, for ever.

        While the server is away, or has no such journal, nothing comes; then it goes on.
        Raises JournalError where what is stored cannot be read.
        """
        while True:
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                async for message in self._messages_for_ever(from_number):
                    for entry in message.entries():
                        if entry.number >= from_number:
                            from_number = entry.number + 1
                            self._last_number = max(self._last_number, entry.number)
                            yield entry
            await asyncio.sleep(self._settings.retry_s)

    async def first_number(self) -> int:
        """Of the oldest entry that is still there; 0: there is none. Raises JournalError."""
        async for entry in self.read():
            return entry.number
        return 0

    async def compact(self, before_number: int) -> None:
        """Drop entries before a number, as far as they share no message with later ones.

        Does nothing unless `compaction` is set. Raises JournalError where nobody answers.
        """
        if not self._settings.compaction:
            return
        try:
            state = (await self._context.stream_info(self._stream)).state
            sequence = await self._search(
                state.first_seq, state.last_seq, lambda message: message.last >= before_number
            )
            if sequence > state.first_seq:
                await self._context.purge_stream(self._stream, seq=sequence)
        except (nats.errors.Error, TimeoutError) as error:
            raise JournalError(
                self._place, f"cannot be compacted ({_words(error)})", _JETSTREAM
            ) from None

    async def close(self) -> None:
        """Write what waits, for two seconds at most, and end. The connection stays open."""
        end = asyncio.get_running_loop().time() + _CLOSE_S
        while (self._waiting or self._flying) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        self._say(JournalState.CLOSED, "the journal is closed", "open it again")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for flight in self._flying:
            flight.answer.cancel()
        self._give_up()

    # Making sure of the stream.

    @property
    def _place(self) -> str:
        return f"journal (stream {self._stream})"

    @property
    def quota_bytes(self) -> int:
        """Rate × retention."""
        return round(self._settings.rate_kib_s * 1024 * self._settings.retention_h * 3600)

    async def _prepare(self) -> None:
        wanted = StreamConfig(
            name=self._stream,
            subjects=[self._subject],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=self._settings.retention_h * 3600,
            max_bytes=self.quota_bytes,
            max_msg_size=self._greatest_message_bytes,
            deny_delete=True,
            num_replicas=1,
        )
        try:
            now = await self._context.stream_info(self._stream)
        except nats.js.errors.NotFoundError:
            now = None
        await self._require_room(now)
        try:
            if now is None:
                await self._context.add_stream(wanted)
            elif _differs(now.config, wanted):
                await self._context.update_stream(wanted)
        except nats.js.errors.APIError as error:
            if error.err_code not in _SERVER_FULL:
                raise
            raise self._no_room(f"the server has less left ({error.description})") from None

    @property
    def _greatest_message_bytes(self) -> int:
        largest = max(self._settings.batch_bytes, self._settings.greatest_entry_bytes)
        return largest + 1024

    async def _require_room(self, now: StreamInfo | None) -> None:
        held = now.state.bytes if now is not None else 0
        if self._connection.max_payload < self._greatest_message_bytes:
            reason = f"messages of {self._greatest_message_bytes:,} bytes are more than max_payload"
            remedy = "lower journal.greatest_entry_bytes, or raise max_payload of the server"
            raise JournalError(self._place, reason, remedy)
        account = await self._context.account_info()
        most = account.limits.max_storage
        others = account.storage - held
        if 0 <= most < self.quota_bytes + others:
            allowed = f"the account may have {_size(most)}"
            raise self._no_room(
                allowed + (f", of which {_size(others)} are used" if others else "")
            )
        free = await self._free_bytes()
        if free is not None and free + held < self.quota_bytes:
            raise self._no_room(f"{_size(free)} are free in {self._folder}")

    async def _free_bytes(self) -> int | None:
        """What is free where the server keeps its streams; None: that is not known here."""
        folder = self._folder
        if folder is None:
            return None
        try:
            return await asyncio.to_thread(lambda: shutil.disk_usage(folder).free)
        except OSError:
            return None

    def _no_room(self, why: str) -> JournalError:
        rate, hours = self._settings.rate_kib_s, self._settings.retention_h
        reason = f"{rate:g} KiB/s for {hours:g} h need {_size(self.quota_bytes)}, and {why}"
        remedy = "lower journal.rate_kib_s or journal.retention_h, or give the account more room "
        remedy += "(store.journal_mib in node.toml)"
        return JournalError(self._place, reason, remedy)

    async def _end_of_stream(self) -> tuple[int, _Message | None]:
        """The last sequence number there was, and the message it bears if it is still there."""
        state = (await self._context.stream_info(self._stream)).state
        if not state.messages:
            return state.last_seq, None
        return state.last_seq, await self._message(state.last_seq)

    async def _message(self, sequence: int) -> _Message:
        stored = await _patiently(partial(self._context.get_msg, self._stream, seq=sequence))
        return self._decoded(stored.data or b"")

    def _decoded(self, text: bytes) -> _Message:
        try:
            message = _DECODE(text)
        except (msgspec.DecodeError, ValueError) as error:
            reason = f"holds a message that is none of its own ({error})"
            raise JournalError(self._place, reason, "give it a stream of its own") from None
        if message.version != 1:
            reason = f"is of version {message.version}"
            raise JournalError(self._place, reason, "use the Skypact that wrote it, or a newer one")
        return message

    def _take_up(self, sequence: int, message: _Message | None) -> None:
        """Go on after the last message. All were dropped as too old: at a number beyond theirs."""
        self._last_sequence = sequence
        if message is not None:
            self._last_number = message.last
            self._newest_ns = max(self._newest_ns, message.newest_ns)
        else:
            self._last_number = max(self._last_number, sequence * _GREATEST_ENTRIES)

    # Writing.

    async def _write(self) -> None:
        """Keep messages under way while entries wait; after any doubt look how far it got."""
        while self._state is not JournalState.FOREIGN:
            while self._is_due() and len(self._flying) < self._settings.in_flight:
                self._launch()
            if not self._flying:
                self._work.clear()
                await self._work.wait()
                continue
            await self._first_answer()
            flight = self._flying[0]
            if flight.answer.done() and not self._settle(flight):
                await self._recover()

    def _fall_due(self, in_s: float) -> None:
        """What waits is to go within so long."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + in_s
        if self._due_s is not None and self._due_s <= due_s:
            return
        self._due_s = due_s
        if in_s > 0.0:
            loop.call_at(due_s, self._work.set)
        else:
            self._work.set()

    def _is_due(self) -> bool:
        """Whether what waits is to go now; or there is enough for a message."""
        due_s = self._due_s or 0.0
        now_s = asyncio.get_running_loop().time()
        return bool(self._waiting) and (now_s >= due_s - _CLOCK_S or self._is_enough())

    def _is_enough(self) -> bool:
        flying = sum(entry.size for flight in self._flying for entry in flight.waiting)
        return self._waiting_bytes - flying >= self._settings.batch_bytes

    async def _first_answer(self) -> None:
        """Until the first message is answered, or there is room and work for another."""
        if self._flying[0].answer.done():
            return
        waits: set[asyncio.Future[Any]] = {self._flying[0].answer}
        if len(self._flying) < self._settings.in_flight:
            self._work.clear()
            waits.add(asyncio.ensure_future(self._work.wait()))
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for left in pending - {self._flying[0].answer}:
            left.cancel()

    def _launch(self) -> None:
        """Send the entries that wait, as many as go into one message."""
        waiting: list[_Waiting] = []
        size = 0
        while self._waiting and len(waiting) < _GREATEST_ENTRIES:
            size += self._waiting[0].size
            if waiting and size > self._settings.batch_bytes:
                break
            waiting.append(self._waiting.popleft())
        self._due_s = None if not self._waiting else 0.0  # what is left goes next
        newest_ns = max(self._newest_ns, *(entry.row.time_ns for entry in waiting))
        rows = [entry.row for entry in waiting]
        message = _Message(1, self._writer, self._next_number, newest_ns, rows)
        after = self._last_sequence + len(self._flying)
        answer = asyncio.create_task(self._publish(_ENCODE(message), after))
        answer.add_done_callback(_seen)
        self._flying.append(_Flight(waiting, self._next_number, newest_ns, answer))
        self._next_number += len(waiting)
        self._newest_ns = newest_ns

    async def _publish(self, text: bytes, after: int) -> dict[str, Any]:
        headers = {
            "Nats-Expected-Stream": self._stream,
            "Nats-Expected-Last-Sequence": str(after),
        }
        answer = await self._connection.request(
            self._subject, text, timeout=self._settings.answer_s, headers=headers
        )
        decoded: dict[str, Any] = json.loads(answer.data)
        return decoded

    def _settle(self, flight: _Flight) -> bool:
        """Tell who waits for the first message that it is on disk; False: it may not be."""
        error = flight.answer.exception()
        if error is not None:
            self._say_silent(error)
            return False
        answer = flight.answer.result()
        if "error" in answer:
            self._say_refused(answer["error"])
            return False
        self._flying.popleft()
        self._last_sequence = int(answer["seq"])
        self._on_disk(flight)
        return True

    def _on_disk(self, flight: _Flight) -> None:
        self._last_number = flight.first + len(flight.waiting) - 1
        for number, entry in enumerate(flight.waiting, start=flight.first):
            self._waiting_bytes -= entry.size
            if not entry.done.done():
                entry.done.set_result(number)
        if self._state is not JournalState.LOST:
            self._say(JournalState.WELL, "", "")

    def _say_silent(self, error: BaseException) -> None:
        if self._state is not JournalState.FULL:
            self._say(JournalState.SILENT, f"no answer ({_words(error)})", _NO_ANSWER)

    async def has_room_on_disk(self) -> bool:
        """Whether the server's disk has room for what comes next, as far as that is known here."""
        free = await self._free_bytes()
        return free is None or free >= 2 * self._greatest_message_bytes

    async def _look_at_the_disk(self) -> None:
        """A server whose disk is full does not say so: it is silent about what it cannot store."""
        free = await self._free_bytes()
        if free is not None and not await self.has_room_on_disk():
            self._say(JournalState.FULL, f"the disk is full ({_size(free)} are free)", _FULL)

    def _say_refused(self, error: dict[str, Any]) -> None:
        code, description = error.get("err_code"), error.get("description", "")
        if code in _SERVER_FULL or "no space" in description:
            self._say(JournalState.FULL, f"the disk is full ({description})", _FULL)
        elif self._state is not JournalState.FULL:
            self._say(JournalState.SILENT, f"the server refuses ({description})", _JETSTREAM)

    async def _recover(self) -> None:
        """Find how far the stream got; what is not in it goes back to be sent anew, in order."""
        await asyncio.wait([flight.answer for flight in self._flying])
        await self._look_at_the_disk()
        while True:
            await asyncio.sleep(self._settings.retry_s)
            if not self._connection.is_connected:
                continue
            try:
                sequence, message = await self._end_of_stream()
                break
            except (nats.errors.Error, TimeoutError) as error:
                self._say_silent(error)
            except JournalError as error:
                self._end_as_foreign(error.reason)
                return
        before = self._last_number
        self._last_sequence = sequence
        last = message.last if message is not None else before
        if message is not None and message.writer != self._writer and last > before:
            self._end_as_foreign("another process writes it")
            return
        if last < before:
            self._lost += before - last
            reason = f"{before - last:,} entries that were on disk are gone"
            self._say(JournalState.LOST, reason, _LOST)
        while self._flying and self._flying[0].first <= last:
            self._on_disk(self._flying.popleft())
        for flight in reversed(self._flying):
            self._waiting.extendleft(reversed(flight.waiting))
        self._flying.clear()
        self._due_s = 0.0
        self._next_number = max(last, before) + 1

    def _end_as_foreign(self, reason: str) -> None:
        """Two writers would mix their numbers: this one stops."""
        self._say(JournalState.FOREIGN, reason, "run one node for each journal")
        self._give_up()

    def _give_up(self) -> None:
        """Tell all who wait that their entries may not be on disk."""
        for flight in self._flying:
            self._waiting.extend(flight.waiting)
        self._flying.clear()
        for entry in self._waiting:
            if not entry.done.done():
                entry.done.set_exception(JournalError(self._place, self._reason, self._remedy))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _say(self, state: JournalState, reason: str, remedy: str) -> None:
        self._state, self._reason, self._remedy = state, reason, remedy

    # Reading.

    async def _messages(
        self, from_number: int, from_time_ns: int | None
    ) -> AsyncIterator[_Message]:
        state = (await self._context.stream_info(self._stream)).state
        if not state.messages:
            return
        begin = await self._begin(state, from_number, from_time_ns)
        if begin > state.last_seq:
            return
        sequence, consumer, again = begin - 1, await self._consumer(begin), 0
        try:
            while sequence < state.last_seq:
                count = min(_READ_AT_ONCE, state.last_seq - sequence)
                try:
                    found = await consumer.fetch(count, timeout=self._settings.answer_s)
                except _FORGOTTEN:
                    again += 1
                    if again > _ASKED_AGAIN:
                        raise
                    await _ended(consumer)
                    consumer = await self._consumer(sequence + 1)
                    continue
                again = 0
                for stored in found:
                    sequence = stored.metadata.sequence.stream
                    yield self._decoded(stored.data)
        finally:
            await _ended(consumer)

    async def _messages_for_ever(self, from_number: int) -> AsyncIterator[_Message]:
        """Until the server does not answer, or has nothing new for long: it may forget readers."""
        state = (await self._context.stream_info(self._stream)).state
        begin = await self._begin(state, from_number, None) if state.messages else 0
        consumer, some = await self._consumer(max(1, begin)), 1
        try:
            while True:
                # More than are there would be waited for until they are.
                for stored in await consumer.fetch(some, timeout=self._settings.answer_s):
                    yield self._decoded(stored.data)
                some = max(1, min(_READ_AT_ONCE, stored.metadata.num_pending))
        finally:
            await _ended(consumer)

    async def _begin(self, state: StreamState, from_number: int, from_time_ns: int | None) -> int:
        """The sequence number of the first message with entries from a number and a time on."""
        return await self._search(
            state.first_seq,
            state.last_seq,
            lambda message: (
                message.last >= from_number
                and (from_time_ns is None or message.newest_ns >= from_time_ns)
            ),
        )

    async def _consumer(self, begin: int) -> JetStreamContext.PullSubscription:
        """Reads from a sequence number on; the server forgets it when it is not used."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_IDLE_S,
            mem_storage=True,
            num_replicas=1,
        )
        subscribe = partial(self._context.pull_subscribe, self._subject, stream=self._stream)
        return await _patiently(partial(subscribe, config=config))

    async def _search(self, first: int, last: int, wanted: Any) -> int:
        """The first sequence number whose message is wanted, all after it being so too."""
        while first <= last:
            middle = (first + last) // 2
            if wanted(await self._message(middle)):
                last = middle - 1
            else:
                first = middle + 1
        return first


def _differs(now: StreamConfig, wanted: StreamConfig) -> bool:
    names = ("subjects", "max_age", "max_bytes", "max_msg_size")
    return any(getattr(now, name) != getattr(wanted, name) for name in names)


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """What is stored; a server that is busy is asked again a few times."""
    for _ in range(_ASKED_AGAIN):
        with contextlib.suppress(TimeoutError):
            return await ask()
    return await ask()


async def _ended(consumer: JetStreamContext.PullSubscription) -> None:
    with contextlib.suppress(nats.errors.Error, TimeoutError):
        await consumer.unsubscribe()


def _seen(done: "asyncio.Future[Any]") -> None:
    """Whoever asks is told of a failure; where nobody does, nothing warns of it."""
    if not done.cancelled():
        done.exception()


def _words(error: BaseException) -> str:
    description = getattr(error, "description", None)
    return str(description or error or type(error).__name__)


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:,.1f} TiB"


_JETSTREAM = "see that the nation's NATS server runs with JetStream for this account"
_NO_ANSWER = "see that the nation's NATS server runs; entries wait meanwhile"
_FULL = (
    "make room on the server's disk or in its account, and start the server again if it stays "
    "silent; entries wait meanwhile"
)
_LOST = "set sync_interval: always in the server's configuration; send those messages again"
