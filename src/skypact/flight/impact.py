"""Where and when it comes down: many paths to the ground, weighted by what they may be."""

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.flight.ground import (
    CHI_SQUARED_95,
    EARTH_RADIUS_M,
    GROUP_OF_WEIGHT,
    distances_squared,
    ellipse_of,
    geodetic_from_plane,
    plane_from_geodetic,
    region_95,
    split_edges,
    weighted_moments,
    weighted_quantile,
)
from skypact.flight.programmes import Programmes
from skypact.flight.samples import normal_points, square_root, uniform_points
from skypact.kernels.atmosphere import density
from skypact.kernels.fall import (
    FALL_COLUMNS,
    FALL_LANDED,
    FALL_LATITUDE_RAD,
    FALL_LONGITUDE_RAD,
    FALL_TIME_S,
    fall,
)
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.kernels.gravity import field
from skypact.kernels.motion import drag_belief
from skypact.kernels.powered_flight import MANOEUVRE_COLUMNS
from skypact.model import BodyFall, Impact, Phase, Track
from skypact.model.track import PhaseEstimate
from skypact.settings import FlightSettings

FALL_DEGREE = 12
"""Of gravity on the way down: up to 5 m from degree 20, for two thirds of its time."""
_NO_PATH = np.zeros((0, 8))
# A kind gets at least this share of the samples once it is this likely at all.
_LEAST_KIND = 0.002
LEAST_SAMPLES = 48
_GROUPS = 2
_LIFT_M2_KG = 1.5e-3
# After a manoeuvre drag is known so much worse, and a tracker lags that much less behind.
_AFTER_LIFT_LN_SIGMA = 0.03
_AFTER_LIFT_SHARE = 1.0 / 64.0
# Less than so much of what was believed before is nothing learnt.
_LEAST_INFORMATION = 0.01


