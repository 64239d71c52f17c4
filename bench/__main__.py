"""Speed beside peers on the same plots in the same run: a table, and `out/bench.json`.

Everything runs on one core and is timed by the processor's clock, so that what else the machine
does matters little; of commands the wall clock is stated too.
"""

import argparse
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.bare import filter_plots
from bench.crowds import many_objects, show_crowds
from bench.nodes import node_latency, node_lines
from bench.rewinds import KINDS, rewinds, told
from bench.scenario import first, one_flight, write_flights
from bench.wire import wire_costs, wire_lines
from evaluate.free_flight import bounds
from evaluate.scene import Scene
from skypact.kernels import filter as kf
from skypact.offline import flights
from skypact.sensing import load_radars, stream_plots
from skypact.tracking import Picture, Updates

SUBSET = 6000  # plots for all filters side by side: 200 s of the flight
START_PLOT = 150  # filters without a start of their own get the tracker's state from here
TARGET_RATIO = 100.0
# Run by a small process between: the greatest memory of a command counts that of its parent too.
_LAUNCH = """
import os, subprocess, sys, time
begin = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
took = time.perf_counter() - begin
print(usage.ru_utime + usage.ru_stime, took, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Cost(NamedTuple):
    """What one command took: seconds of the processor and on the wall, greatest memory in MiB."""

    cpu_s: float
    wall_s: float
    memory_mib: float


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor and what came out."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def over_bound(states: NDArray[np.float64], scene: Scene, rows: NDArray[np.int64]) -> float:
    """Squared position error over the bound, averaged over epochs."""
    chosen = scene.epochs[(scene.epochs >= rows[0]) & (scene.epochs <= rows[-1])]
    bound = bounds(scene)[0][: np.searchsorted(scene.epochs, rows[-1], side="right")]
    bound = bound[-len(chosen) :]
    error = states[np.searchsorted(rows, chosen), :3] - scene.states[chosen, :3]
    return float(np.mean(np.sum(error**2, axis=1) / bound**2))


def cut(scene: Scene, count: int) -> Scene:
    """The first rows of a scene."""
    return scene._replace(
        time_ns=scene.time_ns[:count],
        radar=scene.radar[:count],
        states=scene.states[:count],
        exact=scene.exact[:count],
        epochs=scene.epochs[scene.epochs < count],
    )


def one_repeat(seed: int) -> dict[str, tuple[float, float]]:
    """Plots a second and squared error over the bound of each, on the same plots."""
    from bench.stone_soup import Prepared

    whole, all_plots = one_flight(seed)
    scene, plots = cut(whole, SUBSET), first(all_plots, SUBSET)
    rest = plots.at(np.arange(START_PLOT, SUBSET))
    rows = np.arange(START_PLOT, SUBSET)
    picture = Picture(scene.radars)
    picture.observe(first(plots, START_PLOT))
    track = picture.tracks()[0]
    x, p = np.zeros(kf.CORE), np.zeros((kf.CORE, kf.CORE))
    x[:6], p[:6, :6] = track.state, track.covariance
    lead = (int(rest.time_ns[0]) - track.time_ns) * 1e-9
    kf.predict(0, x, p, lead, (0.0, 0.0, 0.0), picture._context.phases.noise, kf.scratch(kf.CORE))
    start = x[:6].copy(), p[:6, :6].copy()
    out = {}

    z = np.column_stack([rest.range_m, rest.azimuth_rad, rest.elevation_rad, rest.range_rate_m_s])
    states, s = np.empty((len(z), 6)), kf.scratch(kf.CORE)
    rest_of = (
        rest.time_ns,
        rest.radar,
        z,
        picture._context.radars,
        picture._context.phases.gravity,
    )
    took, _ = seconds(
        lambda: filter_plots(x, p, *rest_of, picture._context.phases.noise, s, states)
    )
    out["bare kernel"] = (len(z) / took, over_bound(states, scene, rows))

    took, _ = seconds(lambda: Picture(whole.radars).observe(all_plots))
    kept: list[Updates] = []
    Picture(scene.radars).observe(plots, on_updates=kept.append)
    seen = np.searchsorted(scene.time_ns, np.concatenate([u.time_ns for u in kept]))
    states = np.concatenate([u.state for u in kept])
    out["Picture"] = (len(all_plots.time_ns) / took, over_bound(states, scene, seen))

    prepared = Prepared(scene.radars, rest)
    took, states = seconds(lambda: prepared.run(*start))
    out["Stone Soup EKF"] = (len(z) / took, over_bound(states, scene, rows))
    return out


def side_by_side(repeats: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Bare kernel, whole tracker and Stone Soup, interleaved, each repeat with new errors."""
    one_repeat(1)  # warms up
    done = []
    for repeat in range(repeats):
        tell(f"one object: repeat {repeat + 1} of {repeats}")
        done.append(one_repeat(repeat + 2))
    return {
        name: {
            "plots_per_s": statistics.median(one[name][0] for one in done),
            "lowest": min(one[name][0] for one in done),
            "highest": max(one[name][0] for one in done),
            "position_rmse_over_bound": math.sqrt(statistics.mean(one[name][1] for one in done)),
        }
        for name in done[0]
    }


def command(arguments: list[str]) -> Cost:
    """Run one command."""
    # Without byte code on disk every start would compile all libraries anew: 5 s.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, *arguments]
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.stderr[-1000:]}")
    return Cost(*map(float, done.stdout.split()))


def medians(costs: list[Cost]) -> dict[str, float]:
    """Of several runs of one command."""
    return {name: statistics.median(getattr(cost, name) for cost in costs) for name in Cost._fields}


