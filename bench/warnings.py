"""`python -m bench.warnings [--flights N]`: from a plot to the CAP message that it makes.

First what a look at one flight costs of the processor, part by part, so that others on the machine
have no part in it: a descent of 512 ways down and 64 paths over Japan. Then flights of the
population past a real node with its server, plot by plot: by the clock, from the plot that makes a
probability cross its threshold to the message with a subscriber of the channel. All radars are the
node's own. Areas are read from `out/areas.geojson` (`make areas`).
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from msgspec import structs

from evaluate.link_scene import free_ports
from skypact.model import (
    Area,
    AreaChance,
    Arrival,
    Danger,
    Descent,
    Plots,
    Radar,
    Reason,
    Step,
    WarnedArea,
    Warning,
)
from skypact.node import Node
from skypact.sensing.population import random_flight
from skypact.sensing.radar_files import save_radars
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import fly_programme
from skypact.serving.clock import NodeClock
from skypact.serving.settled import settle_process
from skypact.serving.warner import KeptWarnings
from skypact.settings import Settings
from skypact.sharing.coalition import init_coalition
from skypact.sharing.nats_config import NATIONAL_USER, warning_subject
from skypact.sharing.nats_server import connect
from skypact.warning.agency import alert_key
from skypact.warning.areas import read_areas
from skypact.warning.cap import Messages, faults_of, signed
from skypact.warning.chances import AreaIndex

AREAS = Path("out/areas.geojson")
S = 1_000_000_000
START_NS = 1_790_000_000 * S
_APART_NS = 7200 * S
"""Between two flights: what was of the one before is over."""
_BEFORE_NS, _AFTER_NS = 8 * S, 12 * S
"""Handed in of a flight: from so long before its burn-out to so long after it."""
_WAYS, _PATHS, _POINTS = 512, 64, 120


def descent(seed: int = 1) -> Descent:
    """Ways down about Aomori, 50 km wide, that come from the west."""
    random = np.random.default_rng(seed)
    latitude = np.radians(40.8 + 0.45 * random.normal(size=_WAYS))
    longitude = np.radians(140.7 + 0.6 * random.normal(size=_WAYS))
    share = np.linspace(0.0, 1.0, _POINTS)
    return Descent(
        weight=np.full(_WAYS, 1.0 / _WAYS),
        time_ns=np.full(_WAYS, 600 * S, np.int64),
        latitude_rad=latitude,
        longitude_rad=longitude,
        paths=_PATHS,
        path=np.repeat(np.arange(_PATHS, dtype=np.int32), _POINTS),
        path_time_ns=np.tile((share * 600).astype(np.int64) * S, _PATHS),
        path_latitude_rad=np.concatenate(
            [0.69 + share * (end - 0.69) for end in latitude[:_PATHS]]
        ),
        path_longitude_rad=np.concatenate(
            [2.20 + share * (end - 2.20) for end in longitude[:_PATHS]]
        ),
    )


def _said(chances: tuple[AreaChance, ...]) -> Warning:
    """Told of all that may happen: some may be fallen in, some near, some are passed over."""
    told = tuple(Danger)
    return Warning(
        event=1,
        number=1,
        step=Step.ALERT,
        time_ns=1_664_835_720 * S,
        reason=Reason.THRESHOLD,
        areas=tuple(
            WarnedArea(danger=told[number % len(told)], chance=one, since_ns=0)
            for number, one in enumerate(chances)
        ),
        gone=(),
        basis=(),
    )


def _cost(what: str, do: Callable[[], object], times: int = 30) -> None:
    do()
    spent = []
    for _ in range(times):
        begin = time.process_time()
        do()
        spent.append((time.process_time() - begin) * 1e3)
    print(f"{what}: median {np.median(spent):.1f} ms, greatest of {times} {max(spent):.1f} ms")


class _Clock(NodeClock):
    """The time of the newest plot, whatever the machine's."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class _Timed:
    """When plots were handed in, when looks began, and how long the messages took."""

    def __init__(self, node: Node) -> None:
        assert node.warner is not None
        self._node, node.warner.looking = node, self._looking
        self._note, node.warner.told = node.warner.told, self._told
        self._by_plot: set[str] = set()
        self._before_s = self._began_s = 0.0
        self._handed_s: list[tuple[float, float]] = []
        self.took_ms: list[tuple[float, float]] = []

    def _looking(self) -> None:
        self._before_s, self._began_s = self._began_s, time.monotonic()

    def _told(self, whole: KeptWarnings) -> None:
        reasons = {Reason.THRESHOLD, Reason.MORE_AREAS}
        self._by_plot |= {one.identifier for one in whole.each if one.said.reason in reasons}
        self._note(whole)

    async def hand_in(self, arrival: Arrival) -> None:
        self._handed_s = [*self._handed_s[-50:], (time.monotonic(), time.process_time())]
        await self._node.take_plots((arrival,))

    async def heard(self, message: Any) -> None:
        """From the first plot that the look before did not know to here."""
        now_s, spent_s = time.monotonic(), time.process_time()
        by_plot = etree.fromstring(message.data).findtext("{*}identifier") in self._by_plot
        fresh = [one for one in self._handed_s if one[0] >= self._before_s]
        if by_plot and fresh:
            at_s, by_then_s = fresh[0]
            self.took_ms.append(((now_s - at_s) * 1e3, (spent_s - by_then_s) * 1e3))


