"""What was learnt of biases: eigenvalues, and that it makes the posterior of the prior."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypact.kernels import registration as kr


def learnt(mean, covariance):
    m = len(mean)
    out = np.zeros((m, m)), np.zeros(m), np.zeros(m)
    count = kr.what_was_learnt(mean, covariance, *out, np.zeros((m, 2 * m)))
    return *out, count


def taken(mean, covariance, at, sigma, what):
    x, p = mean.copy(), covariance.copy()
    chi_squared, log_likelihood = kr.take_in(x, p, at, sigma, *what, np.zeros(len(x)))
    return x, p, chi_squared, log_likelihood


def posterior(random, m, looks):
    """A posterior from the prior (0, 1) and some looks at combinations of the biases."""
    h = random.normal(size=(looks, m))
    precise = 10.0 ** random.uniform(-2.0, 3.0, looks)
    covariance = np.linalg.inv(np.eye(m) + (h * precise[:, None]).T @ h)
    z = random.normal(size=looks)
    return covariance @ (h.T @ (precise * z)), 0.5 * (covariance + covariance.T)


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_eigenvalues_are_those_of_lapack(m, seed):
    random = np.random.default_rng(seed)
    root = random.normal(size=(m, m)) * 10.0 ** random.uniform(-3.0, 3.0, m)
    a = root + root.T
    own, v = a.copy(), np.zeros((m, m))
    kr.eigen_symmetric(own, v)
    size = np.abs(a).max() * m
    # Backward stable, both: to a few roundings of the matrix's norm.
    assert np.abs(np.sort(np.diag(own)) - np.linalg.eigvalsh(a)).max() < 1e-13 * size
    assert np.abs(v @ np.diag(np.diag(own)) @ v.T - a).max() < 1e-13 * size
    assert np.abs(v.T @ v - np.eye(m)).max() < 1e-13 * m


@given(st.integers(1, 9), st.integers(1, 12), st.integers(0, 10**6))
def test_the_prior_and_what_was_learnt_make_the_posterior(m, looks, seed):
    mean, covariance = posterior(np.random.default_rng(seed), m, looks)
    what = learnt(mean, covariance)
    assert what[-1] <= min(m, looks)
    x, p, _, _ = taken(np.zeros(m), np.eye(m), np.arange(m), np.ones(m), what)
    # Inverting loses as many digits as the information is large: up to 1e5 of 1e-16 here.
    assert np.abs(p - covariance).max() < 1e-9
    assert np.abs(x - mean).max() < 1e-9


def test_more_spread_than_before_is_nothing_learnt():
    covariance = np.diag([1.2, 0.25, 1.0])
    directions, information, values, count = learnt(np.array([3.0, 0.5, 0.0]), covariance)
    assert count == 1
    assert np.abs(directions[0]).tolist() == [0.0, 1.0, 0.0]
    assert information[0] == pytest.approx(3.0)
    # Half of what it found was taken back by the prior: (1/4) 3 z = 0.5.
    assert values[0] * directions[0, 1] == pytest.approx(0.5 / 0.75)


def test_taking_in_is_a_measurement_of_all_states(n=7):
    random = np.random.default_rng(3)
    at, sigma = np.array([4, 6]), np.array([300.0, 1e-3])
    scale = np.array([1e4, 1e4, 10.0, 1.0, 300.0, 5.0, 1e-3])
    root = random.normal(size=(n, n)) * scale[:, None]
    x, p = scale * random.normal(size=n), root @ root.T
    mean, covariance = posterior(random, 2, 3)
    what = learnt(mean, covariance)
    new_x, new_p, chi_squared, log_likelihood = taken(x, p, at, sigma, what)
    h = np.zeros((what[-1], n))
    h[:, at] = what[0][: what[-1]] / sigma
    r = np.diag(1.0 / what[1][: what[-1]])
    s = h @ p @ h.T + r
    residual = what[2][: what[-1]] - h @ x
    gain = np.linalg.solve(s, h @ p).T
    assert np.allclose(new_x / scale, (x + gain @ residual) / scale, rtol=1e-9, atol=1e-9)
    assert np.allclose(new_p / np.outer(scale, scale), (p - gain @ h @ p) / np.outer(scale, scale))
    assert chi_squared == pytest.approx(residual @ np.linalg.solve(s, residual))
    whole = -0.5 * (chi_squared + np.linalg.slogdet(2.0 * np.pi * s)[1])
    assert log_likelihood == pytest.approx(whole)
