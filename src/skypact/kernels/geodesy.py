"""WGS84: geodetic and Earth-fixed coordinates, local axes.

Constants: NGA.STND.0036_1.0.0_WGS84 (2014), table 3.1.
"""

import math

from skypact.kernels.compiled import kernel

SEMI_MAJOR_AXIS_M = 6378137.0
FLATTENING = 1.0 / 298.257223563
SEMI_MINOR_AXIS_M = SEMI_MAJOR_AXIS_M * (1.0 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)
SECOND_ECCENTRICITY_SQUARED = ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED)
EARTH_RATE_RAD_S = 7.292115e-5


@kernel
def ecef_from_geodetic(
    latitude_rad: float, longitude_rad: float, height_m: float
) -> tuple[float, float, float]:
    """ECEF position (x, y, z) in m of a geodetic WGS84 position."""
    sin_lat, cos_lat = math.sin(latitude_rad), math.cos(latitude_rad)
    n = SEMI_MAJOR_AXIS_M / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat)
    horizontal = (n + height_m) * cos_lat
    return (
        horizontal * math.cos(longitude_rad),
        horizontal * math.sin(longitude_rad),
        (n * (1.0 - ECCENTRICITY_SQUARED) + height_m) * sin_lat,
    )


@kernel
def geodetic_from_ecef(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Geodetic latitude rad, longitude rad, height m of an ECEF position in m.

    Bowring's method (Survey Review 28, 1985, eq. 4 and 7), twice: below 1e-9 m up to geostationary
    height, checked against pyproj in the tests. At the axis the longitude is 0.
    """
    a, b = SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M
    p = math.hypot(x, y)
    longitude = math.atan2(y, x)
    # Tangent of the reduced latitude, first guess for any height (Bowring 1985).
    radius = math.hypot(p, z)
    if radius < 1.0:
        return 0.0, 0.0, -a
    sin_beta, cos_beta = z * a * (1.0 + SECOND_ECCENTRICITY_SQUARED * b / radius), p * b
    latitude = 0.0
    for _ in range(2):
        norm = math.hypot(sin_beta, cos_beta)
        s, c = sin_beta / norm, cos_beta / norm
        latitude = math.atan2(
            z + SECOND_ECCENTRICITY_SQUARED * b * s * s * s,
            p - ECCENTRICITY_SQUARED * a * c * c * c,
        )
        sin_beta, cos_beta = (1.0 - FLATTENING) * math.sin(latitude), math.cos(latitude)
    sin_lat, cos_lat = math.sin(latitude), math.cos(latitude)
    height = p * cos_lat + z * sin_lat - a * math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat**2)
    return latitude, longitude, height


@kernel
def height_and_up(x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Height m above the ellipsoid and the unit vector up, without trigonometry.

    One step of Bowring's method on sines and cosines: within 1e-3 m below 2,000 km and 0.1 m at
    10,000 km, plenty for air density; `geodetic_from_ecef` is the exact one.
    """
    a, b = SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M
    p = math.sqrt(x * x + y * y)
    radius = math.sqrt(p * p + z * z)
    if p < 1.0:
        return abs(z) - b, 0.0, 0.0, math.copysign(1.0, z)
    sin_beta, cos_beta = z * a * (1.0 + SECOND_ECCENTRICITY_SQUARED * b / radius), p * b
    norm = math.sqrt(sin_beta * sin_beta + cos_beta * cos_beta)
    s, c = sin_beta / norm, cos_beta / norm
    numerator = z + SECOND_ECCENTRICITY_SQUARED * b * s * s * s
    denominator = p - ECCENTRICITY_SQUARED * a * c * c * c
    norm = math.sqrt(numerator * numerator + denominator * denominator)
    sin_lat, cos_lat = numerator / norm, denominator / norm
    height = p * cos_lat + z * sin_lat - a * math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat**2)
    return height, cos_lat * x / p, cos_lat * y / p, sin_lat


@kernel
def local_axes(
    latitude_rad: float, longitude_rad: float
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """Unit vectors east, north, up in ECEF, nine numbers row by row."""
    sin_lat, cos_lat = math.sin(latitude_rad), math.cos(latitude_rad)
    sin_lon, cos_lon = math.sin(longitude_rad), math.cos(longitude_rad)
    return (
        -sin_lon,
        cos_lon,
        0.0,
        -sin_lat * cos_lon,
        -sin_lat * sin_lon,
        cos_lat,
        cos_lat * cos_lon,
        cos_lat * sin_lon,
        sin_lat,
    )
