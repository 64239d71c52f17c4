"""From a plot's arrival at one nation's node to the updated track at another's, and the most.

Three nodes, each a process of its own with its server, on one machine, and a feeder that tells them
when a scan comes. All radars see all objects. `python -m bench.nodes --help`.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.node_load import NATIONS, Load, load
from bench.node_process import TOLD, Plan, Seen
from evaluate.link_scene import free_ports
from skypact.sensing import save_radars
from skypact.settings import LinkSettings
from skypact.sharing.coalition import init_coalition

RATES = (30, 300, 1000, 3000, 10_000)
STAGES = (
    "its turn at one's own node",
    "handed to the link",
    "at the partner's node",
    "its turn there",
    "taken in there",
)
"""Of a scan, from its arrival on; then comes the track."""
SETTLE_S, COUNTED_S = 6.0, 8.0
SCAN_PLOTS = 20
_STARTS_S = 90.0
_S = 1_000_000_000


def _coalition(folder: Path, made: Load, level: str, openness: str) -> None:
    with tempfile.TemporaryDirectory() as beside:
        save_radars(Path(beside) / "radars.toml", made.radars)
        table = (Path(beside) / "radars.toml").read_text("utf-8")
    init_coalition(
        *(folder, list(NATIONS), "mesh", LinkSettings()),
        first_port=free_ports(30),
        radars=lambda nation, _: table,
    )
    for own in NATIONS:
        text = [f'nation = "{own}"']
        for other in NATIONS:
            if other != own:
                text += [f"[partner.{other}]", f'level = "{level}"', f'openness = "{openness}"']
        (folder / own / "release.toml").write_text("\n".join(text))


def measure(
    plots_s: float,
    *,
    level: str = "tracklets",
    openness: str = "full",
    durable_alone: bool = False,
    scan_plots: int = SCAN_PLOTS,
    counted_s: float = COUNTED_S,
    profile: Path | None = None,
    parts: bool = False,
) -> dict[str, Any]:
    """Figures of one run at a rate of plots over all nodes together."""
    seconds = SETTLE_S + counted_s
    made = load(plots_s, seconds, scan_plots)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _coalition(folder / "coalition", made, level, openness)
        plans = {
            name: Plan(
                str(folder / "coalition" / name),
                str((profile or folder) / f"{name}.seen"),
                *(plots_s, seconds, scan_plots, SETTLE_S, durable_alone),
                profile=profile is not None,
                parts=parts,
            )
            for name in NATIONS
        }
        begin_ns, due, others = _run(plans, made)
        seen = {
            name: msgspec.msgpack.decode(Path(plan.out).read_bytes(), type=Seen)
            for name, plan in plans.items()
        }
    own = _figures(made, begin_ns, due, seen)
    return own | {
        "plots_s": len(made.plots.time_ns) / seconds,
        "level": level if level == "plots" else f"{level}, {openness}",
        "path": "durable alone" if durable_alone else "live",
        "others": others[0] - own["cores"],
        "stolen": others[1],
    }


def _run(plans: dict[str, Plan], made: Load) -> tuple[int, np.ndarray, np.ndarray]:
    """Start the nodes, tell them of each scan when it is due, and wait until they are done.

    When that began, when each scan was due, and how many cores were busy and stolen meanwhile.
    """
    ends: dict[str, socket.socket] = {}
    processes = []
    try:
        for name, plan in plans.items():
            own, theirs = socket.socketpair()
            ends[name] = own
            command = [sys.executable, "-m", "bench.node_process", msgspec.json.encode(plan)]
            processes.append(
                subprocess.Popen(
                    [*command, str(theirs.fileno())],  # type: ignore[list-item]
                    pass_fds=(theirs.fileno(),),
                    process_group=0,  # its server goes with it
                    stdout=subprocess.DEVNULL,
                    stderr=open(plan.out + ".log", "wb"),  # noqa: SIM115
                )
            )
            theirs.close()
        for name, end in ends.items():
            end.settimeout(_STARTS_S)
            if end.recv(5) != b"ready":
                log = Path(plans[name].out + ".log").read_text()[-2000:]
                raise RuntimeError(f"the node of {name} did not start: {log}")
            end.settimeout(None)
        time.sleep(3.0)  # until the links are up
        begin_ns = time.time_ns() + _S // 2
        zero_ns = time.monotonic_ns() + begin_ns - time.time_ns()
        for end in ends.values():
            end.send(TOLD.pack(-1, begin_ns))
        due = made.due_ns + zero_ns
        busy, counted = None, SETTLE_S * _S
        for number, (name, at_ns) in enumerate(zip(made.nation, due.tolist(), strict=True)):
            left_s = (at_ns - time.monotonic_ns()) / _S
            if left_s > 0:
                time.sleep(left_s)
            if busy is None and at_ns - zero_ns >= counted:
                busy = _busy_s(), time.monotonic()
            ends[name].send(TOLD.pack(number, at_ns))
        assert busy is not None
        cores = (_busy_s() - busy[0]) / (time.monotonic() - busy[1])
        for end in ends.values():
            end.close()
        for process in processes:
            process.wait(60.0)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return begin_ns, due, cores


def _busy_s() -> np.ndarray:
    """Seconds that the machine's cores were busy, together; and that its host took from them."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    ticks = [sum(fields[:3]) + sum(fields[5:7]), fields[7]]
    return np.array(ticks) / float(os.sysconf("SC_CLK_TCK"))