def _own_radars() -> tuple[Radar, ...]:
    return tuple(structs.replace(radar, nation="JPN") for radar in demo_radars())


def _folder(root: Path) -> Path:
    """A node of Japan, warning, with all radars its own."""

    def radars(nation: str, _: Sequence[str]) -> str:
        file = root / "radars.toml"
        save_radars(file, [structs.replace(radar, nation=nation) for radar in demo_radars()])
        return file.read_text("utf-8")

    init_coalition(
        *(root / "coalition", ["JPN", "KOR"], "mesh", Settings().link),
        first_port=free_ports(30),
        radars=radars,
    )
    folder = root / "coalition" / "JPN"
    (folder / "warning.toml").write_text('sender = "alerts@agency.example"\n')
    shutil.copy(AREAS, folder / "areas.geojson")
    return folder


def _scans(plots: Plots, from_ns: int, until_ns: int) -> Iterator[Plots]:
    """Scan by scan, in order of time."""
    rows = np.flatnonzero((plots.time_ns >= from_ns) & (plots.time_ns < until_ns))
    part = plots.at(rows)
    ends = np.flatnonzero((np.diff(part.radar) != 0) | (np.diff(part.scan) != 0)) + 1
    for begin, end in zip([0, *ends], [*ends, len(rows)], strict=True):
        if end > begin:
            yield part.at(np.arange(begin, end))


async def from_plot_to_message(flights: int, seed: int = 20261121) -> list[tuple[float, float]]:
    """Milliseconds by the clock, and of the processor in the node's own process.

    Of each message that a plot made: an Alert, or areas added to it.
    """
    radars = _own_radars()
    with tempfile.TemporaryDirectory() as root:
        clock = _Clock(Settings().node.greatest_clock_step_s)
        clock.now_ns = START_NS
        node = Node(_folder(Path(root)), Settings(), clock=clock)
        try:
            await node.start()
            timed, sequence = _Timed(node), 0
            assert node.warner is not None
            await node.warner.first.begin()  # as it does by itself, and is done when this is
            settle_process()  # as a node's process does once it is ready
            client = await connect(node.folder, NATIONAL_USER, wait_s=5)
            await client.subscribe(warning_subject(exercise=False), cb=timed.heard)
            for index in range(flights):
                path = fly_programme(random_flight(seed, index))[0]
                plots = observe((path,), radars, seed=seed + index).plots
                shift_ns = clock.now_ns + _APART_NS - path.launch.time_ns
                first, last = path.burnout_time_ns - _BEFORE_NS, path.burnout_time_ns + _AFTER_NS
                for scan in _scans(plots, first, last):
                    sequence += 1
                    soon = scan.time_ns[0] < path.burnout_time_ns - S
                    clock.now_ns = int(scan.time_ns[-1]) + shift_ns
                    await timed.hand_in(
                        Arrival(
                            nation="JPN",
                            radar=radars[int(scan.radar[0])].id,
                            epoch=1,
                            sequence=sequence,
                            received_ns=clock.now_ns,
                            plots=scan._replace(time_ns=scan.time_ns + shift_ns),
                        )
                    )
                    await asyncio.sleep(0.02 if soon else 0.1)
            await client.close()
            return timed.took_ms
        finally:
            await node.stop()


def main() -> None:
    """Print the parts, and then the whole."""
    parser = argparse.ArgumentParser(prog="python -m bench.warnings", description=__doc__)
    parser.add_argument("--flights", type=int, default=20, metavar="N", help="past a real node")
    arguments = parser.parse_args()
    _parts()
    took = asyncio.run(from_plot_to_message(arguments.flights))
    print(f"{arguments.flights} flights, {len(took)} messages; asked: p99 under 50 ms")
    for what, column in (("by the clock", 0), ("of the node's processor", 1)):
        low, high = np.percentile([one[column] for one in took] or [np.nan], [50, 99])
        print(f"from the plot to the message, {what}: median {low:.0f} ms, p99 {high:.0f} ms")


def _parts() -> None:
    areas: tuple[Area, ...] = read_areas(AREAS).areas
    index, down = AreaIndex(areas), descent()
    with tempfile.TemporaryDirectory() as folder:
        key = alert_key(Path(folder), "JPN", exercise=False)
    chances = index.chances(down)
    messages = Messages(
        areas,
        sender="bench@agency.example",
        nation="JPN",
        exercise=False,
        languages=("ja", "en", "ko"),
        expires_s=900.0,
    )
    said = _said(chances)
    alert = messages.made(said, ())
    size = len(signed(alert, key))
    print(f"{len(areas)} areas, {len(chances)} of them touched; a message of {size:,} bytes")
    settle_process()
    _cost("chances", lambda: index.chances(down))
    _cost("message made", lambda: messages.made(said, ()))
    _cost("message checked", lambda: faults_of(alert, exercise=False))
    _cost("message signed", lambda: signed(messages.made(said, ()), key))


if __name__ == "__main__":
    main()
