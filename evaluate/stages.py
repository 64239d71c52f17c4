"""A nation's node whose stages are processes of their own: made, run, and killed one by one.

The node, its feeds, its warnings and its record run as `skypact node` and `skypact node --stage`
start them; plots come by HTTP as a radar's feed sends them, and what is not acknowledged is sent
again. Each process in turn is killed with -9 and started anew. Afterwards a twin that is one
process and was never killed decides anew about all that the journal holds, in order: it must come
to the same verdicts, and have the bits and ids that each process came back with.
"""

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from evaluate import nodes
from evaluate.node_scene import S, Sent, arrivals, settings, stage, until
from skypact.model import EntryKind
from skypact.sensing import load_radars
from skypact.serving.journal_source import open_source, plots_of
from skypact.serving.warner import KeptWarnings
from skypact.settings import JournalSettings, Settings
from skypact.sharing.nats_config import NATIONAL_USER, warning_subject
from skypact.sharing.nats_server import connect
from skypact.sharing.node_folder import load_node

AFTER_NODE = ("feeds", "warnings", "record")
# The IRBM over Japan of 2022-10-04 passes over this, and nothing of it falls there.
NORTH = [[138.0, 39.0], [143.0, 39.0], [143.0, 43.0], [138.0, 43.0], [138.0, 39.0]]


def nation(root: Path, of: Settings, apart: Sequence[str]) -> Path:
    """Japan's folder: it warns one area, releases nothing, and sets stages apart."""
    stage(root, {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}}, of)
    folder = root / "JPN"
    (folder / "warning.toml").write_text('sender = "alerts@agency.example"\n')
    area = {
        "type": "Feature",
        "properties": {"id": "north", "name": {"en": "north"}},
        "geometry": {"type": "Polygon", "coordinates": [NORTH]},
    }
    areas = {"type": "FeatureCollection", "features": [area]}
    (folder / "areas.geojson").write_text(json.dumps(areas))
    set_apart(folder, apart)
    return folder


def set_apart(folder: Path, apart: Sequence[str]) -> None:
    """Enter in `node.toml` which stages are processes of their own."""
    path = folder / "node.toml"
    lines = path.read_text().splitlines()
    row = next(k for k, line in enumerate(lines) if line.startswith("apart = "))
    lines[row] = f"apart = {json.dumps(list(apart))}"
    path.write_text("\n".join(lines) + "\n")


