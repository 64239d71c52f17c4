"""What many objects cost: to start them, then each plot, on one core and two, beside others.

Three radars at 1 Hz see every object with every look. The tracker gets the plots of the first
`STARTING_S` seconds, in which all tracks begin and are fitted, and is timed over the rest.
"""

import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.scenario import Crowd, crowd
from evaluate.scene import START_NS, site
from skypact.kernels.radar_geometry import local_from_polar
from skypact.model import TrackStatus
from skypact.tracking import Picture, picture

RADARS = (site("KR", 36.6, 127.5, 1.0), site("JP", 38.0, 138.4, 1.0), site("US", 35.7, 135.2, 1.0))
STARTING_S = 15
FALSE_PLOTS = 20.0
GREATEST_GROWTH = 3.0
LEAST_RATIO = 300.0
GREATEST_OUTSIDE = 0.5
_MOST_DETECTIONS = 3000
"""Stone Soup gets so many plots, or the first three looks: a minute or two at most."""


class Size(NamedTuple):
    """So many objects with so many false plots a look, timed over so many seconds of plots."""

    objects: int
    seconds: int
    false_plots: float = 0.0

    @property
    def name(self) -> str:
        """As in the table."""
        return f"{self.objects:,}" + (
            f", {self.false_plots:g} false a look" * (self.false_plots > 0)
        )


SIZES = (
    Size(10, 300),
    Size(10, 300, FALSE_PLOTS),
    Size(100, 60),
    Size(100, 60, FALSE_PLOTS),
    Size(1000, 20),
    Size(10_000, 5),
)
BESIDE_STONE_SOUP = 1000
"""The most objects that Stone Soup finishes with."""
PEERS = Path(".tools/peers/bin/python")
"""What has the other trackers: `make bench` makes it."""


