"""Boost, coast, re-entry, manoeuvre: one track's phases, mixed and moved (IMM).

Interacting multiple models (Blom & Bar-Shalom, IEEE TAC 33, 1988) with two changes. A phase that
contributes less than a thousandth to another is not mixed into it: the noise of a boost that is
all but excluded would otherwise spoil a coast that has none. And phases that the laws of motion
make one are one: without air a manoeuvre is a coast.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.atmosphere import density
from skypact.kernels.compiled import as_int64, inlined, kernel
from skypact.kernels.filter import CORE, age_biases, predict
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.linear import copy_matrix, copy_vector, forget
from skypact.kernels.motion import (
    AIR_TOP_M,
    BOOST,
    COAST,
    MANOEUVRE,
    REENTRY,
    gravity_remainder,
)
from skypact.tracking.context import (
    CHANGED,
    MIXED,
    MIXED_P,
    ONE,
    SHARES,
    FoldContext,
    PhaseContext,
    PhaseRates,
)
from skypact.tracking.tables import (
    FIRST_NS,
    FREE,
    FREE_PHASE,
    HIGHEST_AT_S,
    HIGHEST_M,
    HIGHEST_SIGMA_M,
    LAST_NS,
    REMAINDER,
    REMAINDER_AT,
    SLOTS,
    STEER,
    SURPRISE,
    THRUST,
    TIME_NS,
    TrackArrays,
    likeliest,
)

# Once so far below its highest point, an object no longer begins to boost, and what looks like a
# manoeuvre is one: before, the end of the boost may look like it.
FALLEN_M = 2e3
# Above the air a boost is thought of only while plots are this far from free flight: mean squared
# distance per component; without a boost one in a thousand or so is.
SURPRISING = 2.0
# Below this share a phase is not mixed into another.
LEAST_SHARE = 1e-3
# ... and below this it is left out of the estimate that is given out.
LEAST_GIVEN_OUT = 1e-2
# The remainder of gravity is taken anew after so far a way; it changes by 1e-7 m/s² meanwhile.
REMAINDER_REFRESH_M = 4e3
NEAR_GROUND_M = 20e3
# What reaches the ground unseen, its height known worse than this, may be up still.
SURELY_DOWN_M = 5e3
# No object is followed that is faster than this.
FASTEST_M_S = 1e5


@kernel
def phase_of(slot: int, free_phase: int) -> int:
    """The phase that a slot stands for."""
    if slot == THRUST:
        return BOOST
    return MANOEUVRE if slot == STEER else free_phase


@kernel
def air_matters(x: NDArray[np.float64], height_m: float, rates: PhaseRates) -> bool:
    """Whether lift could bend the path of `x` enough to be a phase of its own."""
    return dynamic_pressure(x, height_m) * rates.lift_sigma_m2_kg > rates.least_lift_m_s2


@kernel
def dynamic_pressure(x: NDArray[np.float64], height_m: float) -> float:
    """½ ρ v² in Pa at a state; 0 above the air."""
    if height_m > AIR_TOP_M:
        return 0.0
    rho, _ = density(height_m)
    return 0.5 * rho * (x[3] * x[3] + x[4] * x[4] + x[5] * x[5])


@kernel
def convert(
    source: int,
    target: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    c: PhaseContext,
    out_x: NDArray[np.float64],
    out_p: NDArray[np.float64],
) -> None:
    """The same object seen as being in phase `target` instead of `source`: own states from priors.

    Drag is kept from re-entry to manoeuvre, but not back, as lift drags too; everything else of a
    phase is new to it.
    """
    copy_vector(x, out_x)
    copy_matrix(p, out_p)
    if source == target:
        return
    keep_drag = source == REENTRY and target == MANOEUVRE
    for k in range(7 if keep_drag else 6, CORE):
        out_x[k] = 0.0
        forget(out_p, k, 0.0)
    if target == BOOST:
        for k in range(6, CORE):
            out_p[k, k] = c.priors.thrust_sigma_m_s2**2
        return
    if not keep_drag and target != COAST:
        out_x[6] = c.priors.drag_m2_kg
        out_p[6, 6] = c.priors.drag_sigma_m2_kg**2
    if target == MANOEUVRE:
        height, _, _, _ = height_and_up(x[0], x[1], x[2])
        lift_sigma = min(
            c.rates.lift_sigma_m2_kg,
            c.rates.lift_acceleration_sigma_m_s2 / max(dynamic_pressure(x, height), 1e-9),
        )
        out_p[7, 7] = lift_sigma**2
        out_p[8, 8] = lift_sigma**2


@inlined
def mix(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    free_phase: int,
    steer: bool,
    ignite: bool,
    dt: float,
    c: PhaseContext,
) -> None:
    """Let phases give way to each other over `dt` seconds: `x` (3, n), `p` (3, n, n), `mu` (3,).

    In place. `steer`: whether a manoeuvre is possible; if not, its share goes to free flight.
    `ignite`: whether a boost may begin.
    """
    if mu[STEER] > 0.0 and not steer:
        if mu[STEER] > mu[FREE]:
            convert(as_int64(MANOEUVRE), free_phase, x[STEER], p[STEER], c, x[FREE], p[FREE])
        mu[FREE] += mu[STEER]
        mu[STEER] = 0.0
    if not ignite and mu[THRUST] < LEAST_SHARE:
        mu[FREE] += mu[THRUST]
        mu[THRUST] = 0.0
    if steer or ignite or mu[THRUST] > 0.0:
        _mix_all(x, p, mu, free_phase, steer, ignite, dt, c)


@kernel
def _mix_all(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    free_phase: int,
    steer: bool,
    ignite: bool,
    dt: float,
    c: PhaseContext,
) -> None:
    """`mix`, where more than one phase is possible."""
    n, m = x.shape[1], c.mixing
    _shares(mu, steer, ignite, abs(dt), c.rates, m[SHARES])
    for target in range(SLOTS):
        after, others = 0.0, 0.0
        for source in range(SLOTS):
            share = m[SHARES, SLOTS * target + source]
            after += share
            if source != target:
                others = max(others, share)
        mu[target] = after
        m[CHANGED, target] = 0.0
        if after <= 0.0 or others < LEAST_SHARE * after:
            continue
        m[CHANGED, target] = 1.0
        mean = m[MIXED + target, :n]
        covariance = m[MIXED_P + target * n : MIXED_P + target * n + n, :n]
        one_x, one_p = m[ONE, :n], m[MIXED_P + SLOTS * n : MIXED_P + (SLOTS + 1) * n, :n]
        for i in range(n):
            mean[i] = 0.0
            for j in range(n):
                covariance[i, j] = 0.0
        kept = 0.0
        for about_mean in range(2):
            for source in range(SLOTS):
                share = m[SHARES, SLOTS * target + source]
                if share < LEAST_SHARE * after:
                    continue
                convert(
                    phase_of(source, free_phase),
                    phase_of(target, free_phase),
                    x[source],
                    p[source],
                    c,
                    one_x,
                    one_p,
                )
                if about_mean == 0:
                    kept += share
                    for i in range(n):
                        mean[i] += share * one_x[i]
                    continue
                weight = share / kept
                for i in range(n):
                    for j in range(n):
                        covariance[i, j] += weight * (
                            one_p[i, j] + (one_x[i] - mean[i]) * (one_x[j] - mean[j])
                        )
            if about_mean == 0:
                for i in range(n):
                    mean[i] /= kept
    for target in range(SLOTS):
        if m[CHANGED, target] != 0.0:
            copy_vector(m[MIXED + target, :n], x[target])
            copy_matrix(m[MIXED_P + target * n : MIXED_P + target * n + n, :n], p[target])


@kernel
def _shares(
    mu: NDArray[np.float64],
    steer: bool,
    ignite: bool,
    dt: float,
    rates: PhaseRates,
    out: NDArray[np.float64],
) -> None:
    """What each phase hands to each over `dt`: `out[3 target + source]`, written."""
    end = -math.expm1(-rates.boost_ends * dt)
    begin = -math.expm1(-rates.boost_starts * dt) if ignite else 0.0
    pull = -math.expm1(-rates.manoeuvre_starts * dt) if steer else 0.0
    release = -math.expm1(-rates.manoeuvre_ends * dt)
    out[0], out[1], out[2] = mu[FREE] * (1.0 - begin - pull), mu[THRUST] * end, mu[STEER] * release
    out[3], out[4], out[5] = mu[FREE] * begin, mu[THRUST] * (1.0 - end), 0.0
    out[6], out[7], out[8] = mu[FREE] * pull, 0.0, mu[STEER] * (1.0 - release)


@inlined
def predict_track(tracks: TrackArrays, t: int, to_ns: int, c: FoldContext) -> bool:
    """Move track `t` with all its phases to the time `to_ns`, in place.

    False: it came down on the way, and stands where and when that was. What may be up still waits
    on the ground for being seen again, and may be ever farther off.
    """
    there = True
    if tracks.number[t, TIME_NS] != to_ns:
        there = predict_phases(
            tracks.number[t],
            tracks.value[t],
            tracks.x[t],
            tracks.p[t],
            tracks.mu[t],
            to_ns,
            c.phases,
        )
    return there


@kernel
def predict_phases(
    number: NDArray[np.int64],
    value: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    to_ns: int,
    c: PhaseContext,
) -> bool:
    """`predict_track` for the rows of one track."""
    dt = (to_ns - number[TIME_NS]) * 1e-9
    at = x[likeliest(mu)]
    height, ux, uy, uz = height_and_up(at[0], at[1], at[2])
    falls = ux * at[3] + uy * at[4] + uz * at[5] < 0.0
    if dt > 0.0 and height < 1.0 and falls and may_be_up(p, mu, (ux, uy, uz)):
        wait_unseen(number, x, p, mu, dt)
        number[TIME_NS] = to_ns
        return True
    ignite = height > value[HIGHEST_M] - FALLEN_M
    free_phase = number[FREE_PHASE]
    if free_phase == COAST and value[SURPRISE] < SURPRISING:
        ignite = False
    mix(x, p, mu, free_phase, air_matters(at, height, c.rates), ignite, dt, c)
    at = x[likeliest(mu)]
    left = dt
    while left != 0.0:
        # As far as one remainder of gravity holds, which for most plots is all the way.
        speed = math.sqrt(at[3] * at[3] + at[4] * at[4] + at[5] * at[5])
        if not speed < FASTEST_M_S:
            break
        reach = REMAINDER_REFRESH_M / max(speed, 1.0)
        if height < NEAR_GROUND_M:  # not far into the ground in one step
            reach = min(reach, max(1.0, 0.5 * height / max(speed, 1.0)))
        h = left if abs(left) <= reach * 1.0001 else math.copysign(reach, left)
        left = 0.0 if h == left else left - h
        move_phases(number, value, x, p, mu, h, reach, c)
        height, ux, uy, uz = height_and_up(at[0], at[1], at[2])
        if height > value[HIGHEST_M]:
            since_first = (to_ns - number[FIRST_NS]) * 1e-9 - left
            note_height(height, (ux, uy, uz), p[likeliest(mu)], since_first, value)
        climb = ux * at[3] + uy * at[4] + uz * at[5]
        if left > 0.0 and height < 0.0 and climb < 0.0:
            back = max(height / climb, 0.0)
            move_phases(number, value, x, p, mu, -min(back, h), reach, c)
            left += min(back, h)
            if may_be_up(p, mu, (ux, uy, uz)):
                number[TIME_NS] = to_ns - np.int64(left * 1e9)
                wait_unseen(number, x, p, mu, left)
                left = 0.0
            break
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            age_biases(x[slot], p[slot], dt - left, c.radars)
    number[TIME_NS] = to_ns - np.int64(left * 1e9)
    return left == 0.0


@kernel
def may_be_up(
    p: NDArray[np.float64], mu: NDArray[np.float64], up: tuple[float, float, float]
) -> bool:
    """Whether the height, `up` being upwards, is so little known that it may not be down yet."""
    for slot in range(SLOTS):
        if mu[slot] < LEAST_GIVEN_OUT:
            continue
        variance = 0.0
        for i in range(3):
            for j in range(3):
                variance += up[i] * p[slot, i, j] * up[j]
        if variance > SURELY_DOWN_M * SURELY_DOWN_M:
            return True
    return False


@kernel
def wait_unseen(
    number: NDArray[np.int64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    dt: float,
) -> None:
    """Let a track stay where it is for `dt` seconds, in place; its variance grows instead.

    As what flies on at its speed, in whatever direction: v² T² over three axes, T the time since
    it was seen.
    """
    at = x[likeliest(mu)]
    speed2 = at[3] * at[3] + at[4] * at[4] + at[5] * at[5]
    since = (number[TIME_NS] - number[LAST_NS]) * 1e-9
    grown = speed2 * dt * (2.0 * since + dt) / 3.0
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            for i in range(3):
                p[slot, i, i] += grown


@inlined
def move_phases(
    number: NDArray[np.int64],
    value: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    h: float,
    reach: float,
    c: PhaseContext,
) -> None:
    """Move all phases of a track by `h` seconds, `reach` being how long gravity is one.

    In place, all but its time and its biases.
    """
    at = x[likeliest(mu)]
    k = 0.5 * h
    mx, my, mz = at[0] + k * at[3], at[1] + k * at[4], at[2] + k * at[5]
    away = (
        (mx - value[REMAINDER_AT]) ** 2
        + (my - value[REMAINDER_AT + 1]) ** 2
        + (mz - value[REMAINDER_AT + 2]) ** 2
    )
    if away > (0.5 * REMAINDER_REFRESH_M) ** 2:
        ahead = math.copysign(min(0.5 * reach, 2.0), h)  # the middle of the way to come
        if abs(h) >= reach:
            ahead = k
        take_remainder(
            at[0] + ahead * at[3], at[1] + ahead * at[4], at[2] + ahead * at[5], value, c
        )
    remainder = (value[REMAINDER], value[REMAINDER + 1], value[REMAINDER + 2])
    free_phase = number[FREE_PHASE]
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            predict(
                phase_of(slot, free_phase),
                x[slot],
                p[slot],
                h,
                remainder,
                c.noise,
                c.filter,
            )
    number[FREE_PHASE] = follow_air(x[FREE], p[FREE], free_phase, c)


@kernel
def take_remainder(
    x: float, y: float, z: float, value: NDArray[np.float64], c: PhaseContext
) -> None:
    """Take the remainder of gravity at a place, ECEF m, into `value`."""
    gx, gy, gz = gravity_remainder(x, y, z, c.gravity)
    value[REMAINDER], value[REMAINDER + 1], value[REMAINDER + 2] = gx, gy, gz
    value[REMAINDER_AT], value[REMAINDER_AT + 1], value[REMAINDER_AT + 2] = x, y, z


@kernel
def note_height(
    height_m: float,
    up: tuple[float, float, float],
    p: NDArray[np.float64],
    since_s: float,
    value: NDArray[np.float64],
) -> None:
    """Note the greatest height so far, when it was and how well it was known, into `value`."""
    variance = 0.0
    for i in range(3):
        for j in range(3):
            variance += up[i] * p[i, j] * up[j]
    value[HIGHEST_M] = height_m
    value[HIGHEST_AT_S] = since_s
    value[HIGHEST_SIGMA_M] = math.sqrt(max(variance, 0.0))


@kernel
def follow_air(
    x: NDArray[np.float64], p: NDArray[np.float64], free_phase: int, c: PhaseContext
) -> int:
    """Coast or re-entry by height; the drag is believed anew at every entry into the air."""
    height, _, _, _ = height_and_up(x[0], x[1], x[2])
    if free_phase == COAST and height < AIR_TOP_M:
        x[6] = c.priors.drag_m2_kg
        forget(p, 6, c.priors.drag_sigma_m2_kg**2)
        return REENTRY
    if free_phase == REENTRY and height > AIR_TOP_M + 2e3:
        x[6] = 0.0
        forget(p, 6, 0.0)
        return COAST
    return free_phase


@kernel
def combined(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    mu: NDArray[np.float64],
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> None:
    """Position and velocity over all phases: `mean` (6,), `covariance` (6, 6), written.

    A phase below `LEAST_GIVEN_OUT` is left out: a boost at one in a thousand would otherwise make
    up most of a coast's covariance, and most after a long gap, without a flight being that far off.
    """
    kept = 0.0
    for slot in range(SLOTS):
        if mu[slot] >= LEAST_GIVEN_OUT:
            kept += mu[slot]
    for i in range(6):
        total = 0.0
        for slot in range(SLOTS):
            if mu[slot] >= LEAST_GIVEN_OUT:
                total += mu[slot] / kept * x[slot, i]
        mean[i] = total
    for i in range(6):
        for j in range(i, 6):
            total = 0.0
            for slot in range(SLOTS):
                if mu[slot] >= LEAST_GIVEN_OUT:
                    total += (mu[slot] / kept) * (
                        p[slot, i, j] + (x[slot, i] - mean[i]) * (x[slot, j] - mean[j])
                    )
            covariance[i, j] = total
            covariance[j, i] = total
