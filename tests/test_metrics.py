"""OSPA, GOSPA, SIAP and what else is told from tracks and truth: axioms, twins, cases by hand."""

import datetime
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skypact.offline.metrics import (
    NEES_95,
    Cutoffs,
    Sample,
    assign_tracks,
    distances,
    fewest_covering,
    gospa,
    measure,
    nees,
    ospa,
)

C = 10.0
S = 1_000_000_000
STONE_SOUP = "Stone Soup is not installed (group bench)"


def positions(most=4):
    count = st.integers(0, most)
    return count.flatmap(lambda n: arrays(float, (n, 3), elements=st.floats(-12.0, 12.0)))


orders = st.sampled_from([1.0, 2.0, 3.5])


# OSPA and GOSPA: slow and obvious twins


def slow_ospa(one, other, c, p):
    small, large = sorted((one, other), key=len)
    if not len(large):
        return 0.0
    least = min(
        sum(
            min(c, math.dist(small[i], large[j])) ** p
            for i, j in zip(range(len(small)), chosen, strict=True)
        )
        for chosen in itertools.permutations(range(len(large)), len(small))
    )
    return ((least + c**p * (len(large) - len(small))) / len(large)) ** (1.0 / p)


def pairings(n, m):
    """All ways to pair some of n with some of m, each at most once."""
    for k in range(min(n, m) + 1):
        for rows in itertools.combinations(range(n), k):
            for columns in itertools.permutations(range(m), k):
                yield list(zip(rows, columns, strict=True))


def slow_gospa(estimated, true, c, p):
    return min(
        sum(math.dist(estimated[i], true[j]) ** p for i, j in pairs)
        + c**p / 2.0 * (len(estimated) + len(true) - 2 * len(pairs))
        for pairs in pairings(len(estimated), len(true))
    ) ** (1.0 / p)


@given(positions(), positions(), orders)
def test_ospa_is_as_defined(one, other, p):
    assert ospa(one, other, C, p) == pytest.approx(slow_ospa(one, other, C, p), abs=1e-9)


@given(positions(3), positions(3), orders)
def test_gospa_is_as_defined(estimated, true, p):
    found = gospa(estimated, true, C, p)
    assert found.distance_m == pytest.approx(slow_gospa(estimated, true, C, p), abs=1e-9)


@given(positions(), positions(), positions(), orders)
def test_both_are_metrics(x, y, z, p):
    for distance in (
        lambda one, other: ospa(one, other, C, p),
        lambda one, other: gospa(one, other, C, p).distance_m,
    ):
        assert distance(x, x) == pytest.approx(0.0, abs=1e-9)
        assert distance(x, y) == pytest.approx(distance(y, x), abs=1e-9)
        assert distance(x, z) <= distance(x, y) + distance(y, z) + 1e-9
        if len(x) != len(y):
            assert distance(x, y) > 0.0


@given(positions(), positions(), orders)
def test_ospa_is_at_most_c_and_rises_with_p(x, y, p):
    assert ospa(x, y, C, p) <= C + 1e-9
    assert ospa(x, y, C, p) <= ospa(x, y, C, p + 1.0) + 1e-9


@given(positions(), positions(), orders)
def test_missed_and_false_change_places(x, y, p):
    there, back = gospa(x, y, C, p), gospa(y, x, C, p)
    assert there.missed == back.false
    assert there.false == back.missed
    assert there.localisation == pytest.approx(back.localisation, abs=1e-9)
    # So many that are alone cost c^p / 2 each.
    assert there.missed - there.false == pytest.approx(C**p / 2.0 * (len(y) - len(x)))


def test_cases_by_hand():
    none = np.zeros((0, 3))
    at = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    assert ospa(none, none, C) == 0.0
    assert ospa(none, at, C) == C  # Schuhmacher et al., eq. 4: m = 0
    assert ospa(at + [0.0, 3.0, 4.0], at, C) == pytest.approx(5.0)
    assert ospa(at[:1] + [6.0, 0.0, 0.0], at, C) == pytest.approx(math.sqrt((36.0 + 100.0) / 2.0))
    one = gospa(at[:1] + [6.0, 0.0, 0.0], at, C)
    assert one[:3] == pytest.approx((36.0, 50.0, 0.0))
    assert one.distance_m == pytest.approx(math.sqrt(86.0))
    # At the cut-off a pair is one missed and one false.
    assert gospa(at[:1] + [C, 0.0, 0.0], at[:1], C)[:3] == (0.0, 50.0, 50.0)
    assert gospa(none, at, C, 1.0).distance_m == pytest.approx(C)
    # Each false track costs alike, however many there are: not so with OSPA.
    assert gospa(at[[0, 1, 1, 1]], at, C)[2] == pytest.approx(2.0 * 50.0)


