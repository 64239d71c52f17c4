"""A pull-up where radars lose sight of it, as on 2019-07-25: whether impact areas hold the fall.

Twice: the one flight of that day over and over, which is what was asked; and the same launch with
its pull-up and its body drawn anew in each run from the population, which is what an area of 95 %
can be held to: it allows for any pull-up, and of one and the same it holds all or few.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from evaluate.coverage import inside_region, many
from evaluate.disagreements import NS, SHADOW, TOGETHER, Sight, first_flight, over_time, sights
from skypact.errors import ScenarioError
from skypact.sensing.population import ballistic_parameter, pull_up
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulator import TruthPath, fly_programme

MOMENTS_S = tuple(range(60, 361, 30))
"""After launch; the flight of that day comes down after 374 s."""
ALONE_EVERY = 5
"""Nations alone are judged in one run of so many."""


def one_published_run(seed: int, index: int) -> dict[str, list[bool | None]]:
    """The flight as published; the plots' noise alone differs from run to run."""
    return _held(*first_flight(SHADOW, seed + index), index)


def one_drawn_run(seed: int, index: int) -> dict[str, list[bool | None]]:
    """The same launch and burn-out; pull-up and ballistic parameter as the population has them."""
    scenario = load_scenario(SHADOW)
    random = np.random.default_rng([seed, index, 3])
    while True:
        programme = msgspec.structs.replace(
            scenario.flights[0],
            beta_kg_m2=ballistic_parameter(random),
            manoeuvres=(pull_up(random),),
            manoeuvred_range_m=None,
        )
        try:
            path = fly_programme(programme)[0]
        except ScenarioError:
            continue  # too light or too heavy for this apogee and range
        break
    plots = observe((path,), scenario.radars, seed=seed + index).plots
    return _held(path, sights(scenario.radars, plots), index)


def _held(path: TruthPath, seen: Sequence[Sight], index: int) -> dict[str, list[bool | None]]:
    """By picture, whether its area holds the fall at MOMENTS_S; None: no area yet, or come down."""
    times = [path.launch.time_ns + s * NS for s in MOMENTS_S]
    flying = sum(time_ns < path.impact.time_ns for time_ns in times)
    fell_at = path.impact.latitude_rad, path.impact.longitude_rad
    held: dict[str, list[bool | None]] = {}
    for sight in seen:
        if sight.name != TOGETHER and index % ALONE_EVERY:
            continue
        said = over_time(sight, times[:flying])
        held[sight.name] = [
            inside_region(known.impact, fell_at) if known and known.impact else None
            for known in said
        ] + [None] * (len(times) - flying)
    return held


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Per picture and moment, how many of `count` areas held the fall: as published, and drawn."""
    published = many(one_published_run, count, seed, progress)
    drawn = many(one_drawn_run, count, seed, lambda done: progress(count + done))
    return {
        "runs": count,
        "moments_s": list(MOMENTS_S),
        "published": _shares(published),
        "drawn": _shares(drawn),
    }


def _shares(rows: Sequence[dict[str, list[bool | None]]]) -> dict[str, list[dict[str, int]]]:
    return {
        name: [
            {
                "judged": sum(row[name][k] is not None for row in rows if name in row),
                "held": sum(bool(row[name][k]) for row in rows if name in row),
            }
            for k in range(len(MOMENTS_S))
        ]
        for name in rows[0]
    }
