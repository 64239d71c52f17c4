"""Bending of a radar's line of sight by the atmosphere.

Source: Recommendation ITU-R P.834-7 (10/2015), "Effects of tropospheric refraction on radiowave
propagation", ray bending: the refractive index n(h) (equation 8), the bending τ(h, θ) (9) and the
grazing angle θ_m(h) (10); coefficients compared with those in Orekit's implementation. The
closed form holds for stations up to 3 km and apparent
elevations from grazing to 10°, and for a ray that leaves the atmosphere: an object lower than
some 30 km is bent less than corrected here, and range is left as it is.

Beyond the closed form's limits, chosen here: above 10° the bending falls with the cotangent of
the elevation, as in a flat atmosphere, to zero at the zenith; below the grazing ray, which hits
the ground, it falls linearly to zero at the nadir, so that the correction stays one to one.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EARTH_RADIUS_KM = 6370.0
_REFRACTIVITY_AT_GROUND = 315e-6
_REFRACTIVITY_DECAY_PER_KM = 0.1361
_CLOSED_FORM_UP_TO_DEG = 10.0
_BISECTIONS = 54
"""Halvings of a bracket of at most some 0.03 rad: ends at the last bit of an angle."""


def geometric_elevation(
    apparent_elevation_rad: ArrayLike, height_m: ArrayLike
) -> NDArray[np.float64]:
    """Elevation of the straight line to an object that is seen at the apparent elevation.

    Both arguments broadcast: elevations in rad from −π/2 to π/2, and the heights of the radars
    in m. Returns rad, in the broadcast shape.
    """
    apparent = np.asarray(apparent_elevation_rad, dtype=np.float64)
    return apparent - bending(apparent, height_m)


def apparent_elevation(
    geometric_elevation_rad: ArrayLike, height_m: ArrayLike
) -> NDArray[np.float64]:
    """Elevation at which a radar sees an object: the inverse of `geometric_elevation`.

    The correction grows strictly with the elevation, so halving a bracket finds its inverse to
    the last bits. Shapes and units as in `geometric_elevation`.
    """
    geometric, height = np.broadcast_arrays(
        np.asarray(geometric_elevation_rad, dtype=np.float64),
        np.asarray(height_m, dtype=np.float64),
    )
    low = geometric.copy()
    high = geometric + bending(_grazing_elevation_rad(height), height)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        too_low = geometric_elevation(middle, height) < geometric
        low = np.where(too_low, middle, low)
        high = np.where(too_low, high, middle)
    return np.minimum(high, np.pi / 2)


def bending(apparent_elevation_rad: ArrayLike, height_m: ArrayLike) -> NDArray[np.float64]:
    """How far above its true direction an object beyond the atmosphere appears, in rad.

    Shapes and units as in `geometric_elevation`.
    """
    apparent = np.asarray(apparent_elevation_rad, dtype=np.float64)
    height = np.asarray(height_m, dtype=np.float64)
    grazing = _grazing_elevation_rad(height)
    limit = np.radians(_CLOSED_FORM_UP_TO_DEG)
    closed_form = _closed_form_bending_rad(np.clip(apparent, grazing, limit), height)
    flat = np.tan(limit) / np.tan(np.maximum(apparent, limit))
    into_ground = (np.pi / 2 + np.minimum(apparent, grazing)) / (np.pi / 2 + grazing)
    return closed_form * flat * into_ground


def _closed_form_bending_rad(
    elevation_rad: NDArray[np.float64], height_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """τ(h, θ): h in km and θ in degrees in the Recommendation, giving degrees."""
    h = np.maximum(height_m, 0.0) / 1000.0
    theta = np.degrees(elevation_rad)
    per_degree = (
        1.314
        + 0.6437 * theta
        + 0.02869 * theta**2
        + h * (0.2305 + 0.09428 * theta + 0.01096 * theta**2)
        + 0.008583 * h**2
    )
    return np.radians(1.0 / per_degree)


def _grazing_elevation_rad(height_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """θ_m(h): apparent elevation at which the ray just touches the Earth's surface; ≤ 0."""
    h = np.maximum(height_m, 0.0) / 1000.0
    index_at_ground = 1.0 + _REFRACTIVITY_AT_GROUND
    index = 1.0 + _REFRACTIVITY_AT_GROUND * np.exp(-_REFRACTIVITY_DECAY_PER_KM * h)
    cosine = _EARTH_RADIUS_KM / (_EARTH_RADIUS_KM + h) * index_at_ground / index
    return -np.arccos(np.minimum(cosine, 1.0))
