"""What a radar measures of an object: range, azimuth, elevation, range rate, and the Jacobians."""

import math

from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import SEMI_MAJOR_AXIS_M


@kernel
def to_local(
    x: float,
    y: float,
    z: float,
    site: tuple[float, float, float],
    axes: tuple[float, float, float, float, float, float, float, float, float],
) -> tuple[float, float, float]:
    """East, north, up in m of an ECEF position seen from `site` with `geodesy.local_axes`."""
    dx, dy, dz = x - site[0], y - site[1], z - site[2]
    return (
        axes[0] * dx + axes[1] * dy + axes[2] * dz,
        axes[3] * dx + axes[4] * dy + axes[5] * dz,
        axes[6] * dx + axes[7] * dy + axes[8] * dz,
    )


@kernel
def turn_to_ecef(
    east: float,
    north: float,
    up: float,
    axes: tuple[float, float, float, float, float, float, float, float, float],
) -> tuple[float, float, float]:
    """A vector in local axes, turned into ECEF (not moved)."""
    return (
        axes[0] * east + axes[3] * north + axes[6] * up,
        axes[1] * east + axes[4] * north + axes[7] * up,
        axes[2] * east + axes[5] * north + axes[8] * up,
    )


@kernel
def polar_from_local(east: float, north: float, up: float) -> tuple[float, float, float]:
    """Range m, azimuth rad (0 to 2π, clockwise from north), elevation rad."""
    horizontal = math.sqrt(east * east + north * north)
    azimuth = math.atan2(east, north)
    if azimuth < 0.0:
        azimuth += 2.0 * math.pi
    return math.sqrt(horizontal * horizontal + up * up), azimuth, math.atan2(up, horizontal)


@kernel
def local_from_polar(
    range_m: float, azimuth_rad: float, elevation_rad: float
) -> tuple[float, float, float]:
    """East, north, up in m."""
    horizontal = range_m * math.cos(elevation_rad)
    return (
        horizontal * math.sin(azimuth_rad),
        horizontal * math.cos(azimuth_rad),
        range_m * math.sin(elevation_rad),
    )


@kernel
def polar_gradients(
    east: float, north: float, up: float
) -> tuple[float, float, float, float, float, float, float, float]:
    """Gradients in local axes of range (3), azimuth (2: the third is 0) and elevation (3).

    Azimuth per metre is 1/horizontal distance and grows without bound at the zenith; it is held
    at 1 m of horizontal distance, where nobody measures azimuth.
    """
    horizontal = max(math.sqrt(east * east + north * north), 1.0)
    r2 = max(horizontal * horizontal + up * up, 1.0)
    r = math.sqrt(r2)
    return (
        east / r,
        north / r,
        up / r,
        north / (horizontal * horizontal),
        -east / (horizontal * horizontal),
        -east * up / (r2 * horizontal),
        -north * up / (r2 * horizontal),
        horizontal / r2,
    )


@kernel
def wrap_angle(angle_rad: float) -> float:
    """The same angle between -π and π."""
    return angle_rad - 2.0 * math.pi * math.floor((angle_rad + math.pi) / (2.0 * math.pi))


@kernel
def lowest_visible_height(
    distance_m: float, min_elevation_rad: float, radar_height_m: float, earth_factor: float
) -> float:
    """Height m above which a radar sees an object at a ground distance, on a spherical Earth.

    `earth_factor` 4/3 for the mean bending of radio waves near the ground, 1 for none (Skolnik,
    Radar Handbook, 3rd ed., ch. 26). `min_elevation_rad` 0 gives the table in the demo's facts.
    """
    radius = earth_factor * SEMI_MAJOR_AXIS_M * 0.99888
    angle = distance_m / radius
    return (radius + radar_height_m) * math.cos(min_elevation_rad) / math.cos(
        min_elevation_rad + angle
    ) - radius
