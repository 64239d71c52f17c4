"""Nodes that fail: killed, cut off, without disk, with a wrong clock, and for eight hours.

Everything runs on this machine: real nodes and servers, over one simulated flight.

- Kills: Japan's node runs as `skypact node`, fed by HTTP as a radar's feed does it (what is not
  acknowledged is sent again), and is killed with -9 at random moments of the flight, or its server,
  or both. Korea's gets all plots. Afterwards a twin that was never killed decides anew about all
  that Japan's journal holds, in order: it must come to the same verdicts, and at each recovery have
  the bits and ids that the node came back with.
- Cuts: the wire between two nodes is cut while both go on. The twin was never cut: what was
  accepted, in the order of its own times.
"""

import asyncio
import contextlib
import copy
import http.client
import json
import logging
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bench import node_load
from evaluate.link_scene import Wire, free_ports
from evaluate.node_scene import S, Sent, Time, arrivals, give, seen, settings, stage, until
from skypact.model import Arrival, Cause, ClockMark, EntryKind, Outcome, Verdict
from skypact.node import Node
from skypact.sensing import load_radars, save_radars
from skypact.sensing.feeds import new_key
from skypact.serving.folded import Folded
from skypact.serving.journal_source import Source, open_source, plots_of
from skypact.serving.kept import KeptMark, KeptMessage, KeptPlots, KeptVerdicts, Verdicts
from skypact.serving.pictures import NAMES, NATIONAL, SHARED
from skypact.serving.replay import THEN, replay
from skypact.settings import (
    JournalSettings,
    LateSettings,
    LinkSettings,
    NodeSettings,
    Settings,
)
from skypact.sharing import codec
from skypact.sharing.chain import Alarm, Delivery
from skypact.sharing.coalition import write_generated
from skypact.sharing.entry import Accepted
from skypact.sharing.node_folder import host_and_port, load_node
from skypact.sharing.tasks import end

_log = logging.getLogger(__name__)
HOW = ("node", "server", "both")
START_S = 240.0
"""A node that is not ready by then has failed, however busy the machine."""
GIVE_UP_S = 1800.0
"""Who has not caught up by then has failed to."""
SOON_S, LATEST_S = 0.5, 3.0
"""A kill comes so long after all was well again, at random."""


# -- kills -----------------------------------------------------------------------------------------


class Child:
    """A nation's node as a process of its own, fed by HTTP."""

    def __init__(self, folder: Path, of: dict[str, Any], host: str = "127.0.0.1") -> None:
        self.folder, self.log = folder, folder.parent / f"{folder.name}.log"
        self.host = host
        self.before: list[str] = []
        """What is put before the command: to run it on another machine."""
        self.process: subprocess.Popen[bytes] | None = None
        self._more: list[str] = []
        self.key, digest = new_key()
        self.port = free_ports(40) + 35
        self.http = load_node(folder).file.http.port
        names = ", ".join(f'"{radar.id}"' for radar in load_radars(folder / "radars.toml"))
        (folder / "feeds.toml").write_text(
            f'[http]\nlisten = "{host}:{self.port}"\n'
            f'[[feed]]\nname = "all"\nradars = [{names}]\nkey_sha256 = "{digest}"\n'
        )
        self.settings = folder.parent / f"{folder.name}.settings.toml"
        self.settings.write_text(
            "\n".join(
                line
                for section, values in of.items()
                for line in (f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items()))
            )
        )

    def command(self) -> list[str]:
        """What is started: `skypact node`."""
        command = "from skypact.cli import main; main()"
        node = [*self.before, sys.executable, "-c", command, "node", str(self.folder)]
        return [*node, "--settings", str(self.settings), *self._more]

    def stage(self, name: str) -> "Child":
        """A stage of it that its folder sets apart, as a process of its own, not started."""
        other = copy.copy(self)
        other.log = self.folder.parent / f"{self.folder.name}.{name}.log"
        other.process, other._more = None, ["--stage", name]
        _, other.http = load_node(self.folder).stage_address(name)
        return other

    def start(self) -> float:
        """How long it took until it was ready, from the process's start."""
        began = time.monotonic()
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(self.command(), stderr=file)
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > began + START_S:
                self.process.send_signal(signal.SIGABRT)
                time.sleep(1.0)
                raise RuntimeError(self.log.read_text()[-6000:])
            time.sleep(0.02)
        return time.monotonic() - began

    def ready(self) -> bool:
        """Whether it says so itself."""
        return self.asked("ready", {}).get("ready", False)

    def well(self) -> bool:
        """Whether it is ready, and says that its journal and server are well."""
        faults = self.asked("health", {"faults": ["no answer"]})["faults"]
        return self.ready() and not [one for one in faults if not one.startswith("link")]

    def asked(self, what: str, otherwise: dict[str, Any]) -> dict[str, Any]:
        """What it answers on its HTTP port, well or not."""
        try:
            with urllib.request.urlopen(
                f"http://{self.host}:{self.http}/{what}", timeout=1
            ) as said:
                answer: dict[str, Any] = json.load(said)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        except (OSError, http.client.HTTPException, ValueError):  # killed while it answered
            return otherwise
        return answer

    def kill(self, how: str) -> None:
        """-9 to the node, its server, or both."""
        if how in ("node", "both") and self.process is not None:
            self.process.kill()
            self.process.wait()
        if how in ("server", "both"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((self.folder / "store" / "nats.pid").read_text()), signal.SIGKILL)

    @property
    def server(self) -> str:
        """Its server's process."""
        with contextlib.suppress(OSError):
            return (self.folder / "store" / "nats.pid").read_text()
        return ""

    def stop(self) -> float:
        """SIGTERM; how long it took."""
        began = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=START_S)
        return time.monotonic() - began

    def said(self, event: str) -> list[dict[str, Any]]:
        """Lines of its log that tell of this."""
        lines = (json.loads(one) for one in self.log.read_text().splitlines() if one[:1] == "{")
        return [one for one in lines if one.get("event") == event]

    def post(self, one: Sent) -> str:
        """Give it a scan; why that was not acknowledged, or nothing."""
        plots = one.arrival.plots
        rows = [
            {
                "time": int(plots.time_ns[k]),
                "range_m": float(plots.range_m[k]),
                "azimuth_deg": float(np.degrees(plots.azimuth_rad[k])),
                "elevation_deg": float(np.degrees(plots.elevation_rad[k])),
                "scan": int(plots.scan[k]),
                "epoch": 1,
                "sequence": one.arrival.sequence,
            }
            for k in range(len(plots.time_ns))
        ]
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}/feeds/{one.arrival.radar}",
            data="\n".join(map(json.dumps, rows)).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/x-ndjson",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            return f"{error}: {error.read(2000)!r}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return repr(error)
        return "" if said["taken"] == len(rows) else str(said)


