"""Covariance intersection: two estimates whose errors may be correlated in any way.

Julier & Uhlmann, "A non-divergent estimation algorithm in the presence of unknown correlations",
American Control Conference 1997, eq. 3 and 4: P⁻¹ = ω A⁻¹ + (1 - ω) B⁻¹ bounds the error whatever
the correlation, for any ω between 0 and 1. Here the ω that makes det P least.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.linear import cholesky, copy_matrix, invert_cholesky

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
# Golden sections: 0.618⁴⁰ is 4e-9 of the way.
SECTIONS = 40


@kernel
def log_determinant(a: NDArray[np.float64], work: NDArray[np.float64]) -> float:
    """Natural log of the determinant of `a` (n, n); -∞ where it is not positive definite."""
    n = a.shape[0]
    copy_matrix(a, work)
    if not cholesky(work, n):
        return -math.inf
    total = 0.0
    for i in range(n):
        total += 2.0 * math.log(work[i, i])
    return total


@kernel
def _blend(
    omega: float, a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = omega * a[i, j] + (1.0 - omega) * b[i, j]


@kernel
def best_omega(a: NDArray[np.float64], b: NDArray[np.float64], work: NDArray[np.float64]) -> float:
    """The ω that makes det P least, for covariances `a`, `b` (n, n); below 0: one is none.

    `work` (4, n, n) is scratch. Golden section in a fixed number of steps: -log det P is concave
    in ω. The ends are tried too, as the best ω is 1 where `b` tells nothing that `a` does not.
    """
    n = a.shape[0]
    for k, source in enumerate((a, b)):
        copy_matrix(source, work[2])
        if not cholesky(work[2], n):
            return -1.0
        invert_cholesky(work[2], work[k], n)
    low, high = 0.0, 1.0
    for _ in range(SECTIONS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        _blend(left, work[0], work[1], work[2])
        at_left = log_determinant(work[2], work[3])
        _blend(right, work[0], work[1], work[2])
        if at_left > log_determinant(work[2], work[3]):
            high = right
        else:
            low = left
    omega = 0.5 * (low + high)
    _blend(omega, work[0], work[1], work[2])
    best = log_determinant(work[2], work[3])
    for k in range(2):
        end = log_determinant(work[k], work[3])
        if end >= best:
            omega, best = 1.0 - k, end
    return omega


@kernel
def intersect(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    y: NDArray[np.float64],
    q: NDArray[np.float64],
    omega: float,
    work: NDArray[np.float64],
) -> None:
    """Fuse `x` (n,), `p` (n, n) in place with `y` (m,), `q` (m, m), its first m states, by `omega`.

    As an update of `x`, P / ω by `y`, Q / (1 - ω). `work` (3, n, n) is scratch. Nothing is done
    where ω is 1; where ω is 0 the first states become those of `y`, independent of the others.
    """
    n, m = x.shape[0], y.shape[0]
    if omega >= 1.0:
        return
    if omega <= 0.0:
        for i in range(m):
            x[i] = y[i]
            for j in range(n):
                p[i, j] = q[i, j] if j < m else 0.0
                p[j, i] = p[i, j]
        return
    s, inverse, gain = work[0], work[1], work[2]
    for i in range(n):
        for j in range(n):
            p[i, j] /= omega
    for i in range(m):
        for j in range(m):
            s[i, j] = p[i, j] + q[i, j] / (1.0 - omega)
    if not cholesky(s, m):
        return
    invert_cholesky(s, inverse, m)
    for i in range(n):
        for j in range(m):
            total = 0.0
            for k in range(m):
                total += p[i, k] * inverse[k, j]
            gain[i, j] = total
    for i in range(n):
        for k in range(m):
            s[i, k] = p[i, k]
    for k in range(m):
        work[1, 0, k] = y[k] - x[k]
    for i in range(n):
        for k in range(m):
            x[i] += gain[i, k] * work[1, 0, k]
        for j in range(i, n):
            total = p[i, j]
            for k in range(m):
                total -= gain[i, k] * s[j, k]
            p[i, j] = total
            p[j, i] = total