def _figures(made: Load, begin_ns: int, due: np.ndarray, seen: dict[str, Seen]) -> dict[str, Any]:
    """Latencies of what came after the first seconds, in ms, and where the time went."""
    first_ns = int(SETTLE_S * _S)
    came = {
        (name, int(plot_ns) + begin_ns): int(at_ns)
        for name, plot_ns, at_ns in zip(made.nation, made.due_ns, due, strict=True)
        if plot_ns >= first_ns
    }
    track, own, taken, parts = [], [], [], {}
    due_at = dict(enumerate(due.tolist()))
    for at, of in seen.items():
        first: dict[tuple[str, int], int] = {}
        for name, plot_ns, seen_ns in of.observed:
            if (name, plot_ns) in came:
                first.setdefault((name, plot_ns), seen_ns)
        for (name, plot_ns), seen_ns in first.items():
            (own if name == at else track).append((seen_ns - came[name, plot_ns]) / 1e6)
        taken += [
            (at_ns - due_at[number]) / 1e6
            for number, at_ns in of.taken
            if made.due_ns[number] >= first_ns
        ]
        parts[at] = {part: s / of.wall_s for part, s in of.parts.items()}
        parts[at]["everything else in Python"] = of.cpu_s / of.wall_s - sum(parts[at].values())
        parts[at]["its server"] = of.server_cpu_s / of.wall_s
    return {
        "stages": _stages(came, seen),
        "expected": 2 * len(came),
        "to_track": len(track),
        "to_track_ms": _at(track),
        "own_track_ms": _at(own),
        "taken_ms": _at(taken),
        "stall_ms": [float(np.median(of.stalls_ms)) for of in seen.values()],
        "cores": sum(of.cpu_s / of.wall_s + of.server_cpu_s / of.wall_s for of in seen.values()),
        "parts": {
            part: sum(one.get(part, 0.0) for one in parts.values()) / len(parts)
            for part in sorted({part for one in parts.values() for part in one})
        },
        "counts": {name: of.counts for name, of in seen.items()},
    }


