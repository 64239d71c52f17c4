"""A node that fails amid an alert sequence: no alert is lost, doubled or left without its end.

A real node (`Node` in a process of its own, its NATS server, its feed by HTTP) follows simulated
flights past seven radars, all its own, and warns three areas of sea. Its clock is
told the time, so that a flight of six minutes is flown in one, and time stands while a node starts.

- Kills: -9 to the node, its server, or both, some milliseconds after it began to say something, at
  random: before it is in the journal, between journal and publishing, and after. A started node
  finds that up to 15 s have passed. Some alerts are cancelled by an operator.
- Faults: the disk is full, the clock steps by an hour, the record's database is locked, or its
  PostgreSQL server stopped, each while an alert is due and gone again later.

Afterwards the journal, the server's stream, the feed and the hook must have the same messages, and
each flight one chain: Alert, Updates, one end; each message valid and with its references.
"""

import asyncio
import contextlib
import json
import mmap
import random
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa
from lxml import etree

from evaluate.link_scene import free_ports
from evaluate.node_scene import Sent, until
from evaluate.nodes import START_S, Child
from evaluate.own_postgresql import OwnPostgresql, is_installed
from evaluate.rows import rows_of
from skypact.model import Arrival, EntryKind, Plots, Radar
from skypact.offline.text import iso_utc
from skypact.record.database import Database
from skypact.record.tables import warnings
from skypact.run_node import run
from skypact.sensing.radar_files import save_radars
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import simulate
from skypact.serving.alert_channels import KeptWarning
from skypact.serving.clock import NodeClock
from skypact.serving.journal_source import open_source
from skypact.serving.warner import KeptWarnings
from skypact.settings import JournalSettings, RecordSettings, Settings, load_settings
from skypact.sharing.coalition import init_coalition
from skypact.sharing.nats_config import NATIONAL_USER, alert_stream, warning_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node
from skypact.warning.cap import faults_of

S = 1_000_000_000
SCENARIO = "2021-03-25_hamju"
"""Its first flight, 440 km into the sea: burn-out 29 s and impact 363 s after the first plot."""
BURNOUT_S, IMPACT_S = 29.4, 363.3
AREAS = {
    "fall": [[133.4, 40.0], [135.4, 40.0], [135.4, 41.0], [133.4, 41.0], [133.4, 40.0]],
    "beside": [[135.4, 40.0], [137.4, 40.0], [137.4, 41.0], [135.4, 41.0], [135.4, 40.0]],
    "way": [[129.0, 39.5], [132.0, 39.5], [132.0, 41.0], [129.0, 41.0], [129.0, 39.5]],
}
FELL_IN = "fall"
HOW = ("node", "server", "both")
APART_S = 1800
BEGIN_NS = 1_790_000_000 * S
KILLED_WITHIN_S = 0.06
"""So long after a message was begun to be said, at random: it takes about half of it."""
OF_A_NODE = 10
"""So many kills of one node are a row, with which an interrupted study goes on."""
AWAY_S = 15.0
SETTLED_S = 0.25
"""Between two steps of time: a few looks."""
_WELL_S, _DECIDED_S = 60.0, 30.0
"""A started node is well within so long, and has decided as of now, however busy the machine."""
_SILENT = 3
"""A node that so often in turn gives no answer was killed."""
OF_NODE = {
    "journal": {"rate_kib_s": 50, "retention_h": 1, "answer_s": 20.0},
    "node": {"checkpoint_every_s": 5.0},
    "warning": {"expires_s": 120.0},
    "desk": {"enabled": False},
}


class _Shared:
    """A file with the time: what the machine's clock has been stepped by, and what passes."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._at = mmap.mmap(file.fileno(), 16)

    def now_ns(self) -> int:
        """The time that passes."""
        return int(struct.unpack_from("<q", self._at, 0)[0])

    def wall_ns(self) -> int:
        """What the machine's clock says."""
        return self.now_ns() + int(struct.unpack_from("<q", self._at, 8)[0])

    def put(self, now_ns: int, stepped_ns: int = 0) -> None:
        """Let it be so late."""
        struct.pack_into("<qq", self._at, 0, now_ns, stepped_ns)


def serve(folder: Path, settings: Path, clock: Path) -> None:
    """A node whose clock is told the time, until SIGTERM: what the child runs."""
    shared = _Shared(clock)
    told = NodeClock(0.5, shared.wall_ns, shared.now_ns)
    asyncio.run(run(folder, load_settings(settings), clock=told))


