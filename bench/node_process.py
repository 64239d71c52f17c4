"""One node in a process of its own, fed by `bench.nodes` and timed from within.

The feeder writes to the process, through a socket, the number of each scan as it comes; what the
node does with it is what it does with a feed's. A clock of the whole machine is read at both ends.
"""

import asyncio
import cProfile
import os
import pstats
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from nats.aio.client import Client
from structlog import get_logger

from bench.node_load import Load, load
from skypact.model import Arrival
from skypact.node import Node
from skypact.record.journal import Journal
from skypact.serving import kept
from skypact.serving.release_way import ReleaseWay
from skypact.serving.releases import Releases
from skypact.serving.settled import settle_process
from skypact.settings import JournalSettings, NodeSettings, Settings
from skypact.sharing import codec, seal, signing
from skypact.sharing.chain import OutgoingChain
from skypact.sharing.entry import Entry
from skypact.sharing.link import Link
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import LivePicture, Picture
from skypact.tracking.rewind import RewindablePicture

TOLD = struct.Struct("<qq")
"""Number of a scan, and when it came, ns of the machine's own clock."""


_TICK_S = 0.01


class Plan(msgspec.Struct):
    """What a process is told when it is started."""

    folder: str
    out: str
    plots_s: float
    seconds: float
    scan_plots: int
    count_from_s: float
    durable_alone: bool = False
    profile: bool = False
    parts: bool = False
    """Whether clocks are put around the parts, which costs each message some tenths of a ms."""


class Seen(msgspec.Struct):
    """What a process tells in the end. Times ns of the machine's clock.

    `observed`: by nation and time of the plot, when the track of the shared picture had it;
    `taken`: by number of the scan, when it was acknowledged. `parts`: s of the processor.
    """

    observed: list[tuple[str, int, int]]
    taken: list[tuple[int, int]]
    parts: dict[str, float]
    cpu_s: float
    server_cpu_s: float
    wall_s: float
    counts: dict[str, float]
    stalls_ms: list[float]
    stages: list[tuple[str, int, int]]
    """Where a message was (`bench.nodes.STAGES`), its last eight bytes, when; for the first of
    these the plots' time instead."""
    messages: list[tuple[int, int]]
    """Last eight bytes of those that left, and the time of the plots in them."""


class Clocks:
    """The processor's time by part; what one part calls of another is not its own."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._inner: list[int] = []

    def around(self, owner: Any, name: str, part: str | Callable[[Any], str]) -> None:
        """Time a function of a class or module, under a name or one that tells by `self`."""
        called = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0)
            begin = time.thread_time_ns()
            try:
                return called(*arguments, **named)
            finally:
                took = time.thread_time_ns() - begin
                of = part if isinstance(part, str) else part(arguments[0])
                self.spent[of] += took - self._inner.pop()
                self.calls[of] += 1
                if self._inner:
                    self._inner[-1] += took

        setattr(owner, name, timed)


def settings_of() -> Settings:
    """A node's, with room in the journal for a fast run."""
    return Settings(
        journal=JournalSettings(rate_kib_s=500, retention_h=1),
        node=NodeSettings(checkpoint_every_s=float(os.environ.get("BENCH_SAVE_S", "30"))),
    )


def measured(clocks: Clocks, whose: dict[int, str]) -> None:
    """Put clocks around what a node does."""

    def picture(of: Any) -> str:
        return f"fold {whose.get(id(of), 'released')}"

    clocks.around(Picture, "_fold", picture)
    clocks.around(Picture, "_observe", "pictures: order")
    clocks.around(Picture, "checkpoint", "pictures: checkpoints")
    clocks.around(Picture, "restore", "pictures: going back")
    clocks.around(Picture, "tracks", "pictures: tracks and ids")
    clocks.around(LivePicture, "tracks", "pictures: tracks and ids")
    clocks.around(LivePicture, "receive", "pictures: verdicts, keeping")
    clocks.around(LivePicture, "saved", "saving")
    clocks.around(RewindablePicture, "fold", "pictures: order")
    clocks.around(TrackletMaker, "take", "release: tracklets")
    clocks.around(PartnerRelease, "take", "release: decisions")
    clocks.around(PartnerRelease, "ready", "release: decisions")
    clocks.around(ReleaseWay, "rows", "release: decisions")
    clocks.around(Releases, "take", "release: decisions")
    for name in ("encode", "read_frame", "read_signed", "read_body", "read_payload"):
        clocks.around(codec, name, "codec")
    for name in ("pack_plots", "unpack_plots", "pack_tracklets", "unpack_tracklets"):
        clocks.around(codec, name, "codec")
    clocks.around(seal, "seal", "sign, seal")
    clocks.around(seal, "unseal", "sign, seal")
    clocks.around(signing, "sign", "sign, seal")
    clocks.around(signing, "is_signed", "sign, seal")
    clocks.around(OutgoingChain, "took", "codec")
    clocks.around(Entry, "receive_many", "entry")
    clocks.around(Journal, "put", "journal")
    clocks.around(Journal, "_launch", "journal")
    clocks.around(Journal, "_settle", "journal")
    clocks.around(kept.KeptPlots, "of", "journal")