class Heard:
    """What a partner's node took in of another's plots."""

    def __init__(self, node: Node, partner: str) -> None:
        self.plots: Counter[tuple[int, float]] = Counter()
        self.in_tracklets = 0
        self.refused: Counter[str] = Counter()
        self.durable: list[tuple[int, int]] = []
        observe, take = node.folded.observe, node.take_message
        without, by_content = node.folded._heard.without, dict[str, int]()

        def taken_out(partner: str, alarm: Alarm) -> tuple[bytes, ...]:
            contents = without(partner, alarm)
            self.in_tracklets -= sum(by_content.pop(one.hex(), 0) for one in contents)
            return contents

        def observed(accepted: Accepted, recorded: Verdicts = ()) -> Verdicts:
            decided = observe(accepted, recorded)
            verdict = _of_shared(decided)
            # Sent live, lost with a killed node and sent anew: the same counts once, and what
            # another grouping of the plots replaced is taken out.
            again = verdict is not None and verdict.cause is Cause.DUPLICATE
            if isinstance(accepted.content, tuple) and accepted.partner == partner and not again:
                plots = sum(one.plots for one in accepted.content)
                self.in_tracklets += plots
                if verdict is not None:
                    by_content[verdict.content] = plots
            if isinstance(accepted.content, Arrival) and accepted.partner == partner:
                counts = verdict is not None and verdict.outcome == Outcome.ACCEPTED
                if verdict is not None and not counts:
                    self.refused[f"{verdict.cause}: {verdict.reason}"] += 1
                rows = accepted.content.plots
                for at, far in zip(rows.time_ns.tolist(), rows.range_m.tolist(), strict=True):
                    self.plots[at, far] += counts
            return decided

        async def taken(origin: str, by: Any, data: bytes) -> Any:
            if by == "durable" and origin == partner:
                frame = codec.read_frame(data, 1 << 22)
                self.durable.append((frame.epoch, frame.sequence))  # type: ignore[union-attr]
            return await take(origin, by, data)

        node.folded.observe = observed  # type: ignore[method-assign]
        node.folded._heard.without = taken_out  # type: ignore[method-assign]
        node.link._received = taken

    def faults(self) -> dict[str, int]:
        """Of the durable path, by the numbers of its messages."""
        seen_once = list(dict.fromkeys(self.durable))
        missing = 0
        for epoch in {epoch for epoch, _ in seen_once}:
            numbers = [n for e, n in seen_once if e == epoch]
            missing += max(numbers) - len(numbers)
        reordered = [(a, b) for a, b in pairwise(seen_once) if b < a]
        if reordered:
            _log.warning("epoch and number, then what came after it: %s", reordered)
        return {
            "lost": missing,
            "doubled": len(self.durable) - len(seen_once),
            "reordered": len(reordered),
        }