def stages(plots: Path, radars_file: Path) -> dict[str, float]:
    """Where the time on a file goes, in one process: seconds of the processor."""
    radars = load_radars(radars_file)
    picture, batches = Picture(radars), stream_plots(plots, radars)
    took = {"reading": 0.0, "folding": 0.0, "assessing": 0.0}
    while True:
        lasted, batch = seconds(partial(next, batches, None))
        took["reading"] += lasted
        if batch is None:
            break
        took["folding"] += seconds(partial(picture.observe, batch.plots, more_to_come=True))[0]
    took["assessing"], found = seconds(lambda: flights(picture))
    return took | {"flights": len(found)}


def commands(plots: int, repeats: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """`skypact --help`, `skypact track` on 1,000 plots and on a large file, as a user waits."""
    skypact = [sys.executable, "-m", "skypact"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, radars = write_flights(folder / "small", 1000, seed=3)
        tell(f"a file of {plots:,} plots")
        large, _ = write_flights(folder / "large", plots, seed=4)
        track = [*skypact, "track", "--radars", str(radars)]
        command([*track, str(small)])  # warms the caches
        tell("start-up")
        helped = [command([*skypact, "--help"]) for _ in range(2 * repeats + 1)]
        tracked = [command([*track, str(small)]) for _ in range(2 * repeats + 1)]
        runs = []
        for run in range(3):
            tell(f"skypact track on {plots:,} plots: run {run + 1} of 3")
            runs.append(command([*track, str(large)]))
        tell("where the time goes")
        parts, size = stages(large, radars), large.stat().st_size
    file = medians(runs)
    return {
        "help": medians(helped),
        "track_1000_plots": medians(tracked),
        "track_file": {
            "plots": plots,
            "file_mb": size / 1e6,
            **file,
            "plots_per_s": plots / file["cpu_s"],
            "plots_per_wall_s": plots / file["wall_s"],
            "stages_cpu_s": parts,
        },
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The table for people."""
    table = Table(title="Plots per second of one core, one object, 3 radars at 10 Hz")
    for column in ("", "plots/s", "× Stone Soup", "RMSE / bound"):
        table.add_column(column, justify="left" if not column else "right")
    peer = result["one_object"]["Stone Soup EKF"]["plots_per_s"]
    for name, row in result["one_object"].items():
        table.add_row(
            name,
            f"{row['plots_per_s']:,.0f}",
            f"{row['plots_per_s'] / peer:,.0f}",
            f"{row['position_rmse_over_bound']:.2f}",
        )
    c = result["commands"]
    file = c["track_file"]
    parts = file["stages_cpu_s"]
    table.add_row(
        f"skypact track, {file['plots']:,} plots",
        f"{file['plots_per_s']:,.0f}",
        f"{file['plots_per_s'] / peer:,.0f}",
        "",
    )
    console.print(table)
    show_crowds(result["many_objects"], console)
    console.print(
        f"skypact track on {file['plots']:,} plots ({file['file_mb']:,.0f} MB, {parts['flights']} "
        f"flights an hour apart): {file['cpu_s']:.1f} s of one core, of these reading "
        f"{parts['reading']:.1f} s, folding {parts['folding']:.1f} s, assessing "
        f"{parts['assessing']:.1f} s; wall clock {file['wall_s']:.1f} s, "
        f"{file['plots_per_wall_s']:,.0f} plots/s; peak memory {file['memory_mib']:,.0f} MiB"
    )
    for name, key, limit in (
        ("skypact --help", "help", 0.3),
        ("skypact track on 1,000 plots, warm caches", "track_1000_plots", 2.0),
    ):
        cost = c[key]
        console.print(
            f"{name}: {cost['cpu_s']:.2f} s of one core, wall clock {cost['wall_s']:.2f} s "
            f"(asked: {limit:g} s)"
        )
    for what, rows in result["rewinds"].items():
        for objects, row in rows.items():
            console.print(told(int(objects), what, row))
    for line in (*wire_lines(result["messages"]), *node_lines(result["nodes"])):
        console.print(line, highlight=False, markup=False)
    m = result["machine"]
    load = f", load {m['load'][0]:.1f}" if m["load"] else ""
    console.print(f"{m['cpu']}, {m['cores']} cores{load}, Python {m['python']}, {m['date']}")


def main() -> None:
    """Run everything, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, a smaller file")
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"), metavar="FILE")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    tell = Console(stderr=True).log if sys.stderr.isatty() else (lambda _: None)
    repeats = 2 if options.quick else 5
    one = side_by_side(repeats, tell)
    many = many_objects(repeats, tell)
    tell("late arrivals")
    late = {
        what: {str(objects): rewinds(objects, tracklets) for objects in (10, 100)}
        for what, tracklets in KINDS.items()
    }
    messages = wire_costs(repeats, tell)
    cli = commands(100_000 if options.quick else 1_000_000, repeats, tell)
    peer = one["Stone Soup EKF"]["plots_per_s"]
    result = {
        "machine": machine(),
        "repeats": repeats,
        "one_object": one,
        "many_objects": many,
        "rewinds": late,
        "messages": messages,
        "nodes": node_latency(),
        "commands": cli,
        "ratios": {
            "Picture over Stone Soup": one["Picture"]["plots_per_s"] / peer,
            "skypact track over Stone Soup": cli["track_file"]["plots_per_s"] / peer,
            "Picture over bare kernel": (
                one["Picture"]["plots_per_s"] / one["bare kernel"]["plots_per_s"]
            ),
            "target": f"at least {TARGET_RATIO:g}",
        },
    }
    show(result, console)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {options.json}")


if __name__ == "__main__":
    main()