class _TimedChild(Child):
    """A node as a process of its own, with a clock that is told."""

    def __init__(self, folder: Path, of: dict[str, Any], clock: Path) -> None:
        super().__init__(folder, of)
        self._clock = clock

    def command(self) -> list[str]:
        command = "import sys; from pathlib import Path; from evaluate.warned_nodes import serve; "
        command += "serve(*map(Path, sys.argv[1:]))"
        given = map(str, (self.folder, self.settings, self._clock))
        return [sys.executable, "-c", command, *given]


@lru_cache(maxsize=1)
def _flown() -> tuple[tuple[Radar, ...], Plots]:
    simulation = simulate(load_scenario(SCENARIO), seed=1)
    first = simulation.plots.at(np.flatnonzero(simulation.origin == 0))
    return tuple(simulation.radars), first


def scans(radars: Sequence[str], begin_ns: int, moments_s: Sequence[float]) -> list[Sent]:
    """The flight's scans so that its first plot is at `begin_ns`: those that a moment ends."""
    table, plots = _flown()
    number = {name: k for k, name in enumerate(radars)}
    shift_ns = begin_ns - int(plots.time_ns[0])
    after_s = (plots.time_ns - plots.time_ns[0]) / S
    sent = []
    for moment in moments_s:
        now = np.flatnonzero((after_s > moment - 1.0) & (after_s <= moment))
        for radar, scan in dict.fromkeys(
            zip(plots.radar[now].tolist(), plots.scan[now].tolist(), strict=True)
        ):
            part = plots.at(now[(plots.radar[now] == radar) & (plots.scan[now] == scan)])
            time_ns = part.time_ns + shift_ns
            name, last_ns = table[radar].id, int(time_ns.max())
            own = np.full(len(time_ns), number[name], np.int32)
            arrival = Arrival(
                nation="JPN",
                radar=name,
                epoch=1,
                sequence=last_ns // 1_000_000,
                received_ns=last_ns,
                plots=part._replace(time_ns=time_ns, radar=own),
            )
            sent.append(Sent("JPN", begin_ns + round(moment * S), arrival))
    return sent


class Flight(NamedTuple):
    """What of a flight is told when: s after its first plot."""

    seen_s: tuple[float, ...]
    """Moments of scans, one second each."""
    quiet_s: tuple[float, ...]
    """Moments without: until its end has been said."""


def moments(every_s: float = 20.0) -> Flight:
    """Each second about burn-out, then seldom; until nothing can be under alert any more."""
    often = np.arange(BURNOUT_S - 24.0, BURNOUT_S + 10.0)
    later = np.arange(BURNOUT_S + 10.0 + every_s, IMPACT_S, every_s)
    return Flight(
        tuple(float(at) for at in (*often, *later)),
        tuple(float(at) for at in np.arange(IMPACT_S + 20.0, IMPACT_S + 700.0, 40.0)),
    )


