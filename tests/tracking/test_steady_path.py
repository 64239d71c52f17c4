"""A start's path, followed plot by plot, against all plots at once and against free flight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.stats import multivariate_normal

from skypact.kernels.geodesy import EARTH_RATE_RAD_S
from skypact.kernels.gravity import gravity_j2
from skypact.tracking import steady_path as sp
from skypact.tracking.tables import (
    ACROSS_M2,
    ALONG_M2,
    PLACE,
    SIGHT,
    WAITING_PLOT_COLUMNS,
)

HERE = np.array([-3.2e6, 4.0e6, 4.1e6])
SPEED_M_S, THRUST_M_S2 = 4000.0, 30.0


def waiting_plot(place, sight, along_m, across_m):
    plot = np.zeros(WAITING_PLOT_COLUMNS)
    plot[PLACE : PLACE + 3], plot[SIGHT : SIGHT + 3] = place, sight
    plot[ALONG_M2], plot[ACROSS_M2] = along_m**2, across_m**2
    return plot


def noise_of(plot):
    sight = plot[SIGHT : SIGHT + 3]
    across, along = plot[ACROSS_M2], plot[ALONG_M2]
    return across * np.eye(3) + (along - across) * np.outer(sight, sight)


def some_plots(seed, count):
    """Plots of one object in steady acceleration, the newest first, and how long before it each."""
    random = np.random.default_rng(seed)
    velocity = random.normal(0.0, 2000.0, 3)
    before = np.concatenate(([0.0], np.sort(random.uniform(0.3, 8.0, count - 1))[::-1]))
    plots = []
    for ago in before:
        sight = random.normal(size=3)
        sight /= np.linalg.norm(sight)
        along, across = random.uniform(10.0, 60.0), random.uniform(100.0, 900.0)
        place = HERE - ago * velocity + 0.5 * ago**2 * random.normal(0.0, 10.0, 3)
        plots.append(waiting_plot(place, sight, along, across))
    return before, plots


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 9), st.sampled_from((0.1, THRUST_M_S2)))
def test_plot_by_plot_is_as_all_at_once(seed, count, sigma):
    before, plots = some_plots(seed, count)
    s = np.zeros((sp.ROWS, sp.STATES))
    sp.begin_path(plots[0], plots[1], before[1], SPEED_M_S, sigma, s)
    pull = s[sp.PULL].copy()
    total = 0.0
    for ago, plot in zip(before[1:], plots[1:], strict=True):
        _, log_density, offset = sp.expect(plots[0], plot, ago, 4.0, np.inf, s)
        total += log_density
        sp.take(offset, s)
    # All places at once, given the newest: normal, with the covariance of the model.
    prior = np.zeros((9, 9))
    prior[:3, :3] = noise_of(plots[0])
    prior[3:6, 3:6] = SPEED_M_S**2 * np.eye(3)
    prior[6:, 6:] = sigma**2 * np.eye(3)
    rows = [np.hstack((np.eye(3), -ago * np.eye(3), 0.5 * ago**2 * np.eye(3))) for ago in before]
    h = np.vstack(rows[1:])
    r = np.zeros((len(h), len(h)))
    z = np.zeros(len(h))
    for k, (ago, plot) in enumerate(zip(before[1:], plots[1:], strict=True)):
        at = slice(3 * k, 3 * k + 3)
        r[at, at] = noise_of(plot) + 4.0 * np.eye(3)
        fallen = 0.5 * ago**2 * pull[:3] + ago**3 / 6.0 * pull[3:6]
        z[at] = plot[PLACE : PLACE + 3] - plots[0][PLACE : PLACE + 3] - fallen
    joint = h @ prior @ h.T + r
    gain = np.linalg.solve(joint, h @ prior).T
    # Both solve systems whose condition is up to 1e9 in doubles of 1e-16, at most 24 in a row.
    expected = multivariate_normal(np.zeros(len(h)), joint, allow_singular=True).logpdf(z)
    assert total == pytest.approx(expected, rel=1e-6, abs=1e-4)
    covariance = prior - gain @ h @ prior
    scale = np.sqrt(np.diag(covariance))
    found = s[sp.COVARIANCE : sp.COVARIANCE + 9]
    assert np.abs((found - covariance) / np.outer(scale, scale)).max() < 1e-5
    assert np.abs((s[sp.STATE] - gain @ z) / scale).max() < 1e-4


def test_free_flight_stays_on_its_path():
    """Known at both ends of 8 s, a path in free flight is foretold to a metre between."""
    turn = EARTH_RATE_RAD_S

    def motion(_, y):
        gx, gy, gz = gravity_j2(y[0], y[1], y[2])
        return [
            *y[3:],
            gx + turn * turn * y[0] + 2.0 * turn * y[4],
            gy + turn * turn * y[1] - 2.0 * turn * y[3],
            gz,
        ]

    start = np.concatenate((HERE * 1.02, (3000.0, -2500.0, 4000.0)))
    flown = solve_ivp(motion, (0.0, 8.0), start, rtol=1e-12, atol=1e-6, dense_output=True).sol
    sight = HERE / np.linalg.norm(HERE)
    sure = 1e-3  # the plots lie on the path
    here, there = (waiting_plot(flown(t)[:3], sight, sure, sure) for t in (8.0, 0.0))
    s = np.zeros((sp.ROWS, sp.STATES))
    sp.begin_path(here, there, 8.0, SPEED_M_S, 0.0, s)
    _, _, offset = sp.expect(here, there, 8.0, 0.0, np.inf, s)
    sp.take(offset, s)
    for t in (2.0, 4.0, 6.0):
        middle = waiting_plot(flown(t)[:3], sight, sure, sure)
        _, _, offset = sp.expect(here, middle, 8.0 - t, 0.0, np.inf, s)
        # Gravity's bend beyond linear and the turning of the velocity: jerk of a few cm/s³ at
        # most, over 8 s known at both ends, x t³ / (9 √3) = 0.06 * 512 / 15.6 = 2 m; seen 0.1 m.
        assert np.linalg.norm(offset) < 1.0
    assert np.linalg.norm(s[sp.STATE, 3:6] - flown(8.0)[3:]) < 0.5  # m/s: that over 8 s, doubled


def test_a_far_plot_needs_no_closer_look():
    before, plots = some_plots(3, 4)
    s = np.zeros((sp.ROWS, sp.STATES))
    sp.begin_path(plots[0], plots[1], before[1], SPEED_M_S, THRUST_M_S2, s)
    exact, _, _ = sp.expect(plots[0], plots[1], before[1], 0.0, np.inf, s)
    assert np.isfinite(exact)
    plots[2][PLACE] += 1e6
    far, log_density, _ = sp.expect(plots[0], plots[2], before[2], 0.0, 25.0, s)
    assert far == np.inf and log_density == -np.inf
    near, _, _ = sp.expect(plots[0], plots[2], before[2], 0.0, np.inf, s)
    assert near > 25.0  # what is left out unseen is out of the gate indeed
