"""The separation study: its ideal test against closed forms, its times from made-up tracks."""

import math

import numpy as np
import pytest

from evaluate import separation, siblings
from evaluate.scene import site
from evaluate.separation import CASES, GATE, Looks, Seen, ideal_two_s, ideal_which_s, times_of
from evaluate.siblings import Belief, Look


def looks(
    count: int, *, detection: float, apart: float, parts: bool = False, both: bool = False
) -> Looks:
    """One look a second, at which the stage is so many sigmas off in range."""
    off = np.zeros((count, 4))
    off[:, 0] = apart
    return Looks(
        np.arange(1.0, count + 1.0),
        np.full(count, detection),
        off,
        np.full(count, parts),
        np.full(count, both),
    )


def test_two_plots_of_one_look_decide() -> None:
    """Told by the n-th look with 1 - (1 - P²)ⁿ: 96.4 % after two looks, 99.3 % after three."""
    seen = looks(10, detection=0.9, apart=0.0, parts=True)
    assert ideal_two_s(seen, np.random.default_rng(1), draws=20_000) == 3.0


def test_merged_plots_tell_by_the_shift_of_their_middle() -> None:
    """Always detected, merged: a normal shift of d/2 a look, decided when √n d/2 = 2 · 2.326."""
    seen = looks(140, detection=1.0, apart=1.0, both=True)
    expected = 4.0 * separation.DECIDED_D**2  # 86.6 looks
    found = ideal_two_s(seen, np.random.default_rng(2), draws=20_000)
    # A share of 99 % of 20,000 is known to 7e-4 and a quantile to as much, 0.027 in d' each; d' is
    # √n / 2, so n is known to 4.3 √n · 0.04 ≈ 1.4: three of these, and the step of a look.
    assert found == pytest.approx(expected, abs=5.5)


def test_nothing_apart_is_never_told() -> None:
    """The same motion and one plot a look: the ratio says nothing."""
    seen = looks(50, detection=1.0, apart=0.0, both=True)
    assert ideal_two_s(seen, np.random.default_rng(3)) == math.inf
    assert ideal_which_s(looks(50, detection=0.9, apart=0.0, parts=True)) == math.inf


def test_which_is_which_by_the_sum_of_the_squared_shifts() -> None:
    """0.9 · 4 a look: 21.65 is passed at the seventh; merged plots do not count."""
    assert ideal_which_s(looks(20, detection=0.9, apart=2.0, parts=True)) == 7.0
    assert ideal_which_s(looks(20, detection=0.9, apart=2.0, both=True)) == math.inf


def seen(track: int, payload: float, stage: float, energy: float = 0.0) -> Seen:
    return Seen(track, None if track == 1 else 1, payload, stage, energy)


def test_times_are_those_from_which_it_stays_so() -> None:
    """Nearer before valid, both only as long as nothing undoes them."""
    moments = [
        (-0.5, [seen(1, 1.0, math.inf)]),
        (0.0, [seen(1, 1.0, 1.0)]),
        (0.5, [seen(1, 2.0, 9.0), seen(2, 9.0, 2.0)]),
        (1.0, [seen(1, 9.0, 2.0), seen(2, 2.0, 9.0)]),  # the other way round: told apart as well
        (1.5, [seen(1, 2.0, 9.0), seen(2, 9.0, 9.0)]),
        (2.0, [seen(1, GATE + 1.0, 99.0), seen(2, 99.0, 3.0)]),
        (2.5, [seen(1, 3.0, 99.0, 5.0), seen(2, 99.0, 3.0, 6.0)]),
    ]
    found = times_of(moments)
    assert found["two_s"] == 0.5
    assert found["nearer_s"] == 2.0
    assert found["valid_s"] == 2.5
    assert found["kept"] and found["named"] and not found["ahead"]


def test_what_is_told_and_lost_again_counts_as_never() -> None:
    """The last moment decides."""
    moments = [
        (-0.5, [seen(1, 1.0, math.inf)]),
        (0.0, [seen(1, 1.0, 99.0), seen(2, 99.0, 1.0)]),
        (0.5, [seen(1, 1.0, 99.0)]),
    ]
    assert times_of(moments)["valid_s"] == times_of(moments)["nearer_s"] == math.inf


def test_the_stage_leaves_along_the_path_at_the_stated_speed() -> None:
    """Seeds change the flight, not the parting."""
    for seed in (1, 2):
        payload, stage = separation.separation(CASES[0], seed)
        at = stage.time_ns[:1]
        apart = (stage.state_at(at) - payload.state_at(at))[0]
        velocity = payload.state_at(at)[0, 3:]
        # Nodes are kept to the nanosecond: 3 km/s for 1 ns.
        assert apart[:3] == pytest.approx(np.zeros(3), abs=1e-5)
        behind = -CASES[0].speed_m_s * velocity / np.linalg.norm(velocity)
        assert apart[3:] == pytest.approx(behind, abs=1e-2)  # of the path between nodes


def test_one_run_finds_the_stage_and_names_its_parent() -> None:
    """The easiest case: 20 m/s."""
    case = next(case for case in CASES if case.speed_m_s == 20.0)
    row = separation.one_run(case, 1)
    assert 0.0 < row["ideal_two_s"] <= row["ideal_s"] < row["two_s"] < 30.0
    assert row["named"]


def _look(plots: list[float]) -> Look:
    h = np.zeros((1, 6))
    h[0, 0] = 1.0
    return Look(
        0,
        site("A", 0.0, 0.0),
        np.array([1.0, 0.0, 0.0]),
        np.eye(6),
        h,
        np.array([25.0]),
        np.array(plots)[:, None],
    )


def test_plots_far_apart_are_each_one_objects_own() -> None:
    """400 m apart the other way costs χ² of thousands: two Kalman updates."""
    mean = np.zeros(12)
    mean[6] = -400.0
    covariance = np.diag(np.full(12, 100.0))
    bank = siblings._updated([Belief(0.0, mean, covariance)], _look([-395.0, 10.0]))
    best = siblings._as_one(bank)
    # Gain 100 / 125 of residuals 10 and 5.
    assert best.mean[[0, 6]] == pytest.approx([8.0, -396.0])
    assert best.covariance[[0, 6], [0, 6]] == pytest.approx([20.0, 20.0])


def test_likeness_is_matched_by_mean_and_covariance() -> None:
    """Two Gaussians of equal weight: half-way, and their distance in the covariance."""
    one, other = np.zeros(12), np.zeros(12)
    other[3] = 2.0
    middle = siblings._as_one([Belief(0.0, one, np.eye(12)), Belief(0.0, other, np.eye(12))])
    assert middle.log_weight == pytest.approx(math.log(2.0))
    assert middle.mean[3] == pytest.approx(1.0)
    assert middle.covariance[3, 3] == pytest.approx(2.0)
    assert middle.covariance[0, 0] == pytest.approx(1.0)