# Assignment


def sample_of(time_s, true, estimated, tracks=None, objects=None, covariance=1.0):
    """A sample from positions; velocities are 0."""
    true, estimated = np.reshape(true, (-1, 3)), np.reshape(estimated, (-1, 3))
    n, m = len(estimated), len(true)
    return Sample(
        time_ns=round(time_s * S),
        objects=tuple(range(m)) if objects is None else objects,
        true=np.hstack((true, np.zeros((m, 3)))),
        in_sight=np.ones(m, bool),
        tracks=tuple(range(1, n + 1)) if tracks is None else tracks,
        states=np.hstack((estimated, np.zeros((n, 3)))),
        covariances=np.broadcast_to(covariance * np.eye(6), (n, 6, 6)),
    )


def slow_cost(sample, held, cutoffs, pairs):
    total = 0.0
    for j, i in pairs:
        apart = math.dist(sample.states[j, :3], sample.true[i, :3])
        if apart > cutoffs.cutoff_m:
            return math.inf
        if held.get(sample.objects[i]) == sample.tracks[j]:
            apart *= cutoffs.hold
        total += apart**2 - cutoffs.cutoff_m**2
    return total


@given(positions(3), positions(3), st.dictionaries(st.integers(0, 2), st.integers(1, 3)))
def test_assignment_is_the_least_of_all(true, estimated, held):
    cutoffs = Cutoffs(cutoff_m=C)
    sample = sample_of(0.0, true, estimated)
    found = assign_tracks(sample, held, cutoffs)
    pairs = [(int(j), i) for i, j in enumerate(found.follower) if j >= 0]
    assert len({j for j, _ in pairs}) == len(pairs)
    least = min(slow_cost(sample, held, cutoffs, p) for p in pairings(len(estimated), len(true)))
    assert slow_cost(sample, held, cutoffs, pairs) == pytest.approx(least, abs=1e-9)
    followed = {j: i for j, i in pairs}
    for j, state in enumerate(sample.states):
        apart = [math.dist(state[:3], one[:3]) for one in sample.true]
        if j in followed:
            assert found.nearest[j] == followed[j]
        elif not apart or min(apart) > C:
            assert found.nearest[j] == -1
        else:
            # Squares of distances below 1e-154 m are 0.
            assert apart[found.nearest[j]] == pytest.approx(min(apart), abs=1e-150)


