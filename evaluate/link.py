"""Links that fail: what is lost, doubled or out of order, and how soon all is caught up with.

1,000 messages a second of 200 B each way between two of three nations, over real servers and wires
that fail, all on one machine. Caught up is the share of real time: messages that waited over what
was published in the time that it took to take them all in.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from evaluate.link_scene import Coalition, Wire, coalition
from skypact.settings import LinkSettings

_log = logging.getLogger(__name__)
WAYS = (("JPN", "KOR"), ("KOR", "JPN"))
RATE_HZ = 1000.0
BEFORE_S, AFTER_S = 2.0, 3.0
CAUGHT_UP_S = 900.0
FLAPS = 8
Fault = Callable[[Coalition, list[Wire]], Awaitable[None]]


def run(longest_cut_s: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """All cases, with cuts of at most so long."""
    cuts = sorted({min(length, longest_cut_s) for length in (1, 60, 600)})
    mesh: list[tuple[str, Fault]] = [(f"cut of {length} s", _cut(length)) for length in cuts]
    mesh += [
        (f"black hole of {min(60, longest_cut_s)} s", _black_hole(min(60, longest_cut_s))),
        (f"flapping, {FLAPS} times", _flapping),
        ("150 ms there and back", _long_way),
        ("kill -9 of the originator's server, 3 times", _kill("JPN")),
        ("kill -9 of the addressee's server, 3 times", _kill("KOR")),
    ]
    hub: list[tuple[str, Fault]] = [
        (f"cut of {min(60, longest_cut_s)} s", _cut(min(60, longest_cut_s))),
        ("kill -9 of the hub's server, 3 times", _kill("USA")),
    ]
    cases = []
    for topology, faults in (("mesh", mesh), ("hub:USA", hub)):
        cases += asyncio.run(_cases(topology, faults))
    progress(longest_cut_s)
    return {"rate_hz": RATE_HZ, "cases": cases}


async def _cases(topology: str, faults: list[tuple[str, Fault]]) -> list[dict[str, Any]]:
    rows = []
    async with coalition(LinkSettings(), topology) as scene:
        wires = scene.between("JPN", "KOR" if topology == "mesh" else "USA")
        for name, fault in faults:
            rows.append({"topology": topology, "case": name, **await _case(scene, wires, fault)})
            _log.info("%s", rows[-1])
    return rows


async def _case(scene: Coalition, wires: list[Wire], fault: Fault) -> dict[str, Any]:
    scene.taken.clear()
    first = scene.newest()  # ids are never used again
    scene.published = dict.fromkeys(WAYS, first)
    stopping = asyncio.Event()
    traffic = asyncio.create_task(scene.traffic(WAYS, RATE_HZ, float("inf"), until=stopping))
    await asyncio.sleep(BEFORE_S)
    await fault(scene, wires)
    mended_s = time.time()
    waited = max(scene.published[way] - first - len(scene.taken[way].durable) for way in WAYS)
    published = dict(scene.published)
    await asyncio.sleep(AFTER_S)
    stopping.set()
    await traffic
    await scene.all_durable(WAYS, CAUGHT_UP_S)
    row: dict[str, Any] = {"waited": waited}
    row["messages"] = sum(scene.published[way] - first for way in WAYS)
    for fault_name in ("lost", "doubled", "reordered"):
        row[fault_name] = sum(
            scene.taken[way].faults(first, scene.published[way])[fault_name] for way in WAYS
        )
    # When each way had taken in what was published before the link was mended.
    took_s = max(
        scene.taken[way].durable_at_s[
            min(published[way] - first, len(scene.taken[way].durable)) - 1
        ]
        - mended_s
        for way in WAYS
    )
    row["caught_up_s"] = took_s
    row["times_real_time"] = waited / RATE_HZ / max(took_s, 1e-3)
    return row


def _cut(length_s: float) -> Fault:
    async def fault(_: Coalition, wires: list[Wire]) -> None:
        for wire in wires:
            await wire.cut()
        await asyncio.sleep(length_s)
        for wire in wires:
            wire.mend()

    return fault


def _black_hole(length_s: float) -> Fault:
    async def fault(_: Coalition, wires: list[Wire]) -> None:
        for wire in wires:
            wire.swallow()
        await asyncio.sleep(length_s)
        for wire in wires:
            wire.mend()

    return fault


async def _flapping(_: Coalition, wires: list[Wire]) -> None:
    for _time in range(FLAPS):
        for wire in wires:
            await wire.cut()
        await asyncio.sleep(0.5)
        for wire in wires:
            wire.mend()
        await asyncio.sleep(1.5)


async def _long_way(_: Coalition, wires: list[Wire]) -> None:
    for wire in wires:
        wire.delay_s = 0.075
    await asyncio.sleep(10.0)
    for wire in wires:
        wire.delay_s = 0.0


def _kill(nation: str) -> Fault:
    async def fault(scene: Coalition, _: list[Wire]) -> None:
        for _time in range(3):
            pid = scene.servers[nation].pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(3.0)

    return fault
