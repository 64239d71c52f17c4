"""A coalition on this machine, with real servers and with wires between them that can fail.

Every server dials its partners through a `Wire`, a TCP proxy that can cut, delay, swallow and flap.
Used by `evaluate/link.py`, `bench/link.py` and the tests.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec

from skypact import ports
from skypact.settings import LinkSettings
from skypact.sharing.coalition import init_coalition, write_generated
from skypact.sharing.link import Link
from skypact.sharing.nats_server import NatsServer
from skypact.sharing.node_folder import host_and_port, load_node

NATIONS = ("JPN", "KOR", "USA")
_CHUNK = 1 << 16


class Wire:
    """A TCP proxy from one server to another."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.delay_s = 0.0
        """One way."""
        self.address = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def cut(self) -> None:
        """End all connections, and every new one at once."""
        self._broken = True
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """Pass nothing on, and tell nobody: a black hole."""
        self._open.clear()

    def mend(self) -> None:
        """As good as new."""
        self._broken = False
        self._open.set()

    _broken = False

    async def stop(self) -> None:
        """End everything."""
        if self._server:
            self._server.close()
        await self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for one, other in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(one, other))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def pass_on() -> None:
            while True:
                due_s, data = await late.get()
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                await self._open.wait()
                writer.write(data)
                await writer.drain()

        passing = asyncio.create_task(pass_on())
        try:
            while data := await reader.read(_CHUNK):
                await self._open.wait()
                await late.put((time.monotonic() + self.delay_s, data))
        except OSError:
            pass
        finally:
            passing.cancel()
            writer.transport.abort()
            self._writers.discard(writer)


class Taken:
    """What one nation took in of another, in order, by path."""

    def __init__(self) -> None:
        self.live: list[int] = []
        self.durable: list[int] = []
        self.delays_s: dict[str, list[float]] = {"live": [], "durable": []}
        self.durable_at_s: list[float] = []

    def faults(self, first: int, after: int) -> dict[str, int]:
        """Lost, doubled, reordered on the durable path, of messages from one number to another."""
        numbers = self.durable
        seen = set(numbers)
        return {
            "lost": len(set(range(first, after)) - seen),
            "doubled": len(numbers) - len(seen),
            "reordered": sum(a > b for a, b in pairwise(numbers)),
        }


