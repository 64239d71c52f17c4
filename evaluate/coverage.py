"""How often the 95 % areas of impact and launch hold the truth, over a population of flights."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from skypact.flight import assess
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Ellipse, Flight, Impact, Plots, Radar
from skypact.sensing.population import random_flight
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars
from skypact.sensing.simulator import TruthPath, fly_programme
from skypact.tracking import Picture

MOMENTS = ("burn-out + 30 s", "mid-flight", "60 s before impact")
NS = 1_000_000_000


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


def moments_of(path: TruthPath) -> tuple[int, ...]:
    """The three moments at which a flight is judged, ns; out of order ones are left to the caller."""
    burnout, impact = path.burnout_time_ns, path.impact.time_ns
    return burnout + 30 * NS, (burnout + impact) // 2, impact - 60 * NS


def _upto(plots: Plots, begin: int, end_ns: int) -> tuple[Plots, int]:
    end = int(np.searchsorted(plots.time_ns, end_ns, side="right"))
    return plots.at(np.arange(begin, end)), end


def judge(path: TruthPath, flight: Flight | None) -> dict[str, Any]:
    """One flight against its truth."""
    truth = (path.impact.latitude_rad, path.impact.longitude_rad)
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


def one_flight(
    seed: int, index: int, radars: tuple[Radar, ...] | None = None, first_height_m: float = 0.0
) -> list[dict[str, Any]]:
    """Fly flight `index` of the population past the radars and judge it at its moments.

    Only plots from `first_height_m` up are used (the launch's shadow).
    """
    radars = radars or demo_radars()
    programme = random_flight(seed, index)
    path = fly_programme(programme)[0]
    plots = observe((path,), radars, seed=seed * 100_003 + index).plots
    if first_height_m > 0.0 and len(plots.time_ns):
        heights = np.array([geodetic_from_ecef(*s[:3])[2] for s in path.state_at(plots.time_ns)])
        begin = int(np.argmax(heights >= first_height_m))
        plots = plots.at(np.arange(begin, len(heights)))
    picture, begin = Picture(radars), 0
    rows = []
    for moment, when in zip(MOMENTS, moments_of(path), strict=True):
        due, begin = _upto(plots, begin, max(when, plots.time_ns[0] if len(plots.time_ns) else 0))
        picture.observe(due)
        tracks = picture.tracks()
        known = max(tracks, key=lambda t: t.plots) if tracks else None
        row = judge(path, assess(known, radars) if known else None)
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


def run(flights: int, seed: int, progress: Callable[[int], None]) -> list[dict[str, Any]]:
    """Rows of `one_flight` for the first flights of the population."""
    rows: list[dict[str, Any]] = []
    for index in range(flights):
        rows += one_flight(seed, index)
        progress(index + 1)
    return rows
