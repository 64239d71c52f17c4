"""Elevation of an object whose height and slant range a radar gives in place of it."""

import math
from typing import NamedTuple

from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef, local_axes
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.model import Radar

_EARTH_RADIUS_M = 6_371_000.0
_STEPS = 8
_CLOSE_M = 1e-3


class HeightElevation(NamedTuple):
    """The elevation, geometric, and how much it changes per metre of height."""

    elevation_rad: float
    rad_per_m: float


class Site(NamedTuple):
    """Where a radar stands: ECEF m, local axes, height above the ellipsoid m."""

    position: tuple[float, float, float]
    axes: tuple[float, float, float, float, float, float, float, float, float]
    height_m: float


def site_of(radar: Radar) -> Site:
    """The radar's site."""
    latitude_rad, longitude_rad = radar.latitude_rad, radar.longitude_rad
    return Site(
        ecef_from_geodetic(latitude_rad, longitude_rad, radar.height_m),
        local_axes(latitude_rad, longitude_rad),
        radar.height_m,
    )


def height_m(site: Site, range_m: float, azimuth_rad: float, elevation_rad: float) -> float:
    """Height above the WGS84 ellipsoid of what is seen there; elevation geometric."""
    east, north, up = local_from_polar(range_m, azimuth_rad, elevation_rad)
    x, y, z = turn_to_ecef(east, north, up, site.axes)
    x0, y0, z0 = site.position
    return float(geodetic_from_ecef(x0 + x, y0 + y, z0 + z)[2])


def elevation_from_height(
    site: Site, range_m: float, azimuth_rad: float, at_height_m: float
) -> HeightElevation | None:
    """The elevation at which something of this slant range is at this height; None: at none.

    Law of cosines on a sphere for a start, then Newton's method on the ellipsoid, to a millimetre.
    """
    own_m, other_m = _EARTH_RADIUS_M + site.height_m, _EARTH_RADIUS_M + at_height_m
    sine = (other_m * other_m - own_m * own_m - range_m * range_m) / (2.0 * own_m * range_m)
    if not -1.0 < sine < 1.0:
        return None
    elevation_rad = math.asin(sine)
    for _ in range(_STEPS):
        m_per_rad = _rise_m_per_rad(range_m, elevation_rad, own_m)
        if m_per_rad < 1e-6 * range_m:
            return None
        off_m = height_m(site, range_m, azimuth_rad, elevation_rad) - at_height_m
        if abs(off_m) < _CLOSE_M:
            return HeightElevation(elevation_rad, 1.0 / m_per_rad)
        elevation_rad -= off_m / m_per_rad
        if not -math.pi / 2 < elevation_rad < math.pi / 2:
            return None
    return None


def _rise_m_per_rad(range_m: float, elevation_rad: float, own_m: float) -> float:
    """How fast the height grows with the elevation: by the range, across the vertical there."""
    across_m = range_m * math.cos(elevation_rad)
    turned_rad = math.atan2(across_m, own_m + range_m * math.sin(elevation_rad))
    return range_m * math.cos(elevation_rad + turned_rad)
