"""Launch points: what is left out before boosts are flown could not have led to the sight."""

import numpy as np
import pytest

from skypact.flight.launch import _NO_TABLE, FirstSight, _within_reach, boost_family
from skypact.kernels.boost_family import ABOVE_COLUMNS, BURNING, RISES, SPEED_M_S, fly_family
from skypact.kernels.geodesy import ecef_from_geodetic


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