class Scene:
    """A node of Japan that warns, and all who listen to it."""

    def __init__(self, root: Path, **changed: dict[str, Any]) -> None:
        self.root, self.disk = root, root / "disk"
        self.folder = self.disk / "coalition" / "JPN"
        of = {name: values | changed.get(name, {}) for name, values in OF_NODE.items()}
        of |= {name: values for name, values in changed.items() if name not in OF_NODE}
        init_coalition(
            *(self.disk / "coalition", ["JPN", "KOR"], "mesh", Settings().link),
            first_port=free_ports(30),
            radars=lambda nation, _: self._radars(nation),
        )
        self.hooked = root / "hooked"
        features = [
            {
                "type": "Feature",
                "properties": {"id": name, "name": name},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
            for name, ring in AREAS.items()
        ]
        (self.folder / "areas.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": features})
        )
        hook = f"grep -o '<identifier>[^<]*' >> {self.hooked}"
        (self.folder / "warning.toml").write_text(
            f'sender = "alerts@agency.example"\nhook = ["sh", "-c", {json.dumps(hook)}]\n'
        )
        self.time = _Shared(root / "clock")
        self.time.put(BEGIN_NS)
        self.child = _TimedChild(self.folder, of, root / "clock")
        self.child.log = root / "log"
        self.numbers = [radar.id for radar in demo_radars()]
        self.heard: Counter[str] = Counter()
        self.postgresql: OwnPostgresql | None = None
        self.next = self.folder / "store" / "warnings" / "next"

    def _radars(self, nation: str) -> str:
        file = self.root / "radars.toml"
        save_radars(file, [msgspec.structs.replace(r, nation=nation) for r in demo_radars()])
        return file.read_text("utf-8")

    def said_ns(self) -> int:
        """When something was last begun to be said; 0: nothing yet."""
        with contextlib.suppress(OSError):
            return self.next.stat().st_mtime_ns
        return 0

    async def listen(self) -> None:
        """Live, for ever; who listens is let in again after the server was killed."""
        node = load_node(self.folder)

        async def hear(message: Any) -> None:
            text = etree.fromstring(message.data).findtext("{*}identifier") or ""
            self.heard[text] += 1

        client = await connect(node, NATIONAL_USER, wait_s=20)
        try:
            await client.subscribe(warning_subject(exercise=False), cb=hear)
            await asyncio.Event().wait()
        finally:
            await client.close()

    async def fly(self, begin_ns: int, flight: Flight, each: Callable[[float], Any]) -> None:
        """A flight from its first plot until its end was said; `each` after each step of time.

        `each` may let time go on: what is due then is told late, as after a node's start.
        """
        sent = scans(self.numbers, begin_ns, flight.seen_s)
        for moment in (*flight.seen_s, *flight.quiet_s):
            self.time.put(max(begin_ns + round(moment * S), self.time.now_ns()))
            for one in (one for one in sent if one.due_ns == begin_ns + round(moment * S)):
                began_s = time.monotonic()
                while refused := await asyncio.to_thread(self.child.post, one):
                    if time.monotonic() > began_s + START_S:
                        log = self.child.log.read_text()[-4000:]
                        raise RuntimeError(f"never acknowledged: {refused}\n{log}")
                    await asyncio.to_thread(each, moment)
                    await asyncio.sleep(0.1)
            await self._decided()
            await asyncio.to_thread(each, moment)

        began_s = time.monotonic()
        while self.is_under_alert() and time.monotonic() < began_s + START_S:
            health = await asyncio.to_thread(self.child.asked, "health", {})
            if health and not health["warnings"]["uncarried"]:  # else nothing is past
                self.time.put(self.time.now_ns() + S)  # a node just started may not look yet
            await asyncio.sleep(SETTLED_S)
            await asyncio.to_thread(each, flight.quiet_s[-1])

    async def _decided(self) -> None:
        """Let time stand until the node has decided as of now, however busy the machine.

        After a start it does once its process for ways down has begun anew. A node that is killed
        meanwhile, or whose clock is wrong, is not waited for.
        """
        await asyncio.sleep(SETTLED_S)
        began_s, now = time.monotonic(), iso_utc(self.time.now_ns(), 3)
        silent = 0
        while time.monotonic() < began_s + _DECIDED_S and silent < _SILENT:
            health = await asyncio.to_thread(self.child.asked, "health", {})
            silent = 0 if health else silent + 1
            if health and (health["warnings"]["decided"] or "") >= now:
                return
            await asyncio.sleep(0.1)

    def is_under_alert(self) -> bool:
        """Whether what was said last leaves an event open, by the messages it is to refer to."""
        with contextlib.suppress(FileNotFoundError):
            _, then, _ = msgspec.msgpack.decode(self.next.read_bytes())
            return bool(then[1])
        return False