def kills(
    count: int,
    seed: int,
    progress: Callable[[int], Any] = lambda n: None,
    *,
    level: str = "plots",
    latest_s: float = LATEST_S,
) -> dict[str, Any]:
    """So many kills, each way in turn; `level`: at which Japan releases to Korea."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "coalition"
        return asyncio.run(_kills(root, count, seed, progress, level, latest_s))


async def _kills(
    root: Path,
    count: int,
    seed: int,
    progress: Callable[[int], Any],
    level: str,
    latest_s: float,
) -> dict[str, Any]:
    own = settings(journal=JournalSettings(rate_kib_s=50, retention_h=1, answer_s=60.0))
    stage(root, {"JPN": {"KOR": level}, "KOR": {"JPN": "tracklets"}}, own)
    child = Child(
        root / "JPN",
        {
            "journal": {"rate_kib_s": 50, "retention_h": 1},
            "node": {"checkpoint_every_s": 2.0},
        },
    )
    korea = Node(root / "KOR", own)
    heard = Heard(korea, "JPN")
    rng = random.Random(seed)
    killed: list[dict[str, Any]] = []
    acknowledged: list[Sent] = []
    try:
        await korea.start()
        cold_s = await asyncio.to_thread(child.start)
        over = asyncio.Event()
        begin_ns = time.time_ns() + S
        japan_s = arrivals("JPN", load_radars(root / "JPN" / "radars.toml"), begin_ns=begin_ns,
                           seconds=600.0, from_s=95.0)  # fmt: skip
        own_s = arrivals("KOR", korea.radars, begin_ns=begin_ns, seconds=600.0, from_s=95.0)
        feeding = [
            asyncio.create_task(_post(child, japan_s, acknowledged, over)),
            asyncio.create_task(_give(korea, own_s, over)),
        ]
        await asyncio.sleep(1.0 + 0.5 * latest_s)
        for number in range(count):
            await asyncio.sleep(rng.uniform(SOON_S, latest_s))
            how = HOW[number % len(HOW)]
            killed.append(await asyncio.to_thread(_kill, child, how))
            _log.info("%s", killed[-1])
            progress(number + 1)
        await asyncio.sleep(2.0)
        over.set()
        await asyncio.gather(*feeding)
        stop_s = await asyncio.to_thread(child.stop)
        recovered = child.said("recovered")
        after = Node(child.folder, own)  # so that its outbox is emptied
        await after.start()
        plots = Counter(
            (at, far)
            for one in acknowledged
            for at, far in zip(
                one.arrival.plots.time_ns.tolist(), one.arrival.plots.range_m.tolist(), strict=True
            )
        )

        def all_there() -> bool:
            if level == "tracklets":
                return heard.in_tracklets >= sum(plots.values())
            return set(plots) <= {key for key, n in heard.plots.items() if n}

        await until(all_there)
        await asyncio.sleep(1.0)  # for what would be double
        await after.stop()
    finally:
        child.kill("node")
        await korea.stop()
        child.kill("server")
    twin = {}
    for nation in ("JPN", "KOR"):
        async with open_source(root / nation, own) as source:
            twin[nation] = await never_killed(source, own, recovered if nation == "JPN" else [])
            if nation == "JPN":
                rows = await plots_of(source)
                kept = Counter(zip(rows.time_ns.tolist(), rows.range_m.tolist(), strict=True))
    return {
        "kills": killed,
        "cold_start_s": cold_s,
        "stop_s": stop_s,
        "recovered": len(recovered),
        "scans": len(acknowledged),
        "plots": sum(plots.values()),
        "acknowledged_lost": sum(not kept[key] for key in plots),
        "acknowledged_doubled": sum(kept[key] > 1 for key in plots),
        "partner_lost": (
            max(0, sum(plots.values()) - heard.in_tracklets)
            if level == "tracklets"
            else sum(not heard.plots[key] for key in plots)
        ),
        "partner_doubled": (
            max(0, heard.in_tracklets - sum(plots.values()))
            if level == "tracklets"
            else sum(heard.plots[key] > 1 for key in plots)
        ),
        "partner_path": heard.faults(),
        "partner_refused": dict(heard.refused),
        "verdicts_other": sum(one["verdicts_other"] for one in twin.values()),
        "entries": {nation: one["entries"] for nation, one in twin.items()},
        "pictures_other": twin["JPN"]["pictures_other"],
    }


def _kill(child: Child, how: str) -> dict[str, Any]:
    before, server = len(child.said("recovered")), child.server
    child.kill(how)
    began = time.monotonic()
    ready_s = None if how == "server" else child.start()
    while not child.well() or (how != "node" and child.server == server):
        if time.monotonic() > began + START_S:
            raise RuntimeError(f"not well after {how}: {child.log.read_text()[-2000:]}")
        time.sleep(0.05)
    told = child.said("recovered")[before:]
    return {
        "how": how,
        "ready_s": ready_s,
        "well_s": time.monotonic() - began,
        "folding_s": told[-1]["seconds"] if told else None,
    }


async def _post(
    child: Child, sent: Sequence[Sent], acknowledged: list[Sent], over: asyncio.Event
) -> None:
    """As a feed does: each scan when it is due, again until it is acknowledged; radars abreast."""

    async def of_radar(radar: str) -> None:
        for one in (one for one in sent if one.arrival.radar == radar):
            while time.time_ns() < one.due_ns and not over.is_set():
                await asyncio.sleep(0.02)
            if over.is_set():
                return
            began = time.monotonic()
            while refused := await asyncio.to_thread(child.post, one):
                if time.monotonic() > began + 2.0 * START_S:
                    raise RuntimeError(f"{radar}: a scan was never acknowledged: {refused}")
                await asyncio.sleep(0.1)
            acknowledged.append(one)

    await asyncio.gather(*(of_radar(radar) for radar in {one.arrival.radar for one in sent}))


async def _give(node: Node, sent: Sequence[Sent], over: asyncio.Event) -> None:
    for one in sent:
        while time.time_ns() < one.due_ns and not over.is_set():
            await asyncio.sleep(0.02)
        if over.is_set():
            return
        await node.take_plots((msgspec.structs.replace(one.arrival, received_ns=node.clock()),))


async def never_killed(
    source: Source, of: Settings, recovered: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What a node that was never killed makes of all that a journal holds, deciding by itself."""
    twin = Folded(source.nation, source.radars, of)
    marks = {one["entry"]: one for one in recovered}
    entries = verdicts_other = pictures_other = 0
    async for entry in source.read():
        entries += 1
        if entry.kind in (EntryKind.PLOTS_ACCEPTED, EntryKind.PLOTS_REFUSED):
            kept = msgspec.msgpack.decode(entry.payload, type=KeptPlots)
            verdicts_other += twin.plots(kept.arrival(twin.numbers)) != kept.decided.each
        elif entry.kind is EntryKind.CLOCK_MARK:
            mark = msgspec.msgpack.decode(entry.payload, type=KeptMark)
            verdicts_other += twin.mark(mark.time_ns) != mark.decided.each
        elif entry.kind is EntryKind.PARTNER_MESSAGE:
            result, message = _recorded(twin, entry)
            verdicts_other += twin.observe(result) != message.decided.each
        else:
            twin.fold(entry)
        if entry.number in marks:
            told = marks.pop(entry.number)
            for name, picture in twin.pictures.items():
                same = picture.picture.digest() == told["digests"][name]
                same &= [list(one) for one in sorted(picture.ids.items())] == told["ids"][name]
                pictures_other += not same
    missing = [number for number in marks if number]
    return {
        "entries": entries,
        "verdicts_other": verdicts_other,
        "pictures_other": pictures_other + len(missing),
    }


