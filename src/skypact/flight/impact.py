"""Where and when it comes down: many paths to the ground, weighted by what they may be."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight.ground import (
    CHI_SQUARED_95,
    distances_squared,
    ellipse_of,
    geodetic_from_plane,
    plane_from_geodetic,
    region_95,
    weighted_moments,
    weighted_quantile,
)
from skypact.flight.samples import normal_points, square_root, uniform_points
from skypact.kernels.fall import (
    FALL_COLUMNS,
    FALL_LANDED,
    FALL_LATITUDE_RAD,
    FALL_LONGITUDE_RAD,
    FALL_TIME_S,
    fall,
)
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.powered_flight import MANOEUVRE_COLUMNS, STANDARD_GRAVITY_M_S2
from skypact.model import FlightKind, Impact, Phase, Track
from skypact.settings import FlightSettings

_NO_PATH = np.zeros((0, 8))
_MOST_MANOEUVRES = 2
# A kind gets at least this share of the samples once it is this likely at all.
_LEAST_KIND = 0.002
_LEAST_SAMPLES = 48


class Falls(NamedTuple):
    """Where n sample paths come down: `weight` (n,) summing to 1, `time_s` (n,) from the track's.

    `latitude_rad`, `longitude_rad` (n,), `landed` (n,) bool, `kind` (n,) of each path.
    """

    weight: NDArray[np.float64]
    time_s: NDArray[np.float64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    landed: NDArray[np.bool_]


def sample_states(
    track: Track, count: int, settings: FlightSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """States (count, 7) that stand for a track as if it flew free, and their weights (count,).

    Position, velocity (ECEF) and inverse ballistic parameter m²/kg. Phases are taken by their
    probabilities, boost left out.
    """
    phases = [p for p in track.phases if p.phase != Phase.BOOST and p.probability > 1e-3]
    if not phases:
        phases = list(track.phases)
    total = sum(p.probability for p in phases)
    states, weights = [], []
    for estimate in phases:
        share = estimate.probability / total
        n = max(_LEAST_SAMPLES, round(count * share))
        points = normal_points(n, 7)
        states.append(
            _states_of(estimate.phase, estimate.state, estimate.covariance, points, settings)
        )
        weights.append(np.full(n, share / n))
    return np.vstack(states), np.concatenate(weights)


def _states_of(
    phase: Phase,
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    points: NDArray[np.float64],
    settings: FlightSettings,
) -> NDArray[np.float64]:
    """One phase's states (n, 7) at standard normal `points` (n, 7)."""
    drawn = np.empty((len(points), 7))
    known = 7 if phase in (Phase.REENTRY, Phase.MANOEUVRE) else 6
    factor = square_root(covariance[:known, :known])
    drawn[:, :known] = state[:known] + points[:, :known] @ factor.T
    if known == 7:
        drawn[:, 6] = _positive(drawn[:, 6], state[6], math.sqrt(covariance[6, 6]))
    else:
        spread = settings.ballistic_parameter_ln_sigma * points[:, 6]
        drawn[:, 6] = np.exp(spread) / settings.ballistic_parameter_kg_m2
    return drawn


def _positive(drawn: NDArray[np.float64], mean: float, sigma: float) -> NDArray[np.float64]:
    """Normal draws as log-normal ones of the same mean and deviation: drag is never negative."""
    mean = max(mean, 0.3 * sigma, 1e-6)
    spread = math.sqrt(math.log1p((sigma / mean) ** 2))
    drawn = (drawn - mean) / max(sigma, 1e-12)
    return np.asarray(mean * np.exp(spread * drawn - 0.5 * spread * spread))


