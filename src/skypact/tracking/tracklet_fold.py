"""Folding tracklets: observations in information form, beside the plots of `fold.py`.

A tracklet is a set of measurements of unit variance, linear in the state about a stated one
(kernels/tracklet.py): Σ over the core and the biases of its radar. Everything here is a function of
the observations alone, as there.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.assignment import assign
from skypact.kernels.compiled import as_int64, inlined, kernel
from skypact.kernels.filter import (
    BIAS_AT,
    BIAS_SIGMA,
    BIASES_PER_RADAR,
    HALF_LOG_2_PI,
    update_scalar,
)
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.gravity import gravity_j2
from skypact.kernels.linear import copy_matrix, copy_vector, forget
from skypact.kernels.motion import AIR_TOP_M, BOOST, COAST, REENTRY
from skypact.kernels.tracklet import JOINT
from skypact.tracking.context import PLOTS_OF_SCAN, FoldContext
from skypact.tracking.couple_fold import let_apart
from skypact.tracking.fold import confirm_if_known, grow_older, retire
from skypact.tracking.nearby import spread_of
from skypact.tracking.noting import (
    NEWEST_SHARE,
    note_extremes,
    note_last,
    note_seen,
    write_update,
)
from skypact.tracking.phases import convert, predict_track, take_remainder
from skypact.tracking.tables import (
    ENDED,
    FIRST_NS,
    FREE,
    FREE_PHASE,
    FREE_ROW,
    LAST_NS,
    LAST_RADAR,
    MOST_ENERGY,
    NEXT_ID,
    PLOTS,
    SEEN_SHARE,
    SLOTS,
    STATUS,
    STEER_LOG_ODDS,
    STRIDE,
    SURPRISE,
    TENTATIVE,
    THRUST,
    TIME_NS,
    TRACK_ID,
    TRACKLETS,
    TrackArrays,
    UpdateLog,
    likeliest,
)

# Columns of `TrackletArrays.number`.
AT_NS, RADAR, MEASUREMENTS, IN_PLOTS = 0, 1, 2, 3
# What `fold_tracklets` says.
FOLDED, NO_ROWS, NO_SCRATCH = 0, 1, 2


class TrackletArrays(NamedTuple):
    """Tracklets of one radar that are associated together, k of them.

    `number` (k, 4): time, radar's row, how many measurements, of how many plots. `state` (k, 6)
    about which they are linear; `rows` (k, 14, 14) and `values` (k, 14) the measurements; `x`
    (k, 14), `p` (k, 14, 14) what each tells of an object not yet known, and `new` (k,) the log
    likelihood of its being one.
    """

    number: NDArray[np.int64]
    state: NDArray[np.float64]
    rows: NDArray[np.float64]
    values: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    new: NDArray[np.float64]


def tracklet_arrays(count: int) -> TrackletArrays:
    """Room for so many tracklets."""
    return TrackletArrays(
        number=np.zeros((count, 4), np.int64),
        state=np.zeros((count, 6)),
        rows=np.zeros((count, JOINT, JOINT)),
        values=np.zeros((count, JOINT)),
        x=np.zeros((count, JOINT)),
        p=np.zeros((count, JOINT, JOINT)),
        new=np.zeros(count),
    )


class TrackletScratch(NamedTuple):
    """Arrays written over: `ph` (14, n), `s` (14, 14), `residual` (14,).

    One track put aside: `x` (3, n), `p` (3, n, n), `mu` (3,), `value` and `number` of all columns.
    """

    ph: NDArray[np.float64]
    s: NDArray[np.float64]
    residual: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    mu: NDArray[np.float64]
    value: NDArray[np.float64]
    number: NDArray[np.int64]


def tracklet_scratch(tracks: TrackArrays) -> TrackletScratch:
    """Scratch for tracks of this size."""
    n = tracks.x.shape[2]
    return TrackletScratch(
        ph=np.zeros((JOINT, n)),
        s=np.zeros((JOINT, JOINT)),
        residual=np.zeros(JOINT),
        x=np.zeros((SLOTS, n)),
        p=np.zeros((SLOTS, n, n)),
        mu=np.zeros(SLOTS),
        value=np.zeros(tracks.value.shape[1]),
        number=np.zeros(tracks.number.shape[1], np.int64),
    )


@kernel
def fold_tracklets(
    tracks: TrackArrays,
    tracklets: TrackletArrays,
    c: FoldContext,
    own: TrackletScratch,
    log: UpdateLog,
) -> int:
    """One batch of one radar: predict, gate, assign, update; what is left over starts tracks.

    NO_ROWS, NO_SCRATCH: there is no room for it, and nothing has been assigned; `c.pairs.wanted`
    then says how much scratch it takes.
    """
    count = tracklets.number.shape[0]
    free = 0
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] == FREE_ROW:
            free += 1
    if free < count:
        return NO_ROWS
    w = c.pairs
    candidates = _tracks_near(tracks, tracklets, c)
    if candidates > w.crowd_cost.shape[0] or count > w.crowd_cost.shape[1]:
        w.wanted[0], w.wanted[1] = candidates, count
        return NO_SCRATCH
    if count > w.taken.shape[0]:
        w.wanted[PLOTS_OF_SCAN] = count
        return NO_SCRATCH
    cost, chosen = w.crowd_cost[:candidates, :count], w.crowd_chosen[:candidates]
    for i in range(candidates):
        for j in range(count):
            cost[i, j] = _cost_of(tracks, w.near[i], tracklets, j, c, own)
    assign(cost, 0.0, chosen, w.assignment)
    for j in range(count):
        w.taken[j] = False
    for i in range(candidates):
        j = chosen[i]
        if j < 0:
            continue
        w.taken[j] = True
        t = w.near[i]
        let_apart(tracks, t)
        predict_track(tracks, t, tracklets.number[j, AT_NS], c)
        _observe(tracks, t, tracklets, j, c, own)
        note_seen(tracks, t)
        if log.filled[0] < log.row.shape[0]:
            write_update(tracks, t, -1, True, log, c.scratch)
    row = 0
    for j in range(count):
        if not w.taken[j]:
            while tracks.number[row, STATUS] != FREE_ROW:
                row += 1
            _start(tracks, row, tracklets, j, c)
    return FOLDED


@kernel
def _tracks_near(tracks: TrackArrays, tracklets: TrackletArrays, c: FoldContext) -> int:
    """Which tracks a tracklet may be of, by id, into `c.pairs.near`; returns how many.

    Tracks that have to, end.
    """
    near = c.pairs.near
    first_ns = tracklets.number[0, AT_NS]
    count = 0
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] in (FREE_ROW, ENDED) or retire(tracks, t, first_ns, c.settings):
            continue
        if (first_ns - tracks.number[t, TIME_NS]) > 1_000_000_000 and not grow_older(
            tracks, t, first_ns, c
        ):
            continue
        for j in range(tracklets.number.shape[0]):
            if _may_be_of(tracks, t, tracklets, j):
                k = count
                while k > 0 and tracks.number[near[k - 1], TRACK_ID] > tracks.number[t, TRACK_ID]:
                    near[k] = near[k - 1]
                    k -= 1
                near[k] = t
                count += 1
                break
    return count


@kernel
def _may_be_of(tracks: TrackArrays, t: int, tracklets: TrackletArrays, j: int) -> bool:
    """Whether tracklet `j` is near enough to track `t` to be looked at closely.

    A cheap bound: distance in space against eight standard deviations of both and what acceleration
    may do in between.
    """
    x = tracks.x[t, likeliest(tracks.mu[t])]
    dt = (tracklets.number[j, AT_NS] - tracks.number[t, TIME_NS]) * 1e-9
    gravity = gravity_j2(x[0], x[1], x[2])
    apart = 0.0
    q = tracklets.p[j]
    place = q[0, 0] + q[1, 1] + q[2, 2]
    for k in range(3):
        there = tracklets.state[j, k] + tracklets.x[j, k]
        apart += (there - x[k] - dt * x[3 + k] - 0.5 * dt * dt * gravity[k]) ** 2
    reach = 8.0 * (math.sqrt(spread_of(tracks, t, dt)) + math.sqrt(place)) + 1e3 + 1e3 * abs(dt)
    return apart < reach * reach


@kernel
def _cost_of(
    tracks: TrackArrays,
    t: int,
    tracklets: TrackletArrays,
    j: int,
    c: FoldContext,
    own: TrackletScratch,
) -> float:
    """How much less likely tracklet `j` is of track `t` than of a new object; ∞ out of gate.

    Negative log of the ratio; the track stays as it is.
    """
    if not _may_be_of(tracks, t, tracklets, j):
        return math.inf
    number, value, mu = tracks.number[t], tracks.value[t], tracks.mu[t]
    for k in range(number.shape[0]):
        own.number[k] = number[k]
    copy_vector(value, own.value)
    copy_vector(mu, own.mu)
    for slot in range(SLOTS):
        copy_vector(tracks.x[t, slot], own.x[slot])
        copy_matrix(tracks.p[t, slot], own.p[slot])
    cost = math.inf
    if predict_track(tracks, t, tracklets.number[j, AT_NS], c):
        cost = _cost_now(tracks, t, tracklets, j, c, own)
    for k in range(number.shape[0]):
        number[k] = own.number[k]
    copy_vector(own.value, value)
    copy_vector(own.mu, mu)
    for slot in range(SLOTS):
        copy_vector(own.x[slot], tracks.x[t, slot])
        copy_matrix(own.p[slot], tracks.p[t, slot])
    return cost


@kernel
def _cost_now(
    tracks: TrackArrays,
    t: int,
    tracklets: TrackletArrays,
    j: int,
    c: FoldContext,
    own: TrackletScratch,
) -> float:
    """`_cost_of` for a track that is at the tracklet's time."""
    nearest, greatest, total = math.inf, -math.inf, 0.0
    for slot in range(SLOTS):
        mu = tracks.mu[t, slot]
        if mu <= 0.0:
            continue
        distance, log_likelihood = _innovation(
            tracks.x[t, slot], tracks.p[t, slot], tracklets, j, c, own
        )
        if mu > 1e-6:
            nearest = min(nearest, distance)
        log_likelihood += math.log(mu)
        if log_likelihood > greatest:
            total = total * math.exp(greatest - log_likelihood) + 1.0
            greatest = log_likelihood
        else:
            total += math.exp(log_likelihood - greatest)
    if nearest > gate_of(c.settings.gate, int(tracklets.number[j, MEASUREMENTS])):
        return math.inf
    return tracklets.new[j] - (greatest + math.log(total))