def _recorded(twin: Folded, entry: Any) -> tuple[Accepted, KeptMessage]:
    message = msgspec.msgpack.decode(entry.payload, type=KeptMessage)
    if entry.about not in twin.entry.partners:
        twin.entry.admit(entry.about, ())
    result = twin.entry.recorded(
        message.body, entry.about, Delivery(message.delivery), message.received_ns
    )
    assert isinstance(result, Accepted), result
    return result, message


# -- cuts ------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """How a link fails and for how long, of the flight's time.

    `messages_s`: both nations' together, a scan of one plot each; 0: those of one flight, 2 to 5.
    """

    how: str
    length_s: float
    messages_s: float = 0.0
    topology: str = "mesh"
    speed: float = 5.0
    """Until the link is mended the flight's time goes so many times as fast, if the nodes keep up;
    then as fast as any."""


def cut_off(
    longest_s: int, progress: Callable[[int], Any], messages_s: float = 200.0
) -> dict[str, Any]:
    """All ways to fail, of at most so long; both nations' nodes are in this one process.

    `messages_s`: of both, in cuts of 1 s and 60 s; in longer ones a quarter, else half of it. With
    200 it takes some ten minutes; a process takes in some 300 a second of both nations together.
    """
    minute = min(60.0, longest_s)
    if longest_s < 60:
        messages_s = min(messages_s, 50.0)
    cases = [Case("cut", 1.0, messages_s), Case("cut", minute, messages_s)]
    if longest_s > 60:
        cases.append(Case("cut", float(longest_s), messages_s / 4))
    some = messages_s / 2
    cases += [Case(how, min(20.0, longest_s), some) for how in ("black hole", "flapping", "far")]
    cases.append(Case("cut", min(20.0, longest_s), some, "hub:USA"))
    return cuts(cases, progress)


def cuts(
    cases: Sequence[Case],
    progress: Callable[[int], Any] = lambda n: None,
    late: LateSettings | None = None,
) -> dict[str, Any]:
    """The link between two nodes fails, in both directions, while both go on."""
    rows = []
    for number, case in enumerate(cases):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(_cut(Path(folder) / "coalition", case, late)))
        _log.info("%s", rows[-1])
        progress(number + 1)
    return {"cuts": rows}


def _staged(root: Path, case: Case, own: Settings) -> tuple[str, str]:
    """Folders, and the two nations: the first looks at what comes, the second sends plots."""
    hub = case.topology != "mesh"
    pair = ("JPN", "KOR") if hub else ("JPN", "USA")
    releases = {pair[0]: {pair[1]: "tracklets"}, pair[1]: {pair[0]: "plots"}}
    if hub:
        releases["USA"] = {"JPN": "nothing", "KOR": "nothing"}
    stage(root, releases, own, case.topology)
    if case.messages_s:
        for nation in releases:
            save_radars(root / nation / "radars.toml", node_load.radars())
    return pair


def _traffic(case: Case, nodes: dict[str, Node], begin_ns: int, seconds: float) -> list[Sent]:
    """The scans of both nations in order of time."""
    if not case.messages_s:
        of = {"begin_ns": begin_ns, "seconds": seconds, "from_s": 85.0}
        sent = [one for name, node in nodes.items() for one in arrivals(name, node.radars, **of)]
        return sorted(sent, key=lambda one: one.due_ns)
    load = node_load.load(len(node_load.NATIONS) / 2 * case.messages_s, seconds, 1)
    sequence: Counter[str] = Counter()
    sent = []
    for number, nation in enumerate(load.nation):
        if nation not in nodes:
            continue
        begin, end = load.starts[number], load.starts[number + 1]
        plots = load.plots._make(column[begin:end] for column in load.plots)
        plots = plots._replace(time_ns=plots.time_ns + begin_ns)
        sequence[nation] += 1
        at_ns = int(plots.time_ns.max())
        arrival = Arrival(
            nation=nation,
            radar=load.radars[plots.radar[0]].id,
            epoch=1,
            sequence=sequence[nation],
            received_ns=at_ns,
            plots=plots,
        )
        sent.append(Sent(nation, at_ns, arrival))
    return sent


class _Failing:
    """Wires that fail in a way, and are mended."""

    def __init__(self, wires: Sequence[Wire], how: str) -> None:
        self._wires, self._how = wires, how
        self._flaps: asyncio.Task[None] | None = None

    async def fail(self) -> None:
        if self._how == "flapping":
            self._flaps = asyncio.create_task(self._flap())
        for wire in self._wires:
            if self._how == "cut":
                await wire.cut()
            elif self._how == "black hole":
                wire.swallow()
            elif self._how == "far":
                wire.delay_s = 0.075

    async def mend(self) -> None:
        if self._flaps is not None:
            await end(self._flaps)
        for wire in self._wires:
            wire.delay_s = 0.0
            wire.mend()

    async def _flap(self) -> None:
        while True:
            for wire in self._wires:
                await wire.cut()
            await asyncio.sleep(0.5)
            for wire in self._wires:
                wire.mend()
            await asyncio.sleep(1.5)


async def _cut(root: Path, case: Case, late: LateSettings | None) -> dict[str, Any]:
    link = LinkSettings(heartbeat_s=0.2, silent_s=3.0, reconnect_s=0.2, ping_s=1.0)
    of_node = NodeSettings(checkpoint_every_s=3600, mark_every_s=max(0.2, 1.0 / case.speed))
    own = settings(
        link=link,
        node=of_node,
        late=late or LateSettings(),
        journal=JournalSettings(rate_kib_s=500, retention_h=1, answer_s=10.0),
    )
    pair = _staged(root, case, own)
    times = Time(1_790_000_000 * S)
    nodes: dict[str, Node] = {}
    wires: list[Wire] = []
    before_s, after_s = 10.0, 5.0
    shots: list[tuple[int, Any]] = []
    giving: list[asyncio.Task[Verdict]] = []
    telling: asyncio.Task[None] | None = None

    def shot(node: Node) -> None:
        times.now_ns += 1000
        node.shared.tracks()
        shots.append((times.now_ns, seen(node, SHARED)))
        times.now_ns += 1000

    def sent_to(nation: str, of: str) -> tuple[int, int]:
        chain = nodes[of].ways[nation].outgoing.chain
        return chain.epoch, chain.sequence

    try:
        names = sorted(path.name for path in root.iterdir() if (path / "node.toml").exists())
        for nation in names:
            wires += await _wired(root / nation, own)
        for nation in sorted(names, reverse=True):
            nodes[nation] = Node(root / nation, own, clock=times.clock())
            await nodes[nation].start()
        one, other = (nodes[name] for name in pair)
        heard = {one.nation: Heard(one, other.nation), other.nation: Heard(other, one.nation)}
        ways = [pair, (pair[1], pair[0])]
        await until(lambda: all(s.up for n in (one, other) for s in n.link.states()))

        def lacking() -> int:
            """Messages that the durable path has not brought yet, of the way that lacks more."""
            at = [(sent_to(to, of), heard[to].durable[-1:]) for to, of in ways]
            return max(sent[1] - (got[0][1] if got else 0) for sent, got in at)

        begin_ns = times.now_ns
        talking = {name: nodes[name] for name in pair}
        seconds = before_s + case.length_s + after_s
        # Not here: while nobody else has a turn servers take their clients for gone.
        sent = await asyncio.to_thread(_traffic, case, talking, begin_ns, seconds)
        failing = _Failing(wires, case.how)
        began, state, waited, target = time.monotonic(), "before", 0, 0
        speed = case.speed
        telling = asyncio.create_task(
            _tell(
                lambda: (
                    f"{case.how} of {case.length_s:g} s: {state}, "
                    f"{(times.now_ns - begin_ns) / S:.1f} s of the flight, {lacking()} messages "
                    f"lacking; {_catching_up(one)}; {_catching_up(other)}"
                )
            )
        )
        for scan in sent:
            at_s = (scan.due_ns - begin_ns) / S
            await asyncio.sleep(max(0.0, began + at_s / speed - time.monotonic()))
            if len(giving) >= 50:
                await asyncio.gather(*giving)
                giving.clear()
            while state == "before" and lacking() > 200:  # no faster than they keep up
                await asyncio.sleep(0.01)
            if state == "before" and at_s > before_s:
                await asyncio.gather(*giving)
                await until(lambda: lacking() == 0, 60.0)
                shot(one)
                await failing.fail()
                state = "failing"
            elif state == "failing" and at_s > before_s + case.length_s:
                await asyncio.gather(*giving)
                shot(one)
                target, waited = sent_to(one.nation, other.nation)[1], lacking()
                await failing.mend()
                state, mended = "after", time.monotonic()
                began, speed = mended - at_s, 1.0  # caught up while as much comes as always does
                watch = asyncio.create_task(_come(heard[one.nation], target))
            giving.append(asyncio.create_task(give(nodes[scan.nation], scan, times)))
        await asyncio.gather(*giving)
        took_s = math.inf
        with contextlib.suppress(TimeoutError):
            took_s = await asyncio.wait_for(watch, GIVE_UP_S) - mended
        caught_up = await until(lambda: lacking() == 0, 600.0)
        times.now_ns += 10 * S  # nothing more comes of those who caught up
        await until(lambda: not one.shared.rebuild and not other.shared.rebuild, 300.0)
        rebuilt_s = time.monotonic() - mended
        await asyncio.sleep(1.5 / case.speed + 0.3)
    finally:
        await end(telling)
        for node in nodes.values():
            await node.stop()
        for wire in wires:
            await wire.stop()
    identical = True
    for name in pair:
        async with open_source(root / name, own) as source:
            never = await never_cut(source, own)
            identical &= never == seen(nodes[name], SHARED).digest
    async with open_source(root / pair[0], own) as source:
        then = await replay(source, own, SHARED, [t for t, _ in shots], known=THEN)
    as_then = [(m.digest, tuple((t.id, t.state.tobytes()) for t in m.tracks)) for m in then.moments]
    return {
        "how": case.how,
        "topology": case.topology,
        "length_s": case.length_s,
        "messages_s": len(sent) / (before_s + case.length_s + after_s),
        "messages": sum(len(one.durable) for one in heard.values()),
        "waited": waited,
        "caught_up": caught_up,
        "caught_up_s": took_s,
        "caught_up_messages_s": waited / max(took_s, 1e-3),
        "rebuilt_s": rebuilt_s,
        "times_real_time": case.length_s / max(took_s, 1e-3),
        "rebuilds": one.shared.rebuilds,
        "path": {
            what: sum(each.faults()[what] for each in heard.values())
            for what in ("lost", "doubled", "reordered")
        },
        "late": {k: n for k, n in one.shared.counts.items() if k != "accepted"},
        "identical": identical,
        "as_known_then": as_then == [tuple(shown) for _, shown in shots],
    }


def _catching_up(node: Node) -> str:
    """How far a node is in taking in what it missed."""
    rebuild = node.shared.rebuild
    beside = "nothing beside"
    if rebuild:
        beside = f"{'gathers' if rebuild.gathering else 'ends'} {sum(rebuild.rows)} beside"
    return f"{node.nation}: {beside}, {node.journal.health.waiting} for the journal"


async def _tell(what: Callable[[], str], every_s: float = 10.0) -> None:
    """Say each so often how far it is (`--verbose`)."""
    worst, last = 0.0, time.monotonic()
    due = last
    while True:
        await asyncio.sleep(0.05)
        now = time.monotonic()
        worst, last = max(worst, now - last - 0.05), now
        if now >= due:
            _log.info("%s; nobody else had a turn for %.2f s at most", what(), worst)
            worst, due = 0.0, now + every_s


async def _come(heard: Heard, target: int) -> float:
    """When the durable path had brought a message, s of the machine's steady clock."""
    while not (heard.durable and heard.durable[-1][1] >= target):
        await asyncio.sleep(0.01)
    return time.monotonic()


