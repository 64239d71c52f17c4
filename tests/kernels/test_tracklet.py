"""Information from plots against numerical derivatives, and back against SciPy's normal law."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from evaluate.scene import START_NS, coasting, local_state
from skypact.kernels import filter as kf
from skypact.kernels.gravity import PATH_DEGREE, field
from skypact.kernels.intersection import best_omega, intersect
from skypact.kernels.radar_table import radar_array
from skypact.kernels.tracklet import (
    JOINT,
    NOT_SEMIDEFINITE,
    OUTSIDE,
    gather_information,
    new_object,
    whiten,
)
from skypact.model import Radar

STATE = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))
RADAR = Radar(
    id="a",
    nation="KR",
    latitude_rad=math.radians(36.6),
    longitude_rad=math.radians(127.5),
    height_m=100.0,
    range_sigma_m=30.0,
    azimuth_sigma_rad=5e-4,
    elevation_sigma_rad=7e-4,
    range_rate_sigma_m_s=2.0,
    range_bias_sigma_m=20.0,
    azimuth_bias_sigma_rad=3e-4,
    elevation_bias_sigma_rad=3e-4,
    range_rate_bias_sigma_m_s=0.5,
    time_bias_sigma_s=2e-3,
)
ROWS, _ = radar_array([RADAR])


def seen(state, since_s, bias):
    """What the radar says `since_s` after `state` was, with biases: range, angles, range rate."""
    s, x = kf.scratch(17), np.zeros(17)
    # A time offset: what was stamped now was seen that much before.
    at_ns = START_NS + round(1e9 * (since_s - bias[4]))
    x[:6] = coasting(state, np.array([at_ns]))[0] if since_s != bias[4] else state
    kf.measure(x, 0, ROWS, s)
    return s[kf.PREDICTED, :4] + bias[:4]


def gathered(z, since_s, state=STATE, unknown=0.0):
    m, v = np.zeros((JOINT, JOINT)), np.zeros(JOINT)
    s = kf.scratch(JOINT)
    gather_information(z, since_s, 0, ROWS, state, unknown, field(PATH_DEGREE), m, v, s)
    return m, v


def test_information_is_that_of_numerical_derivatives():
    since_s = np.array([-0.9, -0.45, 0.0])
    random = np.random.default_rng(1)
    none = np.zeros(8)
    expected = np.array([seen(STATE, t, none) for t in since_s])
    sigma = ROWS[0, kf.SIGMA : kf.SIGMA + 4]
    z = expected + sigma * random.normal(size=expected.shape)
    step = np.array([10.0] * 3 + [1.0] * 3 + [1.0, 1e-5, 1e-5, 0.1, 1e-2])
    columns = []
    for k, h in enumerate(step):
        moved = []
        for side in (1.0, -1.0):
            state, bias = STATE.copy(), none.copy()
            if k < 6:
                state[k] += side * h
            else:
                bias[k - 6] += side * h
            moved.append([seen(state, t, bias) for t in since_s])
        columns.append((np.array(moved[0]) - np.array(moved[1])).reshape(-1) / (2.0 * h))
    jacobian = np.column_stack(columns)
    # A time offset turns range rate too, by 11 m/s² · 2 ms of 2 m/s: left out, as in the filter.
    jacobian[3::4, 10] = 0.0
    weight = np.tile(sigma**-2.0, 3)
    used = [*range(6), *range(6, 11)]
    m, v = gathered(z, since_s)
    wanted = jacobian.T @ (weight[:, None] * jacobian)
    unit = np.sqrt(np.diag(wanted))
    # The transition's series, 1e-6 of what it changes, and steps of 10 m at 700 km.
    assert np.abs((m[np.ix_(used, used)] - wanted) / np.outer(unit, unit)).max() < 1e-4
    residual = (z - expected).reshape(-1)
    assert np.abs((v[used] - jacobian.T @ (weight * residual)) / unit).max() < 1e-2
    assert (m[11:] == 0.0).all()  # no errors of this radar stay alike for a time


def information(seed, rank, size=JOINT):
    random = np.random.default_rng(seed)
    w = random.normal(size=(rank, size)) * 10.0 ** random.uniform(-3, 3, size)
    return w, random.normal(size=rank)


def whitened(m, v):
    rows, values = np.zeros_like(m), np.zeros(len(v))
    return whiten(m.copy(), v, rows, values, np.zeros((2, len(v)), np.int64)), rows, values


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, JOINT))
def test_whitened_measurements_are_the_information(seed, rank):
    w, u = information(seed, rank)
    m, v = w.T @ w, w.T @ u
    count, rows, values = whitened(m, v)
    assert count <= rank
    unit = np.sqrt(np.diag(m))
    # Pivots below 1e-10 of one are left out, and each may touch every element.
    assert np.abs((rows.T @ rows - m) / np.outer(unit, unit)).max() < 1e-8
    assert np.abs((rows.T @ values - v) / unit).max() < 1e-3 * (1.0 + np.abs(u).max())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, JOINT - 1))
def test_what_is_no_information_is_told(seed, rank):
    w, u = information(seed, rank)
    m, v = w.T @ w, w.T @ u
    less = m.copy()
    less[3, 3] *= 0.5
    values = np.linalg.eigvalsh(less / np.outer(*(2 * [np.sqrt(np.diag(m))])))
    if values[0] < -1e-6:
        assert whitened(less, v)[0] == NOT_SEMIDEFINITE
    apart = np.linalg.svd(w)[2][-1]  # a direction of which it tells nothing
    scale = np.sqrt(np.diag(m))
    off = v + scale * 100.0 * (1.0 + np.abs(u).max()) * apart / np.abs(apart).max()
    assert whitened(m, off)[0] in (OUTSIDE, NOT_SEMIDEFINITE)


def test_likelihood_of_a_new_object_is_that_of_a_place_anywhere():
    random = np.random.default_rng(4)
    z = np.array([seen(STATE, t, np.zeros(8)) for t in (-0.5, 0.0)])
    z += ROWS[0, kf.SIGMA : kf.SIGMA + 4] * random.normal(size=z.shape)
    m, v = gathered(z, np.array([-0.5, 0.0]))
    count, rows, values = whitened(m, v)
    sigma = ROWS[0, kf.BIAS_SIGMA : kf.BIAS_SIGMA + 8]
    x, p, work = np.zeros(JOINT), np.zeros((JOINT, JOINT)), np.zeros((JOINT, JOINT))
    velocity = tuple(STATE[3:])
    got = new_object(m, v, values, count, velocity, 4000.0, sigma, x, p, work)
    # As a normal law of places so wide that it is flat, of the same density in its middle.
    wide = 1e6
    prior = np.diag(np.concatenate(([wide**2] * 3, [4000.0**2] * 3, sigma**2)))
    mean = np.concatenate((np.zeros(3), -STATE[3:], np.zeros(8)))
    w = rows[:count]
    law = multivariate_normal(w @ mean, w @ prior @ w.T + np.eye(count))
    flat = law.logpdf(values[:count]) + 3.0 * math.log(math.sqrt(2.0 * math.pi) * wide)
    # That law falls by (500 m / 1e6 m)² within the tracklet's own uncertainty.
    assert got == pytest.approx(flat, abs=1e-3)
    gain = prior @ w.T @ np.linalg.inv(w @ prior @ w.T + np.eye(count))
    kalman = mean + gain @ (values[:count] - w @ mean)
    assert np.abs((x - kalman)[:6] / np.sqrt(np.diag(p))[:6]).max() < 1e-3


def covariance(seed, n=6):
    random = np.random.default_rng(seed)
    a = random.normal(size=(n, n + 2))
    return a @ a.T * np.outer(*(2 * [10.0 ** random.uniform(-1, 1, n)]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_intersection_is_the_least_determinant_and_bounds_any_correlation(seed):
    a, b = covariance(seed), covariance(seed + 1)
    omega = best_omega(a, b, np.zeros((4, 6, 6)))
    grid = np.linspace(0.0, 1.0, 501)

    def blend(w):
        return w * np.linalg.inv(a) + (1.0 - w) * np.linalg.inv(b)

    best = max(np.linalg.slogdet(blend(w))[1] for w in grid)
    assert np.linalg.slogdet(blend(omega))[1] >= best - 1e-9
    random = np.random.default_rng(seed)
    x, y = random.normal(size=6), random.normal(size=6)
    p, mean = a.copy(), x.copy()
    intersect(mean, p, y, b, omega, np.zeros((3, 6, 6)))
    wanted = np.linalg.inv(blend(omega))
    unit = np.outer(*(2 * [np.sqrt(np.diag(wanted))]))
    assert np.abs((p - wanted) / unit).max() < 1e-6
    if not 0.0 < omega < 1.0:
        return
    # The worst correlation: B is A's own error seen through an orthogonal turn.
    turn = np.linalg.qr(random.normal(size=(6, 6)))[0]
    cross = np.linalg.cholesky(a) @ turn @ np.linalg.cholesky(b).T
    first = omega * wanted @ np.linalg.inv(a)
    second = (1.0 - omega) * wanted @ np.linalg.inv(b)
    true = first @ a @ first.T + second @ b @ second.T
    true += first @ cross @ second.T + second @ cross.T @ first.T
    assert np.linalg.eigvalsh((wanted - true) / unit)[0] > -1e-6