@kernel
def gate_of(gate: float, measurements: int) -> float:
    """The squared distance as rare among so many components as `gate` is among three.

    Wilson & Hilferty, PNAS 17 (1931): the cube root of χ²/m is normal about 1 - 2/(9 m).
    """
    spread = 2.0 / 27.0
    sigmas = ((gate / 3.0) ** (1.0 / 3.0) - 1.0 + spread) / math.sqrt(spread)
    spread = 2.0 / (9.0 * measurements)
    root: float = max(1.0 - spread + sigmas * math.sqrt(spread), 0.0)
    return measurements * root * root * root


@inlined
def _row_times(row: NDArray[np.float64], column: NDArray[np.float64], at: int) -> float:
    """A measurement's row (14,) times a column of the state's size, biases from `at` on."""
    total = 0.0
    for k in range(6):
        total += row[k] * column[k]
    if at > 0:
        for k in range(BIASES_PER_RADAR):
            total += row[6 + k] * column[at + k]
    return total


@inlined
def _residual(x: NDArray[np.float64], tracklets: TrackletArrays, j: int, k: int, at: int) -> float:
    """Measurement `k` of tracklet `j` less what `x` foretells of it."""
    row = tracklets.rows[j, k]
    left = tracklets.values[j, k]
    for i in range(6):
        left -= row[i] * (x[i] - tracklets.state[j, i])
    if at > 0:
        for i in range(BIASES_PER_RADAR):
            left -= row[6 + i] * x[at + i]
    return left