class Coalition:
    """Nations' folders, servers, links and wires, and what each took in."""

    def __init__(self, folder: Path, settings: LinkSettings, nations: Sequence[str]) -> None:
        self.folder, self.settings, self.nations = folder, settings, tuple(nations)
        self.servers: dict[str, NatsServer] = {}
        self.links: dict[str, Link] = {}
        self.wires: dict[tuple[str, str], Wire] = {}
        """By who dials and who is dialled."""
        self.taken: dict[tuple[str, str], Taken] = {}
        """By originator and addressee."""
        self.published: dict[tuple[str, str], int] = {}
        self.hold: Callable[[], bool] = lambda: False
        """While this says so, nobody takes in."""
        self.none = Taken()

    def newest(self) -> int:
        """The next number that was used on no way yet."""
        return max(self.published.values(), default=0)

    def between(self, one: str, other: str) -> list[Wire]:
        """The wires of both ways between two nations."""
        return [self.wires[way] for way in ((one, other), (other, one)) if way in self.wires]

    def has_taken(self, way: tuple[str, str], count: int) -> bool:
        """Whether so many came by the durable path."""
        return way in self.taken and len(self.taken[way].durable) >= count

    async def open_link(self, nation: str) -> Link:
        """Start a nation's link."""

        async def received(origin: str, by: str, data: bytes) -> None:
            while self.hold():
                await asyncio.sleep(0.02)
            number, sent_s = msgspec.msgpack.decode(data)[:2]
            taken = self.taken.setdefault((origin, nation), Taken())
            now_s = time.time()
            getattr(taken, by).append(number)
            taken.delays_s[by].append(now_s - sent_s)
            if by == "durable":
                taken.durable_at_s.append(now_s)

        link = Link(load_node(self.folder / nation), self.settings, received)
        await link.start()
        self.links[nation] = link
        return link

    async def publish(
        self, origin: str, addressee: str, size: int = 200, message_id: str | None = None
    ) -> None:
        """Publish the next numbered message."""
        number = self.published.get((origin, addressee), 0)
        self.published[origin, addressee] = number + 1
        body = msgspec.msgpack.encode((number, time.time(), b"x" * max(0, size - 20)))
        await self.links[origin].publish(addressee, body, message_id or f"{origin}-{number}")

    async def traffic(
        self,
        ways: Sequence[tuple[str, str]],
        rate_hz: float,
        seconds: float,
        size: int = 200,
        until: asyncio.Event | None = None,
    ) -> None:
        """Publish at a steady rate on each way, for so long or until an event is set."""
        begun_s, sent = time.monotonic(), 0
        while (passed_s := time.monotonic() - begun_s) < seconds:
            if until and until.is_set():
                return
            while sent < passed_s * rate_hz:
                await asyncio.sleep(0)
                for origin, addressee in ways:
                    await self.publish(origin, addressee, size)
                sent += 1
            await asyncio.sleep(max(0.0, begun_s + sent / rate_hz - time.monotonic()))

    async def all_up(self, within_s: float = 30.0) -> None:
        """Wait until every link is up and every outbox open."""
        await until(
            lambda: all(
                state.up and all("made anew" in alarm for alarm in state.alarms)
                for link in self.links.values()
                for state in link.states()
            ),
            within_s,
        )

    async def all_durable(self, ways: Sequence[tuple[str, str]], within_s: float) -> float:
        """Wait until all that was published came by the durable path; how long that took."""
        begun_s = time.monotonic()
        await until(
            lambda: all(
                way in self.taken
                and self.taken[way].durable[-1:] == [self.published.get(way, 0) - 1]
                for way in ways
            ),
            within_s,
            poll_s=0.1,
        )
        return time.monotonic() - begun_s


async def until(done: Callable[[], bool], within_s: float, poll_s: float = 0.02) -> bool:
    """Wait for a condition; whether it came."""
    ends_s = time.monotonic() + within_s
    while not done():
        if time.monotonic() > ends_s:
            return False
        await asyncio.sleep(poll_s)
    return True


def free_ports(count: int) -> int:
    """The first of so many ports in a row, below those that systems give to whoever connects."""
    return ports.free_ports(count, range(20_000 + os.getpid() % 100 * 97, 32_000, 97))


@asynccontextmanager
async def coalition(
    settings: LinkSettings,
    topology: str = "mesh",
    nations: Sequence[str] = NATIONS,
    wired: bool = True,
    links: bool = True,
) -> AsyncIterator[Coalition]:
    """A coalition that runs: servers, wires between them and links."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "coalition"
        init_coalition(
            folder, nations, topology, settings, first_port=free_ports(10 * len(nations))
        )
        scene = Coalition(folder, settings, nations)
        try:
            for nation in nations:
                await _wire(scene, nation, wired)
                write_generated(load_node(folder / nation), settings)
            for nation in nations:
                server = NatsServer(load_node(folder / nation), settings)
                await server.start()
                scene.servers[nation] = server
            if links:
                for nation in nations:
                    await scene.open_link(nation)
                await scene.all_up()
            yield scene
        finally:
            for link in scene.links.values():
                await link.stop()
            for server in scene.servers.values():
                await server.stop()
            for wire in scene.wires.values():
                await wire.stop()


async def _wire(scene: Coalition, nation: str, wired: bool) -> None:
    """Have a nation dial its partners through wires."""
    if not wired:
        return
    node = load_node(scene.folder / nation)
    lines = []
    for partner in node.partners:
        wire = Wire(*host_and_port(node.dialled(partner), "wire"))
        await wire.start()
        scene.wires[nation, partner] = wire
        lines.append(f'{partner} = "{wire.address}"')
    path = scene.folder / nation / "node.toml"
    text = path.read_text().replace("[addresses]\n", "[addresses]\n" + "\n".join(lines) + "\n")
    path.write_text(text)
