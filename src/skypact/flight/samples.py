"""Points that stand for a distribution: evenly spread, the same every time."""

import functools
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@functools.cache
def uniform_points(count: int, dimensions: int) -> NDArray[np.float64]:
    """`count` points in the unit cube (count, dimensions), without chance.

    Additive recurrence with the generalised golden ratio (Roberts, "The unreasonable effectiveness
    of quasirandom sequences", 2018): for smooth sums the error falls almost as 1/count.
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1.0 + ratio) ** (1.0 / (dimensions + 1.0))
    steps = ratio ** -np.arange(1.0, dimensions + 1.0)
    points = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
    points.setflags(write=False)
    return points


@functools.cache
def normal_points(count: int, dimensions: int) -> NDArray[np.float64]:
    """`count` points (count, dimensions) that stand for a standard normal distribution.

    Shifted and scaled so that their mean is 0 and their covariance the identity, exactly.
    """
    points = normal_quantiles(uniform_points(count, dimensions))
    points = points - points.mean(axis=0)
    factor = np.linalg.cholesky(points.T @ points / count)
    points = np.linalg.solve(factor, points.T).T
    points.setflags(write=False)
    return points


def normal_quantiles(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Below what a standard normal variable lies with these probabilities, of any shape.

    The standard library's: importing SciPy's takes longer than all that are needed.
    """
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[float])
    return np.asarray(inverse(shares), np.float64)


def square_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A factor L with L Lᵀ = `covariance` (n, n), also where it is only semidefinite."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
