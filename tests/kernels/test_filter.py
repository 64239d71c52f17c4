"""The filter against matrices written out in `naive.py`, SciPy's optimiser and its normal law."""

import math

import naive
import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import chi2, multivariate_normal

from skypact.kernels import filter as kf
from skypact.kernels.motion import BOOST, COAST, MANOEUVRE, REENTRY
from skypact.kernels.radar_table import radar_array
from skypact.model import Radar
from skypact.settings import TrackingSettings
from skypact.tracking.context import fold_context

REMAINDER = (1e-4, -2e-4, 3e-4)


def radar(name, latitude, longitude, **more):
    values = {
        "range_sigma_m": 30.0,
        "azimuth_sigma_rad": 5e-4,
        "elevation_sigma_rad": 7e-4,
        "height_m": 100.0,
    }
    return Radar(
        id=name,
        nation=name[:2],
        latitude_rad=math.radians(latitude),
        longitude_rad=math.radians(longitude),
        **(values | more),
    )


# A plain one, one with range rate, one with offsets, one with all of it and correlated errors.
RADARS = [
    radar("AA-plain", 37.0, 127.0),
    radar("AA-rate", 35.0, 135.0, range_rate_sigma_m_s=2.0),
    radar(
        "BB-offsets",
        40.0,
        141.0,
        range_bias_sigma_m=20.0,
        azimuth_bias_sigma_rad=2e-4,
        elevation_bias_sigma_rad=3e-4,
        time_bias_sigma_s=2e-3,
    ),
    radar(
        "CC-all",
        33.0,
        129.0,
        range_rate_sigma_m_s=1.0,
        range_bias_sigma_m=15.0,
        azimuth_bias_sigma_rad=1e-4,
        elevation_bias_sigma_rad=1e-4,
        range_rate_bias_sigma_m_s=0.5,
        time_bias_sigma_s=1e-3,
        correlation_time_s=5.0,
    ),
]
ROWS, N = radar_array(RADARS)
NOISE = fold_context(RADARS, TrackingSettings())[0].phases.noise
PLAIN_ROWS, PLAIN_N = radar_array(RADARS[:2])


def start(phase, seed=0):
    """State over the Sea of Japan, in that phase, and a covariance with all correlations."""
    random = np.random.default_rng(seed)
    height = {COAST: 400e3, BOOST: 40e3, REENTRY: 40e3, MANOEUVRE: 32e3}[phase]
    from skypact.kernels.geodesy import ecef_from_geodetic, local_axes

    lat, lon = math.radians(39.0), math.radians(133.0)
    axes = np.array(local_axes(lat, lon)).reshape(3, 3)
    x = np.zeros(N)
    x[:3] = ecef_from_geodetic(lat, lon, height)
    x[3:6] = np.array([2500.0, -300.0, -1500.0 if phase != BOOST else 1500.0]) @ axes
    sigma = np.concatenate(([25.0] * 3, [4.0] * 3, np.zeros(3), np.zeros(N - 9)))
    if phase == BOOST:
        x[6:9], sigma[6:9] = np.array([25.0, 1.0, 10.0]) @ axes, 3.0
    elif phase == REENTRY:
        x[6], sigma[6] = 1.0 / 4000.0, 0.3 / 4000.0
    elif phase == MANOEUVRE:
        x[6:9], sigma[6:9] = (3e-4, 3e-4, -1e-4), 5e-5
    for row in ROWS:
        at = int(row[kf.BIAS_AT])
        if at:
            sigma[at : at + 8] = row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + 8]
            x[at : at + 8] = sigma[at : at + 8] * random.normal(size=8)
    a = random.normal(size=(N, N + 5))
    correlation = a @ a.T
    d = np.sqrt(np.diag(correlation))
    correlation = 0.5 * (correlation / np.outer(d, d)) + 0.5 * np.eye(N)
    return x, correlation * np.outer(sigma, sigma)


def drawn(x, p, random):
    """A true state that the estimate `x`, `p` may stand for."""
    d = np.sqrt(np.diag(p))
    used = d > 0.0
    correlation = p[np.ix_(used, used)] / np.outer(d[used], d[used])
    truth = x.copy()
    truth[used] += d[used] * (np.linalg.cholesky(correlation) @ random.normal(size=used.sum()))
    return truth


def assert_same_covariance(got, expected, tolerance):
    """In units of the standard deviations."""
    d = np.sqrt(np.maximum(np.diag(expected), 0.0))
    unit = np.outer(d, d)
    off = np.abs(got - expected)
    assert (off <= tolerance * unit + 1e-25).all(), (off / (unit + 1e-300)).max()
    assert (got == got.T).all()


