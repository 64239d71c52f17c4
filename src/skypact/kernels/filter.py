"""The filter: prediction, measurement, update, for one phase of one track.

State of a track: `x` (n,), `p` (n, n) with n = 9 + 8 per radar that declares biases or correlated
errors. 0:3 position m, 3:6 velocity m/s (ECEF), 6:9 the phase's own (kernels/motion.py), then per
such radar: constant offsets of range m, azimuth rad, elevation rad, range rate m/s and time s, and
time-correlated errors of range, azimuth and elevation (first-order Gauss-Markov). Offsets are
estimated with the track; what stays unknown of them stays in the covariance.

Book symbols: F transition, H measurement Jacobian, K gain, S innovation covariance, R noise.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.atmosphere import density
from skypact.kernels.compiled import inlined, kernel
from skypact.kernels.linear import copy_matrix, copy_vector
from skypact.kernels.motion import (
    BOOST,
    MANOEUVRE,
    REENTRY,
    extra_states,
    move,
)
from skypact.kernels.radar_geometry import (
    polar_from_local,
    polar_gradients,
    to_local,
    turn_to_ecef,
    wrap_angle,
)

CORE = 9
BIASES_PER_RADAR = 8
HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)
# The update is iterated while the sag of the uncertain arc exceeds this share of the range sigma.
SAG_OF_RANGE_SIGMA = 0.05
MOST_ROUNDS = 5


# Columns of the radar array, one row a radar.
SITE = 0  # 3: ECEF m
AXES = 3  # 9: east, north, up
SIGMA = (
    12  # 4: one plot's own error in range m, azimuth rad, elevation rad, range rate m/s (0: none)
)
BIAS_AT = 16  # where the radar's biases begin in the state; 0: none
BIAS_SIGMA = 17  # 8: standard deviations of the biases, in the order of the state
CORRELATION_TIME_S = 25
MAX_RANGE_M = 26
MIN_ELEVATION_RAD = 27
DETECTION = 28
PERIOD_S = 29  # from look to look; 0: not known
RANGE_RESOLUTION_M = 30  # closer than both of these, two objects are seen as one; 0: not known
ANGLE_RESOLUTION_RAD = 31
RADAR_COLUMNS = 32

# Rows of the scratch array (rows, n); nothing in it lives from one call to the next.
PARTIALS = 0  # 3 × 9
TRANSITION = 3  # 9 × 9
WORK = 12  # 9 × n
PREDICTED = 21  # 4 components of the measurement
RATE = 22  # their rates per second
H = 23  # 4 × 6: by position and velocity
PH = 27  # 4 × n: P Hᵀ
GAIN = 31  # n
PRIOR = 32  # n
RESIDUAL = 33  # 4
TOTAL = 34  # 9 × 9: transition over several steps
PRIOR_P = 43  # n × n


def scratch(n: int) -> NDArray[np.float64]:
    """Scratch for states of n numbers."""
    return np.zeros((PRIOR_P + n, max(n, CORE)))


class MotionNoise(NamedTuple):
    """How far each phase may depart from its equations: spectral densities of white noise.

    Free flight: what gravity beyond degree 20 does, 1σ `gravity_sigma_m_s2` at the ground, falling
    by e each `gravity_scale_m` of height and alike for `gravity_time_s`.
    """

    gravity_sigma_m_s2: float
    gravity_scale_m: float
    gravity_time_s: float
    thrust_m2_s5: float
    drag_1_s: float
    manoeuvre_m2_s5: float
    lift_sigma_m2_kg: float


@kernel
def noise_density(
    phase: int, height_m: float, speed_m_s: float, drag: float, noise: MotionNoise
) -> tuple[float, float]:
    """Spectral densities on velocity (m²/s³) and on each of the phase's own states.

    `drag` m²/kg: of a re-entry, of which it changes a share. Lift and drag in a manoeuvre change so
    that the acceleration they give has the stated jerk; where air is thin, no faster than a tenth
    of all the lift there is in a second.
    """
    sigma = noise.gravity_sigma_m_s2 * math.exp(-max(height_m, 0.0) / noise.gravity_scale_m)
    velocity = 2.0 * sigma * sigma * noise.gravity_time_s
    if phase == BOOST:
        return velocity, noise.thrust_m2_s5
    if phase == REENTRY:
        return velocity, noise.drag_1_s * drag * drag
    if phase == MANOEUVRE:
        rho, _ = density(height_m)
        pressure = 0.5 * rho * speed_m_s * speed_m_s
        most = (0.1 * noise.lift_sigma_m2_kg) ** 2
        return velocity, min(noise.manoeuvre_m2_s5 / max(pressure * pressure, 1e-9), most)
    return velocity, 0.0


@kernel
def _add_noise(
    phase: int,
    p: NDArray[np.float64],
    partials: NDArray[np.float64],
    h: float,
    velocity_density: float,
    own_density: float,
) -> None:
    """Process noise over h seconds: white on velocity, Wiener on the own states, into `p`."""
    # Backwards in time positions follow velocities with the sign turned, and so on.
    side, h = math.copysign(1.0, h), abs(h)
    h2, h3 = side * h * h / 2.0, h * h * h / 3.0
    for i in range(3):
        p[i, i] += velocity_density * h3
        p[3 + i, 3 + i] += velocity_density * h
        p[i, 3 + i] += velocity_density * h2
        p[3 + i, i] += velocity_density * h2
    own = extra_states(phase)
    if own == 0 or own_density == 0.0:
        return
    q_rr, q_rv, q_re = h**5 / 20.0, side * h**4 / 8.0, h**3 / 6.0
    q_vv, q_ve = h3, h2
    for i in range(3):
        for j in range(3):
            outer = 0.0
            for k in range(own):
                outer += partials[i, 6 + k] * partials[j, 6 + k]
            outer *= own_density
            p[i, j] += q_rr * outer
            p[i, 3 + j] += q_rv * outer
            p[3 + j, i] += q_rv * outer
            p[3 + i, 3 + j] += q_vv * outer
        for k in range(own):
            effect = own_density * partials[i, 6 + k]
            p[i, 6 + k] += q_re * effect
            p[6 + k, i] += q_re * effect
            p[3 + i, 6 + k] += q_ve * effect
            p[6 + k, 3 + i] += q_ve * effect
    for k in range(own):
        p[6 + k, 6 + k] += own_density * h


@inlined
def _propagate(
    used: int,
    n: int,
    p: NDArray[np.float64],
    f: NDArray[np.float64],
    work: NDArray[np.float64],
) -> None:
    """F P Fᵀ into the first `used` of `p`, and F P into the first six rows of the rest."""
    for i in range(6):
        for j in range(used):
            total = 0.0
            for k in range(used):
                total += f[i, k] * p[k, j]
            work[i, j] = total
        for j in range(CORE, n):
            total = 0.0
            for k in range(used):
                total += f[i, k] * p[k, j]
            work[i, j] = total
    for i in range(6):
        for j in range(i, 6):
            total = 0.0
            for k in range(used):
                total += work[i, k] * f[j, k]
            p[i, j] = total
            p[j, i] = total
        for j in range(6, used):
            p[i, j] = work[i, j]
            p[j, i] = work[i, j]
        for j in range(CORE, n):
            p[i, j] = work[i, j]
            p[j, i] = work[i, j]


@inlined
def _propagate_own(n: int, p: NDArray[np.float64], f: NDArray[np.float64]) -> None:
    """The states 6:9 by their own block of `f`, in the rows and columns of `p` alike."""
    for j in range(n):
        if 6 <= j < CORE:
            continue
        a, b, c = p[6, j], p[7, j], p[8, j]
        for i in range(3):
            moved = f[6 + i, 6] * a + f[6 + i, 7] * b + f[6 + i, 8] * c
            p[6 + i, j] = moved
            p[j, 6 + i] = moved
    p66, p67, p68, p77, p78, p88 = p[6, 6], p[6, 7], p[6, 8], p[7, 7], p[7, 8], p[8, 8]
    for i in range(3):
        f0, f1, f2 = f[6 + i, 6], f[6 + i, 7], f[6 + i, 8]
        a = f0 * p66 + f1 * p67 + f2 * p68
        b = f0 * p67 + f1 * p77 + f2 * p78
        c = f0 * p68 + f1 * p78 + f2 * p88
        for k in range(i, 3):
            moved = a * f[6 + k, 6] + b * f[6 + k, 7] + c * f[6 + k, 8]
            p[6 + i, 6 + k] = moved
            p[6 + k, 6 + i] = moved


@kernel
def propagate_covariance(
    own: int, p: NDArray[np.float64], f: NDArray[np.float64], work: NDArray[np.float64]
) -> None:
    """F P Fᵀ into `p`, where F is `f` (9, 9) on the core states and the identity elsewhere.

    `own`: how many of the states 6:9 are in use, 0, 1 or 3; with 3 they may turn into each other.
    `work` (≥6, n) is scratch.
    """
    if own == 0:
        _propagate(6, p.shape[0], p, f, work)
    elif own == 1:
        _propagate(7, p.shape[0], p, f, work)
    else:
        _propagate(9, p.shape[0], p, f, work)
        if f[6, 6] != 1.0 or f[7, 7] != 1.0 or f[8, 8] != 1.0:
            _propagate_own(p.shape[0], p, f)


@kernel
def predict(
    phase: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    dt: float,
    remainder: tuple[float, float, float],
    noise: MotionNoise,
    s: NDArray[np.float64],
) -> None:
    """Move `x` and `p` by `dt` seconds (either sign), in place. Biases stay: see `age_biases`."""
    if dt == 0.0:
        return
    own = extra_states(phase)
    partials, f = s[PARTIALS : PARTIALS + 3, :CORE], s[TRANSITION : TRANSITION + CORE, :CORE]
    work = s[WORK : WORK + 6]
    left = dt
    while left != 0.0:
        h, height, speed = move(phase, x, left, remainder, partials, f)
        left = 0.0 if h == left else left - h
        propagate_covariance(own, p, f, work)
        velocity_density, own_density = noise_density(phase, height, speed, x[6], noise)
        _add_noise(phase, p, partials, h, velocity_density, own_density)


@kernel
def age_biases(
    x: NDArray[np.float64], p: NDArray[np.float64], dt: float, radars: NDArray[np.float64]
) -> None:
    """Let the time-correlated errors of all radars fade over `dt` seconds, in place."""
    n = p.shape[0]
    if n == CORE or dt == 0.0:
        return
    for radar in range(radars.shape[0]):
        at = int(radars[radar, BIAS_AT])
        if at == 0 or radars[radar, CORRELATION_TIME_S] <= 0.0:
            continue
        keep = math.exp(-abs(dt) / radars[radar, CORRELATION_TIME_S])
        for k in range(5, 8):
            i = at + k
            x[i] *= keep
            for j in range(n):
                p[i, j] *= keep
                p[j, i] *= keep
            p[i, i] += (1.0 - keep * keep) * radars[radar, BIAS_SIGMA + k] ** 2


@kernel
def axes_of(
    radar: int, radars: NDArray[np.float64]
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """East, north and up of a radar in ECEF, as `geodesy.local_axes` gives them."""
    row = radars[radar]
    return (
        row[AXES],
        row[AXES + 1],
        row[AXES + 2],
        row[AXES + 3],
        row[AXES + 4],
        row[AXES + 5],
        row[AXES + 6],
        row[AXES + 7],
        row[AXES + 8],
    )


@kernel
def measure(
    x: NDArray[np.float64], radar: int, radars: NDArray[np.float64], s: NDArray[np.float64]
) -> int:
    """What `radar` would measure of `x`: into the rows PREDICTED, H and RATE of
    the scratch `s`.

    Returns how many components: 3, or 4 with range rate. Without biases.
    """
    site = (radars[radar, SITE + 0], radars[radar, SITE + 1], radars[radar, SITE + 2])
    axes = axes_of(radar, radars)
    east, north, up = to_local(x[0], x[1], x[2], site, axes)
    s[PREDICTED, 0], s[PREDICTED, 1], s[PREDICTED, 2] = polar_from_local(east, north, up)
    re, rn, ru, ae, an, ee, en, eu = polar_gradients(east, north, up)
    s[H + 0, 0], s[H + 0, 1], s[H + 0, 2] = turn_to_ecef(re, rn, ru, axes)
    s[H + 1, 0], s[H + 1, 1], s[H + 1, 2] = turn_to_ecef(ae, an, 0.0, axes)
    s[H + 2, 0], s[H + 2, 1], s[H + 2, 2] = turn_to_ecef(ee, en, eu, axes)
    for i in range(3):
        s[H + i, 3] = 0.0
        s[H + i, 4] = 0.0
        s[H + i, 5] = 0.0
        s[RATE, i] = s[H + i, 0] * x[3] + s[H + i, 1] * x[4] + s[H + i, 2] * x[5]
    if radars[radar, SIGMA + 3] == 0.0:
        return 3
    s[PREDICTED, 3] = s[RATE, 0]
    distance = max(s[PREDICTED, 0], 1.0)
    for k in range(3):
        s[H + 3, 3 + k] = s[H + 0, k]
        s[H + 3, k] = (x[3 + k] - s[RATE, 0] * s[H + 0, k]) / distance
    s[RATE, 3] = 0.0
    return 4


@kernel
def innovation(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    z: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
) -> tuple[float, float]:
    """Squared Mahalanobis distance and log likelihood of a plot `z` (4,) against a prediction.

    Range rate is left out where `z` has none (NaN). Works in sequence over the components, so that
    no matrix is inverted; `x` and `p` stay as they are.
    """
    components = measure(x, radar, radars, s)
    at = int(radars[radar, BIAS_AT])
    distance, root_determinant = 0.0, 1.0
    count = 0
    # Modified Cholesky of S = H P Hᵀ + R, row by row, in the rows from WORK on.
    for i in range(components):
        if i == 3 and math.isnan(z[3]):
            break
        _times_jacobian(p, s, i, at)
        residual = z[i] - s[PREDICTED, i] - _bias_of(x, s, i, at)
        if i == 1:
            residual = wrap_angle(residual)
        for j in range(i + 1):
            total = _jacobian_times(s, PH + i, j, at)
            if i == j:
                total += radars[radar, SIGMA + i] ** 2
            for k in range(j):
                total -= s[WORK + i, k] * s[WORK + j, k]
            if i == j:
                if total <= 0.0:
                    return math.inf, -math.inf
                s[WORK + i, i] = math.sqrt(total)
            else:
                s[WORK + i, j] = total / s[WORK + j, j]
        for k in range(i):
            residual -= s[WORK + i, k] * s[GAIN, k]
        s[GAIN, i] = residual / s[WORK + i, i]
        distance += s[GAIN, i] ** 2
        root_determinant *= s[WORK + i, i]
        count += 1
    return distance, -math.log(root_determinant) - 0.5 * distance - HALF_LOG_2_PI * count


@kernel
def _bias_of(x: NDArray[np.float64], s: NDArray[np.float64], i: int, at: int) -> float:
    """What the radar's estimated biases add to component i of its measurement."""
    if at == 0:
        return 0.0
    value = x[at + i] - s[RATE, i] * x[at + 4]
    return value + x[at + 5 + i] if i < 3 else value


