"""The seven published disagreements about launches, as scenarios: each nation alone, and together.

A picture per nation is folded from its own plots and one from all, as `skypact compare` does, and
each is asked what the nation would announce: how many launches, how far, inside a zone or not.
"""

import bisect
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from evaluate.rows import rows_of
from skypact.flight import assess
from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import Flight, Plots, Radar, Track
from skypact.sensing.flight_programme import FlightProgramme
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import Scenario, load_scenario
from skypact.sensing.simulation import fly
from skypact.sensing.simulator import TruthPath
from skypact.tracking import Picture

TOGETHER = "together"
NS = 1_000_000_000
KNOWN_WITHIN_M = 5e3
"""A range is known if it errs by less (issue 3), and its 95 % interval holds the truth."""
SHADOW = "2019-07-25_kn-23"
ZONE = "2021-09-15_train"
ZONE_MOMENTS_S = tuple(range(75, 361, 15))
"""After launch; it comes down after 356 s."""
ZONE_M = 200.0 * 1852.0
COAST = {
    "Hegurajima": (37.85, 136.92),
    "Kyurokujima": (40.53, 139.49),
    "Oga": (39.88, 139.70),
    "Okushiri": (42.17, 139.41),
    "Dogo": (36.33, 133.25),
}
"""Latitude and longitude, deg, of places of Japan nearest to the fall: its zone of 200 nautical
miles is taken to be what lies within that of any of them. Towards Korea and Russia the true line
follows other rules; the falls here are far from there."""


class Case(NamedTuple):
    """What was published: launches counted, and ranges said one after the other, by nation.

    `counted`: any of these numbers is as published. `ranges_m`: a nation alone cannot tell these
    from each other where its 95 % interval holds them all.
    """

    scenario: str
    said: str
    counted: dict[str, tuple[int, ...]]
    ranges_m: dict[str, tuple[float, ...]]


CASES = (
    Case("2016-08-03_two-at-once", "Korea one, later two", {"KR": (1,)}, {}),
    Case("2019-08-02_low", "Japan missed two below 60 km", {"JP": (0,)}, {}),
    Case(SHADOW, "Korea 430 km, later 600", {}, {"KR": (430e3, 600e3)}),
    Case("2019-10-02_pukguksong-3", "Japan two, Korea one", {"JP": (2,), "KR": (1,)}, {}),
    Case("2021-03-25_hamju", "Korea 450 km, later 600", {}, {"KR": (450e3, 600e3)}),
    Case(ZONE, "outside Japan's zone, later inside", {}, {}),
    # At least six, but not all.
    Case("2022-06-05_eight", "Korea eight, Japan at least six", {"JP": (6, 7), "KR": (8,)}, {}),
)


class Sight(NamedTuple):
    """A nation's radars and plots, or all; `plots` number the radars by their place in `radars`."""

    name: str
    radars: tuple[Radar, ...]
    plots: Plots


def sights(radars: Sequence[Radar], plots: Plots) -> list[Sight]:
    """Each nation's own, in order of name, and all together, last."""
    nations = sorted({radar.nation for radar in radars})
    found = []
    for name in (*nations, TOGETHER):
        members = [i for i, radar in enumerate(radars) if name in (TOGETHER, radar.nation)]
        own = plots.at(np.flatnonzero(np.isin(plots.radar, members)))
        numbered = np.searchsorted(members, own.radar).astype(np.int32)
        found.append(Sight(name, tuple(radars[i] for i in members), own._replace(radar=numbered)))
    return found


def flights_of(tracks: Sequence[Track], radars: Sequence[Radar]) -> list[Flight]:
    """What each track means, in order of id; what parted has the launch of what it parted from."""
    flights: dict[int, Flight] = {}
    for track in sorted(tracks, key=lambda track: track.id):
        parent = flights.get(track.parted_from) if track.parted_from is not None else None
        flights[track.id] = assess(track, radars, launch=parent.launch if parent else None)
    return list(flights.values())