def _stages(came: dict[tuple[str, int], int], seen: dict[str, Seen]) -> dict[str, list[float]]:
    """Milliseconds after its arrival that a scan was where, on the live path."""
    of = {last: (name, plot_ns) for name, one in seen.items() for last, plot_ns in one.messages}
    out: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for name, one in seen.items():
        for stage, last, at_ns in one.stages:
            which = (name, last) if stage == STAGES[0] else of.get(last)
            if which in came:
                out[stage].append((at_ns - came[which]) / 1e6)
    return {stage: _at(values) for stage, values in out.items()}


def _at(values: list[float]) -> list[float]:
    """Median and 99 % point."""
    if not values:
        return [float("nan")] * 2
    return [float(q) for q in np.percentile(values, (50, 99))]


def told(figures: dict[str, Any]) -> str:
    """One line of a run."""
    f = figures
    track, own, taken = f["to_track_ms"], f["own_track_ms"], f["taken_ms"]
    return (
        f"{f['plots_s']:7,.0f} plots/s, {f['level']}, {f['path']}: to a partner's track p50 "
        f"{track[0]:.1f} ms, p99 {track[1]:.1f} ms ({f['to_track']} of {f['expected']}); to one's "
        f"own p50 {own[0]:.1f}, p99 {own[1]:.1f}; acknowledged p50 {taken[0]:.1f}, p99 "
        f"{taken[1]:.1f}; {f['cores']:.2f} cores, others on the machine "
        f"{max(0.0, f['others']):.2f}, its host {f['stolen']:.2f}"
    )


def stages_told(figures: dict[str, Any]) -> list[str]:
    """When a scan is where."""
    return [f"    {p50:6.1f}, {p99:6.1f} ms  {at}" for at, (p50, p99) in figures["stages"].items()]


def parts_told(figures: dict[str, Any]) -> list[str]:
    """Share of a core that each part has, of a node on the average, the greatest first."""
    parts = sorted(figures["parts"].items(), key=lambda item: -item[1])
    return [f"    {100 * share:5.1f} %  {part}" for part, share in parts if share >= 0.002]


def node_latency() -> dict[str, Any]:
    """Milliseconds, median and 99 % point, from a scan's arrival on, at some rates."""
    return {"runs": [measure(rate) for rate in (300, 3000)]}


def node_lines(figures: dict[str, Any]) -> list[str]:
    """As `make bench` prints them."""
    return ["three nodes (asked at 10,000 plots/s: 3 and 10 ms):", *map(told, figures["runs"])]


def main() -> None:
    """Runs as asked for, a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--level", default="tracklets", choices=("tracklets", "plots"))
    parser.add_argument("--openness", default="full", choices=("full", "rounded", "hidden"))
    parser.add_argument("--durable", action="store_true", help="without the live path")
    parser.add_argument("--scan-plots", type=int, default=SCAN_PLOTS)
    parser.add_argument("--seconds", type=float, default=COUNTED_S)
    parser.add_argument(
        "--first", action="store_true", help="before all others on the machine (needs the right to)"
    )
    parser.add_argument(
        "--parts", action="store_true", help="where the time goes; to tell it takes time as well"
    )
    parser.add_argument("--stages", action="store_true", help="when a scan is where")
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("--profile", type=Path, help="folder for what cProfile says")
    asked = parser.parse_args()
    if asked.first:  # nodes and servers inherit it; assessments do not
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    if asked.profile:
        asked.profile.mkdir(parents=True, exist_ok=True)
    for rate in asked.rates:
        figures = measure(
            rate,
            level=asked.level,
            openness=asked.openness,
            durable_alone=asked.durable,
            scan_plots=asked.scan_plots,
            counted_s=asked.seconds,
            profile=asked.profile,
            parts=asked.parts,
        )
        print(told(figures), flush=True)
        if asked.stages:
            print("\n".join(stages_told(figures)), flush=True)
        if asked.parts:
            print("\n".join(parts_told(figures)), flush=True)
        if asked.counts:
            print(json.dumps(figures["counts"], indent=1), figures["stall_ms"], flush=True)


if __name__ == "__main__":
    main()