class Falls(NamedTuple):
    """Where n sample paths come down: `weight` (n,) summing to 1, `time_s` (n,) from the track's.

    `latitude_rad`, `longitude_rad` (n,), `landed` (n,) bool, `group` (n,): what it was carried as.
    `states` (n, 7), `manoeuvres` (n, 2, 10), `manoeuvre_count` (n,): what was carried.
    """

    weight: NDArray[np.float64]
    time_s: NDArray[np.float64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    landed: NDArray[np.bool_]
    group: NDArray[np.int64]
    states: NDArray[np.float64]
    manoeuvres: NDArray[np.float64]
    manoeuvre_count: NDArray[np.int64]


def sample_states(
    track: Track, count: int, settings: FlightSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """States (count, 7) that stand for a track as if it flew free, weights and groups (count,).

    Position, velocity (ECEF) and inverse ballistic parameter m²/kg. Phases are taken by their
    probabilities, boost left out. Group 1 are light bodies, where they are likely enough.
    """
    phases = [p for p in track.phases if p.phase != Phase.BOOST and p.probability > 1e-3]
    if not phases:
        phases = list(track.phases)
    total = sum(p.probability for p in phases)
    # Of several that parted all are spent stages or parts but one.
    light_share = max(settings.light_share, 1.0 - 1.0 / track.company)
    states, weights, groups = [], [], []
    for estimate in phases:
        for group, part, phase, state, covariance in _bodies(estimate, light_share, settings):
            share = part * estimate.probability / total
            n = max(LEAST_SAMPLES, round(count * share))
            states.append(_states_of(phase, state, covariance, normal_points(n, 7), settings))
            weights.append(np.full(n, share / n))
            groups.append(np.full(n, group, np.int64))
    return np.vstack(states), np.concatenate(weights), np.concatenate(groups)


def _bodies(
    estimate: PhaseEstimate, light_share: float, settings: FlightSettings
) -> Iterator[tuple[int, float, Phase, NDArray[np.float64], NDArray[np.float64]]]:
    """What a phase's body may be: group, share, phase, state and covariance of each.

    The tracker believes one ballistic parameter, of warheads, and holds plots against it. A spent
    stage's lies far outside. What the plots say alone, the tracker's belief divided by its prior,
    is held against that of light bodies as well. A coast says nothing.
    """
    phase, state, covariance = estimate.phase, estimate.state.copy(), estimate.covariance.copy()
    own = drag_belief(settings.ballistic_parameter_kg_m2, settings.ballistic_parameter_ln_sigma)
    if phase == Phase.COAST:
        phase, state[6] = Phase.REENTRY, own[0]
        covariance[6, :], covariance[:, 6] = 0.0, 0.0
        covariance[6, 6] = own[1] ** 2
    share, mean, variance = 0.0, 0.0, 0.0
    if phase == Phase.REENTRY:
        share, mean, variance = _light(
            float(state[6]), float(covariance[6, 6]), own, light_share, settings
        )
    if share < GROUP_OF_WEIGHT:
        yield 0, 1.0, phase, state, covariance
        return
    if share < 1.0 - GROUP_OF_WEIGHT:
        yield 0, 1.0 - share, phase, state.copy(), covariance.copy()
    else:
        share = 1.0
    # Place and velocity go along with the drag as they are correlated.
    slope = covariance[:7, 6] / covariance[6, 6]
    state[:7] += slope * (mean - state[6])
    covariance[:7, :7] += np.outer(slope, slope) * (variance - covariance[6, 6])
    yield 1, share, phase, state, covariance


def _light(
    mean: float,
    variance: float,
    own: tuple[float, float],
    light_share: float,
    settings: FlightSettings,
) -> tuple[float, float, float]:
    """Probability that a body is light, and then mean and variance of its drag 1/β.

    `mean`, `variance`: of the drag as the tracker has it; `own`: mean and standard deviation that
    it believed before any plot.
    """
    light = drag_belief(
        settings.light_ballistic_parameter_kg_m2, settings.light_ballistic_parameter_ln_sigma
    )
    own_variance, light_variance = own[1] ** 2, light[1] ** 2
    information = 1.0 / variance - 1.0 / own_variance
    if information <= _LEAST_INFORMATION / own_variance:
        return light_share, light[0], light_variance
    said = (mean / variance - own[0] / own_variance) / information
    odds = light_share / (1.0 - light_share)
    odds *= _density(said, light[0], light_variance + 1.0 / information)
    odds /= max(_density(said, own[0], own_variance + 1.0 / information), 1e-300)
    after = 1.0 / (1.0 / light_variance + information)
    return odds / (1.0 + odds), after * (light[0] / light_variance + information * said), after


def _density(value: float, mean: float, variance: float) -> float:
    return math.exp(-0.5 * (value - mean) ** 2 / variance) / math.sqrt(variance)


def _states_of(
    phase: Phase,
    state: NDArray[np.float64],
    covariance: NDArray[np.float64],
    points: NDArray[np.float64],
    settings: FlightSettings,
) -> NDArray[np.float64]:
    """One phase's states (n, 7) at standard normal `points` (n, 7)."""
    drawn = np.empty((len(points), 7))
    known = 6 if phase == Phase.BOOST else 7
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


def free_falls(
    track: Track,
    settings: FlightSettings,
    launch_ecef_m: tuple[float, float, float],
) -> Falls:
    """Falls without lift, through air that is not quite the standard's and has wind."""
    states, weights, groups = sample_states(track, settings.impact_samples, settings)
    points = _unrelated_points(len(states))
    spread = settings.air_density_ln_sigma
    if track.manoeuvre_log_odds > 0.0:  # what drag it has without lift was learnt with it
        spread = math.hypot(spread, _AFTER_LIFT_LN_SIGMA)
        _fall_behind(states, _AFTER_LIFT_SHARE * settings.manoeuvre_lag_s)
    states[:, 6] *= np.exp(spread * points[:, 0])
    falls = carry_down(states, weights, None, launch_ecef_m)
    blown_s = _lag_s(states, falls, launch_ecef_m)
    east, north = settings.wind_sigma_m_s * points[:, 1:].T * blown_s
    return falls._replace(
        latitude_rad=falls.latitude_rad + north / EARTH_RADIUS_M,
        longitude_rad=falls.longitude_rad + east / EARTH_RADIUS_M / np.cos(falls.latitude_rad),
        group=groups,
    )


def _lag_s(
    states: NDArray[np.float64], falls: Falls, launch_ecef_m: tuple[float, float, float]
) -> NDArray[np.float64]:
    """How much later (n,) each comes down than it would without air.

    By Didion's lag rule wind moves it by so many seconds of wind (McCoy, Modern Exterior
    Ballistics, 1999, ch. 7). Worked out for the middle one, and for the others by their drag.
    """
    landed = np.flatnonzero(falls.landed)
    if len(landed) == 0:
        return np.zeros(len(states))
    middle = landed[np.argsort(falls.time_s[landed], kind="stable")[len(landed) // 2]]
    empty = states[middle : middle + 1].copy()
    empty[0, 6] = 0.0
    without = carry_down(empty, np.ones(1), None, launch_ecef_m)
    lag = max(float(falls.time_s[middle] - without.time_s[0]), 0.0)
    return np.asarray(np.minimum(lag * states[:, 6] / states[middle, 6], falls.time_s))


@functools.cache
def _unrelated_points(count: int) -> NDArray[np.float64]:
    """Standard normal points (count, 3) unrelated to those of the states."""
    return np.random.default_rng(1).permutation(normal_points(count, 3))


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
        manoeuvres = np.zeros((n, 2, MANOEUVRE_COLUMNS))
    else:
        counts[:] = 1 + (manoeuvres[:, 1, 1] > 0.0)
    out = np.zeros((n, FALL_COLUMNS))
    fall(states, manoeuvres, counts, launch_ecef_m, field(FALL_DEGREE), _NO_PATH, out)
    return Falls(
        weights,
        out[:, FALL_TIME_S],
        out[:, FALL_LATITUDE_RAD],
        out[:, FALL_LONGITUDE_RAD],
        out[:, FALL_LANDED] > 0.0,
        np.zeros(n, np.int64),
        states,
        manoeuvres,
        counts,
    )


def together(parts: list[tuple[float, Falls]]) -> Falls:
    """Several groups of falls with their probabilities as one."""
    total = sum(probability for probability, _ in parts)
    groups = [
        falls._replace(
            weight=falls.weight * (probability / total),
            group=falls.group + _GROUPS * number,
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
    states, weights, _ = sample_states(track, count, settings)
    rows, states[:, 6] = programmes.drawn(len(states))
    if track.manoeuvre_log_odds > 0.0:
        _fall_behind(states, settings.manoeuvre_lag_s)
    return carry_down(states, weights, rows, launch_ecef_m)


def _fall_behind(states: NDArray[np.float64], longest_s: float) -> None:
    """Spread states by what a tracker that follows a change of lift late is off, in place.

    A lag τ = longest u⁴ (most are short, few long) at an acceleration of 10 to 40 m/s², by the air.
    """
    points = uniform_points(len(states), 4)
    lag = longest_s * points[:, 0] ** 4
    x = states.mean(axis=0)
    rho, _ = density(geodetic_from_ecef(*x[:3])[2])
    lift = 0.5 * rho * float(x[3:6] @ x[3:6]) * _LIFT_M2_KG
    away = _unrelated_points(len(states)) * min(max(lift, 10.0), 40.0)
    states[:, :3] += 0.5 * away * lag[:, None] ** 2
    states[:, 3:6] += away * lag[:, None]


def worth_carrying(probability: float) -> bool:
    """Whether a kind is likely enough to be carried to the ground."""
    return probability >= _LEAST_KIND


def bodies_of(free: Falls, time_ns: int) -> tuple[BodyFall, ...]:
    """When each sort of body comes down that it may be, the heavy first; empty: it is but one."""
    out = []
    for light in (False, True):
        of = free.landed & (free.group == int(light))
        probability = float(free.weight[of].sum())
        if probability < GROUP_OF_WEIGHT:
            return ()
        weight, times = free.weight[of] / probability, free.time_s[of]
        time_s = float(weight @ times)
        out.append(
            BodyFall(
                light=light,
                probability=probability,
                time_ns=time_ns + round(time_s * 1e9),
                time_sigma_s=float(np.sqrt(weight @ (times - time_s) ** 2)),
            )
        )
    return tuple(out)


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
    ellipse = ellipse_of(covariance, max(size, 0.5 * CHI_SQUARED_95))
    ring = split_edges(region_95(flat, weight, falls.group[landed]), ellipse.semi_minor_m)
    times = falls.time_s[landed]
    time_s = float(weight @ times)
    where = geodetic_from_plane(origin, *mean)
    return Impact(
        time_ns=time_ns + round(time_s * 1e9),
        time_sigma_s=float(np.sqrt(weight @ (times - time_s) ** 2)),
        latitude_rad=where[0],
        longitude_rad=where[1],
        ellipse_95=ellipse,
        region_95=tuple(
            (longitude, latitude)
            for latitude, longitude in (geodetic_from_plane(origin, *point) for point in ring)
        ),
    )