def test_a_track_is_held_until_another_is_clearly_nearer():
    true = [[0.0, 0.0, 0.0], [50.0, 0.0, 0.0]]
    cutoffs = Cutoffs(cutoff_m=1000.0)
    held = {0: 1, 1: 2}
    # Both estimates between the objects, the wrong way round by chance: nothing changes.
    close = sample_of(0.0, true, [[30.0, 0.0, 0.0], [20.0, 0.0, 0.0]])
    assert assign_tracks(close, held, cutoffs).follower.tolist() == [0, 1]
    assert assign_tracks(close, {}, cutoffs).follower.tolist() == [1, 0]
    assert assign_tracks(close, held, cutoffs._replace(hold=1.0)).follower.tolist() == [1, 0]
    # They have changed places: that is seen.
    crossed = sample_of(0.0, true, [[45.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    assert assign_tracks(crossed, held, cutoffs).follower.tolist() == [1, 0]


# NEES


@given(st.integers(0, 2**32 - 1))
def test_nees_is_as_defined_at_all_scales(seed):
    random = np.random.default_rng(seed)
    root = random.normal(size=(6, 6)) * np.array([1e3, 1e3, 1e3, 1.0, 1.0, 1.0])[:, None]
    covariance = root @ root.T + np.diag([1.0, 1.0, 1.0, 1e-4, 1e-4, 1e-4])
    error = root @ random.normal(size=6)
    expected = error @ np.linalg.inv(covariance) @ error
    assert nees(error, covariance) == pytest.approx(expected, rel=1e-3)


def test_honest_tracks_have_a_nees_of_six():
    from scipy.stats import chi2

    assert pytest.approx(chi2.ppf(0.95, 6)) == NEES_95
    random = np.random.default_rng(1)
    sigma = np.array([30.0, 30.0, 30.0, 2.0, 2.0, 2.0])
    samples = []
    for k in range(4000):
        sample = sample_of(k, np.zeros((1, 3)), np.zeros((1, 3)))
        error = (sigma * random.normal(size=6))[None]
        samples.append(sample._replace(states=error, covariances=np.diag(sigma**2)[None]))
    found = measure(samples, Cutoffs())
    assert found.nees_over_6 == pytest.approx(1.0, abs=0.03)
    assert found.nees_within_95 == pytest.approx(0.95, abs=0.015)
    assert found.objects[0].position_rmse_m == pytest.approx(30.0 * math.sqrt(3.0), rel=0.03)
    assert found.objects[0].velocity_rmse_m_s == pytest.approx(2.0 * math.sqrt(3.0), rel=0.03)


# A whole run


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=5))
def test_fewest_covering_is_the_least_of_all(pairs):
    stretches = [(min(pair), max(pair)) for pair in pairs]
    moments = sorted({at for first, last in stretches for at in range(first, last + 1)})
    least = next(
        k
        for k in range(len(stretches) + 1)
        for chosen in itertools.combinations(stretches, k)
        if all(any(first <= at <= last for first, last in chosen) for at in moments)
    )
    assert fewest_covering(stretches, moments) == least


def test_a_run_by_hand():
    """Ten moments, 2 s apart: object 0 is there always, object 1 in the last four.

    Track 1 follows object 0 in moments 1 to 4, track 2 in 4 to 8 (in 4 both are on it); track 3 is
    on nothing but once; object 1 is followed by track 4 in its last two moments.
    """
    zero, one, far = [0.0, 0.0, 0.0], [500.0, 0.0, 0.0], [0.0, 9e3, 0.0]
    by_moment = {
        **{k: {1: [3.0, 4.0, 0.0]} for k in (1, 2, 3)},
        4: {1: [3.0, 4.0, 0.0], 2: [0.0, 12.0, 0.0]},
        **{k: {2: [0.0, 12.0, 0.0]} for k in (5, 6, 7)},
        8: {2: [0.0, 12.0, 0.0], 3: far, 4: one},
        9: {3: far, 4: one},
    }
    samples = []
    for k in range(10):
        seen = by_moment.get(k, {})
        true = [zero] if k < 6 else [zero, one]
        samples.append(
            sample_of(2.0 * k, true, list(seen.values()), tracks=tuple(seen))._replace(
                in_sight=np.array([k > 0] + [k > 7] * (k > 5))
            )
        )
    cutoffs = Cutoffs(step_s=2.0, cutoff_m=100.0, ospa_c_m=100.0)
    found = measure(samples, cutoffs)

    first, second = found.objects[0], found.objects[1]
    assert (first.exists_s, first.followed_s, second.exists_s, second.followed_s) == (20, 16, 8, 4)
    assert (first.in_sight_s, first.followed_in_sight_s) == (18, 16)
    assert (second.in_sight_s, second.followed_in_sight_s) == (4, 4)
    assert first.first_followed_ns == 2 * S
    assert second.first_followed_ns == 16 * S
    assert (first.changes, first.fewest_tracks, first.longest_s) == (1, 2, 10.0)
    assert (second.changes, second.fewest_tracks, second.longest_s) == (0, 1, 4.0)
    assert first.position_rmse_m == pytest.approx(math.sqrt((4 * 25 + 4 * 144) / 8))
    assert found.duration_s == 20.0
    assert (found.tracks, found.false_tracks) == (4, 1)
    assert found.false_tracks_per_minute == pytest.approx(3.0)
    assert found.changes_per_object == 0.5
    assert found.completeness_in_sight == pytest.approx(20 / 22)
    siap = found.siap
    assert siap.completeness == pytest.approx(10 / 14)
    assert siap.ambiguity == pytest.approx(11 / 10)
    assert siap.spuriousness == pytest.approx(2 / 13)
    assert siap.position_m == pytest.approx((4 * 5 + 5 * 12 + 0) / 11)
    assert siap.velocity_m_s == 0.0
    assert siap.track_changes_per_s == pytest.approx(1 / 20)
    assert siap.longest_segment == pytest.approx(14 / 28)
    over = found.over_time
    assert over.followed.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 2, 1]
    assert over.spurious.tolist() == [0] * 8 + [1, 1]
    whole = over.gospa.sum(axis=1).mean()
    assert found.gospa_m == pytest.approx(math.sqrt(whole))
    parts = found.localisation_m, found.missed_m, found.false_m
    assert sum(part**2 for part in parts) == pytest.approx(whole)
    assert found.missed_m == pytest.approx(math.sqrt(4 * 5e3 / 10))
    assert found.false_m == pytest.approx(math.sqrt(3 * 5e3 / 10))