class Process:
    """A node and what is noted of it."""

    def __init__(self, plan: Plan, told: socket.socket) -> None:
        self.plan, self._told = plan, told
        self.node = Node(Path(plan.folder), settings_of())
        made: Load = load(plan.plots_s, plan.seconds, plan.scan_plots)
        self._starts, self._plots = made.starts, made.plots
        self._radars = made.radars
        self._observed: list[tuple[str, int, int]] = []
        self._waiting: list[tuple[str, int]] = []
        self._taken: list[tuple[int, int]] = []
        self._sequence: Counter[str] = Counter()
        self._begin_ns = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stalls: list[float] = []
        self._stages: list[tuple[str, int, int]] = []
        self._messages: list[tuple[int, int]] = []
        self._of_ns = 0

    def watch(self) -> None:
        """Note when the shared picture has what came."""
        node, receive, fold = self.node, LivePicture.receive, RewindablePicture.fold
        noted = self

        def received(self: LivePicture, arrival: Any, recorded: Any = None) -> Any:
            verdict = receive(self, arrival, recorded)
            if self is node.shared and isinstance(arrival, Arrival):
                if verdict.outcome != "accepted":
                    node.counts["not accepted", str(verdict.cause)] += 1
                elif arrival.tracklets:
                    last = {one.last_ns for one in arrival.tracklets}
                    noted._waiting += [(arrival.nation, one) for one in last]
                else:
                    noted._waiting.append((arrival.nation, int(arrival.plots.time_ns[0])))
            return verdict

        def folded(self: RewindablePicture, *arguments: Any, **named: Any) -> bool:
            done = fold(self, *arguments, **named)
            if done and self is node.shared._present:
                now_ns = time.monotonic_ns()
                noted._observed += [(*one, now_ns) for one in noted._waiting]
                noted._waiting.clear()
            return done

        def sent(self: Link, partner: Any, data: bytes) -> bool:
            if noted._of_ns:
                noted._messages.append((_last_of(data), noted._of_ns))
            noted._stages.append(("handed to the link", _last_of(data), time.monotonic_ns()))
            return send(self, partner, data)

        async def arrived(self: Link, message: Any) -> None:
            stage = "at the partner's node", _last_of(message.data), time.monotonic_ns()
            noted._stages.append(stage)
            await live_arrived(self, message)

        async def taken(self: Link, origin: str, by: Any, data: bytes) -> Any:
            stages = noted._stages
            if by == "live":
                stages.append(("its turn there", _last_of(data), time.monotonic_ns()))
            done = await take_in(self, origin, by, data)
            if by == "live":
                stages.append(("taken in there", _last_of(data), time.monotonic_ns()))
            return done

        send, live_arrived, take_in = Link._send_live, Link._live_arrived, Link.take_in
        Link._send_live, Link._live_arrived, Link.take_in = (  # type: ignore[method-assign]
            *(sent, arrived, taken),
        )
        LivePicture.receive = received  # type: ignore[method-assign]
        RewindablePicture.fold = folded  # type: ignore[method-assign]

    async def run(self) -> Seen:
        """Start the node, feed it what the feeder tells, and stop it."""
        node, plan = self.node, self.plan
        clocks, whose = Clocks(), {}
        self.watch()
        if plan.parts:
            measured(clocks, whose)
        if plan.durable_alone:
            publish = Link.publish

            def durable(link: Link, *arguments: Any, **named: Any) -> Any:
                return publish(link, *arguments, **(named | {"live": False}))

            Link.publish = durable  # type: ignore[method-assign]
        await node.start()
        settle_process()
        loop = asyncio.get_running_loop()
        self._told.setblocking(False)
        ended = loop.create_future()
        loop.add_reader(self._told, self._read, ended)
        self._told.send(b"ready")
        profile = cProfile.Profile(time.thread_time)
        while not self._begin_ns:
            await asyncio.sleep(0.05)
        await asyncio.sleep(plan.count_from_s)
        whose.update({id(node.national._present.picture): "national"})
        whose.update({id(node.shared._present.picture): "shared"})
        clocks.spent.clear()
        clocks.calls.clear()
        ticking = asyncio.create_task(self._tick())
        server = _server_ticks(node)
        began, cpu = time.monotonic(), time.process_time()
        if plan.profile:
            profile.enable()
        await ended
        profile.disable()
        wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
        spent = {part: ns / 1e9 for part, ns in clocks.spent.items()}
        server_s = _server_ticks(node) - server
        calls = {f"calls {part}": float(n) for part, n in clocks.calls.items()}
        counts = {" ".join(k): float(v) for k, v in node.counts.items()} | calls
        for state in node.link.states():
            counts[f"live dropped {state.partner}"] = float(state.live_dropped)
            counts[f"waiting {state.partner}"] = float(state.waiting_messages)
        for name in node.folder.partners:
            for cause, number in node.entry.counts(name).items():
                counts[f"entry {name} {cause}"] = float(number)
        ticking.cancel()
        await asyncio.sleep(1.5)
        if plan.profile:
            stats = pstats.Stats(profile, stream=open(plan.out + ".profile", "w"))  # noqa: SIM115
            stats.sort_stats("tottime").print_stats(70)
            stats.sort_stats("cumulative").print_stats(90)
        seen = Seen(
            *(self._observed, self._taken, spent, cpu_s, server_s, wall_s, counts, self._stalls),
            *(self._stages, self._messages),
        )
        await node.stop()
        return seen

    async def _tick(self) -> None:
        """How long the loop is held up, at most, in each tenth of a second."""
        most = 0.0
        began = last = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            most, last = max(most, now - last - _TICK_S), now
            if now - began > 0.1:
                self._stalls.append(1e3 * most)
                most, began = 0.0, now

    def _read(self, ended: "asyncio.Future[None]") -> None:
        try:
            data = self._told.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._told)
            if not ended.done():
                ended.set_result(None)
            return
        for number, at_ns in TOLD.iter_unpack(data):
            if number < 0:
                self._begin_ns = at_ns
                continue
            task = asyncio.create_task(self._take(number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, number: int) -> None:
        rows = slice(self._starts[number], self._starts[number + 1])
        plots = self._plots._make(column[rows] for column in self._plots)
        radar = self._radars[int(plots.radar[0])]
        self._sequence[radar.id] += 1
        arrival = Arrival(
            nation=radar.nation,
            radar=radar.id,
            epoch=1,
            sequence=self._sequence[radar.id],
            received_ns=time.time_ns(),
            plots=plots._replace(time_ns=plots.time_ns + self._begin_ns),
        )
        self._of_ns = int(arrival.plots.time_ns[0])
        self._stages.append(("its turn at one's own node", self._of_ns, time.monotonic_ns()))
        await self.node.take_plots((arrival,))
        self._taken.append((number, time.monotonic_ns()))


def _last_of(data: bytes) -> int:
    """Tells a message from others: of its seal, or of what is in it."""
    return int.from_bytes(data[-8:], "big") >> 1


def _server_ticks(node: Node) -> float:
    """Seconds of the processor that the node's own server had."""
    pid = node.server.pid
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def main() -> None:
    """As `bench.nodes` starts it: a plan as JSON, and the descriptor of a socket."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    told = socket.socket(fileno=int(sys.argv[2]))
    get_logger().debug("process", numpy=np.__version__, client=Client.__name__)
    seen = asyncio.run(Process(plan, told).run())
    Path(plan.out).write_bytes(msgspec.msgpack.encode(seen))


if __name__ == "__main__":
    main()
