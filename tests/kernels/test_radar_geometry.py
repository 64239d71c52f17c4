"""Radar geometry: round trips, gradients in all octants, and the published visibility table."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.radar_geometry import (
    local_from_polar,
    lowest_visible_height,
    polar_from_local,
    polar_gradients,
    to_local,
    turn_to_ecef,
    wrap_angle,
)

angles = st.floats(-math.pi, math.pi)


@given(st.floats(1.0, 1e7), st.floats(0.0, 2 * math.pi - 1e-9), st.floats(-1.57, 1.57))
def test_polar_there_and_back(distance, azimuth, elevation):
    east, north, up = local_from_polar(distance, azimuth, elevation)
    r, a, e = polar_from_local(east, north, up)
    assert r == pytest.approx(distance, rel=1e-14)
    assert e == pytest.approx(elevation, abs=1e-13)
    # at 1.57 rad the horizontal is 8e-4 of the range
    assert wrap_angle(a - azimuth) == pytest.approx(0.0, abs=1e-11)
    assert 0.0 <= a < 2 * math.pi + 1e-12


coordinates = st.floats(-5e6, 5e6)


@given(
    st.floats(-1.5, 1.5),
    angles,
    st.floats(-100, 3000),
    st.tuples(coordinates, coordinates, coordinates),
)
def test_local_there_and_back(latitude, longitude, height, local):
    site, axes = ecef_from_geodetic(latitude, longitude, height), local_axes(latitude, longitude)
    turned = turn_to_ecef(*local, axes)
    there = [s + t for s, t in zip(site, turned, strict=True)]
    assert to_local(*there, site, axes) == pytest.approx(local, abs=1e-7)
    assert np.linalg.norm(turned) == pytest.approx(np.linalg.norm(local), rel=1e-13, abs=1e-9)


def test_quarters_of_the_compass():
    assert polar_from_local(0.0, 1.0, 0.0)[1] == 0.0
    assert polar_from_local(1.0, 0.0, 0.0)[1] == pytest.approx(math.pi / 2)
    assert polar_from_local(0.0, -1.0, 0.0)[1] == pytest.approx(math.pi)
    assert polar_from_local(-1.0, 0.0, 0.0)[1] == pytest.approx(3 * math.pi / 2)


@pytest.mark.parametrize("east", [-7e5, 3e5])
@pytest.mark.parametrize("north", [-4e5, 9e5])
@pytest.mark.parametrize("up", [-2e4, 6e5])
def test_gradients_in_all_octants(east, north, up):
    place, step = np.array([east, north, up]), 10.0
    expected = np.empty((3, 3))
    for j in range(3):
        d = np.zeros(3)
        d[j] = step
        ahead, behind = polar_from_local(*(place + d)), polar_from_local(*(place - d))
        expected[:, j] = (np.array(ahead) - behind) / (2 * step)
        expected[1, j] = wrap_angle(ahead[1] - behind[1]) / (2 * step)
    g = polar_gradients(east, north, up)
    # differences over 20 m at 500 km: (10/5e5)² and rounding 1e-10 m / 20 m
    assert g[:3] == pytest.approx(expected[0], abs=1e-9)
    assert (*g[3:5], 0.0) == pytest.approx(expected[1], abs=1e-14)
    assert g[5:] == pytest.approx(expected[2], abs=1e-14)


def test_gradient_at_the_zenith_is_finite():
    assert np.isfinite(polar_gradients(0.0, 0.0, 5e5)).all()
    assert np.isfinite(polar_gradients(0.0, 0.0, 0.0)).all()


@given(st.floats(-100, 100))
def test_wrapped_angle(angle):
    wrapped = wrap_angle(angle)
    assert -math.pi <= wrapped <= math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-12)
    assert math.sin(wrapped) == pytest.approx(math.sin(angle), abs=1e-12)


@pytest.mark.parametrize(
    ("distance_km", "height_km"), [(300, 5.3), (500, 14.7), (800, 37.8), (1000, 59.2), (1500, 134)]
)
def test_published_table_of_lowest_heights(distance_km, height_km):
    """Design facts, radars for the demo: elevation 0°, 4/3 Earth; printed to three figures."""
    height = lowest_visible_height(distance_km * 1e3, 0.0, 0.0, 4.0 / 3.0)
    half_a_unit = 0.5 if height_km > 100 else 0.05
    assert height / 1e3 == pytest.approx(height_km, abs=half_a_unit)


def test_lowest_height_by_triangles():
    """Law of sines on a sphere: the ray at 2° above a radar 500 m up, no bending."""
    radius, site, elevation = 6378137.0 * 0.99888, 500.0, math.radians(2.0)
    along = 400e3
    x, y = along * math.cos(elevation), radius + site + along * math.sin(elevation)
    distance = radius * math.atan2(x, y)
    expected = math.hypot(x, y) - radius
    assert lowest_visible_height(distance, elevation, site, 1.0) == pytest.approx(expected)