def many_objects(repeats: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Figures of each size, by its name, and what was asked of them."""
    out = {}
    one_core(*_in_two(crowd(2, STARTING_S + 5, 7, RADARS)), 1)  # loads the kernels
    for size in SIZES:
        tell(f"{size.name} objects")
        made = crowd(size.objects, STARTING_S + size.seconds, 7, RADARS, size.false_plots)
        starting, rest = _in_two(made)
        row = one_core(starting, rest, repeats if size.objects < BESIDE_STONE_SOUP else 3)
        row["two_cores"] = two_cores(starting, rest)
        if size.objects <= BESIDE_STONE_SOUP:
            tell(f"{size.name} objects: Stone Soup")
            row["stone_soup"] = stone_soup(rest)
            if PEERS.exists():
                tell(f"{size.name} objects: Norfair and motpy")
                row["others"] = other_trackers(made)
        out[size.name] = row
    return {"sizes": out, "asked": asked(out)}


def _in_two(made: Crowd) -> tuple[Crowd, Crowd]:
    """The plots of the first `STARTING_S`, and the rest."""
    first = made.plots.time_ns < START_NS + STARTING_S * 1_000_000_000
    return made.only(first), made.only(~first)


def one_core(starting: Crowd, rest: Crowd, repeats: int) -> dict[str, float]:
    """Seconds until all are tracked, then microseconds a plot: medians, of the processor."""
    picture_of_all = Picture(RADARS)
    begin = time.process_time()
    picture_of_all.observe(starting.plots)
    started_s = time.process_time() - begin
    begun, took, outside = picture_of_all.checkpoint(), [], []
    for _ in range(repeats):
        picture_of_all.restore(begun)
        inside_s, whole_s = _observe(picture_of_all, rest)
        took.append(1e6 * whole_s / len(rest.owner))
        outside.append(1.0 - inside_s / whole_s)
    alive = [one for one in picture_of_all.tracks() if one.status is TrackStatus.CONFIRMED]
    return {
        "tracks": len(alive),
        "start_s": started_s,
        "start_us_a_plot": 1e6 * started_s / len(starting.owner),
        "us_a_plot": statistics.median(took),
        "plots_per_s": 1e6 / statistics.median(took),
        "plots": len(rest.owner),
        "outside_kernels": statistics.median(outside),
    }


def _observe(of: Picture, rest: Crowd) -> tuple[float, float]:
    """Seconds of the processor in the fold's kernel, and altogether."""
    inside_s = 0.0
    fold_scans = picture.fold_scans

    def timed(*arguments: Any) -> Any:
        nonlocal inside_s
        begin = time.process_time()
        result = fold_scans(*arguments)
        inside_s += time.process_time() - begin
        return result

    with mock.patch.object(picture, "fold_scans", timed):
        begin = time.process_time()
        of.observe(rest.plots)
        whole_s = time.process_time() - begin
    return inside_s, whole_s


def two_cores(starting: Crowd, rest: Crowd) -> dict[str, float]:
    """Two processes at once, each with a picture of half the objects: of one part of the sky.

    Each gets half of the false plots too, of which a start's cost grows faster than their number.
    """
    context = multiprocessing.get_context("fork")  # the plots need not be made again
    barrier = context.Barrier(2)
    queue: Any = context.SimpleQueue()
    half = int(rest.owner.max() + 1) // 2
    parts = [[one.only(_mine(one, number, half)) for one in (starting, rest)] for number in (0, 1)]
    processes = [
        context.Process(target=_half, args=(*part, barrier, queue), daemon=True) for part in parts
    ]
    for process in processes:
        process.start()
    done = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    plots = len(rest.owner)
    wall_s = max(end for _, end, _ in done) - min(begin for begin, _, _ in done)
    return {
        "plots_per_s": plots / max(cpu_s for _, _, cpu_s in done),
        "plots_per_wall_s": plots / wall_s,
    }


def _mine(one: Crowd, number: int, half: int) -> Any:
    """Plots of one half of the objects; false ones in turn."""
    false = (one.owner < 0) & (np.arange(len(one.owner)) % 2 == number)
    return ((one.owner >= half) == bool(number)) & (one.owner >= 0) | false


def _half(starting: Crowd, rest: Crowd, barrier: Barrier, queue: Any) -> None:
    """One process: its picture, then when it began and ended, and seconds of its processor."""
    own = Picture(RADARS)
    own.observe(starting.plots)
    barrier.wait()
    begin, cpu = time.perf_counter(), time.process_time()
    own.observe(rest.plots)
    queue.put((begin, time.perf_counter(), time.process_time() - cpu))


def stone_soup(rest: Crowd) -> dict[str, Any]:
    """Microseconds a plot of each associator, and the share of the objects' plots it kept."""
    from bench.stone_soup import ASSOCIATORS, PreparedCrowd

    looks = max(3, _MOST_DETECTIONS // int(rest.owner.max() + 1))
    moments = np.unique(rest.plots.time_ns)[:looks]
    some = rest.only(rest.plots.time_ns <= moments[-1])
    states = some.states_at(int(moments[0]))
    out: dict[str, Any] = {"plots": len(some.owner)}
    for name in ASSOCIATORS:
        prepared = PreparedCrowd(some.radars, some.plots, some.owner, states, name)
        begin = time.process_time()
        prepared.run()
        took = time.process_time() - begin
        out[name] = {"us_a_plot": 1e6 * took / len(some.owner), "kept": prepared.kept()}
    return out


def other_trackers(made: Crowd) -> dict[str, dict[str, float]]:
    """Microseconds a plot of trackers of objects in pictures, and the share that they kept.

    They get what one radar's looks make of places, for they know no radars and count in looks.
    """
    one = made.only(made.plots.radar == 0)
    measured = (one.plots.range_m, one.plots.azimuth_rad, one.plots.elevation_rad)
    place_m = [local_from_polar(*plot) for plot in zip(*measured, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "looks.npz"
        np.savez(file, look=one.plots.scan, place_m=place_m, owner=one.owner)
        script = Path(__file__).with_name("other_trackers.py")
        ran = subprocess.run([PEERS, "-P", script, file], check=True, stdout=subprocess.PIPE)
    out: dict[str, dict[str, float]] = json.loads(ran.stdout)
    return out


class Asked(NamedTuple):
    """A figure, what was asked, and whether that is met (None: stated)."""

    what: str
    value: float
    asked: str
    met: bool | None


def asked(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """What was asked of the figures of all sizes."""
    clear = {size.objects: figures[size.name] for size in SIZES if not size.false_plots}
    growth = clear[10_000]["us_a_plot"] / clear[10]["us_a_plot"]
    outside = max(row["outside_kernels"] for row in figures.values())
    told = [
        Asked(
            "cost of a plot at 10,000 objects over that at 10",
            growth,
            f"at most {GREATEST_GROWTH:g}",
            growth <= GREATEST_GROWTH,
        ),
        Asked(
            "greatest share of the time outside compiled kernels",
            outside,
            f"under {GREATEST_OUTSIDE:g}",
            outside < GREATEST_OUTSIDE,
        ),
    ]
    for name, row in figures.items():
        if "stone_soup" in row:
            ratio = fastest(row["stone_soup"]) / row["us_a_plot"]
            what = f"{name} objects: times as fast as Stone Soup's fastest that keeps the plots"
            judged = row is clear[BESIDE_STONE_SOUP]
            limit = f"at least {LEAST_RATIO:g}" if judged else "stated"
            told.append(Asked(what, ratio, limit, ratio >= LEAST_RATIO if judged else None))
    return [one._asdict() for one in told]


def fastest(rows: dict[str, Any]) -> float:
    """Microseconds a plot of the fastest associator that keeps 99 % of the plots."""
    kept = [one for name, one in rows.items() if name != "plots" and one["kept"] >= 0.99]
    return float(min((one["us_a_plot"] for one in kept), default=np.nan))


def _of_peers(rows: dict[str, Any]) -> str:
    """What each took for a plot, and kept."""
    return " / ".join(
        f"{one['us_a_plot']:,.0f} ({one['kept']:.1%})"
        for name, one in rows.items()
        if name != "plots"
    )


def show_crowds(figures: dict[str, Any], console: Console) -> None:
    """The table for people, and what was asked."""
    table = Table(title="Many objects, 3 radars at 1 Hz, each sees all: one core, then two")
    for column in (
        "objects",
        "tracks",
        "start, s",
        "µs a plot then",
        "plots/s",
        "two cores (wall)",
        "outside kernels",
        "Stone Soup KD-tree GNN / NN, µs a plot (plots kept)",
        "Norfair / motpy on one radar's places, the same",
    ):
        table.add_column(column, justify="right")
    for name, row in figures["sizes"].items():
        two = row["two_cores"]
        table.add_row(
            name,
            f"{row['tracks']:,}",
            f"{row['start_s']:.2f}",
            f"{row['us_a_plot']:.1f}",
            f"{row['plots_per_s']:,.0f}",
            f"{two['plots_per_s']:,.0f} ({two['plots_per_wall_s']:,.0f})",
            f"{row['outside_kernels']:.1%}",
            _of_peers(row.get("stone_soup", {})),
            _of_peers(row.get("others", {})),
        )
    console.print(table)
    for one in figures["asked"]:
        met = {True: "met", False: "NOT MET", None: ""}[one["met"]]
        console.print(f"{one['what']}: {one['value']:.3g} (asked: {one['asked']}) {met}")
