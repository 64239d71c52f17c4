"""Two objects that plots do not tell apart, as one joint state with several hypotheses.

A stage beside its payload, two objects tens of metres apart: which plot is whose stays open for
seconds or minutes, and so does whether a plot is of one or of both. Two tracks that each take what
is nearer grow sure of a mixture. A couple keeps what there is to know: up to so many *beliefs*,
each a Gaussian of both objects' states and the biases that they share, with its weight. Each look
leads from every belief to every way in which its plots may have come about; the likeliest go on,
and those alike become one (Salmond, SPIE 1305, 1990). The tracks of both are its marginals.

Joint state (m,): position and velocity of the first object, of the second, then the biases as in a
track's state from `CORE` on. Free flight alone, where drag hardly matters: it is taken as known to
the half, and a couple ends where that no longer does.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.atmosphere import density as air_density
from skypact.kernels.compiled import kernel
from skypact.kernels.filter import (
    ANGLE_RESOLUTION_RAD,
    BIAS_AT,
    BIAS_SIGMA,
    CORE,
    CORRELATION_TIME_S,
    DETECTION,
    HALF_LOG_2_PI,
    PREDICTED,
    RANGE_RESOLUTION_M,
    RATE,
    SIGMA,
    H,
    MotionNoise,
    measure,
    noise_density,
    update_scalar,
)
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.linear import cholesky, copy_matrix, copy_vector
from skypact.kernels.motion import AIR_TOP_M, COAST, REENTRY, longest_step, move
from skypact.kernels.radar_geometry import wrap_angle

BOTH = 12
"""Numbers of a joint state before the biases."""
# Most plots of a look that may be of a couple; the likeliest of them are looked at.
MOST_PLOTS = 4
# Plots in whatever way: none, one of either, one of each, one of both together.
MOST_WAYS = 1 + 2 * MOST_PLOTS + MOST_PLOTS * (MOST_PLOTS - 1) + MOST_PLOTS
# Beliefs less likely than the best by more than this, natural log, are left out.
LEAST_LOG_WEIGHT = 12.0
# Two beliefs nearer than this squared distance, in the covariance of the likelier, are one.
ALIKE = 4.0
# Drag is known to this share, and alike for so long, s.
HALF_KNOWN, DRAG_ALIKE_S = 0.5, 10.0
# No radar detects surely.
MOST_DETECTION = 0.99
# Range rates lie within so many m/s: plots with and without compare.
LOG_RANGE_RATES = math.log(8e3)

# Columns of a way: belief, plot of the first, of the second, of both (-1: none).
OF_BELIEF, OF_FIRST, OF_SECOND, OF_BOTH = 0, 1, 2, 3
# Of `CoupleScratch.fit`.
SURE, DISTANCE, COMPONENTS = 0, 1, 2


class CoupleScratch(NamedTuple):
    """Arrays that the kernels write over.

    A look: `plots` (MOST_PLOTS, 4) that may be of the couple, `dt_s` (MOST_PLOTS,) when; `used`
    (MOST_PLOTS,) how surely each is, `number` and `cost` (MOST_PLOTS,) which of the scan, and how
    unlikely for a track. `likeliest` (4,) its likeliest way, `fit` (3,) how sure that
    is, its squared distance, of how many components. By belief b: `h` (b, 2, 4, 6), `rate` and
    `predicted` (b, 2, 4) of both objects. Ways: `way` (w, 4), `log_weight` (w,). New beliefs: `x`
    (2 b, m), `p` (2 b, m, m), `weight` (2 b,). The rest: one step's work.
    """

    plots: NDArray[np.float64]
    dt_s: NDArray[np.float64]
    used: NDArray[np.float64]
    number: NDArray[np.int64]
    cost: NDArray[np.float64]
    likeliest: NDArray[np.int64]
    fit: NDArray[np.float64]
    h: NDArray[np.float64]
    rate: NDArray[np.float64]
    predicted: NDArray[np.float64]
    way: NDArray[np.int64]
    log_weight: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    weight: NDArray[np.float64]
    one: NDArray[np.float64]
    phase: NDArray[np.int64]
    slowed: NDArray[np.float64]
    partials: NDArray[np.float64]
    transition: NDArray[np.float64]
    work: NDArray[np.float64]
    ph: NDArray[np.float64]
    innovation: NDArray[np.float64]
    factor: NDArray[np.float64]
    residual: NDArray[np.float64]
    lower: NDArray[np.float64]
    aside: NDArray[np.float64]
    apart: NDArray[np.float64]


def couple_scratch(state_size: int, beliefs: int) -> CoupleScratch:
    """Scratch for couples of tracks of this size."""
    m, ways = BOTH + state_size - CORE, beliefs * MOST_WAYS
    return CoupleScratch(
        plots=np.zeros((MOST_PLOTS, 4)),
        dt_s=np.zeros(MOST_PLOTS),
        used=np.zeros(MOST_PLOTS),
        number=np.zeros(MOST_PLOTS, np.int64),
        cost=np.zeros(MOST_PLOTS),
        likeliest=np.zeros(4, np.int64),
        fit=np.zeros(3),
        h=np.zeros((beliefs, 2, 4, 6)),
        rate=np.zeros((beliefs, 2, 4)),
        predicted=np.zeros((beliefs, 2, 4)),
        way=np.zeros((ways, 4), np.int64),
        log_weight=np.zeros(ways),
        x=np.zeros((2 * beliefs, m)),
        p=np.zeros((2 * beliefs, m, m)),
        weight=np.zeros(2 * beliefs),
        one=np.zeros(state_size),
        phase=np.zeros(2, np.int64),
        slowed=np.zeros(2),
        partials=np.zeros((3, CORE)),
        transition=np.zeros((2, CORE, CORE)),
        work=np.zeros((BOTH, m)),
        ph=np.zeros((8, m)),
        innovation=np.zeros((8, 8)),
        factor=np.zeros((8, 8)),
        residual=np.zeros(8),
        lower=np.zeros((m, m)),
        aside=np.zeros((m, m)),
        apart=np.zeros(m),
    )


@kernel
def move_belief(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    dt: float,
    drag: tuple[float, float],
    remainder: tuple[float, float, float],
    radars: NDArray[np.float64],
    noise: MotionNoise,
    w: CoupleScratch,
) -> None:
    """Move one belief by `dt` seconds in free flight, in place.

    What gravity does that is not known does it to both alike; half of the `drag` (m²/kg) of each is
    its own to know.
    """
    m, left, one = x.shape[0], dt, w.one
    while left != 0.0:
        h, gravity = left, 0.0
        for k in range(2):
            at = 6 * k
            height, _, _, _ = height_and_up(x[at], x[at + 1], x[at + 2])
            speed = math.sqrt(x[at + 3] ** 2 + x[at + 4] ** 2 + x[at + 5] ** 2)
            w.phase[k] = COAST if height > AIR_TOP_M else REENTRY
            longest = longest_step(w.phase[k], height, speed)
            if abs(h) > longest * 1.0001:
                h = math.copysign(longest, left)
            gravity, _ = noise_density(COAST, height, speed, 0.0, noise)
            w.slowed[k] = drag_acceleration(height, speed, drag[k])
        for k in range(2):
            for i in range(6):
                one[i] = x[6 * k + i]
            one[6], one[7], one[8] = drag[k] if w.phase[k] == REENTRY else 0.0, 0.0, 0.0
            move(w.phase[k], one, h, remainder, w.partials, w.transition[k])
            for i in range(6):
                x[6 * k + i] = one[i]
        left = 0.0 if h == left else left - h
        _propagate(p, w.transition, w.work)
        side, long = math.copysign(1.0, h), abs(h)
        for a in range(0, BOTH, 6):
            for b in range(0, BOTH, 6):
                density = gravity
                if a == b:
                    density += 2.0 * (HALF_KNOWN * w.slowed[a // 6]) ** 2 * DRAG_ALIKE_S
                for i in range(3):
                    p[a + i, b + i] += density * long**3 / 3.0
                    p[a + 3 + i, b + 3 + i] += density * long
                    p[a + i, b + 3 + i] += side * density * long * long / 2.0
                    p[a + 3 + i, b + i] += side * density * long * long / 2.0
    if m == BOTH or dt == 0.0:
        return
    for radar in range(radars.shape[0]):
        at = int(radars[radar, BIAS_AT])
        if at == 0 or radars[radar, CORRELATION_TIME_S] <= 0.0:
            continue
        keep = math.exp(-abs(dt) / radars[radar, CORRELATION_TIME_S])
        for k in range(5, 8):
            i = BOTH + at - CORE + k
            x[i] *= keep
            for j in range(m):
                p[i, j] *= keep
                p[j, i] *= keep
            p[i, i] += (1.0 - keep * keep) * radars[radar, BIAS_SIGMA + k] ** 2


@kernel
def drag_acceleration(height_m: float, speed_m_s: float, drag_m2_kg: float) -> float:
    """How much the air slows an object of that drag, m/s²; 0 above it."""
    if height_m > AIR_TOP_M:
        return 0.0
    rho, _ = air_density(height_m)
    return 0.5 * rho * speed_m_s * speed_m_s * drag_m2_kg


@kernel
def _propagate(
    p: NDArray[np.float64], transition: NDArray[np.float64], work: NDArray[np.float64]
) -> None:
    """F P Fᵀ, in place, where F moves each object by its own `transition` (2, 9, 9)."""
    m = p.shape[0]
    for i in range(BOTH):
        f, at = transition[i // 6, i % 6], 6 * (i // 6)
        for j in range(m):
            total = 0.0
            for k in range(6):
                total += f[k] * p[at + k, j]
            work[i, j] = total
    for i in range(BOTH):
        for j in range(i, BOTH):
            f, at = transition[j // 6, j % 6], 6 * (j // 6)
            total = 0.0
            for k in range(6):
                total += work[i, at + k] * f[k]
            p[i, j] = total
            p[j, i] = total
        for j in range(BOTH, m):
            p[i, j] = work[i, j]
            p[j, i] = work[i, j]


@kernel
def observe_beliefs(
    count: int,
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    radar: int,
    plots: int,
    unused_log_density: float,
    ahead_first: bool,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
    w: CoupleScratch,
) -> int:
    """Let a look update the beliefs `weight` (b,), `x` (b, m), `p` (b, m, m), in place.

    The look's plots are the first so many of `w.plots`, each `w.dt_s` after the time of the
    beliefs; one that is neither's is as likely as `unused_log_density` says. `ahead_first`: the
    object that gets ahead is the first. Returns how many beliefs there are now, and tells of the
    likeliest way in `w.likeliest` and `w.fit`; 0: none explains the look, all is as it was.
    """
    ways = 0
    for b in range(count):
        components = _linearise(b, x[b], radar, radars, s, w)
        _innovations(p[b], b, components, radar, radars, w)
        ways = _ways_of(b, weight[b], ways, components, radar, plots, unused_log_density, radars, w)
    greatest = -math.inf
    for way in range(ways):
        greatest = max(greatest, w.log_weight[way])
    if greatest == -math.inf:
        return 0
    total = 0.0
    for way in range(ways):
        w.log_weight[way] -= greatest
        total += math.exp(w.log_weight[way])
    for way in range(ways):
        w.log_weight[way] -= math.log(total)
    for j in range(plots):
        w.used[j] = 0.0
    for way in range(ways):
        share = math.exp(w.log_weight[way])
        for k in (OF_FIRST, OF_SECOND, OF_BOTH):
            if w.way[way, k] >= 0:
                w.used[w.way[way, k]] += share
    new = _updated(ways, x, p, radar, radars, w)
    if ahead_first:
        for b in range(new):
            if _put_ahead_first(w.x[b], w.p[b], w) and b == 0:
                first = w.likeliest[OF_FIRST]
                w.likeliest[OF_FIRST], w.likeliest[OF_SECOND] = w.likeliest[OF_SECOND], first
    return _fewer(new, weight, x, p, not ahead_first, w)


@kernel
def _linearise(
    b: int,
    x: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
    w: CoupleScratch,
) -> int:
    """What the radar would see of both objects, into row `b` of `w`; how many components."""
    components, one = 3, w.one
    for i in range(CORE, one.shape[0]):
        one[i] = x[BOTH + i - CORE]
    for k in range(2):
        for i in range(6):
            one[i] = x[6 * k + i]
        components = measure(one, radar, radars, s)
        at = int(radars[radar, BIAS_AT])
        for i in range(components):
            w.rate[b, k, i] = s[RATE, i]
            w.predicted[b, k, i] = s[PREDICTED, i]
            if at > 0:
                w.predicted[b, k, i] += one[at + i] - s[RATE, i] * one[at + 4]
                if i < 3:
                    w.predicted[b, k, i] += one[at + 5 + i]
            for j in range(6):
                w.h[b, k, i, j] = s[H + i, j]
    return components


@kernel
def _times_jacobian(
    p: NDArray[np.float64],
    shares: tuple[float, float],
    b: int,
    i: int,
    at: int,
    w: CoupleScratch,
    out: NDArray[np.float64],
) -> None:
    """P Hᵀ of component i of a plot of the first, the second or the middle, as `shares` say."""
    rate = shares[0] * w.rate[b, 0, i] + shares[1] * w.rate[b, 1, i]
    for row in range(p.shape[0]):
        total = 0.0
        for k in range(2):
            if shares[k] != 0.0:
                for j in range(6):
                    total += shares[k] * w.h[b, k, i, j] * p[row, 6 * k + j]
        if at > 0:
            bias = BOTH + at - CORE
            total += p[row, bias + i] - rate * p[row, bias + 4]
            if i < 3:
                total += p[row, bias + 5 + i]
        out[row] = total


@kernel
def _jacobian_times(
    column: NDArray[np.float64],
    shares: tuple[float, float],
    b: int,
    i: int,
    at: int,
    w: CoupleScratch,
) -> float:
    """H times a column, for the same component."""
    total = 0.0
    for k in range(2):
        if shares[k] != 0.0:
            for j in range(6):
                total += shares[k] * w.h[b, k, i, j] * column[6 * k + j]
    if at > 0:
        bias = BOTH + at - CORE
        rate = shares[0] * w.rate[b, 0, i] + shares[1] * w.rate[b, 1, i]
        total += column[bias + i] - rate * column[bias + 4]
        if i < 3:
            total += column[bias + 5 + i]
    return total


@kernel
def _innovations(
    p: NDArray[np.float64],
    b: int,
    components: int,
    radar: int,
    radars: NDArray[np.float64],
    w: CoupleScratch,
) -> None:
    """H P Hᵀ of both objects' components, the first's before the second's: `w.innovation`."""
    at = int(radars[radar, BIAS_AT])
    for k in range(2):
        shares = (1.0, 0.0) if k == 0 else (0.0, 1.0)
        for i in range(components):
            _times_jacobian(p, shares, b, i, at, w, w.ph[4 * k + i])
    for k in range(2):
        shares = (1.0, 0.0) if k == 0 else (0.0, 1.0)
        for i in range(components):
            for other in range(2):
                for j in range(components):
                    w.innovation[4 * k + i, 4 * other + j] = _jacobian_times(
                        w.ph[4 * other + j], shares, b, i, at, w
                    )


