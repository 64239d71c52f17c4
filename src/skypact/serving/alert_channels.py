"""How alerts leave a node: by the agency's command, on the nation's server, and in the feed.

The server's stream keeps a message once, by its identifier, however often it is sent; who listens
without the stream may get one twice after a fault, and knows it by the same identifier. What server
or disk did not take is given to them again, in order, until they do. The last that all channels
have is noted (`warnings/out`), so that a start says nothing again but what a kill may have stopped.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from skypact.model import Warning
from skypact.settings import WarningSettings
from skypact.sharing.keys import write_private
from skypact.sharing.nats_config import alert_stream, warning_subject
from skypact.warning.agency import Agency

_MIB = 1 << 20
_ANSWER_S = 5.0
Log = structlog.typing.FilteringBoundLogger


class KeptWarning(msgspec.Struct, array_like=True, frozen=True):
    """A message that counts: the decision, and what was published (zlib)."""

    identifier: str
    said: Warning
    packed: bytes

    @property
    def message(self) -> bytes:
        """The bytes that were published."""
        return zlib.decompress(self.packed)


class _Leaving:
    """A message on its way out."""

    def __init__(self, kept: KeptWarning) -> None:
        self.kept = kept
        self.filed = self.sent = self.hooked = False

    @property
    def is_out(self) -> bool:
        """Whether all channels have had it."""
        return self.filed and self.sent and self.hooked


class AlertChannels:
    """Those of one node, live or of exercises. `faults`: what does not work, by what it is."""

    def __init__(
        self,
        agency: Agency,
        store: Path,
        settings: WarningSettings,
        faults: dict[str, str],
        log: Log,
        *,
        exercise: bool,
    ) -> None:
        """`store`: the folder of the messages that the feed names."""
        self._agency, self._store, self._settings = agency, store, settings
        self._faults, self._log, self._exercise = faults, log, exercise
        self._stream: _Stream
        self._leaving: deque[_Leaving] = deque()
        self._giving, self._noting = asyncio.Lock(), asyncio.Lock()
        self._hooks: set[asyncio.Task[None]] = set()

    async def begin(self, connection: Client) -> str:
        """Have the server keep what is published; where it cannot yet, that is told.

        The identifier of the last message that was out; empty: none was.
        """
        self._stream = _Stream(connection, self._settings, exercise=self._exercise)
        await self._trying("nats", self._stream.make)
        with suppress(FileNotFoundError):
            return self._noted.read_text("utf-8")
        return ""

    @property
    def oldest_ns(self) -> int | None:
        """When the oldest message was said that is not out yet; None: all are."""
        return self._leaving[0].kept.said.time_ns if self._leaving else None

    def message(self, identifier: str) -> bytes:
        """What was published under a name."""
        waiting = {one.kept.identifier: one.kept for one in self._leaving}
        found = waiting.get(identifier)
        return found.message if found else self._file(identifier).read_bytes()

    async def put_out(self, messages: Iterable[KeptWarning] = ()) -> None:
        """Messages that count, after those that wait; as far as server and disk take them."""
        for kept in messages:
            one = _Leaving(kept)
            self._leaving.append(one)
            task = asyncio.create_task(self._hook(one))
            self._hooks.add(task)
            task.add_done_callback(self._hooks.discard)
        async with self._giving:
            for one in tuple(self._leaving):
                if not await self._given(one):
                    break
        await self._note()

    async def put_out_again(self) -> None:
        """What they did not take, after a while."""
        await asyncio.sleep(self._settings.send_again_s)
        await self.put_out()

    async def stop(self) -> None:
        """Let hooks that run come to their end."""
        with suppress(Exception):
            await asyncio.gather(*self._hooks)

    async def _note(self) -> None:
        """Let go of what is out; a node that is killed before that says it again."""
        async with self._noting:
            out = None
            while self._leaving and self._leaving[0].is_out:
                out = self._leaving.popleft().kept.identifier.encode()
            if out is not None:
                with suppress(OSError):
                    await asyncio.to_thread(write_private, self._noted, out)

    async def _given(self, one: _Leaving) -> bool:
        """Whether server and disk have it."""
        name, message = one.kept.identifier, one.kept.message
        if not one.sent:
            one.sent = await self._trying("nats", partial(self._stream.publish, name, message))
        if not one.filed:
            write = partial(asyncio.to_thread, write_private, self._file(name), message)
            one.filed = await self._trying("feed", write)
        return one.sent and one.filed

    async def _trying(self, what: str, do: Callable[[], Awaitable[None]]) -> bool:
        """Whether it could be done; a fault is told, and is over once it could."""
        try:
            await do()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            where = {"nats": "the server's stream", "feed": "the feed's folder"}[what]
            reason = str(error) or type(error).__name__
            self._faults[what] = f"alerts: not in {where} yet, and tried again: {reason}"
            self._log.error("alerts", missing=where, reason=reason)
            return False
        self._faults.pop(what, None)
        return True

    async def _hook(self, one: _Leaving) -> None:
        """The agency's own command, with the message on its standard input."""
        if self._agency.hook:
            await self._run_hook(one.kept)
        one.hooked = True
        await self._note()

    async def _run_hook(self, kept: KeptWarning) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._agency.hook, stdin=asyncio.subprocess.PIPE
            )
            try:
                await asyncio.wait_for(process.communicate(kept.message), self._agency.hook_s)
            finally:
                if process.returncode is None:
                    process.kill()
            if process.returncode:
                raise OSError(f"it ended with {process.returncode}")
            self._faults.pop("hook", None)
        except (OSError, TimeoutError) as error:
            self._faults["hook"] = f"the hook did not take {kept.identifier}: {error}"
            self._log.error("hook", reason=str(error))

    @property
    def _noted(self) -> Path:
        return self._store / "out"

    def _file(self, identifier: str) -> Path:
        return self._store / f"{identifier}.xml"


class _Stream:
    """What the server keeps of one channel."""

    def __init__(self, connection: Client, settings: WarningSettings, *, exercise: bool) -> None:
        self._context = connection.jetstream(timeout=_ANSWER_S)
        self._settings = settings
        self._name, self._subject = alert_stream(exercise), warning_subject(exercise)
        self._made = False

    async def publish(self, identifier: str, message: bytes) -> None:
        """Returns once it is on disk; who listens has got it before.

        Raises nats.errors.Error, TimeoutError: it is to be sent again.
        """
        await self.make()
        try:
            headers = {"Nats-Msg-Id": identifier}
            await self._context.publish(self._subject, message, headers=headers)
        except NoStreamResponseError:  # the server's store was lost
            self._made = False
            raise

    async def make(self) -> None:
        """Have the stream there, as the settings say. Raises as `publish` does."""
        if self._made:
            return
        kept_s = self._settings.kept_h * 3600.0
        wanted = StreamConfig(
            name=self._name,
            subjects=[self._subject],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=kept_s,
            max_bytes=self._settings.kept_mib * _MIB,
            duplicate_window=kept_s,
            num_replicas=1,
        )
        try:
            await self._context.stream_info(self._name)
        except NotFoundError:
            await self._context.add_stream(wanted)
        else:
            await self._context.update_stream(wanted)
        self._made = True
