"""Where and when it comes down: many paths to the ground, weighted by what they may be."""

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
from skypact.flight.programmes import Programmes
from skypact.flight.samples import normal_points, square_root
from skypact.kernels.fall import (
    FALL_COLUMNS,
    FALL_LANDED,
    FALL_LATITUDE_RAD,
    FALL_LONGITUDE_RAD,
    FALL_TIME_S,
    fall,
)
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.powered_flight import MANOEUVRE_COLUMNS
from skypact.model import Impact, Phase, Track
from skypact.settings import FlightSettings

_NO_PATH = np.zeros((0, 8))
# A kind gets at least this share of the samples once it is this likely at all.
_LEAST_KIND = 0.002
LEAST_SAMPLES = 48


class Falls(NamedTuple):
    """Where n sample paths come down: `weight` (n,) summing to 1, `time_s` (n,) from the track's.

    `latitude_rad`, `longitude_rad` (n,), `landed` (n,) bool, `group` (n,): what it was carried as.
    """

    weight: NDArray[np.float64]
    time_s: NDArray[np.float64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    landed: NDArray[np.bool_]
    group: NDArray[np.int64]


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
        n = max(LEAST_SAMPLES, round(count * share))
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
    if phase == Phase.REENTRY:
        drawn[:, 6] = np.exp(drawn[:, 6])
    elif phase == Phase.MANOEUVRE:
        drawn[:, 6] = np.maximum(drawn[:, 6], 1e-5)
    else:
        spread = settings.ballistic_parameter_ln_sigma * points[:, 6]
        drawn[:, 6] = np.exp(spread) / settings.ballistic_parameter_kg_m2
    return drawn


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
        np.zeros(n, np.int64),
    )


def together(parts: list[tuple[float, Falls]]) -> Falls:
    """Several groups of falls with their probabilities as one."""
    total = sum(probability for probability, _ in parts)
    groups = [
        falls._replace(
            weight=falls.weight * (probability / total),
            group=np.full(len(falls.weight), number, np.int64),
        )
        for number, (probability, falls) in enumerate(parts)
    ]
    return Falls(*(np.concatenate(column) for column in zip(*groups, strict=True)))


def manoeuvred_falls(
    track: Track,
    programmes: Programmes,
    count: int,
    launch_ecef_m: tuple[float, float, float],
    settings: FlightSettings,
) -> Falls:
    """Falls of a manoeuvring kind: about `count` states, each flying one of its programmes."""
    states, weights = sample_states(track, count, settings)
    rows, states[:, 6] = programmes.drawn(len(states))
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
    ring = region_95(flat, weight, falls.group[landed])
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
