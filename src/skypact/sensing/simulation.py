"""A scenario flown past radars, and the files that it leaves."""

import datetime
import json
import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import Plots, Radar
from skypact.sensing.plot_files import write_plots
from skypact.sensing.radar_files import save_radars
from skypact.sensing.radar_model import Biases, observe
from skypact.sensing.scenario import Scenario
from skypact.sensing.simulator import Place, TruthPath, fly_programme

_SECOND_NS = 1_000_000_000


class Simulation(NamedTuple):
    """What the radars saw, and what truly was.

    `origin` int32 (n,): index into `paths` of the object each plot came from, -1 for a false one.
    `biases`: the offsets of each radar in this run.
    """

    radars: tuple[Radar, ...]
    plots: Plots
    origin: NDArray[np.int32]
    paths: tuple[TruthPath, ...]
    biases: tuple[Biases, ...]


def fly(scenario: Scenario) -> tuple[TruthPath, ...]:
    """The true paths of all objects of a scenario, each flight's parts after its object."""
    return tuple(
        path
        for programme, solution in zip(scenario.flights, scenario.solutions, strict=True)
        for path in fly_programme(programme, solution)
    )


def simulate(
    scenario: Scenario, radars: Sequence[Radar] | None = None, seed: int = 0
) -> Simulation:
    """Fly a scenario past radars (the demo's as it has them, if none are given)."""
    table = scenario.radars if radars is None else tuple(radars)
    paths = fly(scenario)
    seen = observe(paths, table, seed=seed, clutter_box_m=scenario.clutter_box_m)
    return Simulation(table, seen.plots, seen.origin, paths, seen.biases)


def write_simulation(folder: str | PathLike[str], simulation: Simulation) -> None:
    """Write `radars.toml`, `plots.csv`, `truth.csv` and `truth.json`; make the folder if need be.

    `truth.csv`: object, parent, kind, time, ECEF x_m … vz_m_s and phase, each full second of UTC
    and at the events: begin, burn-out, apogee, changes of phase, impact. `truth.json`: per object
    id, parent, kind, and time and place of launch, burn-out, apogee and impact, with the ground
    range along the geodesic.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_radars(folder / "radars.toml", simulation.radars)
    write_plots(folder / "plots.csv", simulation.plots, simulation.radars)
    (folder / "truth.csv").write_text(_truth_csv(simulation.paths), encoding="utf-8")
    truth = {"objects": [_truth(path) for path in simulation.paths]}
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")


def _truth_csv(paths: Sequence[TruthPath]) -> str:
    lines = ["object,parent,kind,time,x_m,y_m,z_m,vx_m_s,vy_m_s,vz_m_s,phase"]
    for path in paths:
        begin, end = int(path.time_ns[0]), int(path.time_ns[-1])
        seconds = np.arange(-(-begin // _SECOND_NS), end // _SECOND_NS + 1) * _SECOND_NS
        changes = path.time_ns[1:][np.diff(path.phase) != 0]
        events = [begin, end, path.burnout_time_ns, path.apogee.time_ns]
        times = np.unique(np.concatenate((seconds, changes, events)))
        times = times[(times >= begin) & (times <= end)]
        named = f"{path.object_id},{path.parent or ''},{path.kind}"
        states, phases = path.state_at(times), path.phase_at(times)
        for time_ns, state, phase in zip(times, states, phases, strict=True):
            p = ",".join(f"{number:.4f}" for number in state[:3])
            v = ",".join(f"{number:.6f}" for number in state[3:])
            lines.append(f"{named},{_iso(int(time_ns))},{p},{v},{phase}")
    return "\n".join(lines) + "\n"


def _iso(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, _SECOND_NS)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _place(place: Place) -> dict[str, Any]:
    return {
        "time": _iso(place.time_ns),
        "latitude_deg": math.degrees(place.latitude_rad),
        "longitude_deg": math.degrees(place.longitude_rad),
        "height_km": place.height_m / 1000.0,
    }


def _truth(path: TruthPath) -> dict[str, Any]:
    length, _ = geodesic_inverse(
        path.launch.latitude_rad,
        path.launch.longitude_rad,
        path.impact.latitude_rad,
        path.impact.longitude_rad,
    )
    return {
        "id": path.object_id,
        "parent": path.parent,
        "kind": path.kind,
        "launch": _place(path.launch),
        "burnout": {"time": _iso(path.burnout_time_ns)},
        "apogee": _place(path.apogee),
        "impact": _place(path.impact),
        "ground_range_km": length / 1000.0,
    }
