"""What is said of radars whose plots belong to no flight."""

import numpy as np
import pytest

from skypact.model import Plots, Radar
from skypact.offline.no_flight import NoFlight

S = 1_000_000_000


def radar(clutter_per_scan: float = 0.0, period_s: float | None = 1.0) -> Radar:
    return Radar(
        id="kr1",
        nation="KR",
        latitude_rad=0.6,
        longitude_rad=2.2,
        height_m=0.0,
        range_sigma_m=30.0,
        azimuth_sigma_rad=1e-3,
        elevation_sigma_rad=1e-3,
        clutter_per_scan=clutter_per_scan,
        period_s=period_s,
    )


def plots_of(scan: np.ndarray) -> Plots:
    n = len(scan)
    real = np.ones(n)
    return Plots(scan * S, np.zeros(n, np.int32), real, real, real, real, real, scan)


def notes_of(one: Radar, scan: np.ndarray, taken: int, parts: int = 1) -> tuple[str, ...]:
    seen = NoFlight([one])
    for part in np.array_split(scan, parts):
        seen.take(plots_of(part))
    return seen.notes([{"kr1": taken}, {"us2": 7}])


@pytest.mark.parametrize("parts", [1, 2, 7, 1000])
def test_a_burst_in_one_look_is_said_with_radar_number_and_time(parts: int) -> None:
    """However the file is cut: 1,000 looks with one plot of a flight, and 500 more in one."""
    scan = np.sort(np.append(np.arange(1000), np.full(500, 300)))
    (note,) = notes_of(radar(), scan, 1000, parts)
    assert "radar kr1: at least 500 of its 1,500 plots (33 %) belong to no flight" in note
    assert "500 of them in its look at 1970-01-01T00:05:00.000Z" in note
    assert "declares 0 false plots a look" in note


def test_a_burst_is_said_however_many_plots_there_are_beside() -> None:
    """100 are under a twentieth of 100,100, and yet 100 in one look."""
    scan = np.sort(np.append(np.arange(100_000), np.full(100, 300)))
    (note,) = notes_of(radar(), scan, 100_000)
    assert "100 of them in its look at " in note


@pytest.mark.parametrize("declared", [0.1, 1.0, 20.0])
def test_false_plots_as_declared_are_not_said_and_twice_as_many_and_more_are(
    declared: float,
) -> None:
    """The limit is 8.9 sigma or more from the mean, so no seed of a hundred comes near it."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        scan = np.repeat(np.arange(400), 1 + rng.poisson(declared, 400))
        assert notes_of(radar(declared), scan, 400) == ()
        assert notes_of(radar(declared, period_s=None), scan, 400) == ()
    scan = np.repeat(np.arange(400), 1 + rng.poisson(3.0 * declared + 0.2, 400))
    (note,) = notes_of(radar(declared), scan, 400)
    assert note.startswith("radar kr1: at least ")


def test_no_more_are_said_of_one_look_than_of_all() -> None:
    """Plots that two objects share count for both: 1,200 were taken of 1,000."""
    scan = np.sort(np.append(np.arange(1000), np.full(400, 300)))
    (note,) = notes_of(radar(), scan, 1200)
    assert "radar kr1: at least 400 of its 1,400 plots (29 %)" in note


def test_looks_that_are_not_in_the_file_are_no_surprise() -> None:
    """0.05 a look over 10,000 s with no object: each look in the file has one plot at least."""
    rng = np.random.default_rng(1)
    scan = np.repeat(np.arange(10_000), rng.poisson(0.05, 10_000))
    assert notes_of(radar(0.05), scan, 0) == ()
    assert notes_of(radar(0.05, period_s=None), scan, 0) == ()


def test_what_gates_leave_out_is_not_said() -> None:
    assert notes_of(radar(), np.arange(1000), 960) == ()
    assert notes_of(radar(), np.arange(100), 85) == ()
    assert len(notes_of(radar(), np.arange(1000), 940)) == 1