@pytest.mark.parametrize("phase", [COAST, BOOST, REENTRY, MANOEUVRE])
@pytest.mark.parametrize("dt", [0.1, -0.1, 0.45])
def test_prediction(phase, dt):
    x, p = start(phase)
    expected_x, expected_p = naive.predict(phase, x, p, dt, REMAINDER, NOISE)
    kf.predict(phase, x, p, dt, REMAINDER, NOISE, kf.scratch(N))
    # drag in the twin is from pressures carried up, 2e-6 off the rounded table: 40 m/s² · 2e-6
    assert x == pytest.approx(expected_x, abs=2e-4, rel=1e-12)
    # In units of the standard deviation. F is a series, so good to 1e-6 in free flight; in air the
    # turn of the lift's axes is left out: 17 m/s² · tan 31° / 2.9 km/s · 1 s of 4 m/s, here 1.5 %.
    allowed = 1e-6 if phase == COAST else 1e-5 if phase == BOOST else 2e-2
    assert_same_covariance(p, expected_p, allowed * max(0.1, abs(dt)))


@pytest.mark.parametrize("dt", [0.5, 30.0])
def test_ageing_of_correlated_errors(dt):
    x, p = start(COAST)
    expected_x, expected_p = naive.age_biases(x, p, dt, ROWS)
    kf.age_biases(x, p, dt, ROWS)
    assert x == pytest.approx(expected_x, rel=1e-13)
    assert_same_covariance(p, expected_p, 1e-12)


def plot_of(x, row, random, *, rate=True):
    z = naive.measured(x, row) + random.normal(size=4) * row[kf.SIGMA : kf.SIGMA + 4]
    z[1] %= 2 * math.pi
    if row[kf.SIGMA + 3] == 0.0 or not rate:
        z[3] = math.nan
    return z


@pytest.mark.parametrize("phase", [COAST, BOOST, REENTRY, MANOEUVRE])
@pytest.mark.parametrize("number", range(len(RADARS)))
@pytest.mark.parametrize("rate", [True, False])
def test_update(phase, number, rate):
    random = np.random.default_rng(number)
    x, p = start(phase, number)
    truth = drawn(x, p, random)
    row = ROWS[number]
    z = plot_of(truth, row, random, rate=rate)
    residual, _, _, s_matrix = naive.parts(x, p, z, row)
    distance = residual @ np.linalg.solve(s_matrix, residual)
    unit = row[kf.SIGMA : kf.SIGMA + len(residual)]
    log_likelihood = multivariate_normal.logpdf(
        residual / unit, cov=s_matrix / np.outer(unit, unit)
    ) - sum(np.log(unit))
    expected_x, expected_p = naive.update(x, p, z, row)
    s = kf.scratch(N)
    before = x.copy(), p.copy()
    near = 1e-6  # the twin's Jacobian is by differences: 1e-8 of it
    assert kf.innovation(x, p, z, number, ROWS, s) == pytest.approx(
        (distance, log_likelihood), rel=near, abs=near
    )
    assert (x == before[0]).all()
    assert (p == before[1]).all()
    assert kf.update(x, p, z, number, ROWS, s) == pytest.approx(
        (distance, log_likelihood), rel=near, abs=near
    )
    d = np.sqrt(np.diag(expected_p)) + 1e-12
    assert (np.abs(x - expected_x) / d).max() < 10 * near
    assert_same_covariance(p, expected_p, near)


def test_without_any_offsets_the_state_is_the_core():
    assert PLAIN_N == kf.CORE
    x, p = start(COAST)
    x, p = x[:9].copy(), p[:9, :9].copy()
    z = plot_of(x, PLAIN_ROWS[1], np.random.default_rng(1))
    expected_x, expected_p = naive.update(x, p, z, PLAIN_ROWS[1])
    kf.update(x, p, z, 1, PLAIN_ROWS, kf.scratch(9))
    assert x[:6] == pytest.approx(expected_x[:6], abs=1e-4)
    assert_same_covariance(p, expected_p, 1e-6)


def test_azimuth_across_north():
    """Object due north of the radar: azimuths of 0.1° and 359.9° are neighbours."""
    x, p = start(COAST)
    axes = ROWS[0, kf.AXES : kf.AXES + 9].reshape(3, 3)
    for east in (-500.0, 500.0):
        x[:3] = ROWS[0, kf.SITE : kf.SITE + 3] + np.array([east, 600e3, 300e3]) @ axes
        z = naive.measured(x, ROWS[0])
        z[1] = (z[1] + math.copysign(3e-3, -east)) % (2 * math.pi)
        z[3] = math.nan
        expected_x, _ = naive.update(x, p, z, ROWS[0])
        y, q = x.copy(), p.copy()
        distance, _ = kf.update(y, q, z, 0, ROWS, kf.scratch(N))
        assert distance < 50.0
        assert y[:6] == pytest.approx(expected_x[:6], abs=1e-3)