@kernel
def _innovation(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    tracklets: TrackletArrays,
    j: int,
    c: FoldContext,
    own: TrackletScratch,
) -> tuple[float, float]:
    """Squared distance and log likelihood of tracklet `j` against a prediction, left as it is."""
    count = int(tracklets.number[j, MEASUREMENTS])
    at = int(c.radars[tracklets.number[j, RADAR], BIAS_AT])
    ph, s = own.ph, own.s
    distance, log_root = 0.0, 0.0
    # Cholesky of S = W P Wᵀ + 1 row by row, and the residual with it.
    for i in range(count):
        for k in range(p.shape[0]):
            ph[i, k] = _row_times(tracklets.rows[j, i], p[k], at)
        left = _residual(x, tracklets, j, i, at)
        for k in range(i + 1):
            total = _row_times(tracklets.rows[j, k], ph[i], at)
            if k == i:
                total += 1.0
            for m in range(k):
                total -= s[i, m] * s[k, m]
            if k < i:
                s[i, k] = total / s[k, k]
            elif total <= 0.0:
                return math.inf, -math.inf
            else:
                s[i, i] = math.sqrt(total)
        for k in range(i):
            left -= s[i, k] * own.residual[k]
        own.residual[i] = left / s[i, i]
        distance += own.residual[i] ** 2
        log_root += math.log(s[i, i])
    return distance, -log_root - 0.5 * distance - HALF_LOG_2_PI * count