@kernel
def _ways_of(
    b: int,
    weight: float,
    ways: int,
    components: int,
    radar: int,
    plots: int,
    unused_log_density: float,
    radars: NDArray[np.float64],
    w: CoupleScratch,
) -> int:
    """Every way in which the look may have come about under belief `b`, after `ways` others."""
    detection = min(radars[radar, DETECTION], MOST_DETECTION)
    merged = _merged_share(b, radar, radars, w)
    no_plot = (1.0 - detection) * (1.0 - detection) * (1.0 - merged) + (1.0 - detection) * merged
    unused = weight + plots * unused_log_density
    ways = _add(ways, b, -1, -1, -1, unused + math.log(no_plot), w)
    alone = math.log(detection * (1.0 - detection)) + math.log1p(-merged)
    each = 2.0 * math.log(detection) + math.log1p(-merged)
    together = math.log(detection) + math.log(max(merged, 1e-300))
    rest = unused - unused_log_density
    for j in range(plots):
        for k in range(2):
            log_likelihood = _log_likelihood(b, k, j, -1, components, radar, radars, w)
            first, second = (j, -1) if k == 0 else (-1, j)
            ways = _add(ways, b, first, second, -1, rest + alone + log_likelihood, w)
        for i in range(plots):
            if i != j:
                log_likelihood = _log_likelihood(b, 0, j, i, components, radar, radars, w)
                log_weight = rest - unused_log_density + each + log_likelihood
                ways = _add(ways, b, j, i, -1, log_weight, w)
        if merged > 0.0:
            log_likelihood = _log_likelihood(b, 2, j, -1, components, radar, radars, w)
            ways = _add(ways, b, -1, -1, j, rest + together + log_likelihood, w)
    return ways