def test_the_same_track_again_is_no_change():
    at = np.zeros((1, 3))
    none = np.zeros((0, 3))
    samples = [sample_of(k, at, at if k % 2 else none) for k in range(6)]
    found = measure(samples, Cutoffs())
    assert found.objects[0].changes == 0
    assert found.objects[0].fewest_tracks == 3  # as SIAP counts: three stretches
    assert found.objects[0].longest_s == 1.0


def test_nothing_is_told_of_nothing():
    found = measure([], Cutoffs())
    assert math.isnan(found.siap.completeness)
    assert math.isnan(found.nees_over_6)
    alone = measure([sample_of(0.0, np.zeros((1, 3)), np.zeros((0, 3)))], Cutoffs())
    assert alone.siap.completeness == 0.0
    assert math.isnan(alone.siap.position_m)
    assert alone.objects[0].first_followed_ns is None
    assert alone.ospa_m == Cutoffs().ospa_c_m


@given(st.integers(0, 2**32 - 1))
def test_what_holds_of_every_run(seed):
    random = np.random.default_rng(seed)
    samples = []
    for k in range(12):
        m, n = random.integers(0, 4, 2)
        numbers = tuple(sorted(random.choice(5, m, replace=False).tolist()))
        ids = tuple(sorted(random.choice(6, n, replace=False).tolist()))
        true, estimated = random.uniform(-8, 8, (m, 3)), random.uniform(-8, 8, (n, 3))
        samples.append(sample_of(k, true, estimated, ids, numbers))
    found = measure(samples, Cutoffs(cutoff_m=C, ospa_c_m=C))
    siap, objects = found.siap, found.objects.values()
    if objects:
        assert 0.0 <= siap.longest_segment <= 1.0
        # Whatever has a track on it has one that follows it.
        tracked_s = sum(one.followed_s for one in objects)
        exists_s = sum(one.exists_s for one in objects)
        assert siap.completeness == pytest.approx(tracked_s / exists_s)
    for one in objects:
        assert one.longest_s <= one.followed_s <= one.exists_s
        assert (one.fewest_tracks > 0) == (one.followed_s > 0.0)
    if not math.isnan(siap.ambiguity):
        assert siap.ambiguity >= 1.0
    assert found.ospa_m <= C or math.isnan(found.ospa_m)


# Beside Stone Soup


def stone_soup_states(samples, of_tracks):
    """Stone Soup's tracks or truths, by name, with a state at each of their moments."""
    from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
    from stonesoup.types.state import State
    from stonesoup.types.track import Track

    begin = datetime.datetime(2026, 1, 1)
    found = {}
    for sample in samples:
        at = begin + datetime.timedelta(seconds=sample.time_ns / S)
        names = sample.tracks if of_tracks else sample.objects
        for name, state in zip(names, sample.states if of_tracks else sample.true, strict=True):
            path = found.setdefault(name, Track() if of_tracks else GroundTruthPath())
            path.append((State if of_tracks else GroundTruthState)(state, timestamp=at))
    return found