@kernel
def predicted_bias(
    x: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
    i: int,
) -> float:
    """What the radar's estimated biases add to component i, after `measure`."""
    return _bias_of(x, s, i, int(radars[radar, BIAS_AT]))


@kernel
def predicted_variance(
    p: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
    i: int,
) -> float:
    """Variance of what component i of a plot would be without its own noise, after `measure`."""
    at = int(radars[radar, BIAS_AT])
    _times_jacobian(p, s, i, at)
    return _jacobian_times(s, PH + i, i, at)


@kernel
def _times_jacobian(p: NDArray[np.float64], s: NDArray[np.float64], i: int, at: int) -> None:
    """P Hᵀ for measurement component i, into row PH + i of the scratch."""
    h0, h1, h2, rate = s[H + i, 0], s[H + i, 1], s[H + i, 2], s[RATE, i]
    for row in range(p.shape[0]):
        total = p[row, 0] * h0 + p[row, 1] * h1 + p[row, 2] * h2
        if i == 3:
            total += p[row, 3] * s[H + 3, 3] + p[row, 4] * s[H + 3, 4] + p[row, 5] * s[H + 3, 5]
        if at > 0:
            total += p[row, at + i] - rate * p[row, at + 4]
            if i < 3:
                total += p[row, at + 5 + i]
        s[PH + i, row] = total


