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
from skypact.kernels.compiled import as_int64, kernel
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
    predicted_bias,
    update_scalar,
)
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.linear import cholesky, copy_matrix, copy_vector, forward_solve
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
# Two objects are told apart by where they are and, times this, how fast.
SPEED_COUNTS_S = 10.0
# Drag is known to this share, and alike for so long, s.
HALF_KNOWN, DRAG_ALIKE_S = 0.5, 10.0
# No radar detects surely.
MOST_DETECTION = 0.99
# Range rates lie within so many m/s: plots with and without compare.
LOG_RANGE_RATES = math.log(8e3)

# Columns of a way: belief, plot of the first, of the second, of both (-1: none), log weight.
OF_BELIEF, OF_FIRST, OF_SECOND, OF_BOTH, LOG_WEIGHT = 0, 1, 2, 3, 4
# Columns of a look's plots, after the plot: s after the beliefs, how surely it is of the couple,
# how unlikely it is for a track, and which of the scan it is.
DT_S, USED, COST, NUMBER = 4, 5, 6, 7
# Columns of what a radar would see, after the partials (6): rate, value.
SEEN_RATE, SEEN_VALUE = 6, 7

# Rows of the scratch array; nothing in them lives from one call to the next but the last three.
ONE = 0  # a track's state
PARTIALS = 1  # 3 × 9
TRANSITION = 4  # 9 × 9 of the first, 9 × 9 of the second
WORK = 22  # 12 × m
PH = 34  # 8 × m: P Hᵀ
INNOVATION = 42  # 8 × 8: H P Hᵀ of the first's components and the second's
FACTOR = 50  # 8 × 8
RESIDUAL = 58  # 8
APART = 59  # m
REFERENCE = 60  # 12: where the two were thought to be before the look
LIKELIEST = 61  # the likeliest way
FIT = 62  # how sure that is, its squared distance, of how many components; how surely merged
LOWER = 63  # m × m, and m × m more
SURE, DISTANCE, COMPONENTS, MERGED = 0, 1, 2, 3


class CoupleSettings(NamedTuple):
    """The numbers of `settings.TrackingSettings` that decide about couples, in SI units."""

    gate: float
    new_object_log_density: float
    first_plots_seconds: float
    contested_log_ratio: float
    sure_s: float
    unseen_s: float
    past_s: float
    parted_before_s: float
    parting_sigma_m: float
    parting_sigma_m_s: float
    payload_sigma_m_s: float
    behind_m_s: float
    young_sigma_m: float
    young_sigma_m_s: float


class CoupleContext(NamedTuple):
    """What couples go by, and the arrays that their kernels write over.

    `radars` (r, 32) and `filter` as in `PhaseContext`. A look's plots: `look` (MOST_PLOTS, 8). By
    belief, object and component what the radar would see: `seen` (b, 2, 4, 8). Ways: `way` (w, 5).
    New beliefs: `x` (2 b, m), `p` (2 b, m, m), `weight` (2 b,). `scratch`: rows as named.
    """

    radars: NDArray[np.float64]
    filter: NDArray[np.float64]
    noise: MotionNoise
    settings: CoupleSettings
    look: NDArray[np.float64]
    seen: NDArray[np.float64]
    way: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    weight: NDArray[np.float64]
    scratch: NDArray[np.float64]


def couple_context(
    radars: NDArray[np.float64],
    filter_scratch: NDArray[np.float64],
    noise: MotionNoise,
    settings: CoupleSettings,
    state_size: int,
    beliefs: int,
) -> CoupleContext:
    """The context of couples of tracks whose states have so many numbers."""
    m = BOTH + state_size - CORE
    return CoupleContext(
        radars=radars,
        filter=filter_scratch,
        noise=noise,
        settings=settings,
        look=np.zeros((MOST_PLOTS, 8)),
        seen=np.zeros((beliefs, 2, 4, 8)),
        way=np.zeros((beliefs * MOST_WAYS, 5)),
        x=np.zeros((2 * beliefs, m)),
        p=np.zeros((2 * beliefs, m, m)),
        weight=np.zeros(2 * beliefs),
        scratch=np.zeros((LOWER + 2 * m, m)),
    )


