"""From a scan's arrival at one nation's node to the updated track at another's.

Three nodes with their servers in one process and on one machine: what they share of its two cores
is in the figures. Each nation's three radars look once a second at one flight that all three see.
"""

import asyncio
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from skypact.coalition_cli import _demo_radars
from skypact.model import Arrival
from skypact.node import Node
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.settings import JournalSettings, Settings
from skypact.sharing.coalition import init_coalition

NATIONS = {"JP": "JPN", "KR": "KOR", "US": "USA"}
FROM_S, SECONDS = 150, 20
"""Of the flight: all three see it, and the tracks are there after five seconds."""
SETTLED_S = 5
_S = 1_000_000_000


def _free_port() -> int:
    for first in range(24000, 40000, 50):
        try:
            for port in range(first, first + 30):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise OSError("no free ports")


async def _measure(folder: Path) -> dict[str, Any]:
    settings = Settings(journal=JournalSettings(rate_kib_s=50, retention_h=1))
    init_coalition(
        *(folder, list(NATIONS.values()), "mesh", settings.link),
        first_port=_free_port(),
        radars=_demo_radars,
    )
    for own in NATIONS.values():
        text = [f'nation = "{own}"']
        for other in NATIONS.values():
            if other != own:
                text += [f"[partner.{other}]", 'level = "tracklets"', 'openness = "full"']
        (folder / own / "release.toml").write_text("\n".join(text))
    nodes = {name: Node(folder / name, settings) for name in NATIONS.values()}
    came: dict[tuple[str, int], float] = {}
    tracks_s: list[float] = []
    acknowledged_s: list[float] = []

    def watch(node: Node) -> None:
        observe = node._observe

        def seen(accepted: Any, recorded: Any = None) -> Any:
            verdict = observe(accepted, recorded)
            if isinstance(accepted.content, tuple) and accepted.content:
                _ = node.shared.picture  # the track is updated when this is done
                now = time.perf_counter()
                for one in accepted.content:
                    began = came.get((accepted.partner, one.last_ns))
                    if began is not None:
                        tracks_s.append(now - began)
            return verdict

        node._observe = seen  # type: ignore[method-assign]

    try:
        for node in nodes.values():
            watch(node)
            await node.start()
        table, plots = _plots()
        shift_ns = time.time_ns() + 2 * _S - int(plots.time_ns[0])
        sequence: dict[str, int] = {}
        sent = []

        async def take(node: Node, arrival: Arrival) -> None:
            began = time.perf_counter()
            await node.take_plots((arrival,))
            acknowledged_s.append(time.perf_counter() - began)

        scans = dict.fromkeys(zip(plots.radar.tolist(), plots.scan.tolist(), strict=True))
        due = {}
        for scan in scans:
            rows = np.flatnonzero((plots.radar == scan[0]) & (plots.scan == scan[1]))
            due[scan] = rows, int(plots.time_ns[rows].max()) + shift_ns
        for scan, (rows, at_ns) in sorted(due.items(), key=lambda item: item[1][1]):
            await asyncio.sleep(max(0.0, (at_ns - time.time_ns()) / _S))
            radar = table[scan[0]]
            name = NATIONS[radar.nation]
            node, part = nodes[name], plots.at(rows)
            number = [one.id for one in node.radars].index(radar.id)
            sequence[radar.id] = sequence.get(radar.id, 0) + 1
            arrival = Arrival(
                nation=name,
                radar=radar.id,
                epoch=1,
                sequence=sequence[radar.id],
                received_ns=time.time_ns(),
                plots=part._replace(
                    time_ns=part.time_ns + shift_ns, radar=np.full(len(rows), number, np.int32)
                ),
            )
            if at_ns - shift_ns > int(plots.time_ns[0]) + SETTLED_S * _S:
                for time_ns in arrival.plots.time_ns.tolist():
                    came[name, time_ns] = time.perf_counter()
            sent.append(asyncio.create_task(take(node, arrival)))
        await asyncio.gather(*sent)
        await asyncio.sleep(2.0)
    finally:
        for node in nodes.values():
            await node.stop()
    return {
        "plots": len(plots.time_ns),
        "scans": len(scans),
        "tracklets": len(tracks_s),
        "to_track_ms": [1e3 * float(q) for q in np.percentile(tracks_s, (50, 99))],
        "acknowledged_ms": [1e3 * float(q) for q in np.percentile(acknowledged_s, (50, 99))],
    }


def _plots() -> tuple[Any, Any]:
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=1)
    plots = simulation.plots
    begin = int(plots.time_ns[0]) + FROM_S * _S
    rows = np.flatnonzero((plots.time_ns >= begin) & (plots.time_ns < begin + SECONDS * _S))
    return simulation.radars, plots.at(rows)


def node_latency() -> dict[str, Any]:
    """Milliseconds, median and 99 % point, from a scan's arrival on."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder) / "coalition"))


def node_lines(figures: dict[str, Any]) -> list[str]:
    """As `make bench` prints them."""
    track, taken = figures["to_track_ms"], figures["acknowledged_ms"]
    return [
        f"three nodes, {figures['scans']} scans in {SECONDS} s: from a scan's arrival to the track "
        f"at a partner p50 {track[0]:.1f} ms, p99 {track[1]:.1f} ms ({figures['tracklets']} "
        f"tracklets; asked at 10,000 plots/s: 3, 10 ms); acknowledged after p50 {taken[0]:.1f} ms, "
        f"p99 {taken[1]:.1f} ms"
    ]


if __name__ == "__main__":
    print("\n".join(node_lines(node_latency())))
