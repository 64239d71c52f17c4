"""The real two-radar flight: forecasts from T+90 to T+150 s for T+470 s."""

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from examples.white_sands import convert
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.model import Plots, Radar
from skypact.sensing import load_radars, read_plots
from skypact.tracking import Picture

NS = 1_000_000_000
LAUNCH_NS = 1_631_208_300 * NS  # 2021-09-09T17:25:00Z
CHI_SQUARED_95_3D = 7.814727903251179


def place_of(plots: Plots, row: int, radars: tuple[Radar, ...]) -> np.ndarray:
    """ECEF m of one plot."""
    radar = radars[plots.radar[row]]
    axes = local_axes(radar.latitude_rad, radar.longitude_rad)
    site = ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m)
    polar = plots.range_m[row], plots.azimuth_rad[row], plots.elevation_rad[row]
    return np.array(site) + turn_to_ecef(*local_from_polar(*polar), axes)


def forecast(
    plots: Plots,
    radars: tuple[Radar, ...],
    use: list[int],
    begin_s: float,
    end_s: float,
    to_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) m and covariance (3, 3) foretold for `to_s` after launch from some radars."""
    since = (plots.time_ns - LAUNCH_NS) / NS
    chosen = (since >= begin_s) & (since <= end_s) & np.isin(plots.radar, use)
    picture = Picture(radars)
    picture.observe(plots.at(np.flatnonzero(chosen)))
    picture.advance(LAUNCH_NS + round(to_s * NS))
    track = max(picture.tracks(), key=lambda t: t.plots)
    return track.state[:3], track.covariance[:3, :3]


def run(folder: Path) -> dict[str, Any]:
    """Distances m of the forecasts from both radars' own plots at T+470 s, and σ distances.

    `folder` holds the two recordings. The 95 % region is three-dimensional (χ² 7.81) and the
    forecast's alone: what the plot itself may be off is left out.
    """
    with tempfile.TemporaryDirectory() as out:
        convert(folder, Path(out))
        radars = load_radars(Path(out) / "radars.toml")
        plots, _ = read_plots([Path(out) / "plots.csv"], radars)
    result: dict[str, Any] = {"radars": [radar.id for radar in radars]}
    at_470 = {}
    for number, radar in enumerate(radars):
        rows = np.flatnonzero(plots.radar == number)
        row = rows[np.argmin(np.abs(plots.time_ns[rows] - (LAUNCH_NS + 470 * NS)))]
        at_470[radar.id] = place_of(plots, int(row), radars)
    uses = {radar.id: [number] for number, radar in enumerate(radars)}
    uses["both"] = list(range(len(radars)))
    for name, use in uses.items():
        position, covariance = forecast(plots, radars, use, 90.0, 150.0, 470.0)
        off = position - np.mean(list(at_470.values()), axis=0)
        result[name] = {
            "sigma_m": math.sqrt(float(np.trace(covariance))),
            "from": {
                other: {
                    "distance_m": float(np.linalg.norm(position - place)),
                    "squared_distance": float(
                        (position - place) @ np.linalg.solve(covariance, position - place)
                    ),
                }
                for other, place in at_470.items()
            },
            "from_mean_m": float(np.linalg.norm(off)),
            "from_mean_squared_distance": float(off @ np.linalg.solve(covariance, off)),
        }
    result["radars_apart_m"] = float(np.linalg.norm(np.diff(list(at_470.values()), axis=0)))
    return result
