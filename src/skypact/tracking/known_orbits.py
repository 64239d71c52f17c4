"""Biases learnt from objects with known orbits, the orbits' own errors considered.

One least-squares fit over all plots of such objects: unknown are the declared biases and what the
orbits are off, each with its prior. An orbit's error has two parts. One is alike in all passes of
an object: radial, along and across. The other is each pass's own and moves as free flight beside an
orbit does (Hill's equations; Clohessy & Wiltshire 1960, as in Vallado, Fundamentals of
Astrodynamics, 4th ed., 6.8), with velocities of the size that such errors have. So however many
plots a pass gives, its orbit's error is never averaged away.

Errors that a radar declares to stay alike for `correlation_time_s` are whitened as the first-order
Gauss-Markov process they are. It decides about no track, so LAPACK may be used here.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import EARTH_RATE_RAD_S
from skypact.kernels.gravity import GM_M3_S2
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar
from skypact.settings import OrbitSettings
from skypact.tracking.registration import Belief, DeclaredBiases, declared_biases, nothing_learnt

FloatArray = NDArray[np.float64]
_COMMON, _OWN = 3, 6
_MOST_ROUNDS = 5
# First rounds, in which what does not fit counts for less, and nothing is left out.
_ROBUST_ROUNDS = 4
# A pass whose plots' mean squared distance is further from 1 than chance and this is not its own.
_GREATEST_MISFIT = 2.0


class KnownObject(NamedTuple):
    """An object whose orbit is known: ECEF states (n, 6) and sigmas m (n, 3) at times (n,).

    `sigma_at`: radial, along, across. NaN states: not known then.
    """

    name: str
    states_at: Callable[[NDArray[np.int64]], FloatArray]
    sigma_at: Callable[[NDArray[np.int64]], FloatArray]


class Pass(NamedTuple):
    """One pass of a known object as used: `plots` by radar number."""

    name: str
    begin_ns: int
    end_ns: int
    plots: dict[int, int]


class LearntFromOrbits(NamedTuple):
    """`belief` about `registration.declared_biases`; `used` (n,) bool: which plots tell of it."""

    belief: Belief
    used: NDArray[np.bool_]
    passes: tuple[Pass, ...]


class _Look(NamedTuple):
    """One plot that may be a known object's, linearised about its orbit.

    `residual` (c,), `jacobian` (c, 6) by position and velocity, `rate` (c,) per s, `variance` (c,);
    `axes` (3, 3): radial, along and across as columns in ECEF; `mean_motion` rad/s.
    """

    plot: int
    time_ns: int
    radar: int
    residual: FloatArray
    jacobian: FloatArray
    rate: FloatArray
    variance: FloatArray
    axes: FloatArray
    mean_motion: float
    sigma_m: FloatArray


def learn_from_orbits(
    plots: Plots, radars: Sequence[Radar], objects: Sequence[KnownObject], settings: OrbitSettings
) -> LearntFromOrbits:
    """What plots of objects with known orbits tell of the radars' biases.

    A plot that could be of two objects is of none. Plots that turn out not to fit what all others
    say, and passes that do not, are left out and the fit is made anew.
    """
    rows, _ = radar_array(radars)
    declared = declared_biases(rows)
    looks = _looks(plots, rows, declared, objects, settings)
    fit = _Fit(declared, radars, settings)
    passes = _passes(looks, settings)
    for turn in range(_ROBUST_ROUNDS + _MOST_ROUNDS):
        if not passes:
            break
        fit.solve(passes)
        if turn < _ROBUST_ROUNDS:
            fit.weigh(passes)
            continue
        kept = _fitting(passes, fit, settings)
        fit.weight.clear()
        if turn > _ROBUST_ROUNDS and sum(map(_size, kept)) == sum(map(_size, passes)):
            break
        passes = kept
    used = np.zeros(len(plots.time_ns), bool)
    for one in passes:
        for look in one.looks:
            used[look.plot] = True
    if not passes:
        return LearntFromOrbits(nothing_learnt(len(declared.sigma)), used, ())
    m = len(declared.sigma)
    scale = np.multiply.outer(declared.sigma, declared.sigma)
    belief = Belief(fit.x[:m] / declared.sigma, fit.p[:m, :m] / scale)
    return LearntFromOrbits(belief, used, tuple(_told(one, objects) for one in passes))


class _PassLooks(NamedTuple):
    """The looks of one pass of the object number `known`, in order of time."""

    known: int
    looks: list[_Look]


def _size(one: _PassLooks) -> int:
    return len(one.looks)


def _told(one: _PassLooks, objects: Sequence[KnownObject]) -> Pass:
    numbers, counts = np.unique([look.radar for look in one.looks], return_counts=True)
    return Pass(
        objects[one.known].name,
        one.looks[0].time_ns,
        one.looks[-1].time_ns,
        {int(n): int(count) for n, count in zip(numbers, counts, strict=True)},
    )


def _looks(
    plots: Plots,
    rows: FloatArray,
    declared: DeclaredBiases,
    objects: Sequence[KnownObject],
    settings: OrbitSettings,
) -> list[tuple[int, _Look]]:
    """Plots within the gate of one object and of no other, with its number."""
    site = rows[plots.radar, kf.SITE : kf.SITE + 3]
    place = np.array(
        [
            turn_to_ecef(
                *local_from_polar(*polar), tuple(rows[radar, kf.AXES : kf.AXES + 9].tolist())
            )
            for radar, *polar in zip(
                plots.radar.tolist(),
                plots.range_m.tolist(),
                plots.azimuth_rad.tolist(),
                plots.elevation_rad.tolist(),
                strict=True,
            )
        ]
    ).reshape(-1, 3)
    place += site
    sigma = np.sqrt(rows[:, kf.SIGMA : kf.SIGMA + 3] ** 2 + _squared_biases(rows))[plots.radar]
    reach = sigma[:, 0] + (sigma[:, 1] + sigma[:, 2]) * plots.range_m
    found: dict[int, list[tuple[int, _Look]]] = {}
    for known, one in enumerate(objects):
        states, orbit_sigma = one.states_at(plots.time_ns), one.sigma_at(plots.time_ns)
        away = np.linalg.norm(states[:, :3] - place, axis=1)
        time_sigma = rows[plots.radar, kf.BIAS_SIGMA + 4]
        far = reach + np.linalg.norm(orbit_sigma, axis=1) + 8e3 * time_sigma
        gate = math.sqrt(settings.gate_chi_squared)
        for k in np.flatnonzero(away < gate * far).tolist():
            look = _linearised(k, plots, rows, states[k], orbit_sigma[k])
            if _distance(look, declared) < settings.gate_chi_squared:
                found.setdefault(k, []).append((known, look))
    return [those[0] for _, those in sorted(found.items()) if len(those) == 1]


def _squared_biases(rows: FloatArray) -> FloatArray:
    """Variances (r, 3) of constant and of lasting errors in range, azimuth and elevation."""
    at = kf.BIAS_SIGMA
    total: FloatArray = rows[:, at : at + 3] ** 2 + rows[:, at + 5 : at + 8] ** 2
    return total


def _linearised(
    k: int, plots: Plots, rows: FloatArray, state: FloatArray, sigma_m: FloatArray
) -> _Look:
    """Plot `k` beside what its radar would measure of `state`."""
    radar = int(plots.radar[k])
    s, x = kf.scratch(kf.CORE), np.zeros(kf.CORE)
    x[:6] = state
    count = kf.measure(x, radar, rows, s)
    z = np.array(
        [
            plots.range_m[k],
            plots.azimuth_rad[k],
            plots.elevation_rad[k],
            plots.range_rate_m_s[k],
        ]
    )
    if count == 4 and math.isnan(z[3]):
        count = 3
    residual = z[:count] - s[kf.PREDICTED, :count]
    residual[1] -= 2.0 * math.pi * round(residual[1] / (2.0 * math.pi))
    variance = rows[radar, kf.SIGMA : kf.SIGMA + count] ** 2
    variance[:3] += rows[radar, kf.BIAS_SIGMA + 5 : kf.BIAS_SIGMA + 8] ** 2
    # Along and across are those of the motion in inertial space.
    position = state[:3]
    inertial = state[3:] + EARTH_RATE_RAD_S * np.array([-position[1], position[0], 0.0])
    radius = float(np.linalg.norm(position))
    radial = position / radius
    across = np.cross(radial, inertial)
    across /= np.linalg.norm(across)
    axes = np.column_stack((radial, np.cross(across, radial), across))
    return _Look(
        k,
        int(plots.time_ns[k]),
        radar,
        residual,
        s[kf.H : kf.H + count, :6].copy(),
        s[kf.RATE, :count].copy(),
        variance,
        axes,
        math.sqrt(GM_M3_S2 / radius**3),
        sigma_m,
    )


def _of_biases(look: _Look, declared: DeclaredBiases) -> FloatArray:
    """How a look changes with each declared bias (c, m)."""
    count = len(look.residual)
    out = np.zeros((count, len(declared.sigma)))
    for at in np.flatnonzero(declared.radar == look.radar):
        kind = int(declared.kind[at])
        if kind == 4:
            out[:, at] = -look.rate
        elif kind < count:
            out[kind, at] = 1.0
    return out


def _distance(look: _Look, declared: DeclaredBiases) -> float:
    """χ² of a plot before anything was learnt, per three components."""
    by_bias = _of_biases(look, declared) * declared.sigma
    by_orbit = look.jacobian[:, :3] @ (look.axes * look.sigma_m)
    s = by_bias @ by_bias.T + by_orbit @ by_orbit.T + np.diag(look.variance)
    unit = np.sqrt(np.diag(s))
    scaled = look.residual / unit
    return float(scaled @ np.linalg.solve(s / np.multiply.outer(unit, unit), scaled))


def _passes(looks: list[tuple[int, _Look]], settings: OrbitSettings) -> list[_PassLooks]:
    """The looks by object and pass, without radars that have too few of one."""
    passes = []
    for known in sorted({known for known, _ in looks}):
        own = sorted(
            (look for number, look in looks if number == known), key=lambda look: look.time_ns
        )
        begin = 0
        for k in range(1, len(own) + 1):
            gap = k == len(own) or own[k].time_ns - own[k - 1].time_ns > settings.pass_gap_s * 1e9
            if gap:
                passes.append(_PassLooks(known, own[begin:k]))
                begin = k
    return [one for one in (_with_enough(one, settings) for one in passes) if one.looks]


def _with_enough(one: _PassLooks, settings: OrbitSettings) -> _PassLooks:
    counts = np.bincount([look.radar for look in one.looks]) if one.looks else np.zeros(1)
    return one._replace(
        looks=[look for look in one.looks if counts[look.radar] >= settings.fewest_plots]
    )


def hill(n_t: float, n: float) -> FloatArray:
    """(6, 6): radial, along, across and their rates after the angle `n_t` at mean motion `n`."""
    s, c = math.sin(n_t), math.cos(n_t)
    return np.array(
        [
            [4 - 3 * c, 0, 0, s / n, 2 * (1 - c) / n, 0],
            [6 * (s - n_t), 1, 0, -2 * (1 - c) / n, (4 * s - 3 * n_t) / n, 0],
            [0, 0, c, 0, 0, s / n],
            [3 * n * s, 0, 0, c, 2 * s, 0],
            [-6 * n * (1 - c), 0, 0, -2 * s, 4 * c - 3, 0],
            [0, 0, -n * s, 0, 0, c],
        ]
    )


class _Fit:
    """The fit: `x` and `p` of the biases, then each object's common error, then each pass's own."""

    def __init__(
        self, declared: DeclaredBiases, radars: Sequence[Radar], settings: OrbitSettings
    ) -> None:
        self.declared = declared
        self._correlation_s = [radar.correlation_time_s for radar in radars]
        self._settings = settings
        self._designs: dict[tuple[int, int], FloatArray] = {}  # by plot and its pass's middle
        self.weight: dict[int, float] = {}  # by plot, 1 where none stands
        self.x: FloatArray = np.zeros(0)
        self.p: FloatArray = np.zeros((0, 0))

    def solve(self, passes: Sequence[_PassLooks]) -> None:
        """Least squares of all, with priors."""
        m = len(self.declared.sigma)
        known = sorted({one.known for one in passes})
        self._common_at = {number: m + _COMMON * k for k, number in enumerate(known)}
        first = m + _COMMON * len(known)
        self._own_at = [first + _OWN * k for k in range(len(passes))]
        size = first + _OWN * len(passes)
        variance = np.ones(size)
        variance[:m] = self.declared.sigma**2
        for k, one in enumerate(passes):
            middle = one.looks[len(one.looks) // 2]
            share, squared = self._settings.common_share, middle.sigma_m**2
            at, own = self._common_at[one.known], self._own_at[k]
            variance[at : at + _COMMON] = np.maximum(share * squared, 1e-6)
            variance[own : own + 3] = (1.0 - share) * squared
            # An error of height is the most of a small eccentricity: so much it moves.
            moving = np.array([1.0, 2.0, 1.0]) * middle.mean_motion * middle.sigma_m[[0, 0, 2]]
            variance[own + 3 : own + 6] = (1.0 - share) * moving**2
        unit = np.sqrt(variance)
        normal, right = np.eye(size), np.zeros(size)
        for k, one in enumerate(passes):
            at, own = self._common_at[one.known], self._own_at[k]
            which = np.concatenate((np.arange(m), at + np.arange(_COMMON), own + np.arange(_OWN)))
            rows, residuals = self._whitened(one)
            scaled = rows * unit[which]
            normal[np.ix_(which, which)] += scaled.T @ scaled
            right[which] += scaled.T @ residuals
        p = np.linalg.inv(normal)
        self.x = unit * np.asarray(p @ right, np.float64)
        self.p = np.asarray(p * np.multiply.outer(unit, unit), np.float64)

    def weigh(self, passes: Sequence[_PassLooks]) -> None:
        """Let what does not fit count for less in the next round.

        Geman & McClure's weights (Zhang, Image and Vision Computing 15, 1997, table 1), at a χ² of
        4 per component a quarter.
        """
        for k, one in enumerate(passes):
            for look, distance in zip(one.looks, self.distances(k, one), strict=True):
                self.weight[look.plot] = 1.0 / (1.0 + distance / 4.0) ** 2

    def design(self, one: _PassLooks, look: _Look) -> FloatArray:
        """How a look changes with the biases, the common error and the pass's own (c, m + 9)."""
        middle = one.looks[len(one.looks) // 2]
        found = self._designs.get((look.plot, middle.plot))
        if found is not None:
            return found
        n = middle.mean_motion
        moved = hill(n * (look.time_ns - middle.time_ns) * 1e-9, n)
        by_place = look.jacobian[:, :3] @ look.axes
        own = np.asarray(by_place @ moved[:3], np.float64)
        if len(look.residual) == 4:
            by_velocity = look.jacobian[:, 3:] @ look.axes
            turning = n * np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
            own += by_velocity @ (moved[3:] + turning @ moved[:3])
        found = np.column_stack((_of_biases(look, self.declared), by_place, own))
        self._designs[look.plot, middle.plot] = found
        return found

    def _whitened(self, one: _PassLooks) -> tuple[FloatArray, FloatArray]:
        """Rows and residuals of a pass with independent errors of variance 1."""
        rows, residuals = [], []
        before: dict[int, tuple[int, FloatArray, FloatArray]] = {}
        for look in one.looks:
            sigma = np.sqrt(look.variance)
            a, r = self.design(one, look) / sigma[:, None], look.residual / sigma
            then = before.get(look.radar)
            before[look.radar] = (look.time_ns, a, r)
            time_s = self._correlation_s[look.radar]
            if then is not None and time_s > 0.0:
                keep = np.zeros(len(r))
                keep[:3] = math.exp(-(look.time_ns - then[0]) * 1e-9 / time_s)
                count = min(len(r), len(then[2]))
                left = np.sqrt(np.maximum(1.0 - keep**2, 1e-12))
                a, r = a.copy(), r.copy()
                a[:count] -= keep[:count, None] * then[1][:count]
                r[:count] -= keep[:count] * then[2][:count]
                a, r = a / left[:, None], r / left
            root = math.sqrt(self.weight.get(look.plot, 1.0))
            rows.append(root * a)
            residuals.append(root * r)
        return np.concatenate(rows), np.concatenate(residuals)

    def distances(self, k: int, one: _PassLooks) -> FloatArray:
        """χ² per component of each look of the k-th pass, what was learnt taken off (n,)."""
        m = len(self.declared.sigma)
        at, own = self._common_at[one.known], self._own_at[k]
        which = np.concatenate((np.arange(m), at + np.arange(_COMMON), own + np.arange(_OWN)))
        x = self.x[which]
        return np.array(
            [
                np.mean((look.residual - self.design(one, look) @ x) ** 2 / look.variance)
                for look in one.looks
            ]
        )


def _fitting(passes: Sequence[_PassLooks], fit: _Fit, settings: OrbitSettings) -> list[_PassLooks]:
    """The passes without the looks that do not fit, and without those that do not as a whole."""
    kept = []
    for k, one in enumerate(passes):
        distance = fit.distances(k, one)
        components = 3.0 * len(distance)
        if float(np.median(distance)) > _GREATEST_MISFIT * (
            1.0 + 5.0 * math.sqrt(2.0 / components)
        ):
            continue
        gate = settings.gate_chi_squared / 3.0
        looks = [look for look, d in zip(one.looks, distance, strict=True) if d < gate]
        enough = _with_enough(one._replace(looks=looks), settings)
        if enough.looks:
            kept.append(enough)
    return kept