def range_said(flight: Flight, programme: FlightProgramme) -> tuple[float, float, float] | None:
    """Ground range m, and its least and greatest with 95 %, from launch to impact.

    The impact region's reach about the estimated launch, with the launch's own uncertainty added
    as independent of it; from the true launch point where the launch is not known, as a site that
    is known in the end. None without an impact.
    """
    if flight.impact is None:
        return None
    launch = flight.launch
    here = (
        (programme.latitude_rad, programme.longitude_rad)
        if launch is None
        else (launch.latitude_rad, launch.longitude_rad)
    )
    spread = launch.ellipse_95.semi_major_m if launch else 0.0
    reach = [geodesic_inverse(*here, lat, lon)[0] for lon, lat in flight.impact.region_95]
    best = geodesic_inverse(*here, flight.impact.latitude_rad, flight.impact.longitude_rad)[0]
    return (
        best,
        best - math.hypot(best - min(reach), spread),
        best + math.hypot(max(reach) - best, spread),
    )


def is_inside_zone(latitude_rad: float, longitude_rad: float) -> bool:
    """Whether a place lies in Japan's zone as COAST has it."""
    return any(
        geodesic_inverse(math.radians(lat), math.radians(lon), latitude_rad, longitude_rad)[0]
        < ZONE_M
        for lat, lon in COAST.values()
    )


def zone_said(flight: Flight | None) -> dict[str, bool] | None:
    """Whether the best estimate lies inside the zone, and whether all of the area agrees."""
    if flight is None or flight.impact is None:
        return None
    best = is_inside_zone(flight.impact.latitude_rad, flight.impact.longitude_rad)
    area = [is_inside_zone(latitude, longitude) for longitude, latitude in flight.impact.region_95]
    return {"inside": best, "sure": all(inside == best for inside in area)}


def one_run(name: str, seed: int) -> dict[str, Any]:
    """What each picture says of a scenario once all plots are in, and the truth."""
    scenario = load_scenario(name)
    paths = fly(scenario)
    plots = observe(paths, scenario.radars, seed=seed).plots
    launched = [path for path in paths if path.parent is None]
    return {
        "launched": len(launched),
        "range_m": [_true_range(path) for path in launched],
        "pictures": {
            sight.name: _says(sight, scenario) for sight in sights(scenario.radars, plots)
        },
    }


def _true_range(path: TruthPath) -> float:
    start, end = path.launch, path.impact
    return geodesic_inverse(
        start.latitude_rad, start.longitude_rad, end.latitude_rad, end.longitude_rad
    )[0]


def _says(sight: Sight, scenario: Scenario) -> dict[str, Any]:
    picture = Picture(sight.radars)
    picture.observe(sight.plots)
    flights = flights_of(picture.tracks(), sight.radars)
    launched = [flight for flight in flights if flight.parted_from is None]
    return {
        "launched": len(launched),
        "parts": len(flights) - len(launched),
        "ranges_m": _ranges(launched, scenario),
    }


def _ranges(
    launched: Sequence[Flight], scenario: Scenario
) -> list[tuple[float, float, float] | None]:
    """The range of each of the scenario's flights: that of the one first seen after its launch."""
    starts = [programme.launch_time_ns for programme in scenario.flights]
    ranges: list[tuple[float, float, float] | None] = [None] * len(starts)
    for flight in launched:
        number = bisect.bisect_right(starts, flight.first_plot_ns) - 1
        ranges[number] = range_said(flight, scenario.flights[number])
    return ranges


def over_time(sight: Sight, times_ns: Sequence[int]) -> list[Flight | None]:
    """The first flight at some times in one picture; None before its track is confirmed."""
    picture, begin, launch = Picture(sight.radars), 0, None
    found: list[Flight | None] = []
    for time_ns in times_ns:
        end = int(np.searchsorted(sight.plots.time_ns, time_ns, side="right"))
        picture.observe(sight.plots.at(np.arange(begin, end)), more_to_come=True)
        begin = end
        tracks = [t for t in picture.tracks() if t.parted_from is None]
        if not tracks:
            found.append(None)
            continue
        track = min(tracks, key=lambda t: t.first_plot_ns)
        flight = assess(track, sight.radars, launch=launch)
        if track.last_plot_ns - track.first_plot_ns > 60 * NS:
            launch = flight.launch
        found.append(flight)
    return found


