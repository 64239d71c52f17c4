"""The starting fit against SciPy's least squares, and the honesty of its covariance."""

import math

import naive
import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import chi2
from test_filter import NOISE, PLAIN_ROWS, RADARS, ROWS, N, radar, start

from skypact.kernels import filter as kf
from skypact.kernels.fit import StartPriors, fit_path
from skypact.kernels.motion import BOOST, COAST, REENTRY
from skypact.kernels.radar_table import radar_array

PRIORS = StartPriors(
    speed_sigma_m_s=4000.0,
    thrust_sigma_m_s2=30.0,
    drag_m2_kg=2e-4,
    drag_sigma_m2_kg=1.6e-4,
    thrust_density_m2_s5=4.0,
)
NOTHING = (0.0, 0.0, 0.0)


def plots_of(phase, last, rows, times, random):
    """Plots (k, 6) of a flight that ends in state `last`, radars in turn."""
    out = np.zeros((len(times), 6))
    for k, time in enumerate(times):
        number = k % len(rows)
        x, s = last.copy(), kf.scratch(len(last))
        kf.predict(phase, x, np.zeros((len(x), len(x))), time - times[-1], NOTHING, NOISE, s)
        sigma = rows[number, kf.SIGMA : kf.SIGMA + 4]
        z = naive.measured(x, rows[number]) + random.normal(size=4) * sigma
        if sigma[3] == 0.0 or k % 5 == 4:
            z[3] = math.nan
        out[k] = (time, number, *z)
    return out


def residuals_of(phase, plots, rows, n):
    own = naive.OWN[phase]
    free = [*range(6 + own), *range(9, n)]
    mean, information = np.zeros(n), np.zeros(n)
    information[3:6] = 1.0 / PRIORS.speed_sigma_m_s**2
    if phase == BOOST:
        information[6:9] = 1.0 / PRIORS.thrust_sigma_m_s2**2
    if phase == REENTRY:
        mean[6] = PRIORS.drag_m2_kg
        information[6] = 1.0 / PRIORS.drag_sigma_m2_kg**2
    for row in rows:
        at = int(row[kf.BIAS_AT])
        if at:
            sigma = row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + 8]
            information[at : at + 8] = 1.0 / np.maximum(sigma, 1e-12) ** 2

    memory: dict[bytes, list] = {}

    def flown(core):
        """States at the times of all plots; offsets change nothing of them."""
        if core.tobytes() not in memory:
            memory[core.tobytes()] = [
                naive.flow(phase, core, time - plots[-1, 0], rtol=1e-11) for time in plots[:, 0]
            ]
        return memory[core.tobytes()]

    def residuals(y):
        x = np.zeros(n)
        x[free] = y
        out = [np.sqrt(information[free]) * (x[free] - mean[free])]
        for plot, core in zip(plots, flown(x[:9]), strict=True):
            now, time = np.concatenate((core, x[9:])), plot[0]
            row = rows[int(plot[1])]
            off = naive.wrapped(np.nan_to_num(plot[2:]) - naive.measured(now, row))
            variance = row[kf.SIGMA : kf.SIGMA + 4] ** 2
            if phase == BOOST:
                wander = PRIORS.thrust_density_m2_s5 * (plots[-1, 0] - time) ** 5 / 20.0
                distance = naive.measured(now, row, biased=False)[0]
                variance = variance + wander * np.array([1, distance**-2, distance**-2, 0])
            count = 4 if row[kf.SIGMA + 3] > 0 and not math.isnan(plot[5]) else 3
            out.append((off / np.sqrt(variance + (variance == 0)))[:count])
        return np.concatenate(out)

    return residuals, free, information