def kills(count: int, seed: int, progress: Callable[[int], Any] = lambda n: None) -> dict[str, Any]:
    """So many kills, of each process in turn."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = asyncio.run(_kills(root / "killed", count, seed, progress))
        for name, apart in (("said_apart", AFTER_NODE), ("said_together", ())):
            found[name] = asyncio.run(_first_alert(root / name, apart))
    return found


def processes(folder: Path, apart: Sequence[str], **more: dict[str, Any]) -> dict[str, nodes.Child]:
    """A node and its stages, not started; the node first. `more`: sections of the settings."""
    given: dict[str, Any] = {"journal": {"rate_kib_s": 50, "retention_h": 1}} | more
    node = nodes.Child(folder, given)
    return {"node": node} | {name: node.stage(name) for name in apart}


async def _first_alert(root: Path, apart: Sequence[str]) -> list[str]:
    """What is said first of half a minute of the flight: type, areas, headline."""
    own = settings(journal=JournalSettings(rate_kib_s=50, retention_h=1, answer_s=60.0))
    folder = nation(root, own, apart)
    children = processes(folder, apart)
    alerts: list[bytes] = []
    try:
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in children.values()))
        client = await connect(load_node(folder), NATIONAL_USER, wait_s=10.0)

        async def heard(message: Any) -> None:
            alerts.append(message.data)

        await client.subscribe(warning_subject(), cb=heard)
        radars = load_radars(folder / "radars.toml")
        begin_ns = time.time_ns() - 30 * S
        for one in arrivals("JPN", radars, begin_ns=begin_ns, seconds=30.0):
            while await asyncio.to_thread(children["node"].post, one):
                await asyncio.sleep(0.1)
        await until(lambda: bool(alerts), nodes.START_S)
        await client.close()
        for child in reversed(children.values()):
            await asyncio.to_thread(child.stop)
    finally:
        for child in children.values():
            child.kill("node")
        children["node"].kill("server")
    of = etree.fromstring(alerts[0])
    areas = sorted({str(e.text) for e in of.iterfind(".//{*}geocode/{*}value")})
    headlines = [str(e.text) for e in of.iterfind(".//{*}headline")]
    return [str(of.findtext("{*}msgType")), *areas, *headlines]


async def _kills(
    root: Path, count: int, seed: int, progress: Callable[[int], Any]
) -> dict[str, Any]:
    own = settings(journal=JournalSettings(rate_kib_s=50, retention_h=1, answer_s=60.0))
    folder = nation(root, own, AFTER_NODE)
    children = processes(folder, AFTER_NODE, node={"checkpoint_every_s": 5.0})
    node = children["node"]
    rng, killed, acknowledged = random.Random(seed), list[dict[str, Any]](), list[Sent]()
    published: Counter[bytes] = Counter()
    try:
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in children.values()))
        client = await connect(load_node(folder), NATIONAL_USER, wait_s=10.0)

        async def heard(message: Any) -> None:
            published[message.data] += 1

        await client.subscribe(warning_subject(), cb=heard)
        over = asyncio.Event()
        radars = load_radars(folder / "radars.toml")
        sent = arrivals("JPN", radars, begin_ns=time.time_ns() + S, seconds=400.0)
        feeding = asyncio.create_task(nodes._post(node, sent, acknowledged, over))
        for number in range(count):
            await asyncio.sleep(rng.uniform(nodes.SOON_S, nodes.LATEST_S))
            name = list(children)[number % len(children)]
            killed.append(await asyncio.to_thread(_kill, name, children))
            progress(number + 1)
        await asyncio.sleep(3.0)
        over.set()
        await feeding
        await asyncio.to_thread(_all_well, children)
        came_back = [one for child in children.values() for one in child.said("following")]
        came_back += node.said("recovered")
        await client.close()
        for child in reversed(children.values()):
            await asyncio.to_thread(child.stop)
    finally:
        for child in children.values():
            child.kill("node")
        node.kill("server")
    return {"kills": killed} | await _looked_at(folder, own, acknowledged, published, came_back)


def _kill(name: str, children: dict[str, nodes.Child]) -> dict[str, Any]:
    children[name].kill("node")
    ready_s, began = children[name].start(), time.monotonic()
    _all_well(children)
    return {"who": name, "ready_s": ready_s, "well_s": time.monotonic() - began}


def _all_well(children: dict[str, nodes.Child]) -> None:
    """Wait until each says so, the node of its stages too."""
    ends = time.monotonic() + nodes.START_S
    while not all(child.well() for child in children.values()):
        if time.monotonic() > ends:
            raise RuntimeError({name: one.asked("health", {}) for name, one in children.items()})
        time.sleep(0.05)


async def _looked_at(
    folder: Path,
    own: Settings,
    acknowledged: Sequence[Sent],
    published: Counter[bytes],
    came_back: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """What the journal says about it all."""
    async with open_source(folder, own) as source:
        twin = await nodes.never_killed(source, own, came_back)
        rows = await plots_of(source)
        alerts = [
            kept
            async for entry in source.read()
            if entry.kind is EntryKind.WARNING
            for kept in msgspec.msgpack.decode(entry.payload, type=KeptWarnings).each
        ]
    kept = Counter(zip(rows.time_ns.tolist(), rows.range_m.tolist(), strict=True))
    plots = [
        (at, far)
        for one in acknowledged
        for at, far in zip(
            one.arrival.plots.time_ns.tolist(), one.arrival.plots.range_m.tolist(), strict=True
        )
    ]
    messages = [one.message for one in alerts]
    return {
        "plots": len(plots),
        "acknowledged_lost": sum(not kept[key] for key in plots),
        "acknowledged_doubled": sum(kept[key] > 1 for key in plots),
        "alerts": len(alerts),
        "alerts_doubled": len(alerts) - len({one.identifier for one in alerts}),
        "alerts_unpublished": sum(not published[one] for one in messages),
        "published_unjournalled": len(published.keys() - set(messages)),
        "first_alerts": sum(one.said.step == "alert" for one in alerts),
        "came_back": len(came_back),
        **twin,
    }
