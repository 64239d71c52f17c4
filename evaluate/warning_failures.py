"""The published warning failures, through simulated radars of three nations: none repeated.

Each is flown past the demo's radars, folded from all plots as though all were granted for public
warnings, and decided by the node's own fold over the areas of Japan and Korea; and once more from
each nation's plots alone, until it first has an alert for an area that the flight truly falls in or
passes over: the lead that sharing gains. Hawaii 2018 was a button, no flight: that a drill and a
live alert share nothing is tested over both channels (`tests/warning/test_warner.py`).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from evaluate.disagreements import TOGETHER, Sight, sights
from evaluate.rows import rows_of
from evaluate.warnings import NS, areas, looked
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Danger, Step
from skypact.sensing.flight_programme import FlightProgramme
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import fly
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.settings import WarningSettings
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider

NEAR_M = 100e3
LOOK_S, ALONE_S = 20, 5
SEOUL = "KR-11"


@cache
def index() -> AreaIndex:
    """All nations' areas."""
    return AreaIndex(areas())


class Failure(NamedTuple):
    """A published failure. `lost_s`: after launch no radar sees it any more."""

    name: str
    scenario: str
    went_wrong: str
    lost_s: float = math.inf


FAILURES = (
    Failure("2017-08-29", "2017-08-29_overflight", "nothing: the good example"),
    Failure("2022-10-04", "2022-10-04_irbm-over-japan", "partly the wrong areas"),
    Failure("2022-11-03", "2022-11-18_hwasong-17", "said to have passed, its track lost", 300.0),
    Failure("2023-04-13", "2023-04-13_stage-separation", "a stage taken for the payload"),
    Failure("2023-05-31", "", "Seoul, far from the path, without reason"),
)


def _southward() -> tuple[TruthPath, ...]:
    """A launch from Tongchang-ri that falls into the sea 200 km off Korea, as on 2023-05-31."""
    return tuple(
        fly_programme(
            FlightProgramme(
                object_id="southward",
                launch_time_ns=1_685_482_140 * NS,
                latitude_rad=math.radians(39.66),
                longitude_rad=math.radians(124.71),
                bearing_rad=math.radians(182.0),
                apogee_m=70e3,
                range_m=430e3,
            )
        )
    )


def one(number: int, seed: int) -> dict[str, Any]:
    """Failure `number`, by each nation alone and by all together."""
    failure, radars = FAILURES[number], demo_radars()
    paths = fly(load_scenario(failure.scenario)) if failure.scenario else _southward()
    plots = observe(paths, radars, seed=seed).plots
    launched = paths[0].launch.time_ns
    plots = plots.at(np.flatnonzero((plots.time_ns - launched) * 1e-9 < failure.lost_s))
    right = _truly(paths)
    alone = {sight.name: _first_s(sight, right, launched) for sight in sights(radars, plots)}
    together = next(sight for sight in sights(radars, plots) if sight.name == TOGETHER)
    last = max(path.impact.time_ns for path in paths)
    return {
        "name": failure.name,
        "went_wrong": failure.went_wrong,
        "right": sorted(right),
        "first_s": alone,
        **_whole(together, paths, right, launched, last),
    }


def _truly(paths: Sequence[TruthPath]) -> frozenset[str]:
    """Areas in which any of it falls, or over which it passes."""
    found: set[str] = set()
    for path in paths:
        for place in _places(path, 5):
            found.update(index().within(*place))
    return frozenset(found)


def _places(path: TruthPath, every_s: int) -> list[tuple[float, float]]:
    """What it passes over, and where it falls: latitude, longitude; of a part, since it parted."""
    times = np.arange(path.launch.time_ns, path.impact.time_ns, every_s * NS)
    states = path.state_at(times)
    flown = states[np.isfinite(states).all(axis=1)]
    places = [geodetic_from_ecef(*state[:3])[:2] for state in flown]
    return [*places, (path.impact.latitude_rad, path.impact.longitude_rad)]


def _first_s(sight: Sight, right: frozenset[str], launched_ns: int) -> float | None:
    """When a right area is first under alert, s after launch; None: never."""
    if not len(sight.plots.time_ns):
        return None
    decider = Decider(index(), WarningSettings())
    first, last = int(sight.plots.time_ns[0]), int(sight.plots.time_ns[-1])
    moments = range(first + NS, last + 10 * NS, ALONE_S * NS)
    for now, flights in looked(sight.radars, sight.plots, moments):
        decider.look(now, flights)
        under = {one.chance.area for e in decider.under_alert.values() for one in e}
        if under & right:
            return (now - launched_ns) / NS
    return None


def _whole(
    sight: Sight,
    paths: Sequence[TruthPath],
    right: frozenset[str],
    launched_ns: int,
    last_ns: int,
) -> dict[str, Any]:
    """What was said from the first plot to the end."""
    decider, alerted = Decider(index(), WarningSettings()), dict[str, float]()
    steps: list[str] = []
    reasons: list[bool] = []
    unobserved: list[bool] = []
    late: set[str] = set()
    first = int(sight.plots.time_ns[0])
    moments = range(first + NS, last_ns + 3600 * NS, LOOK_S * NS)
    for now, flights in looked(sight.radars, sight.plots, moments):
        for said in decider.look(now, flights):
            steps.append(str(said.step))
            reasons.append(bool(said.reason))
            if said.step == Step.ALL_CLEAR:
                unobserved.append(said.lost_since_ns is not None)
            for area in said.areas:
                alerted.setdefault(area.chance.area, (now - launched_ns) / NS)
                if (now - launched_ns) / NS > 300.0 and area.danger == Danger.FALL:
                    late.add(area.chance.area)
        if now > last_ns and not decider.under_alert:
            break
    land = {area.id for area in index().areas if area.kind == "land"}
    far = [name for name in alerted if _away_m(name, paths) > NEAR_M]
    return {
        "alerted_s": alerted,
        "steps": steps,
        "missed": sorted(right - set(alerted)),
        "far": sorted(far),
        "far_land_late": sorted(late & land & set(far)),
        "reasons": all(reasons),
        "unobserved": unobserved,
        "ended": not decider.under_alert,
    }


def _away_m(area: str, paths: Sequence[TruthPath]) -> float:
    """How far an area is from the nearest path, m."""
    of = index().only(area)
    nearest = math.inf
    for path in paths:
        for place in _places(path, 30):
            nearest = of.distance_m(*place, most_m=nearest)
    return nearest


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """All failures, or the first `count`."""
    cases = [(number, seed) for number in range(min(count, len(FAILURES)))]
    return {"cases": rows_of(one, cases, progress)}