@given(positions(), positions(), orders)
def test_ospa_and_gospa_are_those_of_stone_soup(estimated, true, p):
    # For OSPA Stone Soup assigns by distances and not by their p-th powers: the same at p = 1 only,
    # and never nearer.
    metric = pytest.importorskip("stonesoup.metricgenerator.ospametric", reason=STONE_SOUP)
    if not len(estimated) and not len(true):
        return
    sample = sample_of(0.0, true, estimated)
    tracks = [path[0] for path in stone_soup_states([sample], True).values()]
    truths = [path[0] for path in stone_soup_states([sample], False).values()]
    theirs = metric.GOSPAMetric(c=C, p=p).compute_gospa_metric(tracks, truths)[0].value
    ours = gospa(estimated, true, C, p)
    assert ours.distance_m == pytest.approx(theirs["distance"], abs=1e-6)
    assert ours[:3] == pytest.approx(
        (theirs["localisation"], theirs["missed"], theirs["false"]), abs=1e-6
    )
    theirs = metric.OSPAMetric(c=C, p=p).compute_OSPA_distance(tracks, truths).value
    if p == 1.0:
        assert ospa(estimated, true, C, p) == pytest.approx(theirs, abs=1e-6)
    assert ospa(estimated, true, C, p) <= theirs + 1e-6


def test_siap_is_that_of_stone_soup():
    module = pytest.importorskip("stonesoup.metricgenerator.tracktotruthmetrics", reason=STONE_SOUP)
    from stonesoup.dataassociator.tracktotrack import TrackToTruth
    from stonesoup.measures import Euclidean
    from stonesoup.metricgenerator.manager import MultiManager

    # Three objects far apart; tracks with gaps, overlaps, and one on nothing.
    random = np.random.default_rng(7)
    lives = {0: range(30), 1: range(5, 30), 2: range(10, 25)}
    tracks = {
        1: (0, range(2, 12)),
        2: (0, range(9, 28)),
        3: (1, range(8, 30)),
        4: (2, range(12, 18)),
        5: (2, range(20, 25)),
        6: (None, range(3, 9)),
    }
    samples = []
    for k in range(30):
        objects = tuple(name for name, life in lives.items() if k in life)
        ids = tuple(name for name, (_, life) in tracks.items() if k in life)
        true = np.array([[1e5 * name, 100.0 * k, 0.0] for name in objects])
        estimated = [
            [1e5 * (7 if tracks[i][0] is None else tracks[i][0]), 100.0 * k, 0.0] for i in ids
        ]
        estimated = np.reshape(estimated, (-1, 3)) + random.normal(0.0, 20.0, (len(ids), 3))
        samples.append(sample_of(k, true, estimated, ids, objects))
    ours = measure(samples, Cutoffs(cutoff_m=1000.0)).siap

    generator = module.SIAPMetrics(
        position_measure=Euclidean((0, 1, 2)), velocity_measure=Euclidean((3, 4, 5))
    )
    associator = TrackToTruth(
        association_threshold=1000.0, consec_pairs_confirm=1, consec_misses_end=1
    )
    manager = MultiManager([generator], associator=associator)
    manager.add_data(
        {
            "tracks": set(stone_soup_states(samples, True).values()),
            "groundtruth_paths": set(stone_soup_states(samples, False).values()),
        }
    )
    theirs = {
        metric.title: metric.value
        for metric in manager.generate_metrics()["siap_generator"].values()
    }
    assert ours.completeness == pytest.approx(theirs["SIAP Completeness"])
    assert ours.ambiguity == pytest.approx(theirs["SIAP Ambiguity"])
    assert ours.spuriousness == pytest.approx(theirs["SIAP Spuriousness"])
    assert ours.position_m == pytest.approx(theirs["SIAP Position Accuracy"])
    assert ours.velocity_m_s == pytest.approx(theirs["SIAP Velocity Accuracy"])
    # Their times run from the first moment to the last; here each moment stands for a step.
    longest, exist = (19, 22, 6), (30, 25, 15)
    assert ours.longest_segment == pytest.approx(sum(longest) / sum(exist))
    their_longest = sum(k - 1 for k in longest) / sum(k - 1 for k in exist)
    assert theirs["SIAP Longest Track Segment"] == pytest.approx(their_longest)
    assert ours.track_changes_per_s == pytest.approx(2 / (26 + 22 + 11))
    assert theirs["SIAP Rate of Track Number Change"] == pytest.approx(2 / (25 + 21 + 5 + 4))


def test_distances():
    one, other = np.array([[0.0, 3.0, 0.0]]), np.array([[4.0, 0.0, 0.0], [0.0, 3.0, 1.0]])
    assert distances(one, other).tolist() == [[5.0, 1.0]]
    assert distances(np.zeros((0, 3)), other).shape == (0, 2)