async def _wired(folder: Path, of: Settings) -> list[Wire]:
    """Have a nation dial its partners through wires."""
    node = load_node(folder)
    lines, wires = [], []
    for partner in node.partners:
        wire = Wire(*host_and_port(node.dialled(partner), "wire"))
        await wire.start()
        wires.append(wire)
        lines.append(f'{partner} = "{wire.address}"')
    path = folder / "node.toml"
    text = path.read_text().replace("[addresses]\n", "[addresses]\n" + "\n".join(lines) + "\n")
    path.write_text(text)
    write_generated(load_node(folder), of.link)
    return wires


async def never_cut(source: Source, of: Settings) -> str:
    """Digest of the shared picture that timely arrival would have given of all that counted."""
    folded = Folded(source.nation, source.radars, of)
    due: list[tuple[int, int, Arrival | ClockMark]] = []
    sinks: list[Arrival | ClockMark | None] = []
    folded.pictures.receive_each = lambda given, recorded=(): (  # type: ignore[method-assign]
        sinks.append(given.get(SHARED)),  # type: ignore[func-returns-value]
        recorded,
    )[1]
    async for entry in source.read():
        if entry.kind is EntryKind.PLOTS_ACCEPTED:
            kept = msgspec.msgpack.decode(entry.payload, type=KeptPlots)
            if _counted(kept):
                arrival = kept.arrival(folded.numbers)
                due.append((int(arrival.plots.time_ns.max()), 1, arrival))
        elif entry.kind is EntryKind.CLOCK_MARK:
            mark = msgspec.msgpack.decode(entry.payload, type=KeptMark)
            if _counted(mark):
                clock = ClockMark(time_ns=mark.time_ns, received_ns=mark.time_ns)
                due.append((mark.time_ns, 0, clock))
        elif entry.kind is EntryKind.PARTNER_MESSAGE:
            result, message = _recorded(folded, entry)
            folded.observe(result, message.decided.each)
            if _counted(message):
                given = sinks[-1]
                assert isinstance(given, Arrival)
                newest = [one.last_ns for one in given.tracklets]
                newest += given.plots.time_ns.tolist()
                due.append((max(newest), 1, given))
    for at_ns, _, one in sorted(due, key=lambda item: item[:2]):
        verdict = folded.shared.receive(msgspec.structs.replace(one, received_ns=at_ns))
        assert verdict.outcome == Outcome.ACCEPTED, verdict
    return folded.shared.picture.digest()


