"""What tracks learn of their radars' biases, in units of what was believed of them before.

In these units the belief before any plot has mean 0 and the identity for covariance, so that what
was learnt of each combination of biases stands beside it: an eigenvalue c of the covariance after
it is (1 - c) / c of information. Eigenvectors come from Jacobi's method, in a fixed order of
operations, without LAPACK (design, rule 1).
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import HALF_LOG_2_PI, update_scalar

# Information below this share of what was believed before is none.
LEAST_INFORMATION = 1e-9
# Jacobi's method converges quadratically: six to ten sweeps for the sizes met here.
MOST_SWEEPS = 50


@kernel
def eigen_symmetric(a: NDArray[np.float64], v: NDArray[np.float64]) -> None:
    """Eigenvalues onto the diagonal of symmetric `a` (m, m), eigenvectors into columns of `v`.

    Cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, 4th ed., algorithm 8.5.3), in
    place; not sorted.
    """
    m = a.shape[0]
    for i in range(m):
        for j in range(m):
            v[i, j] = 1.0 if i == j else 0.0
    for _ in range(MOST_SWEEPS):
        off, total = 0.0, 0.0
        for i in range(m):
            total += a[i, i] * a[i, i]
            for j in range(i):
                off += 2.0 * a[i, j] * a[i, j]
        if not off > 1e-32 * total:
            return
        for i in range(m):
            for j in range(i + 1, m):
                if a[i, j] != 0.0:
                    _rotate(a, v, i, j)


@kernel
def _rotate(a: NDArray[np.float64], v: NDArray[np.float64], i: int, j: int) -> None:
    """One rotation that makes `a[i, j]` zero (Golub & Van Loan, algorithm 8.5.1)."""
    tau = (a[j, j] - a[i, i]) / (2.0 * a[i, j])
    t = math.copysign(1.0, tau) / (abs(tau) + math.sqrt(1.0 + tau * tau))
    c = 1.0 / math.sqrt(1.0 + t * t)
    s = t * c
    for k in range(a.shape[0]):
        left, right = a[k, i], a[k, j]
        a[k, i], a[k, j] = c * left - s * right, s * left + c * right
        left, right = v[k, i], v[k, j]
        v[k, i], v[k, j] = c * left - s * right, s * left + c * right
    for k in range(a.shape[0]):
        above, below = a[i, k], a[j, k]
        a[i, k], a[j, k] = c * above - s * below, s * above + c * below
    a[i, j] = 0.0
    a[j, i] = 0.0


@kernel
def what_was_learnt(
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
    directions: NDArray[np.float64],
    information: NDArray[np.float64],
    values: NDArray[np.float64],
    work: NDArray[np.float64],
) -> int:
    """What turns mean 0 and covariance 1 into `mean` (m,) and `covariance` (m, m): measurements.

    Returns how many; the k-th is of the biases along row k of `directions` (m, m), it found
    `values[k]` (m,) with a variance of 1 / `information[k]` (m,). What would be less than nothing,
    from rounding or from the spread between phases, is nothing. `work` (m, 2 m) is scratch.
    """
    m = mean.shape[0]
    a, v = work[:, :m], work[:, m:]
    for i in range(m):
        for j in range(m):
            a[i, j] = 0.5 * (covariance[i, j] + covariance[j, i])
    eigen_symmetric(a, v)
    count = 0
    for k in range(m):
        left = max(a[k, k], 1e-15)
        learnt = (1.0 - left) / left
        if learnt <= LEAST_INFORMATION:
            continue
        value = 0.0
        for i in range(m):
            value += v[i, k] * mean[i]
            directions[count, i] = v[i, k]
        information[count] = learnt
        values[count] = value / (1.0 - left)
        count += 1
    return count


@kernel
def take_in(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    at: NDArray[np.int64],
    sigma: NDArray[np.float64],
    directions: NDArray[np.float64],
    information: NDArray[np.float64],
    values: NDArray[np.float64],
    count: int,
    ph: NDArray[np.float64],
) -> tuple[float, float]:
    """Update `x` (n,) and `p` (n, n) in place by `what_was_learnt`; returns χ², log likelihood.

    Bias j of the directions is the state `at[j]`, in units of `sigma[j]`. `ph` (n,) is scratch.
    """
    n, m = x.shape[0], at.shape[0]
    distance, log_likelihood = 0.0, 0.0
    for k in range(count):
        for row in range(n):
            ph[row] = 0.0
        residual = values[k]
        for j in range(m):
            h = directions[k, j] / sigma[j]
            residual -= h * x[at[j]]
            for row in range(n):
                ph[row] += p[row, at[j]] * h
        noise = 1.0 / information[k]
        variance = noise
        for j in range(m):
            variance += directions[k, j] / sigma[j] * ph[at[j]]
        update_scalar(x, p, ph, variance, noise, residual)
        distance += residual * residual / variance
        log_likelihood -= 0.5 * math.log(variance) + HALF_LOG_2_PI
    return distance, log_likelihood - 0.5 * distance
