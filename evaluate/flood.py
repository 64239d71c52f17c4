"""A partner floods a node: what comes of the others meanwhile, and what the node keeps of it.

Korea's node sends Japan's what a radar of its own sees, ten scans a second; the time from a scan's
arrival at Korea to its being in Japan's picture is measured, first alone, then while the United
States' server hands on tens of thousands of messages a second: rubbish, and one true message again
and again. The flood comes from a process of its own. Run as `python -m evaluate.flood` it is that.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from evaluate.node_scene import arrivals, settings, stage, until
from skypact.model import Arrival
from skypact.node import Node
from skypact.settings import LinkSettings
from skypact.sharing.entry import Accepted
from skypact.sharing.nats_config import GATE_USER, live_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

RATE_HZ = 50_000
SCANS_HZ = 10
_SIZE = 300
_BURST_S = 0.005


def run(seconds: float, progress: Callable[[int], Any] = lambda n: None) -> dict[str, Any]:
    """So long without the flood, and so long with it."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_run(Path(folder) / "coalition", seconds))
    progress(round(seconds))
    return found


async def _run(root: Path, seconds: float) -> dict[str, Any]:
    own = settings(link=LinkSettings(reconnect_s=0.2))
    releases = {
        "JPN": {"KOR": "nothing", "USA": "nothing"},
        "KOR": {"JPN": "plots", "USA": "nothing"},
        "USA": {"JPN": "plots", "KOR": "nothing"},
    }
    stage(root, releases, own)
    nodes = {name: Node(root / name, own) for name in releases}
    japan, korea = nodes["JPN"], nodes["KOR"]
    came: dict[int, int] = {}
    observe = japan.folded.observe

    def observed(accepted: Accepted, recorded: Any = ()) -> Any:
        decided = observe(accepted, recorded)
        if accepted.partner == "KOR" and isinstance(accepted.content, Arrival):
            for at_ns in accepted.content.plots.time_ns.tolist():
                came.setdefault(at_ns, time.time_ns())
        return decided

    japan.folded.observe = observed  # type: ignore[method-assign]
    flood = None
    try:
        for node in nodes.values():
            await node.start()
        await until(lambda: all(s.up for n in nodes.values() for s in n.link.states()), 60.0)
        await _scans(korea, 20, came, 3.0)
        alone = await _scans(korea, 1000, came, seconds)
        before_mib = _rss_mib()
        flood = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "evaluate.flood", str(root / "USA"), "JPN"),
            str(seconds + 20.0),
            stdout=asyncio.subprocess.PIPE,
        )
        assert flood.stdout is not None
        await flood.stdout.readline()  # it has begun
        began = time.monotonic()
        counted = _counts(japan)
        flooded = await _scans(korea, 100_000, came, seconds)
        took_s = time.monotonic() - began
        shed = {key: n - counted.get(key, 0) for key, n in _counts(japan).items()}
        flood.terminate()
        said = (await flood.stdout.read()).decode().split()
        grown_mib = _rss_mib() - before_mib
    finally:
        if flood is not None and flood.returncode is None:
            flood.kill()
        for node in nodes.values():
            await node.stop()
    return {
        "seconds": took_s,
        "rate_hz": float(said[-1]) if said else float("nan"),
        "alone_ms": alone,
        "flooded_ms": flooded,
        "of_flood": shed,
        "grown_mib": grown_mib,
        "accepted_of_flood": japan.entry.counts("USA").get("accepted", 0),
    }


async def _scans(korea: Node, first: int, came: dict[int, int], seconds: float) -> dict[str, float]:
    """Korea sees a scan ten times a second; percentiles of what came, and what did not."""
    radar = next(k for k, one in enumerate(korea.radars) if one.nation == "KOR")
    (sample, *_) = arrivals("KOR", korea.radars, begin_ns=time.time_ns(), seconds=2.0)
    given: dict[int, int] = {}
    for number in range(round(seconds * SCANS_HZ)):
        at_ns = time.time_ns()
        plots = sample.arrival.plots.at(np.zeros(1, np.int64))
        plots = plots._replace(
            time_ns=np.array([at_ns]),
            radar=np.array([radar], np.int32),
            scan=np.array([first + number]),
        )
        arrival = msgspec.structs.replace(
            sample.arrival,
            radar=korea.radars[radar].id,
            sequence=first + number,
            received_ns=at_ns,
            plots=plots,
        )
        given[at_ns] = at_ns
        giving = asyncio.create_task(korea.take_plots((arrival,)))
        await asyncio.sleep(1.0 / SCANS_HZ)
        await giving
    await until(lambda: given.keys() <= came.keys(), 20.0)
    late_ms = [(came[at_ns] - at_ns) / 1e6 for at_ns in given if at_ns in came]
    return {
        "p50": float(np.percentile(late_ms, 50)),
        "p99": float(np.percentile(late_ms, 99)),
        "missing": float(len(given) - len(late_ms)),
    }


def _counts(node: Node) -> dict[str, int]:
    """What became of the flood: refused by reason, or shed."""
    state = next(one for one in node.link.states() if one.partner == "USA")
    return node.entry.counts("USA") | {"shed": state.live_shed}


def _rss_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def _flood(folder: Path, addressee: str, seconds: float) -> None:
    """Messages on the live path, as fast as asked if it can."""
    node = load_node(folder)
    client = await connect(node, GATE_USER, wait_s=10.0)
    subject = f"{live_subject(addressee)}.m"
    rng = random.Random(1)
    pool = [rng.randbytes(_SIZE) for _ in range(100)]
    print("begun", flush=True)
    began, sent = time.monotonic(), 0
    try:
        while (passed_s := time.monotonic() - began) < seconds:
            for _ in range(max(0, int(passed_s * RATE_HZ) - sent)):
                await client.publish(subject, pool[sent % 100])
                sent += 1
                if sent % 2000 == 0:
                    print(sent / (time.monotonic() - began), flush=True)
            await asyncio.sleep(_BURST_S)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(_flood(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
