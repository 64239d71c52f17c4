"""A path that a new object may be on, known better with every plot: place, velocity, acceleration.

A linear Kalman filter on a short path (Bar-Shalom, Li & Kirubarajan, Estimation, 2001, section
5.2), relative to the place and time of the newest plot. The acceleration, beyond what gravity and
the Earth's rotation do, is steady. Each plot is a place with one variance along its line of sight
and another across. The density of each plot under those before it makes the likelihood of all.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.geodesy import EARTH_RATE_RAD_S
from skypact.kernels.gravity import gravity_j2
from skypact.tracking.tables import ACROSS_M2, ALONG_M2, PLACE, SIGHT

# Rows of the scratch: the state; its covariance; P Hᵀ; the covariance of a foretold place; and what
# moves a path: gravity here, its change to the other end, velocity for the Earth's rotation.
STATES = 9
STATE, COVARIANCE, CROSS, OF_PLACE, PULL = 0, 1, 10, 19, 22
ROWS = 24
LOG_2_PI = math.log(2.0 * math.pi)


@kernel
def begin_path(
    here: NDArray[np.float64],
    there: NDArray[np.float64],
    span_s: float,
    speed_sigma_m_s: float,
    acceleration_sigma_m_s2: float,
    s: NDArray[np.float64],
) -> None:
    """A path that ends at the waiting plot `here` and came by `there`, `span_s` before.

    `there` says what gravity and the Earth's rotation do to it, not where it is. Into `s` (24, 9).
    """
    for row in range(COVARIANCE + STATES):
        for k in range(STATES):
            s[row, k] = 0.0
    p = s[COVARIANCE : COVARIANCE + STATES]
    longer = here[ALONG_M2] - here[ACROSS_M2]
    for i in range(3):
        for j in range(3):
            p[i, j] = longer * here[SIGHT + i] * here[SIGHT + j]
        p[i, i] += here[ACROSS_M2]
        p[3 + i, 3 + i] = speed_sigma_m_s * speed_sigma_m_s
        p[6 + i, 6 + i] = acceleration_sigma_m_s2 * acceleration_sigma_m_s2
    pull = s[PULL]
    gx, gy, gz = gravity_j2(here[PLACE], here[PLACE + 1], here[PLACE + 2])
    tx, ty, tz = gravity_j2(there[PLACE], there[PLACE + 1], there[PLACE + 2])
    turn = EARTH_RATE_RAD_S
    vx = (here[PLACE] - there[PLACE]) / span_s
    vy = (here[PLACE + 1] - there[PLACE + 1]) / span_s
    pull[0] = gx + turn * turn * here[PLACE] + 2.0 * turn * vy
    pull[1] = gy + turn * turn * here[PLACE + 1] - 2.0 * turn * vx
    pull[2] = gz
    pull[3], pull[4], pull[5] = (tx - gx) / span_s, (ty - gy) / span_s, (tz - gz) / span_s


@kernel
def expect(
    here: NDArray[np.float64],
    plot: NDArray[np.float64],
    before_s: float,
    loose_m2: float,
    gate: float,
    s: NDArray[np.float64],
) -> tuple[float, float, tuple[float, float, float]]:
    """How a waiting plot, so long before `here`, fits the path: χ², log density per m³, offset m.

    χ² may be ∞ where it is more than `gate`. `loose_m2`: variance of the place beyond what the
    path's model has. Leaves P Hᵀ and the covariance of the offset in `s` for `take`.
    """
    x, p, pull = s[STATE], s[COVARIANCE : COVARIANCE + STATES], s[PULL]
    t = -before_s
    half, third = 0.5 * t * t, before_s * before_s * before_s / 6.0
    # Gravity changes evenly from `here` to the path's other end.
    dx = plot[PLACE] - here[PLACE] - (x[0] + t * x[3] + half * (x[6] + pull[0]) + third * pull[3])
    dy = plot[PLACE + 1] - here[PLACE + 1]
    dy -= x[1] + t * x[4] + half * (x[7] + pull[1]) + third * pull[4]
    dz = plot[PLACE + 2] - here[PLACE + 2]
    dz -= x[2] + t * x[5] + half * (x[8] + pull[2]) + third * pull[5]
    # No direction is less sure than all together: most plots need no closer look.
    spread = 3.0 * loose_m2 + 2.0 * plot[ACROSS_M2] + plot[ALONG_M2]
    for i in range(3):
        spread += p[i, i] + 2.0 * t * p[i, 3 + i] + 2.0 * half * (p[3 + i, 3 + i] + p[i, 6 + i])
        spread += half * (2.0 * t * p[3 + i, 6 + i] + half * p[6 + i, 6 + i])
    if dx * dx + dy * dy + dz * dz > gate * spread:
        return math.inf, -math.inf, (dx, dy, dz)
    cross, of_place = s[CROSS : CROSS + STATES], s[OF_PLACE : OF_PLACE + 3]
    for i in range(STATES):
        for j in range(3):
            cross[i, j] = p[i, j] + t * p[i, 3 + j] + half * p[i, 6 + j]
    longer = plot[ALONG_M2] - plot[ACROSS_M2]
    for i in range(3):
        for j in range(3):
            of_place[i, j] = cross[i, j] + t * cross[3 + i, j] + half * cross[6 + i, j]
            of_place[i, j] += longer * plot[SIGHT + i] * plot[SIGHT + j]
        of_place[i, i] += plot[ACROSS_M2] + loose_m2
    chi, log_density = density_of(of_place, dx, dy, dz)
    return chi, log_density, (dx, dy, dz)


@kernel
def density_of(m: NDArray[np.float64], dx: float, dy: float, dz: float) -> tuple[float, float]:
    """χ² and log density of d under N(0, m), `m` (3, 3); (∞, -∞) where it is not definite."""
    xx, yy, zz, xy, xz, yz = m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    determinant = xx * a + xy * b + xz * c
    if determinant <= 0.0:
        return math.inf, -math.inf
    e, f, g = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    chi = a * dx * dx + e * dy * dy + g * dz * dz
    chi += 2.0 * (b * dx * dy + c * dx * dz + f * dy * dz)
    chi /= determinant
    return chi, -0.5 * (chi + math.log(determinant)) - 1.5 * LOG_2_PI


@kernel
def take(offset: tuple[float, float, float], s: NDArray[np.float64]) -> None:
    """Take the plot that `expect` looked at last for one of the path's: x, P in place."""
    x, p = s[STATE], s[COVARIANCE : COVARIANCE + STATES]
    cross, m = s[CROSS : CROSS + STATES], s[OF_PLACE : OF_PLACE + 3]
    xx, yy, zz, xy, xz, yz = m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    k = 1.0 / (xx * a + xy * b + xz * c)
    e, f, g = k * (xx * zz - xz * xz), k * (xy * xz - xx * yz), k * (xx * yy - xy * xy)
    a, b, c = k * a, k * b, k * c
    for i in range(STATES):
        u, v, w = cross[i, 0], cross[i, 1], cross[i, 2]
        gu, gv, gw = a * u + b * v + c * w, b * u + e * v + f * w, c * u + f * v + g * w
        x[i] += gu * offset[0] + gv * offset[1] + gw * offset[2]
        for j in range(i, STATES):
            p[i, j] -= gu * cross[j, 0] + gv * cross[j, 1] + gw * cross[j, 2]
            p[j, i] = p[i, j]