class _Killer(threading.Thread):
    """Kills a node some ms after it began to say something, when it is told to."""

    def __init__(self, scene: Scene, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._scene, self._rng = scene, rng
        self.armed, self.over = "", False
        self.killed: list[str] = []
        self.down = threading.Event()

    def run(self) -> None:
        """Until it is over."""
        seen = self._scene.said_ns()
        while not self.over:
            now = self._scene.said_ns()
            if now != seen and self.armed:
                time.sleep(self._rng.uniform(0.0, KILLED_WITHIN_S))
                self._scene.child.kill(self.armed)
                self.killed.append(self.armed)
                self.armed = ""
                self.down.set()
            seen = now
            time.sleep(0.0005)


def kills(count: int, seed: int, progress: Callable[[int], Any] = lambda n: None) -> dict[str, Any]:
    """So many kills, a few of each node, over as many flights as it takes."""
    cases = [(min(OF_A_NODE, count - k), seed + k) for k in range(0, count, OF_A_NODE)]
    rows = rows_of(kills_of_a_node, cases, lambda done: progress(min(done * OF_A_NODE, count)))
    return summed(rows)


def kills_of_a_node(count: int, seed: int, every_s: float = 20.0) -> dict[str, Any]:
    """So many kills of one node, over as many flights as it takes."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_kills(Path(folder), count, seed, every_s))


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several nodes as of one: numbers and counts together, what was seen of any of them."""
    out: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            known = out.get(name)
            if isinstance(value, dict):
                out[name] = dict(Counter(known or {}) + Counter(value))
            elif isinstance(value, bool):
                out[name] = bool(known) or value
            else:
                out[name] = value if known is None else known + value
    return out


async def _kills(root: Path, count: int, seed: int, every_s: float) -> dict[str, Any]:
    scene, rng = Scene(root), random.Random(seed)
    killer = _Killer(scene, rng)
    flights: list[int] = []
    try:
        await asyncio.to_thread(scene.child.start)
        listening = asyncio.create_task(scene.listen())
        killer.start()

        def again(moment: float) -> None:
            """Start it where it was killed, and be killed again some time."""
            if killer.down.is_set():
                killer.down.clear()
                if killer.killed[-1] != "server":
                    scene.child.start()
                began_s = time.monotonic()
                while not scene.child.well() and time.monotonic() < began_s + _WELL_S:
                    time.sleep(0.05)
                scene.time.put(scene.time.now_ns() + round(rng.uniform(0.0, AWAY_S) * S))
            elif len(killer.killed) < count:
                killer.armed = HOW[len(killer.killed) % len(HOW)]

        while len(killer.killed) < count:
            begin_ns = BEGIN_NS + (1 + len(flights)) * APART_S * S
            flights.append(begin_ns)
            await scene.fly(begin_ns, moments(every_s), again)
        return await _found(scene, flights, listening) | {"kills": dict(Counter(killer.killed))}
    finally:
        killer.over = True
        scene.child.kill("both")


async def _found(
    scene: Scene, flights: Sequence[int], listening: "asyncio.Task[None]"
) -> dict[str, Any]:
    """What everybody has in the end, of a node that runs and is stopped by this."""
    await asyncio.sleep(2.0)
    client = await connect(load_node(scene.folder), NATIONAL_USER, wait_s=20)
    stream = [one async for one in _stream(client)]
    await client.close()
    feed = await asyncio.to_thread(_feed, scene.child.http)
    health = scene.child.asked("health", {"faults": ["no answer"]})["faults"]
    listening.cancel()
    await asyncio.to_thread(scene.child.stop)
    own = Settings(journal=JournalSettings(**OF_NODE["journal"]))  # type: ignore[arg-type]
    journalled: list[KeptWarning] = []
    async with open_source(scene.folder, own) as source:
        async for entry in source.read():
            if entry.kind is EntryKind.WARNING:
                journalled += msgspec.msgpack.decode(entry.payload, type=KeptWarnings).each
    hooked = Counter(line.partition(">")[2] for line in scene.hooked.read_text().split() if line)
    return judged(journalled, stream, feed, scene.heard, hooked, flights) | {
        "health": [one for one in health if not one.startswith("link")]
    }


async def _stream(client: Any) -> Any:
    """All that the server kept, in order."""
    context = client.jetstream(timeout=20)
    state = (await context.stream_info(alert_stream(exercise=False))).state
    for number in range(state.first_seq, state.last_seq + 1):
        stored = await context.get_msg(alert_stream(exercise=False), seq=number)
        yield stored.data or b""


def _feed(port: int) -> list[bytes]:
    """Each message that the feed names, the oldest first."""

    def read(path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as said:
            text: bytes = said.read()
            return text

    feed = etree.fromstring(read("/alerts"))
    links = [link.get("href") or "" for link in feed.iterfind("{*}entry/{*}link")]
    return [read(link) for link in reversed(links)]


def judged(
    journalled: Sequence[KeptWarning],
    stream: Sequence[bytes],
    feed: Sequence[bytes],
    heard: Counter[str],
    hooked: Counter[str],
    flights: Sequence[int],
) -> dict[str, Any]:
    """Faults, each counted; and what was stated alone."""
    messages = [one.message for one in journalled]
    names = [one.identifier for one in journalled]
    chains: dict[int, list[etree._Element]] = {}
    for one in journalled:
        chains.setdefault(one.said.event, []).append(etree.fromstring(one.message))
    of_flight = {
        begin: [
            chain
            for event, chain in chains.items()
            if any(begin <= one.said.time_ns < begin + APART_S * S
                   for one in journalled if one.said.event == event and one.said.number == 1)
        ]
        for begin in flights
    }  # fmt: skip
    warned = [
        any(_warns(message) for chain in of_flight[begin] for message in chain) for begin in flights
    ]
    return {
        "flights": len(flights),
        "messages": len(names),
        "kinds": dict(Counter(_kind(m) for chain in chains.values() for m in chain)),
        "not_in_the_stream": len(set(messages) - set(stream)),
        "doubled_in_the_stream": len(stream) - len(set(stream)),
        "other_order": list(stream) != messages,
        "never_journalled": len(set(stream) - set(messages)) + len(set(heard) - set(names)),
        "not_in_the_feed": len(set(messages[-200:]) - set(feed)),
        "hook_not_called": len(set(names) - set(hooked)),
        "flights_never_warned": warned.count(False),
        "flights_of_two_chains": sum(len(found) > 1 for found in of_flight.values()),
        "broken_chains": sum(not _whole(chain) for chain in chains.values()),
        "alerted_again": sum(_alerts(chain) > 1 for chain in chains.values()),
        "not_valid": sum(bool(faults_of(m, exercise=False)) for c in chains.values() for m in c),
        "live_missed": len(set(names) - set(heard)),
        "live_twice": sum(n > 1 for n in heard.values()),
        "hook_twice": sum(n > 1 for n in hooked.values()),
    }


def _warns(message: etree._Element) -> bool:
    """Whether it tells people where it falls to take shelter."""
    return any(
        info.findtext("{*}responseType") == "Shelter"
        and FELL_IN in {code.text for code in info.iterfind("{*}area/{*}geocode/{*}value")}
        for info in message.iterfind("{*}info")
    )


def _kind(message: etree._Element) -> str:
    """Alert, Update, Cancel, or all clear."""
    kind = message.findtext("{*}msgType") or ""
    responses = {one.text for one in message.iterfind(".//{*}responseType")}
    return "All clear" if kind == "Update" and "Shelter" not in responses else kind


def _alerts(chain: Sequence[etree._Element]) -> int:
    return sum(_kind(message) == "Alert" for message in chain)


def _whole(chain: Sequence[etree._Element]) -> bool:
    """Each alert begins with an Alert, has one end, and each message refers to all before it."""
    before: list[str | None] = []
    for message in chain:
        kind, references = _kind(message), message.findtext("{*}references") or ""
        named = [one.split(",")[1] for one in references.split()]
        if (kind == "Alert") == bool(before) or named != before:
            return False
        over = kind in ("Cancel", "All clear")
        before = [] if over else [*before, message.findtext("{*}identifier")]
    return not before


# -- faults ----------------------------------------------------------------------------------------

LOCKED, STOPPED = "database locked", "database server stopped"
FAULTS = ("disk full", "clock ahead", "clock back", LOCKED, STOPPED)


def faults(
    count: int,
    seed: int,
    progress: Callable[[int], Any] = lambda n: None,
    gone_s: float = 60.0,
    which: Sequence[str] = FAULTS,
) -> dict[str, Any]:
    """Each fault over so many flights, begun at a random moment of each alert sequence.

    `gone_s`: so long a database is away, by the machine's clock, besides while a flight ends.
    Where PostgreSQL is not installed its server is not stopped, and has no row.
    """
    there = [
        (number, what) for number, what in enumerate(which) if what != STOPPED or is_installed()
    ]
    cases = [(what, count, seed + number, gone_s) for number, what in there]
    rows = rows_of(one_fault, cases, lambda done: progress(done * count // len(cases)))
    return {what: row for (_, what), row in zip(there, rows, strict=True)}


def one_fault(what: str, count: int, seed: int, gone_s: float) -> dict[str, Any]:
    """One of them, over so many flights past one node."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_faults(Path(folder), what, count, random.Random(seed), gone_s))


async def _faults(
    root: Path, what: str, count: int, rng: random.Random, gone_s: float
) -> dict[str, Any]:
    (root / "disk").mkdir()
    mounted = what == "disk full" and _small_disk(root / "disk")
    quick = OF_NODE["journal"] | {"answer_s": 2.0}
    server = OwnPostgresql() if what == STOPPED else None
    record = {"look_s": 0.5} | ({"database": server.url()} if server else {})
    scene = Scene(root, record=record, journal=quick)
    scene.postgresql = server
    flights = [BEGIN_NS + (1 + number) * APART_S * S for number in range(count)]
    named = 0
    try:
        await asyncio.to_thread(scene.child.start)
        listening = asyncio.create_task(scene.listen())
        for begin_ns in flights:
            from_s = rng.uniform(BURNOUT_S - 5.0, IMPACT_S + 60.0)
            until_s = from_s + rng.uniform(20.0, 120.0)
            if what in (LOCKED, STOPPED):  # while the flight ends and is recorded
                from_s, until_s = IMPACT_S - 30.0, IMPACT_S + 300.0
            named += await _flown_with(scene, what, begin_ns, (from_s, until_s), gone_s)
        of_database = {}
        if what in (LOCKED, STOPPED):
            database = record.get("database") or str(scene.folder / "store" / "record.db")
            await until(lambda: _recorded(database) >= count, START_S)
            of_database = {"recorded": _recorded(database)}
        found = await _found(scene, flights, listening)
        return found | of_database | {"named": named, "mounted": mounted}
    finally:
        scene.child.kill("both")
        if server:
            server.end()
        if mounted:
            subprocess.run(["umount", "--lazy", str(root / "disk")], check=False)


async def _flown_with(
    scene: Scene, what: str, begin_ns: int, between_s: tuple[float, float], gone_s: float
) -> bool:
    """A flight with a fault for a while; whether the node named it."""
    fault = _FAULT[what](scene)
    state = {"begun": False, "over": False, "named": False}

    def each(moment: float) -> None:
        if not state["begun"] and moment >= between_s[0]:
            state["begun"] = True
            fault.__enter__()
        if state["begun"] and not state["over"]:
            state["named"] |= _names(scene, what)
            if what in (LOCKED, STOPPED) and moment >= between_s[1]:
                time.sleep(gone_s)
                # It tries again by the machine's clock: when, depends on the load.
                until_s = time.monotonic() + START_S
                while not state["named"] and time.monotonic() < until_s:
                    time.sleep(0.2)
                    state["named"] = _names(scene, what)
            if moment >= between_s[1] or (what == "disk full" and state["named"]):
                state["over"] = True
                fault.__exit__(None, None, None)

    await scene.fly(begin_ns, moments(), each)
    if state["begun"] and not state["over"]:
        fault.__exit__(None, None, None)
    return state["named"]


def _names(scene: Scene, what: str) -> bool:
    """Whether the node's health names this fault now."""
    return _NAMED[what] in " ".join(scene.child.asked("health", {"faults": []})["faults"])


def _small_disk(folder: Path) -> bool:
    """A file system of its own, small enough to be filled; whether one could be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def _disk_full(scene: Scene) -> Iterator[None]:
    ballast = scene.disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def _stepped(scene: Scene, step_s: float) -> Iterator[None]:
    put = scene.time.put
    scene.time.put = lambda now_ns, _=0: put(now_ns, round(step_s * S))  # type: ignore[assignment]
    scene.time.put(scene.time.now_ns())
    try:
        yield
    finally:
        scene.time.put = put  # type: ignore[method-assign]
        scene.time.put(scene.time.now_ns())


@contextlib.contextmanager
def _locked(scene: Scene) -> Iterator[None]:
    """Nobody writes into the record's database."""
    path = scene.folder / "store" / "record.db"
    database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    with contextlib.closing(database):
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


@contextlib.contextmanager
def _stopped(scene: Scene) -> Iterator[None]:
    """The record's server is away."""
    server = scene.postgresql
    if server is None:
        raise RuntimeError("the record of this node has no server of its own")
    server.stop()
    try:
        yield
    finally:
        server.start()


_FAULT: dict[str, Callable[[Scene], Any]] = {
    "disk full": _disk_full,
    "clock ahead": lambda scene: _stepped(scene, 3600.0),
    "clock back": lambda scene: _stepped(scene, -3600.0),
    LOCKED: _locked,
    STOPPED: _stopped,
}
_NAMED = {
    "disk full": "disk",
    "clock ahead": "put ahead",
    "clock back": "put back",
    LOCKED: "record:",
    STOPPED: "record:",
}


def _recorded(database: str) -> int:
    """Entries in the record of whose warnings the end is known: one for each flight."""
    fell = (warnings.c.area == FELL_IN) & (warnings.c.outcome == "fell in")
    opened = Database(database, RecordSettings())
    try:
        with opened.reading() as connection:
            chosen = sa.select(sa.func.count(warnings.c.entry.distinct())).where(fell)
            return int(connection.execute(chosen).scalar_one())
    finally:
        opened.close()
