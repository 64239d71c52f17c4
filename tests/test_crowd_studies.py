"""The scenes of the studies of crowds are what they say, and Stone Soup is told the truth."""

from typing import Any

import numpy as np
import pytest

from bench.crowds import RADARS, _mine
from bench.scenario import crowd
from evaluate import pairs
from evaluate.scene import START_NS
from skypact.model import Plots
from skypact.offline.true_paths import TruePath

S = 1_000_000_000


def apart_m(case: str) -> np.ndarray:
    one, other = pairs.pair(3, case)
    return np.linalg.norm(one.position_ecef_m - other.position_ecef_m, axis=1)


def test_a_parallel_pair_stays_as_far_apart_as_gravity_lets_it() -> None:
    # Gravity's gradient, 2 GM / r³ < 3e-6 /s², changes 50 m by half of that times 240² s²: 9 %.
    apart = apart_m("parallel")
    assert apart[0] == pytest.approx(50.0, abs=1e-6)
    assert np.all(np.abs(apart - 50.0) < 0.09 * 50.0)


def test_a_crossing_pair_is_nearest_half_way_and_apart_again_at_the_end() -> None:
    apart = apart_m("crossing")
    middle = pairs.SECONDS // 2
    assert apart[0] == pytest.approx(50.0, abs=1e-6)
    assert abs(int(np.argmin(apart)) - middle) <= 15
    # The gradient bends 50 m by 9 % at most, and the way to the middle by half of that.
    assert apart.min() == pytest.approx(pairs.CLOSEST_M, abs=3.0)
    assert apart[-1] == pytest.approx(50.0, abs=4.5)


def test_estimates_equal_to_the_truth_are_without_fault() -> None:
    paths = pairs.pair(1, "parallel")
    truth = tuple(TruePath.of(path) for path in paths)
    covariance = np.diag([100.0] * 3 + [1.0] * 3)
    estimates = [
        pairs.Estimate(number, time_ns, path.state_at([time_ns])[0], covariance)
        for number, path in enumerate(paths)
        for time_ns in path.time_ns.tolist()
    ]
    found = pairs.figures_of(estimates, truth)
    assert found["completeness"] == found["told_apart"] == 1.0
    assert found["settled_changes"] == found["rmse_m"] == found["nees_over_6"] == 0.0


def test_tracks_that_change_places_are_a_change_for_each_object() -> None:
    paths = pairs.pair(1, "parallel")
    truth = tuple(TruePath.of(path) for path in paths)
    middle = START_NS + 120 * S
    estimates = [
        pairs.Estimate(number ^ (time_ns > middle), time_ns, path.state_at([time_ns])[0], np.eye(6))
        for number, path in enumerate(paths)
        for time_ns in path.time_ns.tolist()
    ]
    assert pairs.figures_of(estimates, truth)["settled_changes"] == 1.0


def test_stone_soup_begins_when_there_are_two_tracks() -> None:
    state, covariance = np.zeros(6), np.eye(6)
    said = [pairs.Estimate(track, t, state + track, covariance) for track, t in ((4, 1), (4, 2))]
    assert pairs.started_by(said) is None
    start = pairs.started_by([*said, pairs.Estimate(7, 2, state + 7, covariance)])
    assert start is not None
    assert start.time_ns == 2
    assert start.states[:, 0].tolist() == [4.0, 7.0]


def test_the_model_of_a_radar_in_stone_soup_and_its_density_are_right() -> None:
    pytest.importorskip("stonesoup")
    from stonesoup.types.state import State

    from evaluate.stone_soup import looks_of
    from evaluate.stone_soup_tracks import _Run

    radars = pairs.pair_radars()
    one, _ = pairs.pair(1, "parallel")
    state = one.state_at([START_NS])[0]
    for look in looks_of(radars):

        def measured(x: np.ndarray, look: Any = look) -> np.ndarray:
            return np.asarray(look.function(State(x[:, None])), float)[:, 0]

        # Central differences over 10 m at 400 km and more: wrong by (10 / 4e5)² of themselves, and
        # by rounding of 1e6 units over 20 m, 1e-11.
        steps = [np.eye(6)[k] * 10.0 for k in range(3)]
        slow = np.column_stack([(measured(state + d) - measured(state - d)) / 20.0 for d in steps])
        fast = look.jacobian(State(state[:, None]))[:, :3]
        np.testing.assert_allclose(fast, slow, rtol=1e-6, atol=1e-9)
        # So many units³ is a cubic metre; false plots are as many in either.
        run = _Run.__new__(_Run)
        run._density_m3 = 2e-14
        units_a_m3 = abs(np.linalg.det(slow))
        assert run._density(look, measured(state)) == pytest.approx(2e-14 / units_a_m3, rel=1e-6)


def test_a_crowd_is_whole_and_falls_into_two_halves() -> None:
    made = crowd(9, 3.0, 1, RADARS, false_plots=5.0)
    assert isinstance(made.plots, Plots)
    assert np.all(np.diff(made.plots.time_ns) >= 0)
    # Each object is in each of nine looks.
    assert np.bincount(made.owner[made.owner >= 0]).tolist() == [9] * 9
    assert np.any(made.owner < 0)
    halves = [_mine(made, number, 4) for number in (0, 1)]
    assert np.all(halves[0] ^ halves[1])
    assert set(made.owner[halves[0]]) == {-1, 0, 1, 2, 3}
    # The first look is at the paths' first node.
    np.testing.assert_allclose(made.states_at(int(made.plots.time_ns[0])), made.nodes[:, 0])