@kernel
def _add(
    ways: int, b: int, first: int, second: int, both: int, log_weight: float, w: CoupleScratch
) -> int:
    """One more way."""
    if log_weight == -math.inf:
        return ways
    w.way[ways, OF_BELIEF], w.way[ways, OF_BOTH] = b, both
    w.way[ways, OF_FIRST], w.way[ways, OF_SECOND] = first, second
    w.log_weight[ways] = log_weight
    return ways + 1


@kernel
def _merged_share(b: int, radar: int, radars: NDArray[np.float64], w: CoupleScratch) -> float:
    """Probability that the radar sees both as one under belief `b`, after `_innovations`."""
    cell_m, cell_rad = radars[radar, RANGE_RESOLUTION_M], radars[radar, ANGLE_RESOLUTION_RAD]
    if cell_m <= 0.0 or cell_rad <= 0.0:
        return 0.0
    share = 1.0
    for i in range(3):
        off = w.predicted[b, 0, i] - w.predicted[b, 1, i]
        cell = cell_m if i == 0 else cell_rad
        if i == 1:
            off = wrap_angle(off)
            cell /= max(math.cos(w.predicted[b, 0, 2]), 1e-6)
        s = w.innovation
        variance = s[i, i] + s[4 + i, 4 + i] - s[i, 4 + i] - s[4 + i, i]
        scale = math.sqrt(2.0 * max(variance, 0.0)) + 1e-12 * cell
        share *= 0.5 * (math.erf((cell - off) / scale) - math.erf((-cell - off) / scale))
    return min(max(share, 1e-9), 1.0 - 1e-6)


