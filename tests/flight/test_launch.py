"""Launch points: what is left out before boosts are flown could not have led to the sight."""

import msgspec
import numpy as np
import pytest

from evaluate.scene import looks_like
from skypact.flight import assess
from skypact.flight.launch import _NO_TABLE, FirstSight, _within_reach, boost_family
from skypact.kernels.boost_family import ABOVE_COLUMNS, BURNING, RISES, SPEED_M_S, fly_family
from skypact.kernels.geodesic import geodesic_inverse
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.model import Plots, Radar
from skypact.tracking import Picture


@pytest.mark.parametrize("height_m", [10e3, 40e3, 150e3, 600e3])
def test_a_boost_that_led_to_a_sight_is_never_left_out(height_m):
    boosts = boost_family(700)
    above = np.zeros((len(boosts), ABOVE_COLUMNS))
    fly_family(boosts, ecef_from_geodetic(0.7, 2.2, 0.0), 1.5, height_m, _NO_TABLE, above)
    place = np.array(ecef_from_geodetic(0.7, 2.2, height_m))
    kept = []
    for k in np.flatnonzero(above[:, RISES] > 0.0):
        state = np.zeros(9)
        state[:3], state[3:6] = place, place / np.linalg.norm(place) * above[k, SPEED_M_S]
        sight = FirstSight(bool(above[k, BURNING]), state, np.zeros((9, 9)))
        possible = _within_reach(boosts, sight, height_m)
        assert possible[k]
        kept.append(possible.mean())
    assert np.mean(kept) < (0.95 if height_m < 40e3 else 0.6)  # or nothing is saved


@pytest.fixture(scope="module")
def from_the_pad():
    """A track of 1.5 s from a standstill at 6 g, 1.2 km above the ellipsoid; radar and begin."""
    radar = Radar(
        id="A",
        nation="USA",
        latitude_rad=0.566,
        longitude_rad=-1.85,
        height_m=1200.0,
        range_sigma_m=3.0,
        azimuth_sigma_rad=1e-4,
        elevation_sigma_rad=1e-4,
    )
    begin = 1_700_000_000 * 10**9
    times = np.arange(0.02, 1.5, 0.05)
    place = ecef_from_geodetic(0.5665, -1.8495, 1210.0)
    axes = np.array(local_axes(0.5665, -1.8495)).reshape(3, 3)
    climbed = np.array(place) + 0.5 * times[:, None] ** 2 * (axes.T @ [2.0, 1.0, 59.0])
    exact = looks_like((radar,), np.zeros(len(times), np.int32), np.pad(climbed, ((0, 0), (0, 3))))
    random = np.random.default_rng(1)
    z = exact[:, :3] + random.normal(size=(len(times), 3)) * [3.0, 1e-4, 1e-4]
    unknown = np.full(len(times), np.nan)
    plots = Plots(
        begin + np.rint(times * 1e9).astype(np.int64),
        np.zeros(len(times), np.int32),
        *z.T,
        unknown,
        unknown,
        np.arange(len(times)),
    )
    picture = Picture((radar,))
    picture.observe(plots)
    return picture.tracks()[0], radar, begin


def test_a_launch_seen_from_the_pad(from_the_pad):
    """To the radar's own accuracy."""
    track, radar, begin = from_the_pad
    launch = assess(track, (radar,)).launch
    off, _ = geodesic_inverse(launch.latitude_rad, launch.longitude_rad, 0.5665, -1.8495)
    assert abs(launch.time_ns - begin) * 1e-9 < 3.0 * launch.time_sigma_s < 1.0
    assert off < launch.ellipse_95.semi_major_m < 30.0


@pytest.mark.parametrize("earlier_s", [8.0, 40.0])
def test_a_track_that_a_partner_began_has_the_launch_that_own_plots_tell(from_the_pad, earlier_s):
    """A partner's tracklets came first: they are no plots, and our own plots tell the same."""
    track, radar, _ = from_the_pad
    first = track.first_plots.copy()
    first[:, 0] += earlier_s
    begun = track.first_plot_ns - round(earlier_s * 1e9)
    shared = msgspec.structs.replace(track, first_plot_ns=begun, first_plots=first)
    alone, together = (assess(one, (radar,)).launch for one in (track, shared))
    assert together is not None
    assert abs(together.time_ns - alone.time_ns) < 1_000  # of sums of seconds, not of the launch
    places = [(one.latitude_rad, one.longitude_rad) for one in (alone, together)]
    assert places[1] == pytest.approx(places[0], abs=1e-9)
