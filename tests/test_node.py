"""Nodes over real servers: what one nation's radars see reaches whom it is released to."""

import asyncio
import time

import numpy as np
import pytest

from evaluate.link_scene import free_ports
from skypact.coalition_cli import _demo_radars
from skypact.model import Arrival
from skypact.node import Node
from skypact.offline.text import utc_ns
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import simulate
from skypact.settings import JournalSettings, NodeSettings, Settings
from skypact.sharing.coalition import init_coalition
from tests.sharing.link_settings import QUICK

NATIONS = {"JP": "JPN", "KR": "KOR", "US": "USA"}
S = 1_000_000_000
SETTINGS = Settings(
    link=QUICK,
    journal=JournalSettings(rate_kib_s=50, retention_h=1),
    node=NodeSettings(checkpoint_every_s=3600),
)


@pytest.fixture(scope="module")
def flight():
    """Six seconds of a flight that all three nations see, by nation."""
    simulation = simulate(load_scenario("2022-10-04_irbm-over-japan"), seed=1)
    plots = simulation.plots
    begin = int(plots.time_ns[0]) + 150 * S
    rows = np.flatnonzero((plots.time_ns >= begin) & (plots.time_ns < begin + 6 * S))
    return simulation.radars, plots.at(rows)


def coalition(folder, releases):
    """Folders of three nations; `releases[a][b]`: at which level a releases to b."""
    init_coalition(
        *(folder, list(NATIONS.values()), "mesh", QUICK),
        first_port=free_ports(30),
        radars=_demo_radars,
    )
    for own, partners in releases.items():
        text = [f'nation = "{own}"']
        for partner, level in partners.items():
            text += [f"[partner.{partner}]", f'level = "{level}"', 'openness = "full"']
        (folder / own / "release.toml").write_text("\n".join(text))


def arrivals(flight, own, radars, now_ns):
    """A nation's plots, scan by scan, as though the last were seen now."""
    table, plots = flight
    late_ns = now_ns - int(plots.time_ns.max())
    number = {radar.id: k for k, radar in enumerate(radars)}
    sequence: dict[str, int] = {}
    for scan in dict.fromkeys(zip(plots.radar.tolist(), plots.scan.tolist(), strict=True)):
        radar = table[scan[0]]
        if NATIONS[radar.nation] != own:
            continue
        rows = np.flatnonzero((plots.radar == scan[0]) & (plots.scan == scan[1]))
        part = plots.at(rows)
        part = part._replace(
            time_ns=part.time_ns + late_ns,
            radar=np.full(len(rows), number[radar.id], np.int32),
        )
        sequence[radar.id] = sequence.get(radar.id, 0) + 1
        yield Arrival(
            nation=own,
            radar=radar.id,
            epoch=1,
            sequence=sequence[radar.id],
            received_ns=now_ns,
            plots=part,
        )


async def until(condition, seconds=60.0):
    """Wait for something; AssertionError where it does not come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.05)


def plots_of(picture):
    """How many plots the tracks of a picture took, by nation or radar's nation."""
    out: dict[str, int] = {}
    for track in picture.tracks():
        for radar, count in track.plots_by_radar.items():
            out[radar[:2]] = out.get(radar[:2], 0) + count
        for nation, labels in track.plots_by_partner.items():
            out[nation] = out.get(nation, 0) + sum(labels.values())
    return out


def test_what_is_released_reaches_whom_it_is_for_and_nobody_else(tmp_path, flight):
    """Korea releases tracklets to the United States alone: nothing of it comes to Japan."""
    everyone = "tracklets"
    coalition(
        tmp_path,
        {
            "JPN": {"KOR": everyone, "USA": everyone},
            "KOR": {"JPN": "nothing", "USA": everyone},
            "USA": {"JPN": everyone, "KOR": everyone},
        },
    )

    async def run():
        began_ns = time.time_ns()
        nodes = {name: Node(tmp_path / name, SETTINGS) for name in NATIONS.values()}
        try:
            for node in nodes.values():
                await node.start()
            links = [state for node in nodes.values() for state in node.link.states()]
            assert len(links) == 6
            await until(lambda: all(s.up for n in nodes.values() for s in n.link.states()))
            now_ns = time.time_ns()
            for name, node in nodes.items():
                for arrival in arrivals(flight, name, node.radars, now_ns):
                    (verdict,) = await node.take_plots((arrival,))
                    assert verdict.outcome == "accepted", verdict
            for way in (way for node in nodes.values() for way in node.ways.values()):
                assert way.outgoing.chain.sequence > 0 or way.partner == "JPN"
            await until(lambda: {"JPN", "KOR"} <= set(plots_of(nodes["USA"].shared)))
            await until(lambda: {"JPN", "USA"} <= set(plots_of(nodes["KOR"].shared)))
            await until(lambda: "USA" in plots_of(nodes["JPN"].shared))
            await asyncio.sleep(0.5)  # for what must not come
            assert "KOR" not in plots_of(nodes["JPN"].shared)
            assert nodes["KOR"].ways["JPN"].outgoing.chain.sequence == 0
            assert nodes["JPN"].entry.counts("KOR").get("accepted", 0) == 0
            for name, node in nodes.items():
                assert [NATIONS[own] for own in plots_of(node.national)] == [name]
                health = node.health()
                assert not health["faults"], health
                for of in (health["release_policy"], *health["links"].values()):
                    assert began_ns - 60 * S < utc_ns(of["since"]) < time.time_ns()
        finally:
            for node in nodes.values():
                await node.stop()

    asyncio.run(run())
