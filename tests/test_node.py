"""Nodes over real servers: what one nation's radars see reaches whom it is released to."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from skypact.coalition_cli import _demo_radars
from skypact.model import Arrival
from skypact.node import Node
from skypact.sensing import load_radars
from skypact.sensing.feeds import new_key
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


def free_ports(count):
    """The first of some free ports in a row."""
    for first in range(21000 + os.getpid() % 500 * 20, 40000, 20):
        try:
            for port in range(first, first + count):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


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
        first_port=free_ports(20),
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


async def until(condition, seconds=20.0):
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
                assert not node.health()["faults"], node.health()
        finally:
            for node in nodes.values():
                await node.stop()

    asyncio.run(run())


class Killable:
    """Korea's node in a process of its own, fed by HTTP."""

    def __init__(self, root):
        self.folder, self.log, self.node = root / "KOR", root / "KOR.log", None
        self.radars = load_radars(self.folder / "radars.toml")
        self._key, digest = new_key()
        self._port = free_ports(20) + 15
        names = ", ".join(f'"{radar.id}"' for radar in self.radars)
        (self.folder / "feeds.toml").write_text(
            f'[http]\nlisten = "127.0.0.1:{self._port}"\n'
            f'[[feed]]\nname = "all"\nradars = [{names}]\nkey_sha256 = "{digest}"\n'
        )
        self._settings = root / "settings.toml"
        self._settings.write_text(
            "[journal]\nrate_kib_s = 50\nretention_h = 1\n[node]\ncheckpoint_every_s = 1.0\n"
        )

    def start(self):
        self.log.unlink(missing_ok=True)
        command = "from skypact.cli import main; main()"
        with self.log.open("w") as file:
            self.node = subprocess.Popen(
                [sys.executable, "-c", command, "node", str(self.folder)]
                + ["--settings", str(self._settings)],
                stderr=file,
            )
        end = time.monotonic() + 30.0
        while '"ready"' not in self.log.read_text():
            assert self.node.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def kill(self, server=False):
        self.node.send_signal(signal.SIGKILL)
        self.node.wait()
        if server:
            conf = str(self.folder / "nats.conf").encode()
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if conf in (process / "cmdline").read_bytes().split(b"\0"):
                        os.kill(int(process.name), signal.SIGKILL)

    def end(self):
        """Whatever happened, nothing of it goes on."""
        if self.node is not None and self.node.poll() is None:
            self.kill(server=True)

    def stop(self):
        self.node.send_signal(signal.SIGTERM)
        return self.node.wait(timeout=20)

    def post(self, arrival):
        """How many plots were acknowledged."""
        plots = arrival.plots
        rows = [
            {
                "time": int(plots.time_ns[k]),
                "range_m": float(plots.range_m[k]),
                "azimuth_deg": float(np.degrees(plots.azimuth_rad[k])),
                "elevation_deg": float(np.degrees(plots.elevation_rad[k])),
                "scan": int(plots.scan[k]),
            }
            for k in range(len(plots.time_ns))
        ]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/feeds/{arrival.radar}",
            data="\n".join(map(json.dumps, rows)).encode(),
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/x-ndjson",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["taken"]


def test_a_node_that_is_killed_loses_and_doubles_nothing(tmp_path, flight):
    """kill -9 of Korea's node, and of its server with it: what it acknowledged is there again, and
    the United States have each of its plots once."""
    coalition(
        tmp_path,
        {"KOR": {"JPN": "nothing", "USA": "tracklets"}, "USA": {"JPN": "nothing"}},
    )
    killable = Killable(tmp_path)
    sent = list(arrivals(flight, "KOR", killable.radars, time.time_ns()))
    plots = sum(len(one.plots.time_ns) for one in sent)

    def feed():
        taken = 0
        killable.start()
        for part, scans in enumerate(np.array_split(np.arange(len(sent)), 3)):
            taken += sum(killable.post(sent[k]) for k in scans)
            if part < 2:
                killable.kill(server=part == 1)
                killable.start()
        assert killable.stop() == 0
        return taken

    async def run():
        usa, heard = Node(tmp_path / "USA", SETTINGS), []
        observe = usa._observe
        usa._observe = lambda accepted: (heard.append(accepted.content), observe(accepted))[1]
        await usa.start()
        try:
            assert await asyncio.to_thread(feed) == plots
            after = Node(killable.folder, Settings(journal=SETTINGS.journal))
            await after.start()  # so that its outbox is emptied
            assert after.national.kept["plots"] == plots

            def of_tracklets():
                batches = [content for content in heard if isinstance(content, tuple)]
                return sum(one.plots for batch in batches for one in batch)

            try:
                await until(lambda: of_tracklets() >= plots)
                await asyncio.sleep(0.5)  # for what would be double
                assert of_tracklets() == plots
            finally:
                await after.stop()
        finally:
            killable.end()
            await usa.stop()

    asyncio.run(run())
