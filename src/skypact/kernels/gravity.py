"""Gravity: spherical harmonics, and the cheap part of them in closed form.

The field is EGM2008, tide free (Pavlis, Holmes, Kenyon, Factor, JGR 117 B04406, 2012), as the
package `brahe` ships it. `docs/decisions/0002-gravity.md` says which degree serves what.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel

GM_M3_S2 = 3.986004415e14
REFERENCE_RADIUS_M = 6378136.3
# Degree for paths to the ground and back to the launch: metres do not matter there.
PATH_DEGREE = 20
J2 = 0.484165143790815e-03 * math.sqrt(5.0)


def harmonic_table(
    coefficients: Sequence[tuple[int, int, float, float]], degree: int
) -> NDArray[np.float64]:
    """Coefficients arranged for `gravity`: one row per harmonic V, W of degree 1 to `degree` + 1.

    `coefficients`: (degree, order, C, S), fully normalised, from degree 2. Returns (rows, 8), order
    by order: the two factors of the recursion, then the weights of V and W in the acceleration's
    x, y and z. These are Montenbruck & Gill, Satellite Orbits (2000), eq. 3.30 and 3.33, sorted by
    the harmonic that they use instead of by the coefficient, so that no triangle of V and W need
    be kept.
    """
    size = degree + 2
    c, s = np.zeros((size, size)), np.zeros((size, size))
    c[0, 0] = 1.0
    for n, m, c_nm, s_nm in coefficients:
        if n <= degree:
            norm = math.sqrt(
                (2.0 if m else 1.0) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m)
            )
            c[n, m], s[n, m] = norm * c_nm, norm * s_nm
    weights = np.zeros((size, size, 6))  # of V and W, in x, y, z, at [degree of V, order of V]
    for n in range(degree + 1):
        weights[n + 1, 1] += (-c[n, 0], 0.0, 0.0, -c[n, 0], 0.0, 0.0)
        for m in range(n + 1):
            below = (n - m + 1.0) * (n - m + 2.0)
            c_nm, s_nm = c[n, m], s[n, m]
            weights[n + 1, m, 4:] += (-(n - m + 1.0) * c_nm, -(n - m + 1.0) * s_nm)
            if m:
                weights[n + 1, m + 1, :4] += np.array([-c_nm, -s_nm, s_nm, -c_nm]) / 2.0
                weights[n + 1, m - 1, :4] += np.array([c_nm, s_nm, s_nm, -c_nm]) * below / 2.0
    rows = []
    for m in range(size):
        for n in range(max(m, 1), size):
            factors = ((2.0 * n - 1.0) / (n - m), (n + m - 1.0) / (n - m)) if n > m else (0.0, 0.0)
            rows.append((*factors, *weights[n, m]))
    return np.array(rows)


@functools.cache
def field(degree: int) -> NDArray[np.float64]:
    """EGM2008 to `degree` and order `degree` (2 to 80) as `gravity` wants it."""
    import brahe  # a fifth of a second, so not before it is needed

    model = brahe.GravityModel.from_model_type(brahe.GravityModelType.EGM2008_120)  # type: ignore[arg-type]
    return harmonic_table(
        [(n, m, *model.get(n, m)) for n in range(2, degree + 1) for m in range(n + 1)], degree
    )


@kernel
def gravity(x: float, y: float, z: float, table: NDArray[np.float64]) -> tuple[float, float, float]:
    """Gravitational acceleration in m/s² (ECEF, no centrifugal part) at an ECEF position in m.

    `table` (rows, 8) from `harmonic_table`. Valid outside the reference sphere.
    """
    # Rows fill a triangle of `size` columns, less the one of degree 0.
    size = int((math.sqrt(8.0 * table.shape[0] + 9.0) - 1.0) / 2.0 + 0.5)
    r2 = x * x + y * y + z * z
    rho = REFERENCE_RADIUS_M / r2
    rx, ry, rz, rr = x * rho, y * rho, z * rho, REFERENCE_RADIUS_M * rho
    v_sectoral, w_sectoral = REFERENCE_RADIUS_M / math.sqrt(r2), 0.0
    ax, ay, az = 0.0, 0.0, 0.0
    row = 0
    for m in range(size):
        if m > 0:
            v_below = v_sectoral
            v_sectoral = (2.0 * m - 1.0) * (rx * v_below - ry * w_sectoral)
            w_sectoral = (2.0 * m - 1.0) * (rx * w_sectoral + ry * v_below)
        v1, w1, v2, w2 = v_sectoral, w_sectoral, 0.0, 0.0
        for n in range(m, size):
            if n > m:
                up, back = table[row, 0] * rz, table[row, 1] * rr
                v1, v2 = up * v1 - back * v2, v1
                w1, w2 = up * w1 - back * w2, w1
            if n > 0:
                ax += table[row, 2] * v1 + table[row, 3] * w1
                ay += table[row, 4] * v1 + table[row, 5] * w1
                az += table[row, 6] * v1 + table[row, 7] * w1
                row += 1
    scale = GM_M3_S2 / (REFERENCE_RADIUS_M * REFERENCE_RADIUS_M)
    return scale * ax, scale * ay, scale * az


@kernel
def gravity_j2(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Central and J2 part of `gravity` (Montenbruck & Gill, eq. 3.31 for n = 2), in m/s²."""
    r2 = x * x + y * y + z * z
    central = -GM_M3_S2 / (r2 * math.sqrt(r2))
    k = 1.5 * J2 * REFERENCE_RADIUS_M * REFERENCE_RADIUS_M / r2
    q = 5.0 * z * z / r2
    equatorial = central * (1.0 + k * (1.0 - q))
    return x * equatorial, y * equatorial, z * central * (1.0 + k * (3.0 - q))


@kernel
def gravity_gradient(
    x: float, y: float, z: float
) -> tuple[float, float, float, float, float, float]:
    """Gradient of `gravity_j2` in 1/s²: xx, xy, xz, yy, yz, zz of a symmetric matrix."""
    r2 = x * x + y * y + z * z
    r = math.sqrt(r2)
    mu_r3 = GM_M3_S2 / (r2 * r)
    ux, uy, uz = x / r, y / r, z / r
    k = 1.5 * J2 * REFERENCE_RADIUS_M * REFERENCE_RADIUS_M / r2
    q = uz * uz
    # d/dr of -mu r/r³ (1 + k(1 - 5q)) - 2 mu k z/r³ e_z, term by term
    diagonal = -mu_r3 * (1.0 + k * (1.0 - 5.0 * q))
    outer = mu_r3 * (3.0 + k * (5.0 - 35.0 * q))
    mixed = mu_r3 * 10.0 * k * uz
    return (
        diagonal + outer * ux * ux,
        outer * ux * uy,
        outer * ux * uz + mixed * ux,
        diagonal + outer * uy * uy,
        outer * uy * uz + mixed * uy,
        diagonal + outer * uz * uz + 2.0 * mixed * uz - 2.0 * mu_r3 * k,
    )
