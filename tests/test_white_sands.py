"""The converter of the two White Sands radars, where their recordings are."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import skypact

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SKYPACT_SHARED", ROOT.parent / "shared"))
RECORDINGS = SHARED / "data" / "wsmr"

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the White Sands recordings are not here (SKYPACT_SHARED)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sys.path.insert(0, str(ROOT))
    try:
        from examples.white_sands import convert
    finally:
        sys.path.remove(str(ROOT))
    out = tmp_path_factory.mktemp("white_sands")
    assert convert(RECORDINGS, out) > 32_000
    return out


def test_files_are_read_back_whole(folder: Path) -> None:
    radars = skypact.load_radars(folder / "radars.toml")
    plots, rejected = skypact.read_plots(folder / "plots.csv", radars)
    assert [radar.nation for radar in radars] == ["USA", "USA"]
    assert all(radar.correlation_time_s > 0 and radar.range_bias_sigma_m > 0 for radar in radars)
    assert len(plots.time_ns) > 32_000
    assert not rejected


def test_the_two_radars_disagree_by_no_more_than_is_stated(folder: Path) -> None:
    """Within 3σ of their stated errors together, at eight times in free flight."""
    radars = skypact.load_radars(folder / "radars.toml")
    plots, _ = skypact.read_plots(folder / "plots.csv", radars)
    second = (plots.time_ns - plots.time_ns[0]) * 1e-9
    for at_s in (90, 120, 150, 200, 250, 300, 400, 450):
        places, spreads = [], []
        for number, radar in enumerate(radars):
            own = np.flatnonzero(plots.radar == number)
            row = own[np.argmin(np.abs(second[own] - at_s))]
            place, spread = ecef_and_covariance(plots, int(row), radar)
            places.append(place)
            spreads.append(spread)
        apart = places[0] - places[1]
        assert apart @ np.linalg.solve(sum(spreads), apart) < 3 * 9.0


def ecef_and_covariance(plots, row: int, radar) -> tuple[np.ndarray, np.ndarray]:
    from skypact.kernels.geodesy import ecef_from_geodetic, local_axes

    site = np.array(ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m))
    axes = np.array(local_axes(radar.latitude_rad, radar.longitude_rad)).reshape(3, 3)

    def place(r: float, a: float, e: float) -> np.ndarray:
        local = np.array([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)]) * r
        return site + axes.T @ local

    polar = np.array([plots.range_m[row], plots.azimuth_rad[row], plots.elevation_rad[row]])
    sigma = np.hypot(
        [radar.range_sigma_m, radar.azimuth_sigma_rad, radar.elevation_sigma_rad],
        [radar.range_bias_sigma_m, radar.azimuth_bias_sigma_rad, radar.elevation_bias_sigma_rad],
    )
    steps = np.diag([1.0, 1e-5, 1e-5])
    slope = np.column_stack([(place(*(polar + s)) - place(*(polar - s))) / 2 for s in steps])
    slope = slope / np.diag(steps)
    return place(*polar), slope @ np.diag(sigma**2) @ slope.T


def test_both_radars_follow_the_rocket(folder: Path) -> None:
    radars = skypact.load_radars(folder / "radars.toml")
    tracked = skypact.track_files(folder / "plots.csv", radars)
    main = max(tracked.flights, key=lambda flight: flight.plots)
    assert main.radars == ("WSMR-A", "WSMR-B")
    assert main.plots > 15_000