def _log_between(u: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(low * (high / low) ** u)


def _between(u: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(low + (high - low) * u)


def pull_ups(count: int, begun: bool) -> NDArray[np.float64]:
    """Pull-ups (count, 2, 10) as quasi-ballistic flights are believed to do; the second unused.

    Columns as in kernels/powered_flight.py. `begun`: it is in one now and some of it is over.
    """
    u = uniform_points(count, 7)
    rows = np.zeros((count, _MOST_MANOEUVRES, MANOEUVRE_COLUMNS))
    one = rows[:, 0]
    one[:, 0] = 1e9 if begun else _between(u[:, 0], 25e3, 40e3)
    one[:, 1] = _between(u[:, 1], 0.0 if begun else 10.0, 120.0)
    one[:, 3] = math.inf
    one[:, 4] = np.radians(_between(u[:, 2], 0.0, 6.0))
    one[:, 5] = 4.0
    one[:, 6] = _log_between(u[:, 3], 0.5e-3, 2e-3)
    one[:, 7] = _between(u[:, 4], 2.0, 3.5)
    one[:, 8] = _between(u[:, 5], 4.0, 12.0) * STANDARD_GRAVITY_M_S2
    return rows


def glides(count: int, begun: bool, range_m: float, flown_m: float) -> NDArray[np.float64]:
    """Glides and the dives that end them (count, 2, 10).

    `range_m`: ground range without lift from here on. `flown_m`: ground range so far. A glide that
    is `begun` may end in its dive at once or go on for as far again.
    """
    u = uniform_points(count, 7)
    rows = np.zeros((count, _MOST_MANOEUVRES, MANOEUVRE_COLUMNS))
    glide, dive = rows[:, 0], rows[:, 1]
    glide[:, 0] = 1e9 if begun else _between(u[:, 0], 40e3, 50e3)
    glide[:, 1] = math.inf
    glide[:, 2] = _between(u[:, 1], 22e3, 28e3)
    if begun:
        glide[:, 3] = flown_m * _between(np.maximum(u[:, 2], 0.35), 0.7, 1.7)
    else:
        glide[:, 3] = range_m * _between(u[:, 2], 1.1, 1.8)
    glide[:, 4] = np.radians(_between(u[:, 3], -1.2, -0.2))
    glide[:, 5] = 8.0
    glide[:, 6] = _log_between(u[:, 4], 1e-3, 4e-3)
    glide[:, 7] = _between(u[:, 5], 2.0, 4.0)
    glide[:, 8] = 8.0 * STANDARD_GRAVITY_M_S2
    glide[:, 9] = np.radians(_between(u[:, 6], -40.0, 40.0))
    dive[:, 0], dive[:, 1], dive[:, 3] = 1e9, math.inf, math.inf
    dive[:, 4], dive[:, 5], dive[:, 7] = math.radians(-60.0), 3.0, 3.0
    dive[:, 6], dive[:, 8] = glide[:, 6], glide[:, 8]
    return rows


def carry_down(
    states: NDArray[np.float64],
    weights: NDArray[np.float64],
    manoeuvres: NDArray[np.float64] | None,
    launch_ecef_m: tuple[float, float, float],
) -> Falls:
    """Carry states (n, 7) to the ground, each flying its `manoeuvres` (n, 2, 10) if there are."""
    n = len(states)
    counts = np.zeros(n, np.int64)
    if manoeuvres is None:
        manoeuvres = np.zeros((n, 1, MANOEUVRE_COLUMNS))
    else:
        counts[:] = 1 + (manoeuvres[:, 1, 1] > 0.0)
    out = np.zeros((n, FALL_COLUMNS))
    fall(states, manoeuvres, counts, launch_ecef_m, field(PATH_DEGREE), _NO_PATH, out)
    return Falls(
        weights,
        out[:, FALL_TIME_S],
        out[:, FALL_LATITUDE_RAD],
        out[:, FALL_LONGITUDE_RAD],
        out[:, FALL_LANDED] > 0.0,
    )


def together(parts: list[tuple[float, Falls]]) -> Falls:
    """Several groups of falls with their probabilities as one."""
    total = sum(probability for probability, _ in parts)
    return Falls(
        np.concatenate([f.weight * (probability / total) for probability, f in parts]),
        *(np.concatenate(column) for column in list(zip(*(f for _, f in parts), strict=True))[1:]),
    )


def manoeuvred_falls(
    kind: FlightKind,
    track: Track,
    probability: float,
    begun: bool,
    range_m: float,
    flown_m: float,
    launch_ecef_m: tuple[float, float, float],
    settings: FlightSettings,
) -> Falls:
    """Falls of one manoeuvring kind, with samples by its probability.

    `begun`: as if the manoeuvre were under way. `range_m`, `flown_m`: ground range without lift and
    so far.
    """
    count = max(_LEAST_SAMPLES, round(settings.impact_samples * probability))
    states, weights = sample_states(track, count, settings)
    rows = (
        pull_ups(len(states), begun)
        if kind == FlightKind.QUASI_BALLISTIC
        else glides(len(states), begun, range_m, flown_m)
    )
    return carry_down(states, weights, rows, launch_ecef_m)


def worth_carrying(probability: float) -> bool:
    """Whether a kind is likely enough to be carried to the ground."""
    return probability >= _LEAST_KIND


def impact_of(falls: Falls, time_ns: int) -> Impact | None:
    """The impact that weighted falls make; None where too few come down at all."""
    landed = falls.landed
    if falls.weight[landed].sum() < 0.95:
        return None
    weight = falls.weight[landed] / falls.weight[landed].sum()
    latitude, longitude = falls.latitude_rad[landed], falls.longitude_rad[landed]
    middle = int(np.argmin(np.abs(falls.time_s[landed] - np.median(falls.time_s[landed]))))
    origin = (float(latitude[middle]), float(longitude[middle]))
    flat = plane_from_geodetic(origin, latitude, longitude)
    mean, covariance = weighted_moments(flat, weight)
    covariance = covariance + np.eye(2)  # a metre: heights are above the ellipsoid, not the sea
    size = weighted_quantile(distances_squared(flat, mean, covariance), weight, 0.95)
    ring = region_95(flat, weight)
    times = falls.time_s[landed]
    time_s = float(weight @ times)
    where = geodetic_from_plane(origin, *mean)
    return Impact(
        time_ns=time_ns + round(time_s * 1e9),
        time_sigma_s=float(np.sqrt(weight @ (times - time_s) ** 2)),
        latitude_rad=where[0],
        longitude_rad=where[1],
        ellipse_95=ellipse_of(covariance, max(size, 0.5 * CHI_SQUARED_95)),
        region_95=tuple(
            (longitude, latitude)
            for latitude, longitude in (geodetic_from_plane(origin, *point) for point in ring)
        ),
    )
