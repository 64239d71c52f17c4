"""ASTERIX by UDP and TCP: a port, the radars that it takes, the addresses that may send.

ASTERIX has neither keys nor answers: who may send is a matter of addresses and of the network. A
datagram holds whole blocks; a TCP stream is cut by the blocks' lengths. What waits is bounded: of
UDP the newest is dropped and counted, TCP is no longer read.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from skypact.sensing.feeds.http_feed import bound
from skypact.sensing.feeds.intake import Intake
from skypact.sensing.feeds.table import AsterixPort

_HEADER_OCTETS = 3
_RECORDS_AT_ONCE = 100
"""Between which others get their turn in the loop: some milliseconds."""


class _Decoder:
    """Blocks to the intake, a slice at a time."""

    def __init__(self, port: AsterixPort, intake: Intake, *, exercise: bool) -> None:
        from skypact.sensing.asterix import AsterixReader

        self._port, self._intake = port, intake
        allowed = [intake.table.index[radar] for radar in port.radars]
        self.reader = AsterixReader(
            intake.radars, intake.sensing, exercise=exercise, radars_allowed=allowed
        )
        self._networks = port.networks
        self._handing: set[asyncio.Task[Any]] = set()

    def lets_in(self, address: str) -> bool:
        """Whether this address may send."""
        try:
            one = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(one, "ipv4_mapped", None)
        return any((mapped or one) in network for network in self._networks)

    async def take(self, blocks: bytes) -> None:
        """Read whole blocks and hand their plots on; waits while too much is being taken."""
        name, intake = self._port.name, self._intake
        intake.counts[name, "messages"] += 1
        records: list[Any] = []
        for record in self.reader.records(blocks, intake.clock()):
            records.append(record)
            if len(records) % _RECORDS_AT_ONCE == 0:
                await asyncio.sleep(0)
        plots, refused = self.reader.plots_of(records)
        while len(self._handing) >= intake.settings.greatest_waiting // 2:
            await asyncio.wait(self._handing, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(intake.asterix(name, plots, refused))
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)
        # Lets the task begin, so that what follows begins after it.
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Wait for what is being taken."""
        if self._handing:
            await asyncio.wait(self._handing)


class UdpFeed:
    """A UDP port. `port` is known once it is started."""

    def __init__(self, table: AsterixPort, intake: Intake, *, exercise: bool = False) -> None:
        self._table, self._intake, self._exercise = table, intake, exercise
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(intake.settings.greatest_waiting)
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self.decoder: _Decoder | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen from now on. Raises InputError where the port is taken."""
        self.decoder = await asyncio.to_thread(
            _Decoder, self._table, self._intake, exercise=self._exercise
        )
        listening = bound(self._table.listen, f'"{self._table.name}"', socket.SOCK_DGRAM)
        self.port = listening.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._came), sock=listening
        )
        self._task = asyncio.create_task(self._take(), name=f"feed {self._table.name}")

    async def stop(self) -> None:
        """Take nothing more; what waits is dropped."""
        if self._transport is not None:
            self._transport.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.decoder is not None:
            await self.decoder.finish()

    def _came(self, datagram: bytes, address: str) -> None:
        name, counts = self._table.name, self._intake.counts
        if self.decoder is None or not self.decoder.lets_in(address):
            counts[name, "from elsewhere"] += 1
        elif self._intake.too_many_s(name) or self._waiting.full():
            counts[name, "dropped"] += 1
        else:
            self._waiting.put_nowait(datagram)

    async def _take(self) -> None:
        while True:
            datagram = await self._waiting.get()
            if self.decoder is not None:
                await self.decoder.take(datagram)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, came: Any) -> None:
        self._came = came

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._came(data, addr[0])


class TcpFeed:
    """A TCP port. `port` is known once it is started."""

    def __init__(self, table: AsterixPort, intake: Intake, *, exercise: bool = False) -> None:
        self._table, self._intake, self._exercise = table, intake, exercise
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self.decoder: _Decoder | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen from now on. Raises InputError where the port is taken."""
        self.decoder = await asyncio.to_thread(
            _Decoder, self._table, self._intake, exercise=self._exercise
        )
        listening = bound(self._table.listen, f'"{self._table.name}"')
        self.port = listening.getsockname()[1]
        self._server = await asyncio.start_server(self._connected, sock=listening, limit=1 << 17)

    async def stop(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        if self.decoder is not None:
            await self.decoder.finish()

    async def _connected(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, counts = self._table.name, self._intake.counts
        address = (writer.get_extra_info("peername") or ("",))[0]
        task = asyncio.current_task()
        try:
            if self.decoder is None or not self.decoder.lets_in(address):
                counts[name, "from elsewhere"] += 1
            elif len(self._connections) >= self._intake.settings.greatest_connections:
                counts[name, "too many connections"] += 1
            elif task is not None:
                self._connections.add(task)
                await self._blocks(stream, self.decoder)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
            # A peer that ends between two blocks just ends.
            if getattr(error, "partial", b"x"):
                counts[name, "broken off"] += 1
        except asyncio.CancelledError:
            pass  # the feed stops
        finally:
            if task is not None:
                self._connections.discard(task)
            writer.close()

    async def _blocks(self, stream: asyncio.StreamReader, decoder: _Decoder) -> None:
        name, idle_s = self._table.name, self._intake.settings.idle_s
        while True:
            header = await asyncio.wait_for(stream.readexactly(_HEADER_OCTETS), idle_s)
            length = int.from_bytes(header[1:3], "big")
            if length < _HEADER_OCTETS:
                reason = f"a block says that it has {length} octets; the stream cannot be followed"
                self._intake.not_taken(name, 422, reason, "send whole blocks")
                return
            body = await asyncio.wait_for(stream.readexactly(length - _HEADER_OCTETS), idle_s)
            while wait_s := self._intake.too_many_s(name):
                await asyncio.sleep(wait_s)
            await decoder.take(header + body)


AsterixFeed = UdpFeed | TcpFeed


def asterix_feeds(
    ports: Sequence[AsterixPort], intake: Intake, *, exercise: bool
) -> list[AsterixFeed]:
    """A receiver for each port."""
    kinds: dict[str, Any] = {"udp": UdpFeed, "tcp": TcpFeed}
    return [kinds[port.protocol](port, intake, exercise=exercise) for port in ports]