@kernel
def _residual(
    b: int,
    shares: tuple[float, float],
    i: int,
    plot: NDArray[np.float64],
    dt: float,
    w: CoupleScratch,
) -> float:
    """Component i of a plot less what was predicted, moved to the plot's time."""
    value = 0.0
    for k in range(2):
        if shares[k] != 0.0:
            off = plot[i] - w.predicted[b, k, i] - dt * w.rate[b, k, i]
            value += shares[k] * (wrap_angle(off) if i == 1 else off)
    return value


@kernel
def _log_likelihood(
    b: int,
    who: int,
    plot: int,
    other: int,
    components: int,
    radar: int,
    radars: NDArray[np.float64],
    w: CoupleScratch,
) -> float:
    """Log likelihood of `plot` as that of the first (`who` 0), the second (1) or the middle (2).

    `other`: with it a plot of the second, or -1.
    """
    s, used, size = w.innovation, components, 0
    if math.isnan(w.plots[plot, 3]) or (other >= 0 and math.isnan(w.plots[other, 3])):
        used = 3
    for i in range(used):
        if who == 2:
            w.residual[i] = _residual(b, (0.5, 0.5), i, w.plots[plot], w.dt_s[plot], w)
        else:
            shares = (1.0, 0.0) if who == 0 else (0.0, 1.0)
            w.residual[i] = _residual(b, shares, i, w.plots[plot], w.dt_s[plot], w)
            if other >= 0:
                w.residual[used + i] = _residual(b, (0.0, 1.0), i, w.plots[other], w.dt_s[other], w)
        for j in range(used):
            if who == 2:
                value = s[i, j] + s[i, 4 + j] + s[4 + i, j] + s[4 + i, 4 + j]
                w.factor[i, j] = 0.25 * value
            else:
                w.factor[i, j] = s[4 * who + i, 4 * who + j]
                if other >= 0:
                    w.factor[i, used + j] = s[i, 4 + j]
                    w.factor[used + i, j] = s[4 + i, j]
                    w.factor[used + i, used + j] = s[4 + i, 4 + j]
    size = used if other < 0 else 2 * used
    for i in range(size):
        w.factor[i, i] += radars[radar, SIGMA + i % used] ** 2
    if not cholesky(w.factor, size):
        return -math.inf
    value = -HALF_LOG_2_PI * size
    for i in range(size):
        total = w.residual[i]
        for j in range(i):
            total -= w.factor[i, j] * w.residual[j]
        w.residual[i] = total / w.factor[i, i]
        value -= 0.5 * w.residual[i] ** 2 + math.log(w.factor[i, i])
    if used == 4:
        value += LOG_RANGE_RATES * (size // used)
    return value


@kernel
def _updated(
    ways: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    w: CoupleScratch,
) -> int:
    """The beliefs that the likeliest ways lead to, likeliest first, into `w.x`, `w.p`, `w.weight`.

    Returns how many.
    """
    new, last, last_way = 0, math.inf, -1
    least = -math.inf
    while new < w.x.shape[0]:
        best = -1
        for way in range(ways):  # the next in order of weight, then of number
            value = w.log_weight[way]
            if value > last or (value == last and way <= last_way):
                continue
            if best < 0 or value > w.log_weight[best]:
                best = way
        if best < 0 or w.log_weight[best] < least:
            break
        last, last_way = w.log_weight[best], best
        if new == 0:
            least = last - LEAST_LOG_WEIGHT
            for k in range(4):
                w.likeliest[k] = w.way[best, k]
            w.fit[SURE], w.fit[DISTANCE], w.fit[COMPONENTS] = math.exp(last), 0.0, 0.0
        b = w.way[best, OF_BELIEF]
        copy_vector(x[b], w.x[new])
        copy_matrix(p[b], w.p[new])
        w.weight[new] = last
        first, second, both = w.way[best, OF_FIRST], w.way[best, OF_SECOND], w.way[best, OF_BOTH]
        if first >= 0:
            _update_by(new, b, (1.0, 0.0), first, x[b], radar, radars, w)
        if second >= 0:
            _update_by(new, b, (0.0, 1.0), second, x[b], radar, radars, w)
        if both >= 0:
            _update_by(new, b, (0.5, 0.5), both, x[b], radar, radars, w)
        new += 1
    return new


@kernel
def _update_by(
    new: int,
    b: int,
    shares: tuple[float, float],
    plot: int,
    prior: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    w: CoupleScratch,
) -> None:
    """Update belief `new` by one plot; linear about `prior`, the mean of belief `b`."""
    x, p, at = w.x[new], w.p[new], int(radars[radar, BIAS_AT])
    components = 3
    if radars[radar, SIGMA + 3] > 0.0 and not math.isnan(w.plots[plot, 3]):
        components = 4
    for i in range(components):
        for k in range(x.shape[0]):
            w.apart[k] = x[k] - prior[k]
        residual = _residual(b, shares, i, w.plots[plot], w.dt_s[plot], w)
        residual -= _jacobian_times(w.apart, shares, b, i, at, w)
        _times_jacobian(p, shares, b, i, at, w, w.ph[0])
        noise_variance = radars[radar, SIGMA + i] ** 2
        variance = _jacobian_times(w.ph[0], shares, b, i, at, w) + noise_variance
        update_scalar(x, p, w.ph[0], variance, noise_variance, residual)
        if new == 0:
            w.fit[DISTANCE] += residual * residual / variance
            w.fit[COMPONENTS] += 1.0


@kernel
def _put_ahead_first(x: NDArray[np.float64], p: NDArray[np.float64], w: CoupleScratch) -> bool:
    """Let the object be the first that gets ahead, along the way of both; whether it was not."""
    ahead = 0.0
    for i in range(3, 6):
        ahead += (x[i] - x[6 + i]) * (x[i] + x[6 + i])
    if ahead < 0.0:
        swap(x, p, w)
    return ahead < 0.0


@kernel
def swap(x: NDArray[np.float64], p: NDArray[np.float64], w: CoupleScratch) -> None:
    """Call the first object the second, in place."""
    m = x.shape[0]
    copy_matrix(p, w.aside)
    for i in range(6):
        x[i], x[6 + i] = x[6 + i], x[i]
    for i in range(m):
        for j in range(m):
            p[i, j] = w.aside[_swapped(i), _swapped(j)]


@kernel
def _swapped(i: int) -> int:
    """Which number of a joint state is number i once first and second are swapped."""
    if i >= BOTH:
        return i
    return i + 6 if i < 6 else i - 6


@kernel
def _fewer(
    new: int,
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    either: bool,
    w: CoupleScratch,
) -> int:
    """The beliefs of `w`, those alike as one, into `weight`, `x`, `p`; returns how many.

    `either`: which of the two is the first says nothing; they are called as in the likeliest.
    """
    m, count = x.shape[1], 0
    greatest = w.weight[0]
    for b in range(new):
        w.weight[b] = math.exp(w.weight[b] - greatest)
    for b in range(new):
        if w.weight[b] <= 0.0 or count == weight.shape[0]:
            continue
        copy_matrix(w.p[b], w.lower)
        if not cholesky(w.lower, m):
            continue
        copy_vector(w.x[b], x[count])
        copy_matrix(w.p[b], p[count])
        total = w.weight[b]
        for other in range(b + 1, new):
            if w.weight[other] <= 0.0:
                continue
            near = _distance(w.x[other], w.x[b], False, w)
            if either and near >= ALIKE and _distance(w.x[other], w.x[b], True, w) < ALIKE:
                swap(w.x[other], w.p[other], w)
                near = 0.0
            if near < ALIKE:
                total = _add_to(x[count], p[count], total, w.x[other], w.p[other], w.weight[other])
                w.weight[other] = 0.0
        weight[count] = total
        count += 1
    whole = 0.0
    for b in range(count):
        whole += weight[b]
    for b in range(count):
        weight[b] = math.log(weight[b] / whole)
    return count


@kernel
def _distance(
    x: NDArray[np.float64], about: NDArray[np.float64], swapped: bool, w: CoupleScratch
) -> float:
    """Squared distance of `x` from `about` in the covariance whose factor is `w.lower`."""
    distance = 0.0
    for i in range(x.shape[0]):
        value = (x[_swapped(i)] if swapped else x[i]) - about[i]
        for j in range(i):
            value -= w.lower[i, j] * w.apart[j]
        w.apart[i] = value / w.lower[i, i]
        distance += w.apart[i] ** 2
        if distance >= ALIKE:
            break
    return distance


@kernel
def _add_to(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    weight: float,
    other_x: NDArray[np.float64],
    other_p: NDArray[np.float64],
    other_weight: float,
) -> float:
    """Mean and covariance of both Gaussians as one, into `x` and `p`; returns the weight."""
    total = weight + other_weight
    mine, share = weight / total, other_weight / total
    for i in range(x.shape[0]):
        for j in range(i, x.shape[0]):
            spread = mine * share * (x[i] - other_x[i]) * (x[j] - other_x[j])
            value = mine * p[i, j] + share * other_p[i, j] + spread
            p[i, j] = value
            p[j, i] = value
    for i in range(x.shape[0]):
        x[i] += share * (other_x[i] - x[i])
    return total


@kernel
def marginal(
    who: int,
    count: int,
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    either: bool,
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> None:
    """One object over all beliefs, as a track's state: `mean` (n,), `covariance` (n, n), written.

    `either`: called as in the likeliest belief, wherever that is nearer.
    """
    n = mean.shape[0]
    for i in range(n):
        mean[i] = 0.0
        for j in range(n):
            covariance[i, j] = 0.0
    for turn in range(2):
        for b in range(count):
            share, turned = math.exp(weight[b]), either and b > 0 and _other_way_round(x[b], x[0])
            object_at = 6 * (1 - who if turned else who)
            for i in range(n):
                at_i = _place(i, object_at)
                if at_i < 0:
                    continue
                if turn == 0:
                    mean[i] += share * x[b, at_i]
                    continue
                for j in range(n):
                    at_j = _place(j, object_at)
                    if at_j >= 0:
                        covariance[i, j] += share * (
                            p[b, at_i, at_j] + (x[b, at_i] - mean[i]) * (x[b, at_j] - mean[j])
                        )


@kernel
def _place(i: int, object_at: int) -> int:
    """Where number i of a track's state is in a joint one; -1: not in it."""
    if i < 6:
        return object_at + i
    return BOTH + i - CORE if i >= CORE else -1


@kernel
def _other_way_round(x: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether the objects of `x` are nearer to those of `best` with the names swapped."""
    straight, crossed = 0.0, 0.0
    for i in range(3):
        straight += (x[i] - best[i]) ** 2 + (x[6 + i] - best[6 + i]) ** 2
        crossed += (x[6 + i] - best[i]) ** 2 + (x[i] - best[6 + i]) ** 2
    return crossed < straight