@kernel
def _update(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    tracklets: TrackletArrays,
    j: int,
    c: FoldContext,
    own: TrackletScratch,
) -> tuple[float, float]:
    """Update `x`, `p` in place by tracklet `j`; returns squared distance and log likelihood."""
    count = int(tracklets.number[j, MEASUREMENTS])
    at = int(c.radars[tracklets.number[j, RADAR], BIAS_AT])
    distance, log_determinant = 0.0, 0.0
    for i in range(count):
        for k in range(p.shape[0]):
            own.ph[i, k] = _row_times(tracklets.rows[j, i], p[k], at)
        variance = _row_times(tracklets.rows[j, i], own.ph[i], at) + 1.0
        residual = _residual(x, tracklets, j, i, at)
        update_scalar(x, p, own.ph[i], variance, 1.0, residual)
        distance += residual * residual / variance
        log_determinant += math.log(variance)
    return distance, -0.5 * (log_determinant + distance) - HALF_LOG_2_PI * count


@kernel
def _observe(
    tracks: TrackArrays,
    t: int,
    tracklets: TrackletArrays,
    j: int,
    c: FoldContext,
    own: TrackletScratch,
) -> None:
    """Update track `t`, already at its time, by tracklet `j`; confirm it as plots would."""
    number, mu = tracks.number[t], tracks.mu[t]
    note_last(number, tracklets.number[j, AT_NS], tracklets.number[j, RADAR])
    number[PLOTS] += tracklets.number[j, IN_PLOTS]
    number[TRACKLETS] += 1
    tracks.by_radar[t, tracklets.number[j, RADAR]] += tracklets.number[j, IN_PLOTS]
    if number[STATUS] == TENTATIVE and mu[FREE] == 0.0:
        _open_both(tracks, t, THRUST, c)
    greatest = -math.inf
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            distance, log_likelihood = _update(
                tracks.x[t, slot], tracks.p[t, slot], tracklets, j, c, own
            )
            if slot == FREE:
                mean = distance / tracklets.number[j, MEASUREMENTS]
                tracks.value[t, SURPRISE] += NEWEST_SHARE * (
                    min(mean, 100.0) - tracks.value[t, SURPRISE]
                )
            own.residual[slot] = math.log(mu[slot]) + log_likelihood
            greatest = max(greatest, own.residual[slot])
    total = 0.0
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            mu[slot] = max(math.exp(own.residual[slot] - greatest), 1e-12)
            total += mu[slot]
    for slot in range(SLOTS):
        mu[slot] /= total
    note_extremes(tracks.x[t, likeliest(mu)], mu, tracks.value[t])
    confirm_if_known(tracks, t, c.settings)


