"""Gravity against brahe's spherical harmonics, and against what any gravity must be."""

import math

import naive
import numpy as np
import pytest

from skypact.kernels.gravity import (
    GM_M3_S2,
    J2,
    REFERENCE_RADIUS_M,
    field,
    gravity,
    gravity_gradient,
    gravity_j2,
    harmonic_table,
)

RANDOM = np.random.default_rng(2008)


def places(count=40):
    """Positions from 1 m above the reference sphere to 10,000 km, all octants and the axis."""
    direction = RANDOM.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    direction[:4] = [(1, 0, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    height = 10 ** RANDOM.uniform(0, 7, count)
    return direction * (6378137.0 + height)[:, None]


def test_constants_are_those_of_brahe():
    assert naive.MODEL.gm == GM_M3_S2
    assert naive.MODEL.radius == REFERENCE_RADIUS_M
    assert -J2 / math.sqrt(5.0) == pytest.approx(naive.MODEL.get(2, 0)[0], rel=1e-12)


@pytest.mark.parametrize("degree", [2, 8, 20, 60])
def test_as_brahe_says(degree):
    table = field(degree)
    for place in places():
        # both sum some hundred terms in double precision: 1e-13 of 10 m/s²
        assert gravity(*place, table) == pytest.approx(naive.gravity(place, degree), abs=1e-12)


def test_closed_form_is_the_table_of_degree_2_without_its_sectoral_part():
    zonal = harmonic_table([(2, 0, -J2 / math.sqrt(5.0), 0.0)], 2)
    for place in places():
        assert gravity_j2(*place) == pytest.approx(gravity(*place, zonal), abs=1e-12)
        assert gravity_j2(*place) == pytest.approx(naive.j2_gravity(place), abs=1e-12)


def differences(function, place, step=100.0):
    out = np.empty((3, 3))
    for j in range(3):
        d = np.zeros(3)
        d[j] = step
        out[:, j] = (np.array(function(*(place + d))) - function(*(place - d))) / (2 * step)
    return out


def test_gradient_against_differences():
    for place in places():
        xx, xy, xz, yy, yz, zz = gravity_gradient(*place)
        closed = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        # central differences of 100 m: g/r² · 100² /r ≈ 1e-9 of the gradient, rounding 1e-11
        expected = differences(gravity_j2, place)
        assert closed == pytest.approx(expected, abs=1e-8 * abs(expected).max() + 2e-16 * 10 / 100)
        assert xx + yy + zz == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("degree", [8, 20])
def test_it_is_the_gradient_of_a_potential_in_empty_space(degree):
    """Free of curl (there is a potential) and of divergence (there is no mass)."""
    table = field(degree)
    for place in places(12):
        gradient = differences(lambda x, y, z: gravity(x, y, z, table), place, 50.0)
        # differences: rounding of 10 m/s² · 2e-16 · some tens of terms / 50 m, and the third
        # derivative of the highest degree, (20/r)² · 50² of its own 1e-9
        assert gradient == pytest.approx(gradient.T, abs=3e-15)
        assert np.trace(gradient) == pytest.approx(0.0, abs=1e-14)


def test_work_round_a_closed_path_is_nothing():
    circle = np.linspace(0, 2 * math.pi, 2001)
    centre, u, v = np.array([5e6, 4e6, 3e6]), np.array([0.6, 0.0, 0.8]), np.array([0, 1.0, 0])
    path = centre + 1e6 * (np.cos(circle)[:, None] * u + np.sin(circle)[:, None] * v)
    middle = 0.5 * (path[1:] + path[:-1])
    work = sum(
        np.dot(gravity(*m, field(20)), step)
        for m, step in zip(middle, np.diff(path, axis=0), strict=True)
    )
    # the polygon's midpoint rule on a smooth periodic integrand: rounding of 6e6 m · 8 m/s² alone
    assert work == pytest.approx(0.0, abs=1e-5 * 6e6)