@kernel
def move_belief(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    dt: float,
    drag: tuple[float, float],
    remainder: tuple[float, float, float],
    c: CoupleContext,
) -> None:
    """Move one belief by `dt` seconds in free flight, in place.

    What gravity does that is not known does it to both alike; half of the `drag` (m²/kg) of each is
    its own to know.
    """
    m, left, s = x.shape[0], dt, c.scratch
    one, partials = s[ONE], s[PARTIALS : PARTIALS + 3, :CORE]
    while left != 0.0:
        h, gravity = left, 0.0
        slowed, phase = (0.0, 0.0), (COAST, COAST)
        for k in range(2):
            at = 6 * k
            height, _, _, _ = height_and_up(x[at], x[at + 1], x[at + 2])
            speed = math.sqrt(x[at + 3] ** 2 + x[at + 4] ** 2 + x[at + 5] ** 2)
            in_air = COAST if height > AIR_TOP_M else REENTRY
            longest = longest_step(in_air, height, speed)
            if abs(h) > longest * 1.0001:
                h = math.copysign(longest, left)
            gravity, _ = noise_density(COAST, height, speed, 0.0, c.noise)
            slows = drag_acceleration(height, speed, drag[k])
            slowed = (slows, slowed[1]) if k == 0 else (slowed[0], slows)
            phase = (in_air, phase[1]) if k == 0 else (phase[0], in_air)
        for k in range(2):
            for i in range(6):
                one[i] = x[6 * k + i]
            one[6], one[7], one[8] = drag[k] if phase[k] == REENTRY else 0.0, 0.0, 0.0
            at = TRANSITION + CORE * k
            move(phase[k], one, h, remainder, partials, s[at : at + CORE, :CORE])
            for i in range(6):
                x[6 * k + i] = one[i]
        left = 0.0 if h == left else left - h
        _propagate(p, s)
        side, long = math.copysign(1.0, h), abs(h)
        for a in range(0, BOTH, 6):
            for b in range(0, BOTH, 6):
                density = gravity
                if a == b:
                    density += 2.0 * (HALF_KNOWN * slowed[a // 6]) ** 2 * DRAG_ALIKE_S
                for i in range(3):
                    p[a + i, b + i] += density * long**3 / 3.0
                    p[a + 3 + i, b + 3 + i] += density * long
                    p[a + i, b + 3 + i] += side * density * long * long / 2.0
                    p[a + 3 + i, b + i] += side * density * long * long / 2.0
    if m == BOTH or dt == 0.0:
        return
    for radar in range(c.radars.shape[0]):
        at = int(c.radars[radar, BIAS_AT])
        if at == 0 or c.radars[radar, CORRELATION_TIME_S] <= 0.0:
            continue
        keep = math.exp(-abs(dt) / c.radars[radar, CORRELATION_TIME_S])
        for k in range(5, 8):
            i = BOTH + at - CORE + k
            x[i] *= keep
            for j in range(m):
                p[i, j] *= keep
                p[j, i] *= keep
            p[i, i] += (1.0 - keep * keep) * c.radars[radar, BIAS_SIGMA + k] ** 2


@kernel
def drag_acceleration(height_m: float, speed_m_s: float, drag_m2_kg: float) -> float:
    """How much the air slows an object of that drag, m/s²; 0 above it."""
    if height_m > AIR_TOP_M:
        return 0.0
    rho, _ = air_density(height_m)
    return 0.5 * rho * speed_m_s * speed_m_s * drag_m2_kg


@kernel
def _propagate(p: NDArray[np.float64], s: NDArray[np.float64]) -> None:
    """F P Fᵀ, in place, where F moves each object by its own transition in `s`."""
    m = p.shape[0]
    for i in range(BOTH):
        row, at = TRANSITION + CORE * (i // 6) + i % 6, 6 * (i // 6)
        for j in range(m):
            total = 0.0
            for k in range(6):
                total += s[row, k] * p[at + k, j]
            s[WORK + i, j] = total
    for i in range(BOTH):
        for j in range(i, BOTH):
            row, at = TRANSITION + CORE * (j // 6) + j % 6, 6 * (j // 6)
            total = 0.0
            for k in range(6):
                total += s[WORK + i, at + k] * s[row, k]
            p[i, j] = total
            p[j, i] = total
        for j in range(BOTH, m):
            p[i, j] = s[WORK + i, j]
            p[j, i] = s[WORK + i, j]


@kernel
def observe_beliefs(
    count: int,
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    radar: int,
    plots: int,
    parted: bool,
    c: CoupleContext,
) -> int:
    """Let a look update the beliefs `weight` (b,), `x` (b, m), `p` (b, m, m), in place.

    `count` says how many there are, log weights with Σ e^w = 1. The look's plots are the first so
    many of `c.look`. Which of the two is called the first: where one `parted` from the other, the
    one that gets ahead; else the one nearer to where the first was thought to be before. Returns
    how many beliefs there are now, and tells of the likeliest way in the scratch; 0: none explains
    the look, all is as it was.
    """
    s = c.scratch
    for i in range(BOTH):
        s[REFERENCE, i] = 0.0
        for b in range(count):
            s[REFERENCE, i] += math.exp(weight[b]) * x[b, i]
    ways = as_int64(0)
    for b in range(count):
        components = _linearise(b, x[b], radar, c)
        _innovations(p[b], b, components, radar, c)
        ways = _ways_of(b, weight[b], ways, components, radar, plots, c)
    greatest, total = -math.inf, 0.0
    for way in range(ways):
        greatest = max(greatest, c.way[way, LOG_WEIGHT])
    if greatest == -math.inf:
        return 0
    for way in range(ways):
        total += math.exp(c.way[way, LOG_WEIGHT] - greatest)
    for j in range(plots):
        c.look[j, USED] = 0.0
    for way in range(ways):
        c.way[way, LOG_WEIGHT] -= greatest + math.log(total)
        for k in (OF_FIRST, OF_SECOND, OF_BOTH):
            j = int(c.way[way, k])
            if j >= 0:
                c.look[j, USED] += math.exp(c.way[way, LOG_WEIGHT])
    new = _updated(ways, x, p, radar, c)
    for b in range(new):
        if _is_other_way_round(c.x[b], parted, s):
            _swap(c.x[b], c.p[b], s)
            if b == 0:
                first, second = s[LIKELIEST, OF_FIRST], s[LIKELIEST, OF_SECOND]
                s[LIKELIEST, OF_FIRST], s[LIKELIEST, OF_SECOND] = second, first
    return _fewer(new, weight, x, p, c)


@kernel
def _linearise(b: int, x: NDArray[np.float64], radar: int, c: CoupleContext) -> int:
    """What the radar would see of both objects under belief `b`; how many components."""
    components, one, seen = 3, c.scratch[ONE], c.filter
    n = x.shape[0] - BOTH + CORE
    for i in range(CORE, n):
        one[i] = x[BOTH + i - CORE]
    for k in range(2):
        for i in range(6):
            one[i] = x[6 * k + i]
        components = measure(one, radar, c.radars, seen)
        for i in range(components):
            for j in range(6):
                c.seen[b, k, i, j] = seen[H + i, j]
            c.seen[b, k, i, SEEN_RATE] = seen[RATE, i]
            c.seen[b, k, i, SEEN_VALUE] = seen[PREDICTED, i] + predicted_bias(
                one, radar, c.radars, seen, i
            )
    return components


@kernel
def _times_jacobian(
    p: NDArray[np.float64],
    shares: tuple[float, float],
    b: int,
    i: int,
    at: int,
    seen: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """P Hᵀ of component i of a plot of the first, the second or the middle, as `shares` say.

    `at`: where the radar's biases are in a track's state; 0: it has none.
    """
    rate = shares[0] * seen[b, 0, i, SEEN_RATE] + shares[1] * seen[b, 1, i, SEEN_RATE]
    for row in range(p.shape[0]):
        total = 0.0
        for k in range(2):
            if shares[k] != 0.0:
                for j in range(6):
                    total += shares[k] * seen[b, k, i, j] * p[row, 6 * k + j]
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
    seen: NDArray[np.float64],
) -> float:
    """H times a column, for the same component."""
    total = 0.0
    for k in range(2):
        if shares[k] != 0.0:
            for j in range(6):
                total += shares[k] * seen[b, k, i, j] * column[6 * k + j]
    if at > 0:
        bias = BOTH + at - CORE
        rate = shares[0] * seen[b, 0, i, SEEN_RATE] + shares[1] * seen[b, 1, i, SEEN_RATE]
        total += column[bias + i] - rate * column[bias + 4]
        if i < 3:
            total += column[bias + 5 + i]
    return total


@kernel
def _innovations(
    p: NDArray[np.float64], b: int, components: int, radar: int, c: CoupleContext
) -> None:
    """H P Hᵀ of both objects' components, the first's before the second's, into the scratch."""
    s, at = c.scratch, int(c.radars[radar, BIAS_AT])
    for k in range(2):
        shares = (1.0, 0.0) if k == 0 else (0.0, 1.0)
        for i in range(components):
            _times_jacobian(p, shares, b, i, at, c.seen, s[PH + 4 * k + i])
    for k in range(2):
        shares = (1.0, 0.0) if k == 0 else (0.0, 1.0)
        for i in range(components):
            for other in range(2):
                for j in range(components):
                    value = _jacobian_times(s[PH + 4 * other + j], shares, b, i, at, c.seen)
                    s[INNOVATION + 4 * k + i, 4 * other + j] = value


@kernel
def _ways_of(
    b: int,
    weight: float,
    ways: int,
    components: int,
    radar: int,
    plots: int,
    c: CoupleContext,
) -> int:
    """Every way in which the look may have come about under belief `b`, after `ways` others."""
    detection = min(c.radars[radar, DETECTION], MOST_DETECTION)
    merged = _merged_share(b, radar, c)
    if b == 0:
        c.scratch[FIT, MERGED] = merged
    nobody, first_alone, both = as_int64(-1), as_int64(0), as_int64(2)
    no_plot = (1.0 - detection) * (1.0 - detection) * (1.0 - merged) + (1.0 - detection) * merged
    spare = c.settings.new_object_log_density
    rest = weight + (plots - 1) * spare
    ways = _add(ways, b, nobody, nobody, nobody, rest + spare + math.log(no_plot), c.way)
    alone = math.log(detection * (1.0 - detection)) + math.log1p(-merged)
    each = 2.0 * math.log(detection) + math.log1p(-merged)
    for j in range(plots):
        for k in range(2):
            log_likelihood = _log_likelihood(b, k, j, nobody, components, radar, c)
            first, second = (j, nobody) if k == 0 else (nobody, j)
            ways = _add(ways, b, first, second, nobody, rest + alone + log_likelihood, c.way)
        for i in range(plots):
            if i != j:
                log_likelihood = _log_likelihood(b, first_alone, j, i, components, radar, c)
                ways = _add(ways, b, j, i, nobody, rest - spare + each + log_likelihood, c.way)
        if merged > 0.0:
            log_likelihood = _log_likelihood(b, both, j, nobody, components, radar, c)
            together = math.log(detection * merged) + log_likelihood
            ways = _add(ways, b, nobody, nobody, j, rest + together, c.way)
    return ways


@kernel
def _add(
    ways: int,
    b: int,
    first: int,
    second: int,
    both: int,
    log_weight: float,
    way: NDArray[np.float64],
) -> int:
    """One more way."""
    if log_weight == -math.inf:
        return ways
    way[ways, OF_BELIEF], way[ways, OF_BOTH] = b, both
    way[ways, OF_FIRST], way[ways, OF_SECOND] = first, second
    way[ways, LOG_WEIGHT] = log_weight
    return ways + 1


@kernel
def _merged_share(b: int, radar: int, c: CoupleContext) -> float:
    """Probability that the radar sees both as one under belief `b`, after `_innovations`."""
    cell_m, cell_rad = c.radars[radar, RANGE_RESOLUTION_M], c.radars[radar, ANGLE_RESOLUTION_RAD]
    if cell_m <= 0.0 or cell_rad <= 0.0:
        return 0.0
    share, s = 1.0, c.scratch
    for i in range(3):
        off = c.seen[b, 0, i, SEEN_VALUE] - c.seen[b, 1, i, SEEN_VALUE]
        cell = cell_m if i == 0 else cell_rad
        if i == 1:
            off = wrap_angle(off)
            cell /= max(math.cos(c.seen[b, 0, 2, SEEN_VALUE]), 1e-6)
        variance = s[INNOVATION + i, i] + s[INNOVATION + 4 + i, 4 + i]
        variance -= s[INNOVATION + i, 4 + i] + s[INNOVATION + 4 + i, i]
        scale = math.sqrt(2.0 * max(variance, 0.0)) + 1e-12 * cell
        share *= 0.5 * (math.erf((cell - off) / scale) - math.erf((-cell - off) / scale))
    return min(max(share, 1e-9), 1.0 - 1e-6)


@kernel
def _residual(
    b: int,
    shares: tuple[float, float],
    i: int,
    plot: NDArray[np.float64],
    seen: NDArray[np.float64],
) -> float:
    """Component i of a plot less what was predicted, moved to the plot's time."""
    value = 0.0
    for k in range(2):
        if shares[k] != 0.0:
            off = plot[i] - seen[b, k, i, SEEN_VALUE] - plot[DT_S] * seen[b, k, i, SEEN_RATE]
            value += shares[k] * (wrap_angle(off) if i == 1 else off)
    return value


@kernel
def _log_likelihood(
    b: int, who: int, plot: int, other: int, components: int, radar: int, c: CoupleContext
) -> float:
    """Log likelihood of `plot` as that of the first (`who` 0), the second (1) or the middle (2).

    `other`: with it a plot of the second, or -1.
    """
    s, used = c.scratch, components
    if math.isnan(c.look[plot, 3]) or (other >= 0 and math.isnan(c.look[other, 3])):
        used = 3
    shares = (0.5, 0.5)
    if who < 2:
        shares = (1.0, 0.0) if who == 0 else (0.0, 1.0)
    for i in range(used):
        s[RESIDUAL, i] = _residual(b, shares, i, c.look[plot], c.seen)
        if other >= 0:
            s[RESIDUAL, used + i] = _residual(b, (0.0, 1.0), i, c.look[other], c.seen)
        first, second = INNOVATION + i, INNOVATION + 4 + i
        for j in range(used):
            if who == 2:
                value = s[first, j] + s[first, 4 + j] + s[second, j] + s[second, 4 + j]
                s[FACTOR + i, j] = 0.25 * value
            else:
                s[FACTOR + i, j] = s[first + 4 * who, 4 * who + j]
                if other >= 0:
                    s[FACTOR + i, used + j] = s[first, 4 + j]
                    s[FACTOR + used + i, j] = s[second, j]
                    s[FACTOR + used + i, used + j] = s[second, 4 + j]
    size = used if other < 0 else 2 * used
    for i in range(size):
        s[FACTOR + i, i] += c.radars[radar, SIGMA + i % used] ** 2
    factor = s[FACTOR : FACTOR + 8]
    if not cholesky(factor, size):
        return -math.inf
    value = -HALF_LOG_2_PI * size - 0.5 * forward_solve(factor, s[RESIDUAL], size)
    for i in range(size):
        value -= math.log(factor[i, i])
    if used == 4:
        value += LOG_RANGE_RATES * (size // used)
    return value


@kernel
def _updated(
    ways: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    radar: int,
    c: CoupleContext,
) -> int:
    """The beliefs that the likeliest ways lead to, likeliest first, into `c`; returns how many."""
    new, last, last_way, least, s = as_int64(0), math.inf, -1, -math.inf, c.scratch
    while new < c.x.shape[0]:
        best = -1
        for way in range(ways):  # the next in order of weight, then of number
            value = c.way[way, LOG_WEIGHT]
            if value > last or (value == last and way <= last_way):
                continue
            if best < 0 or value > c.way[best, LOG_WEIGHT]:
                best = way
        if best < 0 or c.way[best, LOG_WEIGHT] < least:
            break
        last, last_way = c.way[best, LOG_WEIGHT], best
        if new == 0:
            least = last - LEAST_LOG_WEIGHT
            for k in range(OF_BOTH + 1):
                s[LIKELIEST, k] = c.way[best, k]
            s[FIT, SURE], s[FIT, DISTANCE], s[FIT, COMPONENTS] = math.exp(last), 0.0, 0.0
        b = int(c.way[best, OF_BELIEF])
        copy_vector(x[b], c.x[new])
        copy_matrix(p[b], c.p[new])
        c.weight[new] = last
        for k in (OF_FIRST, OF_SECOND, OF_BOTH):
            plot = int(c.way[best, k])
            if plot >= 0:
                _update_by(new, b, k, plot, x[b], radar, c)
        new += 1
    return new


@kernel
def _update_by(
    new: int,
    b: int,
    whose: int,
    plot: int,
    prior: NDArray[np.float64],
    radar: int,
    c: CoupleContext,
) -> None:
    """Update belief `new` by one plot; linear about `prior`, the mean of belief `b`."""
    x, p, s, at = c.x[new], c.p[new], c.scratch, int(c.radars[radar, BIAS_AT])
    shares = (0.5, 0.5)
    if whose != OF_BOTH:
        shares = (1.0, 0.0) if whose == OF_FIRST else (0.0, 1.0)
    components, m = 3, x.shape[0]
    if c.radars[radar, SIGMA + 3] > 0.0 and not math.isnan(c.look[plot, 3]):
        components = 4
    for i in range(components):
        for k in range(m):
            s[APART, k] = x[k] - prior[k]
        residual = _residual(b, shares, i, c.look[plot], c.seen)
        residual -= _jacobian_times(s[APART], shares, b, i, at, c.seen)
        _times_jacobian(p, shares, b, i, at, c.seen, s[PH])
        noise_variance = c.radars[radar, SIGMA + i] ** 2
        variance = _jacobian_times(s[PH], shares, b, i, at, c.seen) + noise_variance
        update_scalar(x, p, s[PH], variance, noise_variance, residual)
        if new == 0:
            s[FIT, DISTANCE] += residual * residual / variance
            s[FIT, COMPONENTS] += 1.0


@kernel
def _is_other_way_round(x: NDArray[np.float64], parted: bool, s: NDArray[np.float64]) -> bool:
    """Whether the first object of `x` is to be called the second."""
    ahead, straight, crossed = 0.0, 0.0, 0.0
    for i in range(3, 6):
        ahead += (x[i] - x[6 + i]) * (x[i] + x[6 + i])
    if parted:
        return ahead < 0.0
    for i in range(6):
        per_m = 1.0 if i < 3 else SPEED_COUNTS_S
        first, second = s[REFERENCE, i], s[REFERENCE, 6 + i]
        straight += per_m * per_m * ((x[i] - first) ** 2 + (x[6 + i] - second) ** 2)
        crossed += per_m * per_m * ((x[6 + i] - first) ** 2 + (x[i] - second) ** 2)
    return crossed < straight


@kernel
def call_as(
    count: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    c: CoupleContext,
) -> None:
    """Call the first, in each of `count` beliefs, the object that is nearer to `first`, in place.

    `first`, `second`: position and velocity, and what comes behind them.
    """
    s = c.scratch
    for i in range(6):
        s[REFERENCE, i], s[REFERENCE, 6 + i] = first[i], second[i]
    for b in range(count):
        if _is_other_way_round(x[b], False, s):
            _swap(x[b], p[b], s)


@kernel
def _swap(x: NDArray[np.float64], p: NDArray[np.float64], s: NDArray[np.float64]) -> None:
    """Call the first object the second, in place."""
    m = x.shape[0]
    aside = s[LOWER + m : LOWER + 2 * m]
    copy_matrix(p, aside)
    for i in range(6):
        x[i], x[6 + i] = x[6 + i], x[i]
    for i in range(m):
        at_i = i if i >= BOTH else (i + 6) % BOTH
        for j in range(m):
            p[i, j] = aside[at_i, j if j >= BOTH else (j + 6) % BOTH]


@kernel
def _fewer(
    new: int,
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    c: CoupleContext,
) -> int:
    """The new beliefs of `c`, those alike as one, into `weight`, `x`, `p`; returns how many."""
    m, count = x.shape[1], 0
    lower, greatest = c.scratch[LOWER : LOWER + m], c.weight[0]
    for b in range(new):
        c.weight[b] = math.exp(c.weight[b] - greatest)
    for b in range(new):
        if c.weight[b] <= 0.0 or count == weight.shape[0]:
            continue
        copy_matrix(c.p[b], lower)
        if not cholesky(lower, m):
            continue
        copy_vector(c.x[b], x[count])
        copy_matrix(c.p[b], p[count])
        total = c.weight[b]
        for other in range(b + 1, new):
            if c.weight[other] > 0.0 and _distance(c.x[other], c.x[b], lower, c.scratch) < ALIKE:
                total = _add_to(x[count], p[count], total, c.x[other], c.p[other], c.weight[other])
                c.weight[other] = 0.0
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
    x: NDArray[np.float64],
    about: NDArray[np.float64],
    lower: NDArray[np.float64],
    s: NDArray[np.float64],
) -> float:
    """Squared distance of `x` from `about`, as far as `ALIKE`; `lower`: Cholesky factor."""
    distance = 0.0
    for i in range(x.shape[0]):
        value = x[i] - about[i]
        for j in range(i):
            value -= lower[i, j] * s[APART, j]
        s[APART, i] = value / lower[i, i]
        distance += s[APART, i] ** 2
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
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> None:
    """One object over all beliefs, as a track's state: `mean` (n,), `covariance` (n, n), written.

    Of the phase's own states nothing is known here: they are 0.
    """
    n = mean.shape[0]
    for i in range(n):
        mean[i] = 0.0
        for j in range(n):
            covariance[i, j] = 0.0
    for about_mean in range(2):
        for b in range(count):
            share = math.exp(weight[b])
            for i in range(n):
                at_i = _place(i, 6 * who)
                if at_i >= 0 and about_mean == 0:
                    mean[i] += share * x[b, at_i]
                for j in range(n if at_i >= 0 and about_mean == 1 else 0):
                    at_j = _place(j, 6 * who)
                    if at_j >= 0:
                        spread = (x[b, at_i] - mean[i]) * (x[b, at_j] - mean[j])
                        covariance[i, j] += share * (p[b, at_i, at_j] + spread)


@kernel
def _place(i: int, object_at: int) -> int:
    """Where number i of a track's state is in a joint one; -1: not in it."""
    if i < 6:
        return object_at + i
    return BOTH + i - CORE if i >= CORE else -1