@kernel
def _open_both(tracks: TrackArrays, t: int, known: int, c: FoldContext) -> None:
    """Let track `t`, known in one slot, be as likely in free flight as in boost."""
    x = tracks.x[t, known]
    height, _, _, _ = height_and_up(x[0], x[1], x[2])
    free_phase = COAST if height > AIR_TOP_M else REENTRY
    tracks.number[t, FREE_PHASE] = free_phase
    if known == FREE:
        convert(
            free_phase,
            as_int64(BOOST),
            x,
            tracks.p[t, FREE],
            c.phases,
            tracks.x[t, THRUST],
            tracks.p[t, THRUST],
        )
    else:
        convert(
            as_int64(BOOST),
            free_phase,
            x,
            tracks.p[t, THRUST],
            c.phases,
            tracks.x[t, FREE],
            tracks.p[t, FREE],
        )
    tracks.mu[t, FREE], tracks.mu[t, THRUST] = 0.5, 0.5


@kernel
def _start(tracks: TrackArrays, t: int, tracklets: TrackletArrays, j: int, c: FoldContext) -> None:
    """Open a tentative track at row `t` from tracklet `j` and what is believed of new objects."""
    number, radars = tracks.number[t], c.radars
    time_ns, radar = tracklets.number[j, AT_NS], tracklets.number[j, RADAR]
    number[:] = 0
    tracks.value[t, :] = 0.0
    tracks.by_radar[t, :] = 0
    tracks.mu[t, :] = 0.0
    tracks.value[t, STEER_LOG_ODDS] = -math.inf
    tracks.value[t, MOST_ENERGY] = math.nan
    tracks.value[t, SEEN_SHARE] = 1.0
    number[STATUS], number[TRACK_ID] = TENTATIVE, tracks.counter[NEXT_ID]
    tracks.counter[NEXT_ID] += 1
    number[TIME_NS], number[FIRST_NS], number[LAST_NS] = time_ns, time_ns, time_ns
    number[LAST_RADAR] = radar
    number[PLOTS], number[STRIDE] = tracklets.number[j, IN_PLOTS], 1
    number[TRACKLETS] = 1
    tracks.by_radar[t, radar] = tracklets.number[j, IN_PLOTS]
    x, p = tracks.x[t, THRUST], tracks.p[t, THRUST]
    x[:] = 0.0
    for k in range(x.shape[0]):
        forget(p, k, 0.0)
    for other in range(radars.shape[0]):
        at = int(radars[other, BIAS_AT])
        if at > 0:
            for k in range(BIASES_PER_RADAR):
                p[at + k, at + k] = radars[other, BIAS_SIGMA + k] ** 2
    at = int(radars[radar, BIAS_AT])
    for i in range(6 if at == 0 else JOINT):
        to = i if i < 6 else at + i - 6
        x[to] = tracklets.x[j, i]
        if i < 6:
            x[to] += tracklets.state[j, i]
        for k in range(6 if at == 0 else JOINT):
            p[to, k if k < 6 else at + k - 6] = tracklets.p[j, i, k]
    for k in range(6, 9):
        p[k, k] = c.phases.priors.thrust_sigma_m_s2**2
    _open_both(tracks, t, THRUST, c)
    take_remainder(x[0], x[1], x[2], tracks.value[t], c.phases)
    confirm_if_known(tracks, t, c.settings)
