"""Crowds: a salvo among false plots."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from evaluate.rows import rows_of
from skypact.model import Radar
from skypact.offline.metrics import Measures
from skypact.offline.score import score_plots
from skypact.offline.true_paths import TruePath
from skypact.sensing.flight_programme import FlightProgramme
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.sensing.solve import solve
from skypact.settings import Settings

LAUNCH_NS = 1_700_000_000_000_000_000
SALVO_OBJECTS = 10
LEAST_GAP_M, GREATEST_GAP_M = 500.0, 5000.0
FALSE_PLOTS_A_SCAN = 20.0
HALF_CUBE_M = 50e3
_EARTH_M = 6.371e6


def salvo(seed: int, objects: int = SALVO_OBJECTS) -> tuple[TruthPath, ...]:
    """Objects launched in one second from sites 500 m to 5 km from each other, all alike."""
    random = np.random.default_rng(seed)
    sites: list[np.ndarray] = []
    while len(sites) < objects:
        site = random.uniform(-0.5, 0.5, 2) * GREATEST_GAP_M
        gaps = [float(np.hypot(*(site - other))) for other in sites]
        if all(LEAST_GAP_M <= gap <= GREATEST_GAP_M for gap in gaps):
            sites.append(site)
    latitude, longitude = math.radians(39.2), math.radians(127.4)
    alike = FlightProgramme(
        object_id="salvo",
        launch_time_ns=LAUNCH_NS,
        latitude_rad=latitude,
        longitude_rad=longitude,
        bearing_rad=math.radians(90.0),
        apogee_m=200e3,
        range_m=650e3,
    )
    solution = solve(alike)
    return tuple(
        path
        for number, (east, north) in enumerate(sites)
        for path in fly_programme(
            msgspec.structs.replace(
                alike,
                object_id=f"salvo-{number + 1}",
                launch_time_ns=LAUNCH_NS + round(random.uniform(0.0, 1e9)),
                latitude_rad=latitude + north / _EARTH_M,
                longitude_rad=longitude + east / _EARTH_M / math.cos(latitude),
            ),
            solution,
        )
    )


def salvo_radars() -> tuple[Radar, ...]:
    """The demo's radars with the detection and the false plots that were asked for."""
    return tuple(
        msgspec.structs.replace(
            radar, detection_probability=0.9, clutter_per_scan=FALSE_PLOTS_A_SCAN
        )
        for radar in demo_radars()
    )


def one_salvo(seed: int, settings: Settings | None = None) -> Measures:
    """Measures of one salvo."""
    radars, paths = salvo_radars(), salvo(seed)
    seen = observe(paths, radars, seed=seed, clutter_box_m=HALF_CUBE_M)
    truth = tuple(TruePath.of(path) for path in paths)
    return score_plots(seen.plots, radars, truth, settings=settings).measures


def figures_of(seed: int) -> dict[str, float]:
    """What is asked for of one salvo."""
    measures = one_salvo(seed)
    return {
        "share_in_sight_with_a_track": measures.completeness_in_sight,
        "share_with_a_track": measures.siap.completeness,
        "false_tracks_a_minute": measures.false_tracks_per_minute,
        "changes_per_object": measures.changes_per_object,
        "nees_over_6": measures.nees_over_6,
        "nees_within_95": measures.nees_within_95,
    }


def run_salvo(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Means over `count` salvos."""
    rows = rows_of(figures_of, [(seed + number,) for number in range(count)], progress)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} | {
        "runs": count,
        "each": rows,
    }
