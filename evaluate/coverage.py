"""How often the 95 % areas of impact and launch hold the truth, over a population of flights.

The simulator's air stands still. Ballistic flights are judged by where wind would have put them,
drawn as the flight stage believes it: by its speed times the time that air cost them.

`python -m evaluate.coverage --kinds glide --flights 60` judges the impacts of some kinds alone, in
one process; `--nation JP` as that nation's radars alone see them.
"""

import argparse
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluate.rows import rows_of
from skypact.flight import assess
from skypact.flight.ground import geodetic_from_plane
from skypact.flight.impact import carry_down
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef
from skypact.kernels.motion import AIR_TOP_M
from skypact.model import Ellipse, Flight, FlightKind, Impact, Plots
from skypact.sensing.population import KIND_SHARES, random_flight
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.settings import FlightSettings
from skypact.tracking import Picture

AFTER_BURNOUT_S = (2, 5, 15, 30)
MOMENTS = (
    *(f"burn-out + {after} s" for after in AFTER_BURNOUT_S),
    "mid-flight",
    "60 s before impact",
)
NS = 1_000_000_000
_SIZES = {"in_region": "region_km2", "in_ellipse": "area_km2"}


def inside_ellipse(
    latitude_rad: float, longitude_rad: float, ellipse: Ellipse, truth: tuple[float, float]
) -> bool:
    """Whether the true point lies in an ellipse about an estimated one."""
    length, azimuth = geodesic_inverse(latitude_rad, longitude_rad, *truth)
    along = length * math.cos(azimuth - ellipse.azimuth_rad)
    across = length * math.sin(azimuth - ellipse.azimuth_rad)
    return (along / ellipse.semi_major_m) ** 2 + (across / ellipse.semi_minor_m) ** 2 <= 1.0


def inside_region(impact: Impact, truth: tuple[float, float]) -> bool:
    """Whether the true point lies in the region's ring, by winding in a plane about the point."""
    ring = np.array(impact.region_95)  # longitude, latitude
    east = (ring[:, 0] - truth[1] + math.pi) % (2 * math.pi) - math.pi
    angle = np.unwrap(np.arctan2(ring[:, 1] - truth[0], east * math.cos(truth[0])))
    return abs(angle[-1] - angle[0]) > math.pi