def zone_table(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per picture over runs of `one_zone_run`: what it said of the zone as time went on.

    `open_at_first`: runs in which not all of the first area lay inside: outside is what was said,
    or may be; `outside`: runs in which the best estimate lay outside at any time; `inside_at_last`;
    `sure_but_wrong`: runs in which all of the area lay outside at any time; `settled_s`: seconds
    after launch from which on all of the area lay inside, in the median run, None if never.
    """
    table = {}
    for name in rows[0]:
        runs = [[said for said in row[name] if said] for row in rows]
        settled = sorted(_settled_s(row[name]) for row in rows)
        middle = settled[len(settled) // 2]
        table[name] = {
            "open_at_first": sum(
                bool(said) and not (said[0]["inside"] and said[0]["sure"]) for said in runs
            ),
            "outside": sum(any(not s["inside"] for s in said) for said in runs),
            "inside_at_last": sum(bool(said) and said[-1]["inside"] for said in runs),
            "sure_but_wrong": sum(any(s["sure"] and not s["inside"] for s in r) for r in runs),
            "settled_s": middle if math.isfinite(middle) else None,
        }
    return table


def _settled_s(said: Sequence[dict[str, bool] | None]) -> float:
    """From when on, after launch, an area lay inside for good; infinite if it never did."""
    since = math.inf
    for second, now in zip(reversed(ZONE_MOMENTS_S), reversed(said), strict=True):
        if now is None or not (now["sure"] and now["inside"]):
            break
        since = float(second)
    return since


def first_flight(name: str, seed: int) -> tuple[TruthPath, list[Sight]]:
    """A scenario's first flight alone, and who sees what of it."""
    scenario = load_scenario(name)
    path = fly(scenario)[0]
    plots = observe((path,), scenario.radars, seed=seed).plots
    return path, sights(scenario.radars, plots)


def one_zone_run(seed: int) -> dict[str, Any]:
    """Whether each picture places the fall inside the zone, at ZONE_MOMENTS_S after launch."""
    path, seen = first_flight(ZONE, seed)
    times = [path.launch.time_ns + s * NS for s in ZONE_MOMENTS_S]
    return {sight.name: [zone_said(known) for known in over_time(sight, times)] for sight in seen}


def judge(case: Case, row: dict[str, Any]) -> dict[str, Any]:
    """Whether one run shows the disagreement of a case, and whether all together settle it."""
    says = row["pictures"]
    counts = all(says[n]["launched"] in count for n, count in case.counted.items())
    ranges = all(
        said is not None and said[1] <= published <= said[2]
        for nation, several in case.ranges_m.items()
        for said in says[nation]["ranges_m"]
        for published in several
    )
    settled = says[TOGETHER]["launched"] == row["launched"]
    if case.ranges_m or case.scenario == ZONE:
        settled &= all(map(_known, says[TOGETHER]["ranges_m"], row["range_m"]))
    return {"reproduced": counts and ranges, "settled": settled}


def _known(said: tuple[float, float, float] | None, truth_m: float) -> bool:
    """Whether a range is known to 5 km, and its interval holds the truth."""
    return (
        said is not None
        and abs(said[0] - truth_m) < KNOWN_WITHIN_M
        and said[1] <= truth_m <= said[2]
    )


def run(count: int, seed: int, progress: Callable[[int], Any]) -> dict[str, Any]:
    """Every case `count` times; and the zone of 2021-09-15 over time."""
    detail: dict[str, Any] = {"runs": count}
    done = 0
    for case in CASES:
        cases = [(case.scenario, seed + number) for number in range(count)]
        rows = rows_of(one_run, cases, progress, before=done)
        detail[case.scenario] = {"said": case.said, "each": [r | judge(case, r) for r in rows]}
        done += count
    cases = [(seed + number,) for number in range(count)]
    zone = rows_of(one_zone_run, cases, progress, before=done)
    detail["zone"] = {"moments_s": list(ZONE_MOMENTS_S), "each": zone, "table": zone_table(zone)}
    return detail