@kernel
def _jacobian_times(s: NDArray[np.float64], column: int, i: int, at: int) -> float:
    """H times a column, for measurement component i; the column stands in row `column` of `s`."""
    total = s[H + i, 0] * s[column, 0] + s[H + i, 1] * s[column, 1] + s[H + i, 2] * s[column, 2]
    if i == 3:
        total += s[H + i, 3] * s[column, 3] + s[H + i, 4] * s[column, 4]
        total += s[H + i, 5] * s[column, 5]
    if at > 0:
        total += s[column, at + i] - s[RATE, i] * s[column, at + 4]
        if i < 3:
            total += s[column, at + 5 + i]
    return total


@inlined
def _update_first(
    n: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    ph: NDArray[np.float64],
    innovation_variance: float,
    noise_variance: float,
    residual: float,
) -> None:
    """`update_scalar` of the first `n` states."""
    projected = innovation_variance - noise_variance
    for i in range(n):
        k_i = ph[i] / innovation_variance
        if k_i == 0.0:
            continue
        x[i] += k_i * residual
        rest = ph[i] - k_i * projected
        for j in range(i, n):
            k_j = ph[j] / innovation_variance
            value = p[i, j] - k_i * ph[j] - rest * k_j + k_i * noise_variance * k_j
            p[i, j] = value
            p[j, i] = value


