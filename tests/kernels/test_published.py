"""Published tracking problems through the kernels, with fewer runs than `make evaluate` has."""

from scipy.stats import chi2, t

from evaluate.published import farina, julier_uhlmann


def test_julier_uhlmann_reentry_reaches_the_printed_error():
    runs = 10
    got = julier_uhlmann(runs=runs)
    # mean of the runs within what so few can tell, 1 in 1,000, and half of the last printed figure
    allowed = t.ppf(0.9995, runs - 1) * got["standard_error_km"] + 0.00005
    assert abs(got["position_rmse_km"] - 0.0084) < allowed


def test_farina_reaches_the_bound():
    runs = 300
    got = farina(runs=runs)
    assert abs(got["x_bound_m"] - 55.0) < 0.3  # another run's average over truths
    assert abs(got["y_bound_m"] - 78.5) < 0.3
    low, high = chi2.ppf([0.0005, 0.9995], runs) / runs
    assert low < (got["x_rmse_m"] / got["x_bound_m"]) ** 2 < high
    assert low < (got["y_rmse_m"] / got["y_bound_m"]) ** 2 < high
    low, high = chi2.ppf([0.0005, 0.9995], 4 * runs) / (4 * runs)
    assert low < got["nees"] < high
