"""Starting a track: least squares over its first plots.

Initialisation is the weak point of every filter of this kind, so a track starts from all its first
plots at once, each linearised at the same, iterated path.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import (
    BIAS_AT,
    BIAS_SIGMA,
    BIASES_PER_RADAR,
    CORE,
    GAIN,
    PARTIALS,
    PH,
    PREDICTED,
    PRIOR,
    PRIOR_P,
    RATE,
    SIGMA,
    TOTAL,
    TRANSITION,
    WORK,
    H,
    measure,
)
from skypact.kernels.linear import cholesky, copy_vector, invert_cholesky, solve_cholesky
from skypact.kernels.motion import (
    BOOST,
    REENTRY,
    extra_states,
    move,
)
from skypact.kernels.radar_geometry import wrap_angle

# Columns of the plots that are fitted.
PLOT_TIME_S = 0
PLOT_RADAR = 1
PLOT_Z = 2  # 4: range, azimuth, elevation, range rate
PLOT_COLUMNS = 6


class StartPriors(NamedTuple):
    """What is believed of an object before its first plot: means are 0 but for the drag."""

    speed_sigma_m_s: float
    thrust_sigma_m_s2: float
    drag_m2_kg: float
    drag_sigma_m2_kg: float
    thrust_density_m2_s5: float


@kernel
def _prior_information(
    phase: int, i: int, priors: StartPriors, radars: NDArray[np.float64]
) -> tuple[float, float]:
    """Prior mean and information of state i; no information about the position."""
    if i < 3:
        return 0.0, 0.0
    if i < 6:
        return 0.0, 1.0 / priors.speed_sigma_m_s**2
    if i < CORE:
        if phase == REENTRY:
            return priors.drag_m2_kg, 1.0 / priors.drag_sigma_m2_kg**2
        return 0.0, 1.0 / priors.thrust_sigma_m_s2**2
    for radar in range(radars.shape[0]):
        at = int(radars[radar, BIAS_AT])
        if at > 0 and at <= i < at + BIASES_PER_RADAR:
            return 0.0, 1.0 / max(radars[radar, BIAS_SIGMA + i - at], 1e-12) ** 2
    return 0.0, 1.0


@kernel
def _advance(
    phase: int,
    x: NDArray[np.float64],
    total: NDArray[np.float64],
    dt: float,
    remainder: tuple[float, float, float],
    partials: NDArray[np.float64],
    f: NDArray[np.float64],
    work: NDArray[np.float64],
) -> None:
    """Move `x` by dt and multiply the transition `total` (9, 9) from the left, in place."""
    left = dt
    while left != 0.0:
        h, _, _ = move(phase, x, left, remainder, partials, f)
        left = 0.0 if h == left else left - h
        for i in range(6):
            for j in range(CORE):
                value = 0.0
                for k in range(CORE):
                    value += f[i, k] * total[k, j]
                work[i, j] = value
        for j in range(CORE):
            a, b, c = total[6, j], total[7, j], total[8, j]
            for i in range(6):
                total[i, j] = work[i, j]
            for i in range(3):
                total[6 + i, j] = f[6 + i, 6] * a + f[6 + i, 7] * b + f[6 + i, 8] * c


@kernel
def fit_path(
    phase: int,
    plots: NDArray[np.float64],
    count: int,
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    remainder: tuple[float, float, float],
    radars: NDArray[np.float64],
    priors: StartPriors,
    s: NDArray[np.float64],
) -> tuple[bool, float, float]:
    """Fit one phase's motion to the first `count` of `plots` (k, 6), in order of time or against.

    `x` (n,) holds a first guess for the time of the last of them and gets the solution, `p` (n, n)
    its covariance. Gauss-Newton on the sum of squared residuals and priors. Returns whether it
    converged, that sum (χ²), and the log evidence of the phase up to a constant that is the same
    for all phases (Laplace; MacKay, Information Theory, eq. 28.10).
    """
    n = x.shape[0]
    own = extra_states(phase)
    normal, right, moving, row = s[PRIOR_P : PRIOR_P + n, :n], s[GAIN, :n], s[PRIOR, :n], s[PH, :n]
    total, f = s[TOTAL : TOTAL + CORE, :CORE], s[TRANSITION : TRANSITION + CORE, :CORE]
    work, partials = s[WORK : WORK + 6, :CORE], s[PARTIALS : PARTIALS + 3, :CORE]
    last = plots[count - 1, PLOT_TIME_S]
    chi_squared, prior_log = 0.0, 0.0
    converged = False
    for _ in range(12):
        normal[:] = 0.0
        right[:] = 0.0
        chi_squared, prior_log = 0.0, 0.0
        for i in range(n):
            if 6 + own <= i < CORE:
                normal[i, i] = 1.0
                x[i] = 0.0
                continue
            mean, information = _prior_information(phase, i, priors, radars)
            normal[i, i] = information
            right[i] = information * (mean - x[i])
            chi_squared += information * (mean - x[i]) ** 2
            if information > 0.0:
                prior_log += 0.5 * math.log(information)
        copy_vector(x, moving)
        total[:] = 0.0
        for i in range(9):
            total[i, i] = 1.0
        now = last
        for index in range(count - 1, -1, -1):
            _advance(
                phase, moving, total, plots[index, PLOT_TIME_S] - now, remainder, partials, f, work
            )
            now = plots[index, PLOT_TIME_S]
            radar = int(plots[index, PLOT_RADAR])
            at = int(radars[radar, BIAS_AT])
            components = measure(moving, radar, radars, s)
            # Thrust does not stay as it is: what it may do meanwhile loosens the farther plots.
            wander = 0.0
            if phase == BOOST:
                wander = priors.thrust_density_m2_s5 * abs(last - now) ** 5 / 20.0
            for i in range(components):
                z = plots[index, PLOT_Z + i]
                if i == 3 and math.isnan(z):
                    break
                residual = z - s[PREDICTED, i]
                if i == 1:
                    residual = wrap_angle(residual)
                for j in range(n):
                    row[j] = 0.0
                for j in range(6 + own):
                    value = 0.0
                    for k in range(6 if i == 3 else 3):
                        value += s[H + i, k] * total[k, j]
                    row[j] = value
                if at > 0:
                    row[at + i] = 1.0
                    row[at + 4] = -s[RATE, i]
                    residual -= x[at + i] - s[RATE, i] * x[at + 4]
                    if i < 3:
                        row[at + 5 + i] = 1.0
                        residual -= x[at + 5 + i]
                across = 1.0 if i == 0 else 1.0 / max(s[PREDICTED, 0], 1.0)
                variance = radars[radar, SIGMA + i] ** 2
                if i < 3:
                    variance += wander * across * across
                chi_squared += residual * residual / variance
                for j in range(n):
                    if row[j] != 0.0:
                        weighted = row[j] / variance
                        right[j] += weighted * residual
                        for k in range(j + 1):
                            normal[j, k] += weighted * row[k]
        if not cholesky(normal, n):
            return False, math.inf, -math.inf
        solve_cholesky(normal, right, n)
        moved = 0.0
        for i in range(n):
            x[i] += right[i]
        # How far it moved, in units of its own uncertainty: |Lᵀ dx|².
        for i in range(n):
            value = 0.0
            for j in range(i, n):
                value += normal[j, i] * right[j]
            moved += value * value
        if not moved < 1e12:
            return False, math.inf, -math.inf
        if moved < 1e-4:
            converged = True
            break
    log_evidence = prior_log - 0.5 * chi_squared
    for i in range(n):
        log_evidence -= math.log(normal[i, i])
    invert_cholesky(normal, p, n)
    for i in range(6 + own, CORE):
        p[i, :] = 0.0
        p[:, i] = 0.0
    return converged, chi_squared, log_evidence
