"""Geodesy against pyproj."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.kernels.geodesy import (
    ecef_from_geodetic,
    geodetic_from_ecef,
    height_and_up,
    local_axes,
)

pyproj = pytest.importorskip("pyproj")
TO_ECEF = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
TO_GEODETIC = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)

latitudes = st.one_of(st.floats(-90.0, 90.0), st.sampled_from([-90.0, -45.0, 0.0, 45.0, 90.0]))
longitudes = st.one_of(st.floats(-180.0, 180.0), st.sampled_from([-180.0, 0.0, 90.0, 180.0]))


def ecef(latitude_deg, longitude_deg, height_m):
    return ecef_from_geodetic(
        math.radians(float(latitude_deg)), math.radians(float(longitude_deg)), float(height_m)
    )


@given(latitudes, longitudes, st.floats(-10_000e3 + 4_000e3, 36_000e3))
def test_ecef_as_pyproj_says(latitude, longitude, height):
    expected = TO_ECEF.transform(longitude, latitude, height)
    # a double's last digit at 42,000 km is 7e-9 m; a few operations
    assert ecef(latitude, longitude, height) == pytest.approx(expected, abs=1e-7)


@given(latitudes, longitudes, st.floats(-100e3, 36_000e3))
def test_there_and_back(latitude, longitude, height):
    x, y, z = ecef(latitude, longitude, height)
    lat, lon, h = geodetic_from_ecef(x, y, z)
    # stated below 1e-9 m; the double itself holds 42,000 km to 7e-9 m, and height has
    # cancellation on top
    assert h == pytest.approx(height, abs=5e-8)
    again = ecef_from_geodetic(lat, lon, h)
    assert again == pytest.approx((x, y, z), abs=1e-7)


@given(latitudes, longitudes, st.floats(-10e3, 50e3))
def test_geodetic_as_pyproj_says(latitude, longitude, height):
    x, y, z = TO_ECEF.transform(longitude, latitude, height)
    lat, lon, h = geodetic_from_ecef(x, y, z)
    p_lon, p_lat, p_height = TO_GEODETIC.transform(x, y, z)
    # pyproj's inverse is one Bowring step, 2e-6 m off at 18 km and growing with the square; its
    # forward is exact, so the round trip above is the sharper test, at all heights
    assert h == pytest.approx(p_height, abs=3e-5)
    assert math.degrees(lat) == pytest.approx(p_lat, abs=1e-9)
    if abs(latitude) < 89.999:
        turn = (math.degrees(lon) - p_lon + 180.0) % 360.0 - 180.0
        assert turn == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("height", [-50e3, 0.0, 300e3, 10_000e3])
def test_poles(sign, height):
    z = sign * (6356752.314245179 + height)
    lat, lon, h = geodetic_from_ecef(0.0, 0.0, z)
    assert (lat, lon) == (pytest.approx(sign * math.pi / 2, abs=1e-15), 0.0)
    assert h == pytest.approx(height, abs=1e-8)
    assert height_and_up(0.0, 0.0, z) == pytest.approx((height, 0.0, 0.0, sign), abs=1e-8)


@pytest.mark.parametrize("depth_km", [1000, 3000, 5000])
@pytest.mark.parametrize("latitude", [-80.0, -10.0, 0.0, 45.0, 89.0])
def test_deep_inside_stays_sensible(depth_km, latitude):
    """No object is there; a diverging state must still give numbers that lead back up."""
    x, y, z = ecef(latitude, 130.0, -depth_km * 1e3)
    lat, _, height = geodetic_from_ecef(x, y, z)
    assert height == pytest.approx(-depth_km * 1e3, abs=0.01 * depth_km * 1e3)
    assert math.degrees(lat) == pytest.approx(latitude, abs=5.0)
    _, ux, uy, uz = height_and_up(x, y, z)
    assert ux * ux + uy * uy + uz * uz == pytest.approx(1.0, abs=1e-12)
    assert geodetic_from_ecef(0.0, 0.0, 0.0)[2] < -6e6


@given(latitudes, longitudes, st.floats(-50e3, 2_000e3))
def test_quick_height_below_2000_km(latitude, longitude, height):
    x, y, z = ecef(latitude, longitude, height)
    quick, *up = height_and_up(x, y, z)
    assert quick == pytest.approx(height, abs=1e-3)  # as its docstring states
    lat, lon, _ = geodetic_from_ecef(x, y, z)
    assert up == pytest.approx(local_axes(lat, lon)[6:], abs=1e-6)


@given(latitudes, longitudes, st.floats(2_000e3, 10_000e3))
def test_quick_height_up_to_10000_km(latitude, longitude, height):
    quick, *_ = height_and_up(*ecef(latitude, longitude, height))
    assert quick == pytest.approx(height, abs=0.1)  # as its docstring states


@given(latitudes, longitudes)
def test_local_axes_are_right_handed_and_point_east_north_up(latitude, longitude):
    east, north, up = np.array(local_axes(math.radians(latitude), math.radians(longitude))).reshape(
        3, 3
    )
    rows = np.stack((east, north, up))
    assert rows @ rows.T == pytest.approx(np.eye(3), abs=1e-14)
    assert np.cross(east, north) == pytest.approx(up, abs=1e-14)
    here, above = np.array(ecef(latitude, longitude, 0.0)), ecef(latitude, longitude, 1000.0)
    assert (np.array(above) - here) / 1000.0 == pytest.approx(up, abs=1e-10)
    if abs(latitude) < 89.0:
        further = np.array(ecef(latitude, longitude + 1e-5, 0.0)) - here
        assert further / np.linalg.norm(further) == pytest.approx(east, abs=1e-6)
        nearer_pole = np.array(ecef(latitude + 1e-5, longitude, 0.0)) - here
        assert nearer_pole / np.linalg.norm(nearer_pole) == pytest.approx(north, abs=1e-6)