@kernel
def update_scalar(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    ph: NDArray[np.float64],
    innovation_variance: float,
    noise_variance: float,
    residual: float,
) -> None:
    """Update `x`, `p` in place by one scalar measurement with P Hᵀ = `ph` (n,): Joseph form.

    (I - K H) P (I - K H)ᵀ + K R Kᵀ written out for a scalar (Bar-Shalom, Li, Kirubarajan,
    Estimation with Applications, eq. 5.2.3-18).
    """
    n = x.shape[0]
    if n == CORE and ph[6] == 0.0 and ph[7] == 0.0 and ph[8] == 0.0:
        _update_first(6, x, p, ph, innovation_variance, noise_variance, residual)
    elif n == CORE:
        _update_first(CORE, x, p, ph, innovation_variance, noise_variance, residual)
    else:
        _update_first(n, x, p, ph, innovation_variance, noise_variance, residual)


@kernel
def update(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    z: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    s: NDArray[np.float64],
) -> tuple[float, float]:
    """Update `x`, `p` in place by the plot `z` (4,) of `radar`; returns distance², log likelihood.

    Iterated (Bell & Cathey, IEEE TAC 38, 1993) while the line of sight is uncertain: as long as the
    sag of the uncertain arc, σ²/2r, is not small beside the range accuracy.
    """
    n = x.shape[0]
    at = int(radars[radar, BIAS_AT])
    sag = (p[0, 0] + p[1, 1] + p[2, 2]) / (2.0 * max(z[0], 1.0))
    rounds = 1 if sag < SAG_OF_RANGE_SIGMA * radars[radar, SIGMA] else MOST_ROUNDS
    copy_vector(x, s[PRIOR])
    if rounds > 1:
        copy_matrix(p, s[PRIOR_P : PRIOR_P + n])
    distance, log_likelihood = 0.0, 0.0
    for turn in range(rounds):
        components = measure(x, radar, radars, s)
        if components == 4 and math.isnan(z[3]):
            components = 3
        # Linearised about x, which from the second round on is no longer the prior mean.
        for k in range(n):
            s[GAIN, k] = s[PRIOR, k] - x[k]
        for i in range(components):
            residual = z[i] - s[PREDICTED, i] - _bias_of(x, s, i, at)
            if i == 1:
                residual = wrap_angle(residual)
            s[RESIDUAL, i] = residual - _jacobian_times(s, GAIN, i, at)
        about_x, about_y, about_z = x[0], x[1], x[2]
        if turn > 0:
            copy_vector(s[PRIOR, :n], x)
            copy_matrix(s[PRIOR_P : PRIOR_P + n, :n], p)
        round_distance, determinant = 0.0, 1.0
        for i in range(components):
            _times_jacobian(p, s, i, at)
            noise_variance = radars[radar, SIGMA + i] ** 2
            variance = _jacobian_times(s, PH + i, i, at) + noise_variance
            for k in range(n):
                s[GAIN, k] = x[k] - s[PRIOR, k]
            residual = s[RESIDUAL, i] - _jacobian_times(s, GAIN, i, at)
            update_scalar(x, p, s[PH + i, :n], variance, noise_variance, residual)
            round_distance += residual * residual / variance
            determinant *= variance
        if turn == 0:
            distance = round_distance
            log_likelihood = -0.5 * (math.log(determinant) + distance) - HALF_LOG_2_PI * components
        else:
            moved = (x[0] - about_x) ** 2 + (x[1] - about_y) ** 2 + (x[2] - about_z) ** 2
            if moved < 1.0:
                break
    return distance, log_likelihood