def region_area_m2(impact: Impact) -> float:
    """Area of the region's ring, on a sphere of the Earth's mean radius."""
    ring = np.array(impact.region_95)  # longitude, latitude
    east = (ring[:, 0] - ring[0, 0] + math.pi) % (2 * math.pi) - math.pi
    x, y = east * math.cos(ring[:, 1].mean()) * 6371008.8, ring[:, 1] * 6371008.8
    y -= y[0]
    return float(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2.0


def moments_of(path: TruthPath) -> tuple[int, ...]:
    """The moments at which a flight is judged, ns."""
    burnout, impact = path.burnout_time_ns, path.impact.time_ns
    early = (burnout + after * NS for after in AFTER_BURNOUT_S)
    return *early, (burnout + impact) // 2, impact - 60 * NS


def _upto(plots: Plots, begin: int, end_ns: int) -> tuple[Plots, int]:
    end = int(np.searchsorted(plots.time_ns, end_ns, side="right"))
    return plots.at(np.arange(begin, end)), end


def blown_impact(path: TruthPath, seed: int, index: int) -> tuple[float, float]:
    """Latitude and longitude of a flight's impact in wind; where it was without, if it has lift."""
    still = path.impact.latitude_rad, path.impact.longitude_rad
    if path.kind != FlightKind.BALLISTIC:
        return still
    time_ns = np.linspace(path.apogee.time_ns, path.impact.time_ns, 400).astype(np.int64)
    above = np.flatnonzero(_heights(path, time_ns) > AIR_TOP_M)
    begin_ns = time_ns[above[-1]] if len(above) else time_ns[0]
    state = np.append(path.state_at(np.array([begin_ns]))[0], 0.0)
    empty = carry_down(state[None], np.ones(1), None, ecef_from_geodetic(*still, 0.0))
    lag_s = (path.impact.time_ns - begin_ns) / NS - float(empty.time_s[0])
    wind = np.random.default_rng([seed, index, 2]).normal(size=2) * FlightSettings().wind_sigma_m_s
    east, north = wind * max(lag_s, 0.0)
    return geodetic_from_plane(still, float(east), float(north))


def judge(
    path: TruthPath, flight: Flight | None, fell_at: tuple[float, float] | None = None
) -> dict[str, Any]:
    """One flight against its truth. `fell_at`: latitude and longitude, if not the path's."""
    truth = fell_at or (path.impact.latitude_rad, path.impact.longitude_rad)
    row: dict[str, Any] = {"seen": flight is not None, "impact": None, "launch": None}
    if flight is None:
        return row
    row["kind"], row["kind_probability"] = str(flight.kind), flight.kind_probability
    if flight.impact:
        i = flight.impact
        error, _ = geodesic_inverse(i.latitude_rad, i.longitude_rad, *truth)
        row["impact"] = {
            "in_ellipse": inside_ellipse(i.latitude_rad, i.longitude_rad, i.ellipse_95, truth),
            "in_region": inside_region(i, truth),
            "error_m": error,
            "region_km2": region_area_m2(i) / 1e6,
            "area_km2": math.pi * i.ellipse_95.semi_major_m * i.ellipse_95.semi_minor_m / 1e6,
            "time_sigmas": (path.impact.time_ns - i.time_ns) / NS / max(i.time_sigma_s, 1e-3),
        }
    if flight.launch:
        launch = flight.launch
        where = (path.launch.latitude_rad, path.launch.longitude_rad)
        error, _ = geodesic_inverse(launch.latitude_rad, launch.longitude_rad, *where)
        row["launch"] = {
            "in_ellipse": inside_ellipse(
                launch.latitude_rad, launch.longitude_rad, launch.ellipse_95, where
            ),
            "error_m": error,
            "semi_major_m": launch.ellipse_95.semi_major_m,
            "time_sigmas": (path.launch.time_ns - launch.time_ns) / NS / launch.time_sigma_s,
        }
    if flight.apogee:
        row["apogee_sigmas"] = (path.apogee.height_m - flight.apogee.height_m) / max(
            flight.apogee.height_sigma_m, 1.0
        )
    return row


def one_flight(seed: int, index: int, nation: str | None = None) -> list[dict[str, Any]]:
    """Fly flight `index` of the population past the demo's radars; judge it at its moments.

    `nation`: by its radars alone.
    """
    radars = tuple(radar for radar in demo_radars() if nation in (None, radar.nation))
    path = fly_programme(random_flight(seed, index))[0]
    plots = observe((path,), radars, seed=seed * 100_003 + index).plots
    picture, begin = Picture(radars), 0
    rows = []
    launch = None
    fell_at = blown_impact(path, seed, index)
    for moment, when in zip(MOMENTS, moments_of(path), strict=True):
        due, begin = _upto(plots, begin, max(when, plots.time_ns[0] if len(plots.time_ns) else 0))
        picture.observe(due)
        tracks = picture.tracks()
        known = max(tracks, key=lambda t: t.plots) if tracks else None
        flight = assess(known, radars, launch=launch) if known else None
        if known and flight and known.last_plot_ns - known.first_plot_ns > 60 * NS:
            launch = flight.launch
        row = judge(path, flight, fell_at)
        last_seen_s = (when - known.last_plot_ns) / NS if known else None
        rows.append(
            row
            | {
                "index": index,
                "true_kind": str(path.kind),
                "moment": moment,
                "tracks": len(tracks),
                "unseen_s": last_seen_s,
                "apogee_km": path.apogee.height_m / 1e3,
                "flight_s": (path.impact.time_ns - path.launch.time_ns) / NS,
                "burnout_s": (path.burnout_time_ns - path.launch.time_ns) / NS,
            }
        )
    return rows


def one_launch(seed: int, index: int) -> dict[str, Any]:
    """Judge the launch of flight `index`, first seen anywhere from 10 km height to after burn-out.

    The first plot's height is drawn evenly from 10 km to 1.3 times the height at burn-out (for
    flights that burn out below 10 km: from burn-out on); judged 60 s after it.
    """
    radars = demo_radars()
    path = fly_programme(random_flight(seed, index))[0]
    plots = observe((path,), radars, seed=seed * 100_003 + index).plots
    random = np.random.default_rng([seed, index, 1])
    burnout = _heights(path, np.array([path.burnout_time_ns]))[0]
    least = 10e3 + random.random() * max(1.3 * burnout - 10e3, 0.0)
    least = min(least, 0.9 * path.apogee.height_m)
    begin = int(np.argmax(_heights(path, plots.time_ns) >= least))
    end = int(np.searchsorted(plots.time_ns, plots.time_ns[begin] + 60 * NS))
    picture = Picture(radars)
    picture.observe(plots.at(np.arange(begin, end)))
    tracks = picture.tracks()
    known = max(tracks, key=lambda t: t.plots) if tracks else None
    return judge(path, assess(known, radars) if known else None) | {
        "index": index,
        "true_kind": str(path.kind),
        "first_height_km": float(_heights(path, plots.time_ns[begin : begin + 1])[0]) / 1e3,
        "after_burnout": bool(plots.time_ns[begin] > path.burnout_time_ns),
    }


def _heights(path: TruthPath, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """True heights m at some times."""
    return np.array([geodetic_from_ecef(*state[:3])[2] for state in path.state_at(time_ns)])


def many(
    study: Callable[[int, int], Any], flights: int, seed: int, progress: Callable[[int], Any]
) -> list[Any]:
    """`study` of each of the population's first `flights`, in order, on all processors."""
    cases = [(seed, index) for index in range(flights)]
    return rows_of(study, cases, progress, processors=os.cpu_count() or 1)


def wilson(held: int, judged: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 22, 1927)."""
    z = 1.959964
    centre = (held + z * z / 2) / (judged + z * z)
    half = z / (judged + z * z) * math.sqrt(held * (judged - held) / judged + z * z / 4)
    return centre - half, centre + half


def shares(rows: list[dict[str, Any]], what: str, key: str) -> dict[str, Any]:
    """How many rows had an area, and which share of those held the truth, with its interval."""
    areas = [row[what] for row in rows if row[what]]
    held = sum(bool(area[key]) for area in areas)
    if not areas:
        return {"flights": len(rows), "judged": 0}
    low, high = wilson(held, len(areas))
    return {
        "flights": len(rows),
        "judged": len(areas),
        "share": held / len(areas),
        "interval_95": [low, high],
        "median_error_km": float(np.median([area["error_m"] for area in areas])) / 1e3,
        "median_area_km2": float(np.median([area[_SIZES[key]] for area in areas]))
        if key in _SIZES and _SIZES[key] in areas[0]
        else None,
    }


def impacts(flights: int, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """Coverage of the impact areas: per moment, and per kind and moment."""
    rows = [row for flight in many(one_flight, flights, seed, progress) for row in flight]
    return impact_table(rows, flights)


def impact_table(rows: list[dict[str, Any]], flights: int) -> dict[str, Any]:
    """Rows of `one_flight` as coverage per moment, and per kind and moment."""
    table: dict[str, Any] = {
        "flights": flights,
        "not_seen": sum(not r["seen"] for r in rows) // len(MOMENTS),
    }
    for key in ("in_ellipse", "in_region"):
        table[key] = {
            moment: {
                kind: shares(
                    [r for r in rows if r["moment"] == moment and kind in ("all", r["true_kind"])],
                    "impact",
                    key,
                )
                for kind in ("all", *sorted({r["true_kind"] for r in rows}))
            }
            for moment in MOMENTS
        }
    return table


def launches(flights: int, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """Coverage of the launch areas: all, first seen burning, first seen after burn-out."""
    rows = many(one_launch, flights, seed, progress)
    return {
        "all": shares(rows, "launch", "in_ellipse"),
        "first seen burning": shares(
            [r for r in rows if not r["after_burnout"]], "launch", "in_ellipse"
        ),
        "first seen after burn-out": shares(
            [r for r in rows if r["after_burnout"]], "launch", "in_ellipse"
        ),
    }


def of_kinds(kinds: Sequence[FlightKind], flights: int, seed: int) -> Iterator[int]:
    """Indices of the first `flights` of the population that are of some kinds."""
    index = 0
    while flights > 0:
        if random_flight(seed, index).kind in kinds:
            flights -= 1
            yield index
        index += 1


def main() -> None:
    """Judge the impacts of some kinds of flights and print the shares that hold."""
    parser = argparse.ArgumentParser(prog="python -m evaluate.coverage", description=__doc__)
    parser.add_argument("--kinds", nargs="+", type=FlightKind, default=list(KIND_SHARES))
    parser.add_argument("--flights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nation", help="as its radars alone see them")
    arguments = parser.parse_args()
    indices = of_kinds(arguments.kinds, arguments.flights, arguments.seed)
    rows = [r for index in indices for r in one_flight(arguments.seed, index, arguments.nation)]
    table = impact_table(rows, arguments.flights)
    for key in ("in_region", "in_ellipse"):
        for moment, kinds in table[key].items():
            for kind, cell in kinds.items():
                if not cell["judged"]:
                    continue
                low, high = cell["interval_95"]
                print(
                    f"{key} {moment}, {kind}: {cell['share']:.1%} ({low:.1%}-{high:.1%})"
                    f" of {cell['judged']}, median area {cell['median_area_km2']:.4g} km²,"
                    f" median error {cell['median_error_km']:.3g} km"
                )


if __name__ == "__main__":
    main()
