"""Where `skypact feed` sends: a node's NATS subject, its HTTP, its ASTERIX ports."""

import asyncio
import contextlib
import http.client
import socket
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import nats
import nats.errors
from nats.aio.client import Client

from skypact.errors import InputError
from skypact.model import Radar
from skypact.sensing.feeds.intake import Answer
from skypact.sensing.feeds.sender import Message, as_columns
from skypact.sensing.feeds.table import subject_of, token_of
from skypact.settings import FeedsSettings

_PACK = msgspec.msgpack.Encoder().encode
_ANSWER = msgspec.json.Decoder(Answer).decode
_CONNECT_S = 5.0
_NATS_PORT = 4222
_DATAGRAM_RECORDS = 40
"""About 1,100 octets: no fragments on an Ethernet."""


class NatsTarget:
    """The subjects of the radars, in the nation's own account.

    `key`: the feed's nkey seed (SU…), or user and password as in the URL.
    """

    def __init__(
        self, url: str, key: str | None, settings: FeedsSettings, *, exercise: bool = False
    ) -> None:
        self._url, self._key, self._settings = url, key, settings
        self._exercise = exercise
        self._connection: Client | None = None
        self.left_out: Counter[str] = Counter()

    async def open(self) -> None:
        """Connect. Raises InputError where nobody is there, or the key is refused."""
        seed = None if self._key is None else self._key.strip()
        parts = urlsplit(self._url)
        heard: list[Exception] = []

        async def note(error: Exception) -> None:
            # A connection that is lost comes back by itself; this is for one that never was.
            heard[:] = [error]

        try:
            # nats-py would try for ever to reach a server that was never there.
            _, writer = await asyncio.wait_for(
                asyncio.open_connection(parts.hostname, parts.port or _NATS_PORT), _CONNECT_S
            )
            writer.close()
            connecting = nats.connect(
                self._url,
                nkeys_seed_str=seed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,
                error_cb=note,
            )
            self._connection = await asyncio.wait_for(connecting, _CONNECT_S)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise _not_there(f"{parts.hostname}", heard[0] if heard else error) from None

    async def send(self, message: Message, epoch: int) -> Answer | None:
        """Ask, and wait for the answer; TimeoutError where none comes."""
        if self._connection is None:
            raise ConnectionError
        try:
            answer = await self._connection.request(
                subject_of(message.radar, exercise=self._exercise),
                _PACK(as_columns(message, epoch)),
                timeout=self._settings.resend_s,
            )
        except (nats.errors.NoRespondersError, nats.errors.OutboundBufferLimitError):
            raise ConnectionError from None
        return _ANSWER(answer.data)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await self._connection.close()


class HttpTarget:
    """POST /feeds/<radar>, one after the other on one connection."""

    def __init__(self, url: str, key: str | None, settings: FeedsSettings) -> None:
        if not key:
            raise InputError(url, "a feed by HTTP needs its key", "name its file with --key-file")
        self._url, self._key, self._settings = url, key.strip(), settings
        self._parts = urlsplit(url)
        self._lock = asyncio.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self.left_out: Counter[str] = Counter()

    async def open(self) -> None:
        """Connect. Raises InputError where nobody is there."""
        try:
            await asyncio.to_thread(self._connect)
        except OSError as error:
            raise _not_there(self._url, error) from None

    async def send(self, message: Message, epoch: int) -> Answer | None:
        """Post it, and wait for the answer."""
        body = _PACK(as_columns(message, epoch))
        async with self._lock:
            return await asyncio.to_thread(self._post, message.radar, body)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        # The node answers after `take_s` at the latest; less would send again what it still takes.
        connection = kind(host, port, timeout=self._settings.take_s + _CONNECT_S)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        return connection

    def _post(self, radar: str, body: bytes) -> Answer:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/msgpack"}
        path = f"{self._parts.path.rstrip('/')}/feeds/{token_of(radar)}"
        try:
            connection = self._connection or self._connect()
            connection.request("POST", path, body, headers)
            text = connection.getresponse().read()
            return _ANSWER(text)
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise ConnectionError(str(error)) from None


class AsterixTarget:
    """Blocks of CAT015 by UDP or TCP."""

    def __init__(self, scheme: str, host: str, port: int, radars: Sequence[Radar]) -> None:
        self._scheme, self._address = scheme, (host, port)
        self._radars = {radar.id: radar for radar in radars}
        self._transport: asyncio.DatagramTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.left_out: Counter[str] = Counter()

    async def open(self) -> None:
        """Connect. Raises InputError where nobody is there (by UDP nobody can tell)."""
        loop = asyncio.get_running_loop()
        try:
            if self._scheme == "udp":
                self._transport, _ = await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, remote_addr=self._address
                )
            else:
                opening = asyncio.open_connection(*self._address)
                _, self._writer = await asyncio.wait_for(opening, _CONNECT_S)
        except (OSError, TimeoutError) as error:
            raise _not_there(f"{self._scheme}://{self._address[0]}", error) from None

    async def send(self, message: Message, epoch: int) -> Answer | None:
        """Send it; there is no answer. Raises InputError where it cannot be sent at all."""
        from skypact.sensing.asterix import encode_plots

        radar = self._radars.get(message.radar)
        if radar is None:
            remedy = "add it to the file of --radars"
            raise InputError(f"radar {message.radar}", "is not in the radars file", remedy)
        one = message.plots._replace(radar=message.plots.radar * 0)
        encoded = encode_plots(one, [radar], block_records=_DATAGRAM_RECORDS)
        self.left_out.update(encoded.reasons)
        for block in encoded.blocks:
            if self._transport is not None:
                self._transport.sendto(block)
                # A receiver's buffer holds some hundred datagrams.
                await asyncio.sleep(0.0005)
            elif self._writer is not None:
                await self._stream(self._writer, block)
        return None

    async def close(self) -> None:
        """Send what is left, and let go."""
        if self._transport is not None:
            self._transport.close()
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _stream(self, writer: asyncio.StreamWriter, block: bytes) -> None:
        try:
            writer.write(block)
            await writer.drain()
        except OSError as error:
            remedy = "start the node, and send the rest again with --keep-times"
            raise InputError(f"tcp://{self._address[0]}", f"broke off ({error})", remedy) from None


def _not_there(node: str, error: BaseException) -> InputError:
    reason = f"cannot be reached ({str(error) or type(error).__name__})"
    return InputError(node, reason, "start the node, or correct the address or the key")
