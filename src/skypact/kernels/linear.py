"""Small dense linear algebra in a fixed order of operations, without LAPACK (design, rule 1)."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel


@kernel
def copy_vector(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Write `source` (n,) over the first n of `target`."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@kernel
def copy_matrix(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Write `source` (n, m) over the leading block of `target`."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@kernel
def forget(p: NDArray[np.float64], i: int, variance: float) -> None:
    """Make state i of a covariance independent of all others, with this variance, in place."""
    for j in range(p.shape[0]):
        p[i, j] = 0.0
        p[j, i] = 0.0
    p[i, i] = variance


@kernel
def cholesky(a: NDArray[np.float64], n: int) -> bool:
    """Lower Cholesky factor of the leading n × n of `a`, in place; False: not positive definite.

    Golub & Van Loan, Matrix Computations, algorithm 4.2.2. The upper triangle is left as it was.
    """
    for j in range(n):
        total = a[j, j]
        for k in range(j):
            total -= a[j, k] * a[j, k]
        if not total > 0.0:
            return False
        root = math.sqrt(total)
        a[j, j] = root
        for i in range(j + 1, n):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            a[i, j] = total / root
    return True


@kernel
def forward_solve(lower: NDArray[np.float64], b: NDArray[np.float64], n: int) -> float:
    """Solve L x = b in place; returns xᵀ x, the squared distance that b has in units of L Lᵀ."""
    squared = 0.0
    for i in range(n):
        total = b[i]
        for k in range(i):
            total -= lower[i, k] * b[k]
        b[i] = total / lower[i, i]
        squared += b[i] * b[i]
    return squared


@kernel
def solve_cholesky(lower: NDArray[np.float64], b: NDArray[np.float64], n: int) -> None:
    """Solve L Lᵀ x = b in place of `b`, with `lower` from `cholesky`."""
    forward_solve(lower, b, n)
    for i in range(n - 1, -1, -1):
        total = b[i]
        for k in range(i + 1, n):
            total -= lower[k, i] * b[k]
        b[i] = total / lower[i, i]


@kernel
def invert_cholesky(lower: NDArray[np.float64], out: NDArray[np.float64], n: int) -> None:
    """Inverse of L Lᵀ into the leading n × n of `out`."""
    for column in range(n):
        for i in range(n):
            out[i, column] = 1.0 if i == column else 0.0
        solve_cholesky(lower, out[:, column], n)
    for i in range(n):
        for j in range(i):
            mean = 0.5 * (out[i, j] + out[j, i])
            out[i, j] = mean
            out[j, i] = mean