def test_covariance_stays_positive_definite_through_100000_updates():
    """A lofted flight of 1,000 s at 100 Hz from four radars, offsets and all."""
    random = np.random.default_rng(5)
    truth, p = start(COAST)
    # straight up at 3 km/s: 450 km further up and back
    truth[3:6] = 3000.0 * truth[:3] / np.linalg.norm(truth[:3])
    x = drawn(truth, p, random)
    s, t = kf.scratch(N), kf.scratch(N)
    unknown, noises = np.zeros((N, N)), random.normal(size=(100_000, 4))
    for k in range(100_000):
        number = k % len(RADARS)
        kf.predict(COAST, truth, unknown, 0.01, (0.0, 0.0, 0.0), NOISE, t)
        kf.predict(COAST, x, p, 0.01, (0.0, 0.0, 0.0), NOISE, s)
        kf.age_biases(x, p, 0.01, ROWS)
        components = kf.measure(truth, number, ROWS, t)
        z = t[kf.PREDICTED, :4] + noises[k] * ROWS[number, kf.SIGMA : kf.SIGMA + 4]
        if components == 3:
            z[3] = math.nan
        kf.update(x, p, z, number, ROWS, s)
        if k % 5000 == 4999:
            assert np.isfinite(x).all()
            assert (p == p.T).all()
            used = [i for i in range(N) if p[i, i] > 0.0]
            d = np.sqrt(np.diag(p))[used]
            # a correlation matrix of 6 + 16 states; rounding alone would give -1e-15
            least = np.linalg.eigvalsh(p[np.ix_(used, used)] / np.outer(d, d)).min()
            assert least > 0.0
    error = (x - truth)[:6]
    # true offsets are zero here: drawn from their prior's middle, so the error is if anything small
    assert error @ np.linalg.solve(p[:6, :6], error) < chi2.ppf(1 - 1e-6, 6)


@pytest.mark.parametrize("seed", range(8))
def test_iterated_update_finds_the_optimum_of_a_pancake(seed):
    """One plot 30 m thick and 10 km wide at 2,000 km, upon a prior of 20 km: by least squares."""
    random = np.random.default_rng(seed)
    rows, n = radar_array(
        [radar("AA", 37.0, 127.0, azimuth_sigma_rad=5e-3, elevation_sigma_rad=5e-3)]
    )
    axes = rows[0, kf.AXES : kf.AXES + 9].reshape(3, 3)
    direction = random.normal(size=3)
    direction[2] = abs(direction[2]) + 0.2
    direction /= np.linalg.norm(direction)
    prior = np.zeros(n)
    prior[:3] = rows[0, kf.SITE : kf.SITE + 3] + 2000e3 * direction @ axes
    prior[3:6] = random.normal(size=3) * 2000.0
    p = np.diag([20e3**2] * 3 + [300.0**2] * 3 + [0.0] * 3)
    p[:3, 3:6] = p[3:6, :3] = 0.3 * 20e3 * 300.0 * np.eye(3)
    truth = prior.copy()
    truth[:6] += np.linalg.cholesky(p[:6, :6]) @ random.normal(size=6)
    z = plot_of(truth, rows[0], random)
    white = np.linalg.inv(np.linalg.cholesky(p[:6, :6]))

    def residuals(y):
        full = np.concatenate((y, np.zeros(3)))
        off = naive.wrapped(np.nan_to_num(z) - naive.measured(full, rows[0]))[:3]
        return np.concatenate((white @ (y - prior[:6]), off / rows[0, kf.SIGMA : kf.SIGMA + 3]))

    best = least_squares(
        residuals, prior[:6], x_scale=[1e4] * 3 + [300] * 3, xtol=1e-15, ftol=1e-15
    )
    x, q = prior.copy(), p.copy()
    kf.update(x, q, z, 0, rows, kf.scratch(n))
    off = x[:6] - best.x
    # within a tenth of a standard deviation of the true posterior's mode (not iterated: dozens)
    assert off @ (best.jac.T @ best.jac) @ off < 0.1**2
    plain, _ = naive.update(prior, p, z, rows[0])
    plain_off = plain[:6] - best.x
    assert off @ (best.jac.T @ best.jac) @ off <= plain_off @ (best.jac.T @ best.jac) @ plain_off
    expected = np.linalg.inv(best.jac.T @ best.jac)
    assert_same_covariance(q[:6, :6], expected, 0.02)