@pytest.mark.parametrize("phase", [COAST, BOOST, REENTRY])
@pytest.mark.parametrize("biased", [False, True])
def test_optimum_covariance_and_evidence(phase, biased):
    random = np.random.default_rng(phase)
    rows, n = (ROWS, N) if biased else (PLAIN_ROWS, 9)
    truth, _ = start(phase)
    truth = truth[:n].copy()
    plots = plots_of(phase, truth, rows, np.arange(8) * 0.5, random)
    x, p = truth.copy(), np.zeros((n, n))
    x[9:] = 0.0
    x[:6] += random.normal(size=6) * ([300.0] * 3 + [150.0] * 3)
    x[6:9] *= 0.7
    residuals, free, information = residuals_of(phase, plots, rows, n)
    first = x[free].copy()
    converged, chi_squared, log_evidence = fit_path(
        phase, plots, len(plots), x, p, NOTHING, rows, PRIORS, kf.scratch(n)
    )
    assert converged
    scale = np.ones(n)
    scale[:3], scale[3:6] = 100.0, 30.0
    for row in rows:
        at = int(row[kf.BIAS_AT])
        if at:
            scale[at : at + 8] = np.maximum(row[kf.BIAS_SIGMA : kf.BIAS_SIGMA + 8], 1e-12)
    best = least_squares(
        residuals, first, x_scale=scale[free], jac="3-point", xtol=1e-12, ftol=1e-12
    )
    normal = best.jac.T @ best.jac
    off = x[free] - best.x
    # the fit stops when it moves by less than 0.01 standard deviations (1e-4 squared)
    assert off @ normal @ off < 0.02**2
    assert chi_squared == pytest.approx(2.0 * best.cost, abs=0.01)
    d = np.sqrt(np.diag(np.linalg.inv(normal)))
    got = p[np.ix_(free, free)]
    used = d > 1e-9  # offsets whose prior says that there are none
    ratio = (got - np.linalg.inv(normal)) / np.outer(d, d)
    # Gauss-Newton leaves out nothing here but the series in F (2e-3 of drag) and differences
    assert np.abs(ratio[np.ix_(used, used)]).max() < 5e-3
    with_information = information[free] > 0
    expected = 0.5 * np.log(information[free][with_information]).sum()
    expected -= best.cost + 0.5 * np.linalg.slogdet(normal)[1]
    assert log_evidence == pytest.approx(expected, abs=0.05)


def test_fitted_states_are_as_wrong_as_they_say():
    """NEES of 300 fits: a mean of χ² with 6 degrees of freedom, between its 0.05 and 99.95 %."""
    runs = 300
    rows, n = radar_array([*RADARS[:2], radar("CC", 33.0, 129.0)])
    truth, _ = start(COAST)
    truth = truth[:n].copy()
    random = np.random.default_rng(17)
    times = np.arange(30) * 0.2
    clean = plots_of(COAST, truth, rows, times, np.random.default_rng(0))
    exact = []
    for plot in clean:
        x, s = truth.copy(), kf.scratch(n)
        kf.predict(COAST, x, np.zeros((n, n)), plot[0] - times[-1], NOTHING, NOISE, s)
        exact.append(naive.measured(x, rows[int(plot[1])]))
    total, s = 0.0, kf.scratch(n)
    for _ in range(runs):
        plots = clean.copy()
        for k, plot in enumerate(plots):
            plot[2:] = (
                exact[k] + random.normal(size=4) * rows[int(plot[1]), kf.SIGMA : kf.SIGMA + 4]
            )
        x, p = truth.copy(), np.zeros((n, n))
        x[:6] += random.normal(size=6) * ([5e3] * 3 + [500.0] * 3)
        converged, _, _ = fit_path(COAST, plots, len(plots), x, p, NOTHING, rows, PRIORS, s)
        assert converged
        error = (x - truth)[:6]
        total += error @ np.linalg.solve(p[:6, :6], error)
    low, high = chi2.ppf([0.0005, 0.9995], 6 * runs) / (6 * runs)
    assert low < total / (6 * runs) < high


def test_says_when_it_does_not_converge():
    rows, n = PLAIN_ROWS, 9
    truth, _ = start(COAST)
    random = np.random.default_rng(2)
    plots = plots_of(COAST, truth[:n].copy(), rows, np.arange(8) * 0.2, random)
    plots[:, 2] = math.nan
    x, p = truth[:n].copy(), np.zeros((n, n))
    converged, chi_squared, log_evidence = fit_path(
        COAST, plots, len(plots), x, p, NOTHING, rows, PRIORS, kf.scratch(n)
    )
    assert (converged, chi_squared, log_evidence) == (False, math.inf, -math.inf)