def _of_shared(decided: Verdicts) -> Verdict | None:
    """What the shared picture decided; None: it was given nothing."""
    return decided[NAMES.index(SHARED)] if decided else None


def _counted(kept: KeptPlots | KeptMark | KeptMessage) -> bool:
    """Whether the shared picture took it."""
    verdict = _of_shared(kept.decided.each)
    return verdict is not None and verdict.outcome == Outcome.ACCEPTED


# -- disk and clock --------------------------------------------------------------------------------


def beset(count: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """A full disk, and a clock that steps."""
    found = {"disk": disk_full(), "clock": clock_steps()}
    progress(count)
    return found


def disk_full() -> dict[str, Any]:
    """A node whose disk fills up and gets room again; on a small file system, if one may be made.

    Otherwise the server's files may grow no more, and the disk is said to be full.
    """
    with tempfile.TemporaryDirectory() as folder:
        mounted = _mounted(Path(folder), "160m")
        try:
            return asyncio.run(_disk_full(Path(folder) / "coalition", mounted))
        finally:
            if mounted:
                subprocess.run(["umount", folder], check=False)


def _mounted(folder: Path, size: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


async def _disk_full(root: Path, mounted: bool) -> dict[str, Any]:
    own = settings(
        journal=JournalSettings(rate_kib_s=2, retention_h=1, answer_s=0.5, retry_s=0.1),
        node=NodeSettings(checkpoint_every_s=3600, mark_every_s=0.5, silent_server_s=2.0),
    )
    stage(root, {"JPN": {"KOR": "plots"}, "KOR": {"JPN": "nothing"}}, own)
    times = Time(1_790_000_000 * S)
    node = Node(root / "JPN", own, clock=times.clock())
    ballast, usage = root / "ballast", shutil.disk_usage
    row: dict[str, Any] = {"mounted": mounted}

    def fill() -> None:
        if not mounted:
            most = resource.RLIM_INFINITY
            resource.prlimit(node.server.pid or 0, resource.RLIMIT_FSIZE, (65_536, most))
            shutil.disk_usage = lambda _: usage("/")._replace(free=1000)  # type: ignore
            return
        with contextlib.suppress(OSError), ballast.open("wb") as file:  # closing writes, too
            while True:
                file.write(bytes(1 << 16))
                file.flush()

    def empty() -> None:
        ballast.unlink(missing_ok=True)
        shutil.disk_usage = usage
        if not mounted:
            most = resource.RLIM_INFINITY
            resource.prlimit(node.server.pid or 0, resource.RLIMIT_FSIZE, (most, most))

    def faults() -> list[str]:
        return [one for one in node.health()["faults"] if not one.startswith("link")]

    try:
        await node.start()
        sent = arrivals("JPN", node.radars, begin_ns=times.now_ns, seconds=12.0)
        for one in sent[:20]:
            await give(node, one, times)
        assert not faults(), faults()
        await asyncio.to_thread(fill)
        waiting = [asyncio.ensure_future(give(node, one, times)) for one in sent[20:60]]
        row["named"] = await until(lambda: any("disk is full" in one for one in faults()), 20.0)
        row["fault"] = faults()
        row["acknowledged_meanwhile"] = sum(one.done() for one in waiting)
        # What still works: own plots are in the picture, and tracks grow older.
        before = node.national.received
        times.now_ns += S
        row["picture_goes_on"] = await until(lambda: node.national.received > before)
        row["in_the_picture"] = node.national.kept["plots"]
        await asyncio.to_thread(empty)
        began = time.monotonic()
        row["acknowledged_after"] = await until(lambda: all(one.done() for one in waiting), 60.0)
        row["well_again_s"] = time.monotonic() - began
        row["well"] = await until(lambda: not faults(), 30.0)
        end = seen(node, NATIONAL)
    finally:
        await asyncio.to_thread(empty)
        await node.stop()
    async with open_source(root / "JPN", own) as source:
        replayed = await replay(source, own, NATIONAL)
        twin = await never_killed(source, own, [])
    row["replay_identical"] = replayed.exact and replayed.moments[0].digest == end.digest
    row["verdicts_other"] = twin["verdicts_other"]
    return row


def clock_steps(steps_s: Sequence[float] = (3600.0, -3600.0)) -> list[dict[str, Any]]:
    """The machine's clock put ahead and back while a node runs, and right again after a while."""
    rows = []
    for step_s in steps_s:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(_clock_step(Path(folder) / "coalition", step_s)))
    return rows


async def _clock_step(root: Path, step_s: float) -> dict[str, Any]:
    own = settings(node=NodeSettings(checkpoint_every_s=3600, mark_every_s=0.2))
    stage(root, {"JPN": {"KOR": "tracklets"}, "KOR": {"JPN": "plots"}}, own)
    times, others = Time(1_790_000_000 * S), Time(1_790_000_000 * S)
    japan = Node(root / "JPN", own, clock=times.clock())
    korea = Node(root / "KOR", own, clock=others.clock())
    named, over, outcomes, faults = False, False, Counter[str](), ""
    try:
        await korea.start()
        await japan.start()
        await until(lambda: all(s.up for n in (japan, korea) for s in n.link.states()))
        of = {"begin_ns": times.now_ns, "seconds": 6.0}
        sent = [*arrivals("JPN", japan.radars, **of), *arrivals("KOR", korea.radars, **of)]
        sent.sort(key=lambda one: one.due_ns)
        third = len(sent) // 3
        for number, one in enumerate(sent):
            if number in (third, 2 * third):
                times.stepped_ns = round(step_s * S) if number == third else 0
                await asyncio.sleep(0.5)
                said = [f for f in japan.health()["faults"] if f.startswith("clock")]
                named, over = named or bool(said), not said
                faults = faults or "".join(said)
            times.now_ns = max(times.now_ns, one.due_ns)  # one time passes, whatever clocks say
            others.now_ns = times.now_ns
            node = japan if one.nation == "JPN" else korea
            verdict = await give(node, one, others)
            outcomes[f"{one.nation} {verdict.outcome}"] += 1
            await asyncio.sleep(0.005)
        sent_korea = korea.ways["JPN"].outgoing.chain.sequence
        await until(lambda: japan.entry.counts("KOR").get("accepted", 0) >= sent_korea)
        accepted = japan.entry.counts("KOR").get("accepted", 0)
        confirmed = [t for t in japan.shared.tracks() if t.status == "confirmed"]
        newest_ns = max((t.time_ns for t in confirmed), default=0)
    finally:
        await japan.stop()
        await korea.stop()
    return {
        "step_s": step_s,
        "named": named,
        "fault": faults,
        "over": over,
        "outcomes": dict(outcomes),
        "of_korea": [accepted, sent_korea],
        "confirmed": len(confirmed),
        "ahead_s": (newest_ns - times.now_ns) / S,
    }


# -- eight hours -----------------------------------------------------------------------------------


def hours(count: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """So many of them; plots are kept for at most one."""
    return eight_hours(count, min(1.0, count / 5), progress)


def eight_hours(
    hours: float = 8.0, kept_h: float = 1.0, progress: Callable[[int], Any] = lambda n: None
) -> dict[str, Any]:
    """Memory of one node over hours of flights one after the other, as fast as it takes them.

    One flight in sight of up to four radars at a time, two thirds of the time, marks each second,
    journal on disk, what leaves for one partner out of reach bounded. `kept_h`: late.kept_s.
    """
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_hours(Path(folder) / "coalition", hours, kept_h, progress))


async def _hours(
    root: Path, hours: float, kept_h: float, progress: Callable[[int], Any]
) -> dict[str, Any]:
    own = settings(
        late=LateSettings(kept_s=3600 * kept_h),
        journal=JournalSettings(rate_kib_s=200, retention_h=kept_h),
        node=NodeSettings(checkpoint_every_s=30, mark_every_s=60),
    )
    stage(root, {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}}, own)
    times = Time(1_790_000_000 * S)
    node = Node(root / "JPN", own, clock=times.clock())
    flight_s, seen_s = 600, 400.0
    rss: list[tuple[float, float]] = []
    began, plots = time.monotonic(), 0
    try:
        await node.start()
        begin_ns = times.now_ns
        flights = max(1, round(hours * 3600 / flight_s))
        sequence: Counter[str] = Counter()
        for flight in range(flights):
            from_ns = begin_ns + flight * flight_s * S
            of = {"begin_ns": from_ns, "seconds": seen_s, "from_s": 95.0}
            events: list[tuple[int, Any]] = [
                (one.due_ns, one) for one in arrivals("JPN", node.radars, **of)
            ]
            events += [(from_ns + k * S, None) for k in range(flight_s)]
            waiting = []
            for due_ns, one in sorted(events, key=lambda event: event[0]):
                times.now_ns = max(times.now_ns, due_ns)
                if one is None:
                    decided = node.folded.mark(times.now_ns)
                    kept = KeptMark(times.now_ns, KeptVerdicts.of(decided))
                    waiting.append(node._write(EntryKind.CLOCK_MARK, "", times.now_ns, kept))
                    node.national.tracks(), node.shared.tracks()
                else:
                    sequence[one.arrival.radar] += 1
                    arrival = msgspec.structs.replace(
                        one.arrival,
                        received_ns=times.now_ns,
                        sequence=sequence[one.arrival.radar],
                    )
                    plots += len(arrival.plots.time_ns)
                    waiting.append(asyncio.ensure_future(node.take_plots((arrival,))))
                if len(waiting) >= 200:
                    await asyncio.gather(*waiting)
                    waiting = []
            await asyncio.gather(*waiting)
            rss.append(((flight + 1) * flight_s / 3600, _rss_mib()))
            progress(flight + 1)
    finally:
        await node.stop()
    # A look may fall into a checkpoint, which takes 100 MiB for a moment: medians of quarters.
    settled = [mib for at_h, mib in rss if at_h > kept_h + 1.0] or [rss[-1][1]]
    quarter = max(1, len(settled) // 4)
    return {
        "hours": hours,
        "kept_h": kept_h,
        "plots": plots,
        "took_s": time.monotonic() - began,
        "rss_mib": rss,
        "settled_mib": [
            median(settled[:quarter]),
            median(settled[-quarter:]),
            max(settled),
        ],
    }


def _rss_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")
