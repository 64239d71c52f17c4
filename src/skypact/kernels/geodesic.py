"""Shortest ways over the WGS84 ellipsoid.

Vincenty, Survey Review 23 (1975), 88-93: eq. 1 to 21; within 0.1 mm for every pair of points that
is not nearly opposite (beyond some 19,900 km the inverse need not converge).
"""

import math

from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import FLATTENING, SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M

_B2 = SEMI_MINOR_AXIS_M * SEMI_MINOR_AXIS_M
_U2_FACTOR = (SEMI_MAJOR_AXIS_M * SEMI_MAJOR_AXIS_M - _B2) / _B2


@kernel
def _series(u2: float) -> tuple[float, float]:
    """Vincenty's A and B (eq. 3 and 4)."""
    a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)))
    b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)))
    return a, b


@kernel
def _sigma_change(b: float, sin_sigma: float, cos_sigma: float, cos_2sm: float) -> float:
    """Vincenty's Δσ (eq. 6)."""
    c2 = cos_2sm * cos_2sm
    inner = cos_sigma * (2.0 * c2 - 1.0)
    inner -= b / 6.0 * cos_2sm * (4.0 * sin_sigma * sin_sigma - 3.0) * (4.0 * c2 - 3.0)
    return b * sin_sigma * (cos_2sm + b / 4.0 * inner)


@kernel
def geodesic_inverse(
    latitude1_rad: float, longitude1_rad: float, latitude2_rad: float, longitude2_rad: float
) -> tuple[float, float]:
    """Length m of the geodesic from point 1 to point 2 and its azimuth rad at point 1 (-π to π)."""
    u1 = math.atan((1.0 - FLATTENING) * math.tan(latitude1_rad))
    u2 = math.atan((1.0 - FLATTENING) * math.tan(latitude2_rad))
    s1, c1, s2, c2 = math.sin(u1), math.cos(u1), math.sin(u2), math.cos(u2)
    difference = longitude2_rad - longitude1_rad
    difference -= 2.0 * math.pi * math.floor((difference + math.pi) / (2.0 * math.pi))
    lam = difference
    for _ in range(100):
        sl, cl = math.sin(lam), math.cos(lam)
        sin_sigma = math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl)
        if sin_sigma == 0.0:
            return 0.0, 0.0
        cos_sigma = s1 * s2 + c1 * c2 * cl
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = c1 * c2 * sl / sin_sigma
        cos2_alpha = 1.0 - sin_alpha * sin_alpha
        cos_2sm = cos_sigma - 2.0 * s1 * s2 / cos2_alpha if cos2_alpha > 1e-15 else 0.0
        c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha))
        before = lam
        inner = cos_2sm + c * cos_sigma * (2.0 * cos_2sm * cos_2sm - 1.0)
        lam = difference + (1.0 - c) * FLATTENING * sin_alpha * (sigma + c * sin_sigma * inner)
        if abs(lam - before) < 1e-13:
            break
    a, b = _series(cos2_alpha * _U2_FACTOR)
    length = SEMI_MINOR_AXIS_M * a * (sigma - _sigma_change(b, sin_sigma, cos_sigma, cos_2sm))
    sl, cl = math.sin(lam), math.cos(lam)
    return length, math.atan2(c2 * sl, c1 * s2 - s1 * c2 * cl)


@kernel
def geodesic_direct(
    latitude_rad: float, longitude_rad: float, azimuth_rad: float, length_m: float
) -> tuple[float, float]:
    """Latitude and longitude rad of the point `length_m` along the geodesic that starts so."""
    u1 = math.atan((1.0 - FLATTENING) * math.tan(latitude_rad))
    s1, c1 = math.sin(u1), math.cos(u1)
    sin_az, cos_az = math.sin(azimuth_rad), math.cos(azimuth_rad)
    sigma1 = math.atan2(math.tan(u1), cos_az)
    sin_alpha = c1 * sin_az
    cos2_alpha = 1.0 - sin_alpha * sin_alpha
    a, b = _series(cos2_alpha * _U2_FACTOR)
    first = length_m / (SEMI_MINOR_AXIS_M * a)
    sigma = first
    for _ in range(100):
        cos_2sm = math.cos(2.0 * sigma1 + sigma)
        before = sigma
        sigma = first + _sigma_change(b, math.sin(sigma), math.cos(sigma), cos_2sm)
        if abs(sigma - before) < 1e-14:
            break
    cos_2sm = math.cos(2.0 * sigma1 + sigma)
    ss, cs = math.sin(sigma), math.cos(sigma)
    north = s1 * ss - c1 * cs * cos_az
    latitude = math.atan2(
        s1 * cs + c1 * ss * cos_az, (1.0 - FLATTENING) * math.hypot(sin_alpha, north)
    )
    lam = math.atan2(ss * sin_az, c1 * cs - s1 * ss * cos_az)
    c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha))
    inner = cos_2sm + c * cs * (2.0 * cos_2sm * cos_2sm - 1.0)
    longitude = longitude_rad + lam
    longitude -= (1.0 - c) * FLATTENING * sin_alpha * (sigma + c * ss * inner)
    return latitude, longitude - 2.0 * math.pi * math.floor((longitude + math.pi) / (2.0 * math.pi))
