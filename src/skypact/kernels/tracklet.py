"""Plots of one object to information about its state, and back into scalar measurements.

The joint vector d holds 6 core states (position and velocity as departures from the state about
which was linearised) and the 8 biases of the radar, in the order of kernels/filter.py.

Book symbols: Φ transition, H measurement Jacobian, H_b that by the biases, R noise, M information
of the joint vector, m information vector, δ departure from the state.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import (
    BIAS_AT,
    BIAS_SIGMA,
    BIASES_PER_RADAR,
    CORE,
    GAIN,
    HALF_LOG_2_PI,
    PARTIALS,
    PREDICTED,
    PRIOR,
    RATE,
    SIGMA,
    TRANSITION,
    H,
    measure,
)
from skypact.kernels.linear import cholesky, copy_vector, invert_cholesky, solve_cholesky
from skypact.kernels.motion import COAST, gravity_remainder, move
from skypact.kernels.radar_geometry import wrap_angle

JOINT = 6 + BIASES_PER_RADAR
# Of a joint information scaled to unit diagonal, less than this is no information, and this far
# below nothing is no rounding.
LEAST_PIVOT = 1e-10
BELOW_NOTHING = 1e-8
# So far, in σ, an information vector may lie outside of what the information allows.
MOST_OUTSIDE = 1e-3
NOT_SEMIDEFINITE, OUTSIDE = -1, -2


@kernel
def gather_information(
    z: NDArray[np.float64],
    since_s: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    state: NDArray[np.float64],
    unknown_speed_m_s: float,
    gravity: NDArray[np.float64],
    information: NDArray[np.float64],
    vector: NDArray[np.float64],
    s: NDArray[np.float64],
) -> None:
    """Joint information (14, 14) and vector (14,) of the plots `z` (k, 4), written.

    M = Σ [H Φ, H_b]ᵀ R⁻¹ [H Φ, H_b] and m = Σ [H Φ, H_b]ᵀ R⁻¹ (z - h(x)) about `state` (6,) in
    free flight, moved from its instant by `since_s` (k,) to each plot. `unknown_speed_m_s` > 0: so
    poorly the velocity is known; range rates are left out, and what a time offset does at such a
    speed is noise. `s` is scratch for a state of 14 numbers.
    """
    information[:] = 0.0
    vector[:] = 0.0
    at = int(radars[radar, BIAS_AT])
    remainder = gravity_remainder(state[0], state[1], state[2], gravity)
    moving, row = s[PRIOR, :CORE], s[GAIN, :JOINT]
    partials, f = s[PARTIALS : PARTIALS + 3, :CORE], s[TRANSITION : TRANSITION + CORE, :CORE]
    for index in range(z.shape[0]):
        moving[:] = 0.0
        copy_vector(state, moving)
        f[:] = 0.0
        for i in range(CORE):
            f[i, i] = 1.0
        if since_s[index] != 0.0:
            move(COAST, moving, since_s[index], remainder, partials, f)
        components = measure(moving, radar, radars, s)
        if components == 4 and (math.isnan(z[index, 3]) or unknown_speed_m_s > 0.0):
            components = 3
        for i in range(components):
            residual = z[index, i] - s[PREDICTED, i]
            if i == 1:
                residual = wrap_angle(residual)
            slope = 0.0
            for j in range(JOINT):
                row[j] = 0.0
            for j in range(6):
                value = 0.0
                for k in range(6):
                    value += s[H + i, k] * f[k, j]
                row[j] = value
            for k in range(3):
                slope += s[H + i, k] ** 2
            variance = radars[radar, SIGMA + i] ** 2
            if at > 0:
                row[6 + i] = 1.0
                row[6 + 4] = -s[RATE, i]
                smear = radars[radar, BIAS_SIGMA + 4] * unknown_speed_m_s
                variance += slope * smear * smear
                if i < 3:
                    row[6 + 5 + i] = 1.0
                for k in range(BIASES_PER_RADAR):
                    if radars[radar, BIAS_SIGMA + k] == 0.0:
                        row[6 + k] = 0.0
            for j in range(JOINT):
                if row[j] != 0.0:
                    weighted = row[j] / variance
                    vector[j] += weighted * residual
                    for k in range(JOINT):
                        information[j, k] += weighted * row[k]


@kernel
def whiten(
    work: NDArray[np.float64],
    vector: NDArray[np.float64],
    rows: NDArray[np.float64],
    values: NDArray[np.float64],
    order: NDArray[np.int64],
) -> int:
    """The information in `work` (m, m), spoilt, as measurements of unit variance; returns how many.

    Measurement k: `rows[k]` (m,) · d = `values[k]` + noise. Cholesky with complete pivoting of the
    matrix scaled to unit diagonal (Golub & Van Loan, Matrix Computations, algorithm 4.2.4), which
    stops at its rank. `order` (2, m) is scratch. NOT_SEMIDEFINITE: the matrix is no information;
    OUTSIDE: `vector` (m,) is not among what it can give.
    """
    m = work.shape[0]
    scale = values
    for i in range(m):
        if not work[i, i] >= 0.0:
            return NOT_SEMIDEFINITE
        scale[i] = math.sqrt(work[i, i])
        order[1, i] = 0
    for i in range(m):
        for j in range(m):
            unit = scale[i] * scale[j]
            if unit > 0.0:
                work[i, j] /= unit
            elif work[i, j] != 0.0:
                return NOT_SEMIDEFINITE
    count = 0
    while count < m:
        pivot = -1
        for i in range(m):
            if order[1, i] == 0 and (pivot < 0 or work[i, i] > work[pivot, pivot]):
                pivot = i
        if not work[pivot, pivot] > LEAST_PIVOT:
            break
        root = math.sqrt(work[pivot, pivot])
        row = rows[count]
        for i in range(m):
            row[i] = work[i, pivot] / root if order[1, i] == 0 else 0.0
        order[0, count], order[1, pivot] = pivot, 1
        for i in range(m):
            for j in range(m):
                work[i, j] -= row[i] * row[j]
        count += 1
    for i in range(m):
        for j in range(m):
            if order[1, i] == 0 and order[1, j] == 0 and abs(work[i, j]) > BELOW_NOTHING:
                return NOT_SEMIDEFINITE
    # From here on `work` holds the scale, as `values` is wanted for the measurements.
    greatest = 0.0
    for i in range(m):
        work[0, i] = scale[i]
    for k in range(count):
        pivot = order[0, k]
        value = vector[pivot] / work[0, pivot]
        for j in range(k):
            value -= rows[j, pivot] * values[j]
        values[k] = value / rows[k, pivot]
        greatest = max(greatest, abs(values[k]))
    for i in range(m):
        if order[1, i] == 1:
            continue
        left = vector[i] / work[0, i] if work[0, i] > 0.0 else vector[i]
        for j in range(count):
            left -= rows[j, i] * values[j]
        if not abs(left) <= MOST_OUTSIDE * (1.0 + greatest):
            return OUTSIDE
    for k in range(count):
        for i in range(m):
            rows[k, i] *= work[0, i]
    for k in range(count, m):
        values[k] = 0.0
        rows[k, :] = 0.0
    return count


@kernel
def new_object(
    information: NDArray[np.float64],
    vector: NDArray[np.float64],
    values: NDArray[np.float64],
    count: int,
    velocity: tuple[float, float, float],
    speed_sigma_m_s: float,
    bias_sigma: NDArray[np.float64],
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    work: NDArray[np.float64],
) -> float:
    """What a tracklet alone says of an object not yet known: departure `x` (14,), covariance `p`.

    A place anywhere, a velocity of 0 ± `speed_sigma_m_s` in each component and biases of
    ± `bias_sigma` (8,) are believed before; `velocity` m/s is that about which was linearised.
    Returns the log likelihood of the whitened `values` for one such object per m³; -∞ where the
    tracklet does not tell a place. `work` (14, 14) is scratch.
    """
    log_likelihood = -HALF_LOG_2_PI * (count - 3)
    for k in range(count):
        log_likelihood -= 0.5 * values[k] * values[k]
    for i in range(JOINT):
        x[i] = vector[i]
        for j in range(JOINT):
            work[i, j] = information[i, j]
        if i < 3:
            continue
        if i < 6:
            weight = 1.0 / (speed_sigma_m_s * speed_sigma_m_s)
            x[i] -= weight * velocity[i - 3]
            log_likelihood -= 0.5 * weight * velocity[i - 3] ** 2
        else:
            weight = 1.0 / max(bias_sigma[i - 6], 1e-12) ** 2
        work[i, i] += weight
        log_likelihood += 0.5 * math.log(weight)
    for i in range(JOINT):
        p[0, i] = x[i]
    if not cholesky(work, JOINT):
        return -math.inf
    solve_cholesky(work, x, JOINT)
    for i in range(JOINT):
        log_likelihood += 0.5 * p[0, i] * x[i] - math.log(work[i, i])
    invert_cholesky(work, p, JOINT)
    return log_likelihood
