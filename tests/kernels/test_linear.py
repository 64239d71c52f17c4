"""Small linear algebra against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.kernels.linear import (
    cholesky,
    copy_matrix,
    copy_vector,
    forget,
    invert_cholesky,
    solve_cholesky,
)


def positive_definite(seed, n, condition=1e6):
    random = np.random.default_rng(seed)
    q, _ = np.linalg.qr(random.normal(size=(n, n)))
    return (q * np.geomspace(1.0, condition, n)) @ q.T


@given(st.integers(0, 1000), st.integers(1, 30))
def test_factor_solve_and_invert(seed, n):
    a = positive_definite(seed, n)
    a = 0.5 * (a + a.T)
    factor = a.copy()
    assert cholesky(factor, n)
    lower = np.tril(factor)
    # Golub & Van Loan, 4.2.6: backward error of n · 2e-16 of |A|; times the condition in solves
    assert lower @ lower.T == pytest.approx(a, abs=1e-15 * 10 * n * 1e6)
    b = np.random.default_rng(seed + 1).normal(size=n)
    x = b.copy()
    solve_cholesky(factor, x, n)
    assert a @ x == pytest.approx(b, abs=1e-8)
    inverse = np.zeros((n, n))
    invert_cholesky(factor, inverse, n)
    assert (inverse == inverse.T).all()
    assert a @ inverse == pytest.approx(np.eye(n), abs=1e-8)


def test_leading_block_only():
    a = positive_definite(3, 5)
    big = np.full((8, 8), 7.0)
    big[:5, :5] = a
    assert cholesky(big, 5)
    assert (big[5:] == 7.0).all()
    assert (big[:, 5:] == 7.0).all()
    out = np.full((8, 8), 9.0)
    invert_cholesky(big, out, 5)
    assert out[:5, :5] == pytest.approx(np.linalg.inv(a), rel=1e-8)
    assert (out[5:] == 9.0).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.diag([1.0, -1.0, 1.0]),
        np.zeros((3, 3)),
        np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        np.diag([1.0, np.nan, 1.0]),
    ],
)
def test_says_when_not_positive_definite(bad):
    assert not cholesky(bad.copy(), 3)


def test_copies_and_forgetting():
    source, target = np.arange(4.0), np.full(6, -1.0)
    copy_vector(source, target)
    assert target.tolist() == [0, 1, 2, 3, -1, -1]
    block, wide = np.arange(6.0).reshape(2, 3), np.full((4, 4), -1.0)
    copy_matrix(block, wide)
    assert (wide[:2, :3] == block).all()
    assert (wide[2:] == -1).all()
    assert (wide[:, 3:] == -1).all()
    p = positive_definite(1, 4)
    before = p.copy()
    forget(p, 2, 5.0)
    assert p[2, 2] == 5.0
    others = [0, 1, 3]
    assert (p[2, others] == 0).all()
    assert (p[others, 2] == 0).all()
    assert (p[np.ix_(others, others)] == before[np.ix_(others, others)]).all()
