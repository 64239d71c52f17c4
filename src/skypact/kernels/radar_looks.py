"""Many looks of one radar at once: what it measures, what the Earth hides, what it cannot part."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M
from skypact.kernels.radar_geometry import polar_from_local, to_local

_AXIS_RATIO = SEMI_MAJOR_AXIS_M / SEMI_MINOR_AXIS_M


@kernel
def hidden_by_earth(
    x: float, y: float, z: float, site: tuple[float, float, float], depth_m: float
) -> bool:
    """Whether the straight line from `site` to an ECEF position passes below the ellipsoid.

    z is stretched until the ellipsoid is a sphere, which keeps lines straight. It may pass up to
    `depth_m` below, so that a site on the ground sees along it.
    """
    sx, sy, sz = site[0], site[1], site[2] * _AXIS_RATIO
    dx, dy, dz = x - sx, y - sy, z * _AXIS_RATIO - sz
    along = -(sx * dx + sy * dy + sz * dz)
    square = dx * dx + dy * dy + dz * dz
    if along <= 0.0 or along >= square:  # the lowest point is one of the two ends
        return False
    s = along / square
    cx, cy, cz = sx + s * dx, sy + s * dy, sz + s * dz
    return math.sqrt(cx * cx + cy * cy + cz * cz) < SEMI_MAJOR_AXIS_M - depth_m


@kernel
def look(
    states: NDArray[np.float64],
    site: tuple[float, float, float],
    axes: tuple[float, float, float, float, float, float, float, float, float],
    depth_m: float,
    out: NDArray[np.float64],
) -> None:
    """True range m, azimuth rad, elevation rad, range rate m/s and 1 where the Earth hides it.

    `states` (n, 6) ECEF m and m/s, `out` (n, 5) modified in place.
    """
    for i in range(states.shape[0]):
        x, y, z = states[i, 0], states[i, 1], states[i, 2]
        east, north, up = to_local(x, y, z, site, axes)
        distance, azimuth, elevation = polar_from_local(east, north, up)
        out[i, 0], out[i, 1], out[i, 2] = distance, azimuth, elevation
        radial = (x - site[0]) * states[i, 3] + (y - site[1]) * states[i, 4]
        radial += (z - site[2]) * states[i, 5]
        out[i, 3] = radial / max(distance, 1e-9)
        out[i, 4] = 1.0 if hidden_by_earth(x, y, z, site, depth_m) else 0.0


@kernel
def unresolved(
    scan: NDArray[np.int64],
    range_m: NDArray[np.float64],
    azimuth_rad: NDArray[np.float64],
    elevation_rad: NDArray[np.float64],
    range_resolution_m: float,
    angle_resolution_rad: float,
    out: NDArray[np.int64],
) -> None:
    """For each plot the first one of its scan that the radar cannot tell it from, itself if none.

    `scan` (n,) sorted; the rest (n,); `out` (n,) modified in place. Two are one when closer than
    both resolutions, and so are two that are both one with a third.
    """
    begin = 0
    n = scan.shape[0]
    while begin < n:
        end = begin + 1
        while end < n and scan[end] == scan[begin]:
            end += 1
        for i in range(begin, end):
            out[i] = i
        for i in range(begin, end):
            for j in range(i + 1, end):
                if out[j] == out[i] or abs(range_m[i] - range_m[j]) >= range_resolution_m:
                    continue
                cosine = math.sin(elevation_rad[i]) * math.sin(elevation_rad[j])
                cosine += (
                    math.cos(elevation_rad[i])
                    * math.cos(elevation_rad[j])
                    * math.cos(azimuth_rad[i] - azimuth_rad[j])
                )
                if math.acos(min(max(cosine, -1.0), 1.0)) < angle_resolution_rad:
                    keep, drop = min(out[i], out[j]), max(out[i], out[j])
                    for k in range(begin, end):
                        if out[k] == drop:
                            out[k] = keep
        begin = end
