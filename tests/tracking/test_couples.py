"""Couples: a look against a slow twin, motion against the filter's, two objects as one state."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.stats import multivariate_normal

from evaluate import pairs, separation
from evaluate.scene import START_NS, local_state, looks_like
from skypact.kernels import filter as kf
from skypact.kernels.radar_table import radar_array
from skypact.model import TrackStatus
from skypact.offline.metrics import nees
from skypact.offline.true_paths import TruePath
from skypact.sensing.radar_model import observe
from skypact.settings import TrackingSettings
from skypact.tracking import Picture, couples, tables
from skypact.tracking.context import fold_context

NS = 1_000_000_000
RADARS = tuple(
    structs.replace(
        radar,
        range_resolution_m=resolution_m,
        angle_resolution_rad=0.02,
        range_rate_sigma_m_s=rate_sigma_m_s,
        range_bias_sigma_m=bias_m,
        time_bias_sigma_s=bias_m * 1e-4,
    )
    for radar, resolution_m, rate_sigma_m_s, bias_m in zip(
        pairs.pair_radars(), (0.0, 40.0, 40.0), (None, None, 0.5), (0.0, 0.0, 20.0), strict=True
    )
)


def joint(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two objects some tens of metres apart, with all there may be between them and the biases."""
    m = couples.BOTH + n - kf.CORE
    x = np.zeros(m)
    x[:6] = local_state(38.8, 131.0, 130e3, (1000.0, -100.0, 2000.0))
    x[6:12] = x[:6] + random.normal(size=6) * np.repeat([40.0, 2.0], 3)
    root = random.normal(size=(m, m)) * 0.3 + np.eye(m)
    scale = np.ones(m)
    scale[:12] = np.tile(np.repeat([30.0, 2.0], 3), 2)
    scale[12:] = 1e-6  # biases that a radar does not declare hardly vary
    for at, sigma in zip(range(12, m), (20.0, 0.0, 0.0, 0.0, 2e-3), strict=False):
        scale[at] = max(sigma, 1e-6)
    return x, (root @ root.T) * np.outer(scale, scale)


def rows_of(x: np.ndarray, radar: int, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """H (2, k, m) and h(x) (2, k) of both objects, biases among them."""
    s, one, m = kf.scratch(n), np.zeros(n), len(x)
    at = int(rows[radar, kf.BIAS_AT])
    h, value = [], []
    for k in range(2):
        one[:6], one[kf.CORE :] = x[6 * k : 6 * k + 6], x[12:]
        components = kf.measure(one, radar, rows, s)
        row = np.zeros((components, m))
        row[:, 6 * k : 6 * k + 6] = s[kf.H : kf.H + components, :6]
        if at:
            for i in range(components):
                row[i, 3 + at + i] = 1.0
                row[i, 3 + at + 4] = -s[kf.RATE, i]
                if i < 3:
                    row[i, 3 + at + 5 + i] = 1.0
        h.append(row)
        # At the mean, h(x) is linear in the biases.
        value.append(s[kf.PREDICTED, :components] + row[:, 12:] @ x[12:])
    return np.array(h), np.array(value)


def merged_share(h, value, p, radar, rows) -> float:
    """That both are within the cell in each component, each for itself, of a Gaussian."""
    cell = [rows[radar, kf.RANGE_RESOLUTION_M]] + [rows[radar, kf.ANGLE_RESOLUTION_RAD]] * 2
    if cell[0] <= 0.0:
        return 0.0
    cell[1] /= math.cos(value[0, 2])
    share = 1.0
    for i in range(3):
        apart = h[0, i] - h[1, i]
        off, sigma = value[0, i] - value[1, i], math.sqrt(2.0 * apart @ p @ apart)
        share *= 0.5 * (math.erf((cell[i] - off) / sigma) - math.erf((-cell[i] - off) / sigma))
    return min(max(share, 1e-9), 1.0 - 1e-6)


def slowly(beliefs, plots, radar, rows, n, settings_) -> tuple[float, np.ndarray, np.ndarray]:
    """Every way by dense matrices: log likelihood of the look, mean and covariance after it."""
    spare, found = settings_.new_object_log_density, []
    p_d = min(rows[radar, kf.DETECTION], couples.MOST_DETECTION)
    for log_weight, x, p in beliefs:
        h, value = rows_of(x, radar, rows, n)
        noise = rows[radar, kf.SIGMA : kf.SIGMA + h.shape[1]] ** 2
        merged = merged_share(h, value, p, radar, rows)
        none = (1 - p_d) ** 2 * (1 - merged) + (1 - p_d) * merged
        ways = [((), math.log(none))]
        for j in range(len(plots)):
            for k in range(2):
                ways.append((((k, j),), math.log(p_d * (1 - p_d) * (1 - merged))))
            if merged:
                ways.append((((2, j),), math.log(p_d * merged)))
        for i, j in itertools.permutations(range(len(plots)), 2):
            ways.append((((0, i), (1, j)), 2 * math.log(p_d) + math.log1p(-merged)))
        for taken, log_prior in ways:
            z, H, R, y = [], [], [], []
            for k, j in taken:
                H.append(h.mean(axis=0) if k == 2 else h[k])
                y.append(value.mean(axis=0) if k == 2 else value[k])
                z.append(plots[j, : len(noise)])
                R.append(noise)
            log_weight_of = log_weight + log_prior + (len(plots) - len(taken)) * spare
            if not taken:
                found.append((log_weight_of, x, p))
                continue
            H, R = np.vstack(H), np.diag(np.concatenate(R))
            residual = np.concatenate(z) - np.concatenate(y)
            innovation = H @ p @ H.T + R
            log_weight_of += multivariate_normal.logpdf(residual, cov=innovation)
            log_weight_of += len(taken) * math.log(8e3) * (len(noise) == 4)
            gain = np.linalg.solve(innovation, H @ p).T
            found.append((log_weight_of, x + gain @ residual, p - gain @ innovation @ gain.T))
    log_weights = np.array([one[0] for one in found])
    share = np.exp(log_weights - log_weights.max())
    total = log_weights.max() + math.log(share.sum())
    share /= share.sum()
    mean = share @ np.array([one[1] for one in found])
    covariance = sum(
        w * (p + np.outer(x - mean, x - mean)) for w, (_, x, p) in zip(share, found, strict=True)
    )
    return total, mean, covariance


@given(st.integers(0, 2**32), st.integers(0, 2), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_look_does_what_all_ways_together_say(seed, radar, count):
    """Mean and covariance over all beliefs against dense matrices, where none had to be left out.

    Beliefs that are alike become one with the same mean and covariance, so both are those of all
    ways, but for ways below e⁻¹² of the best: 0.02 of a sigma with a hundred such 10σ off.
    """
    random = np.random.default_rng(seed)
    wanted = TrackingSettings(couple_beliefs=64)
    context, n = fold_context(RADARS, wanted)
    c, rows = context.couples, context.radars
    x, p = joint(random, n)
    m = len(x)
    weights, xs, ps = np.full(64, -np.inf), np.zeros((64, m)), np.zeros((64, m, m))
    weights[0], xs[0], ps[0] = 0.0, x, p
    truth = x + np.linalg.cholesky(p) @ random.normal(size=m) * 0.5
    h, _ = rows_of(x, radar, rows, n)
    exact = looks_like(RADARS, np.full(2, radar, np.int32), truth[:12].reshape(2, 6))
    k = h.shape[1]
    c.look[:] = np.nan
    plots = np.full((count, 4), np.nan)
    for j in range(count):
        plots[j] = exact[j % 2]
        plots[j, :k] += rows[radar, kf.SIGMA : kf.SIGMA + k] * random.normal(size=k)
        if k == 3:
            plots[j, 3] = np.nan
        c.look[j, :4], c.look[j, couples.DT_S] = plots[j], 0.0
    total, mean, covariance = slowly([(0.0, x, p)], plots, radar, rows, n, wanted)
    found = couples.observe_beliefs(1, weights, xs, ps, radar, count, False, c)
    assert found > 0 and math.isfinite(total)
    share = np.exp(weights[:found])
    assert share.sum() == pytest.approx(1.0)
    # Which is called the first may be the other way round for a belief: in what does not ask, the
    # sum over both objects, twin and kernel agree.
    both = np.zeros((6, m))
    both[:, :6], both[:, 6:12] = np.eye(6), np.eye(6)
    got = share @ xs[:found] @ both.T
    sigma = np.sqrt(np.diag(both @ covariance @ both.T))
    assert np.abs(got - both @ mean).max() < 0.02 * sigma.max()
    np.testing.assert_allclose(got, both @ mean, atol=0.02 * sigma.max())
    spread = (xs[:found] - share @ xs[:found]) @ both.T
    got_p = np.einsum("b,bij->ij", share, both @ ps[:found] @ both.T)
    got_p += np.einsum("b,bi,bj->ij", share, spread, spread)
    np.testing.assert_allclose(
        got_p, both @ covariance @ both.T, atol=0.02 * np.outer(sigma, sigma).max()
    )


def test_both_move_as_the_filter_moves_one_and_stay_as_correlated() -> None:
    """Each object's part is what `predict` makes of it; two that are one stay one."""
    context, n = fold_context(RADARS, TrackingSettings())
    random = np.random.default_rng(4)
    x, p = joint(random, n)
    x[6:12] = x[:6]
    block = p[:6, :6].copy()
    for a, b in itertools.product((0, 6), repeat=2):
        p[a : a + 6, b : b + 6] = block
    p[6:12, 12:], p[12:, 6:12] = p[:6, 12:], p[12:, :6]
    alone_x, alone_p = np.zeros(n), np.zeros((n, n))
    alone_x[:6], alone_x[kf.CORE :] = x[:6], x[12:]
    alone_p[:6, :6], alone_p[kf.CORE :, kf.CORE :] = block, p[12:, 12:]
    alone_p[:6, kf.CORE :], alone_p[kf.CORE :, :6] = p[:6, 12:], p[12:, :6]
    remainder = (1e-5, -2e-5, 3e-5)
    couples.move_belief(x, p, 23.5, (0.0, 0.0), remainder, context.couples)
    kf.predict(0, alone_x, alone_p, 23.5, remainder, context.phases.noise, context.phases.filter)
    kf.age_biases(alone_x, alone_p, 23.5, context.radars)
    np.testing.assert_allclose(x[:6], alone_x[:6], rtol=1e-12)
    np.testing.assert_array_equal(x[:6], x[6:12])
    for a, b in itertools.product((0, 6), repeat=2):
        np.testing.assert_allclose(p[a : a + 6, b : b + 6], alone_p[:6, :6], rtol=1e-9)
    np.testing.assert_allclose(p[:6, 12:], alone_p[:6, kf.CORE :], rtol=1e-9, atol=1e-12)


def separated(seed: int, **settings_: object) -> tuple[Picture, tuple, int]:
    """A picture a minute after a stage left at 5 m/s; both true paths and the time."""
    case = separation.CASES[0]
    paths, radars = separation.separation(case, seed), separation.radars_of(case)
    end_ns = int(paths[1].time_ns[0]) + 60 * NS
    picture = Picture(radars, TrackingSettings(**settings_))
    picture.observe(observe(paths, radars, seed=seed, stop_ns=end_ns).plots)
    return picture, paths, end_ns


def test_payload_and_stage_are_each_followed_and_the_first_flight_is_the_payloads() -> None:
    """A minute after: both in their own gates, the older track the payload's, in three of three.

    By chance a gate of 99.9 % fails once in 160 of these six. One track each, for itself,
    had both in 8 of 30 such runs, and the older was the payload's in every second.
    """
    for seed in range(3):
        picture, (payload, stage), end_ns = separated(seed)
        tracks = picture.advanced(end_ns).tracks()
        first, second = (t for t in tracks if t.status is TrackStatus.CONFIRMED)
        now = np.array([end_ns])
        assert second.parted_from == first.id
        for track, path in ((first, payload), (second, stage)):
            off = track.state - path.state_at(now)[0]
            assert nees(off, track.covariance) < separation.GATE


def test_a_couple_survives_being_saved_and_pieces_of_any_size() -> None:
    """Saved while two are followed together, and plots in odd batches: the same bits."""
    case = separation.CASES[1]
    paths, radars = separation.separation(case, 2), separation.radars_of(case)
    end_ns = int(paths[1].time_ns[0]) + 30 * NS
    plots = observe(paths, radars, seed=2, stop_ns=end_ns).plots
    whole, pieces = Picture(radars), Picture(radars)
    whole.observe(plots)
    assert whole._tracks.couple[:, tables.COUPLE_ID].any()
    scans = np.flatnonzero(np.diff(plots.time_ns) > 0) + 1
    cuts = np.concatenate(([0], np.random.default_rng(5).choice(scans, 40), [len(plots.time_ns)]))
    saved = 0
    for begin, end in itertools.pairwise(np.sort(cuts).tolist()):
        pieces.observe(plots.at(np.arange(begin, end)), more_to_come=False)
        if pieces._tracks.couple[:, tables.COUPLE_ID].any():
            pieces, saved = Picture.from_bytes(pieces.to_bytes(), radars), saved + 1
    assert saved > 3
    assert pieces.digest() == whole.digest()


def test_two_that_began_together_are_not_followed_as_ghosts() -> None:
    """Two 50 m apart: beside three radars that know ranges, a wrong pairing looks as good at first.

    The covariance holds each: NEES / 6, which is 1 for an honest one, stays below 4 in the median
    of four runs, where one track each, for itself, had 84.
    """
    found = []
    for seed in range(4):
        paths, radars = pairs.pair(seed, "parallel"), pairs.pair_radars()
        plots = observe(paths, radars, seed=seed, clutter_box_m=pairs.HALF_CUBE_M).plots
        estimates = list(pairs.skypact_estimates(radars, plots))
        figures = pairs.figures_of(estimates, tuple(TruePath.of(path) for path in paths))
        assert figures["completeness"] > 0.97
        found.append(figures["nees_over_6"])
    assert np.median(found) < 4.0


@pytest.mark.parametrize("seed", [4, 12])
def test_two_that_began_together_keep_their_tracks(seed) -> None:
    """Followed anew from the first plots of both, each is still the track that was nearer to it.

    Two 800 m apart: a track is within 400 m of its own once it has settled, in 5 s.
    """
    start = local_state(38.8, 131.0, 130e3, (1000.0, -100.0, 2000.0))
    aside = np.random.default_rng(seed).normal(size=3)
    other = start.copy()
    other[:3] += 800.0 * aside / np.linalg.norm(aside)
    paths = pairs._path("one", start), pairs._path("other", other)
    radars = tuple(
        structs.replace(radar, clutter_per_scan=0.0, detection_probability=0.9)
        for radar in pairs.pair_radars()
    )
    plots = observe(paths, radars, seed=seed).plots
    picture, nearest, were_coupled = Picture(radars), set(), False
    for second in range(1, 40):
        now_ns = START_NS + second * NS
        new = (plots.time_ns > now_ns - NS) & (plots.time_ns <= now_ns)
        picture.observe(plots.at(np.flatnonzero(new)))
        were_coupled |= bool(picture._tracks.couple[:, tables.COUPLE_ID].any())
        where = [path.state_at(np.array([now_ns]))[0, :3] for path in paths]
        for track in picture.advanced(now_ns).tracks() if second > 5 else ():
            off = [np.linalg.norm(track.state[:3] - one) for one in where]
            nearest.add((track.id, int(np.argmin(off))))
    assert were_coupled and len(nearest) == 2


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize(("apart_m", "seed"), [(100.0, 0), (200.0, 2)])
def test_of_a_couple_that_is_one_object_the_one_that_is_seen_goes_on(apart_m, seed, left) -> None:
    """From 20 s on the radars see one of two alone, and its track is left.

    Before, the second always ended, also where it was the first that nobody saw: a track then
    stood where nothing is, and new ones began beside it and ended, over and over.
    """
    start = local_state(38.8, 131.0, 130e3, (1000.0, -100.0, 2000.0))
    aside = np.random.default_rng(seed).normal(size=3)
    other = start.copy()
    other[:3] += apart_m * aside / np.linalg.norm(aside)
    paths = pairs._path("one", start), pairs._path("other", other)
    radars = tuple(
        structs.replace(radar, clutter_per_scan=0.0, detection_probability=0.9)
        for radar in pairs.pair_radars()
    )
    from_ns, end_ns = START_NS + 20 * NS, START_NS + 50 * NS
    both = observe(paths, radars, seed=seed, stop_ns=from_ns).plots
    alone = observe(paths[left : left + 1], radars, seed=seed + 7, stop_ns=end_ns).plots
    picture = Picture(radars)
    picture.observe(both, more_to_come=False)
    assert picture._tracks.couple[:, tables.COUPLE_ID].any()
    picture.observe(alone.at(np.flatnonzero(alone.time_ns > from_ns)))
    tracks = picture.advanced(end_ns).tracks()
    (track,) = (one for one in tracks if one.status is TrackStatus.CONFIRMED)
    assert any(one.ended_because == "no object there" for one in tracks)
    off = track.state - paths[left].state_at(np.array([end_ns]))[0]
    assert nees(off, track.covariance) < separation.GATE


def test_no_more_couples_than_set_and_the_rest_goes_on() -> None:
    """With room for one couple, a second one's tracks are followed one by one."""
    radars = pairs.pair_radars()
    first = pairs.pair(1, "parallel")
    far = [
        pairs._path(f"far-{k}", local_state(36.0, 133.0, 140e3 + 60.0 * k, (900.0, 300.0, 1900.0)))
        for k in range(2)
    ]
    plots = observe((*first, *far), radars, seed=1, stop_ns=START_NS + 60 * NS).plots
    picture = Picture(radars, TrackingSettings(greatest_couples=1))
    picture.observe(plots)
    assert np.count_nonzero(picture._tracks.couple[:, tables.COUPLE_ID]) <= 1
    confirmed = [t for t in picture.tracks() if t.status is TrackStatus.CONFIRMED]
    assert len(confirmed) == 4
    assert all(np.linalg.eigvalsh(track.covariance).min() > 0.0 for track in confirmed)


def test_biases_that_both_share_are_counted_once() -> None:
    """Of two followed together, the registration asks the first alone."""
    radars = tuple(
        structs.replace(radar, range_bias_sigma_m=50.0, time_bias_sigma_s=0.01)
        for radar in separation.radars_of(separation.CASES[1])
    )
    paths = separation.separation(separation.CASES[1], 3)
    end_ns = int(paths[1].time_ns[0]) + 40 * NS
    plots = observe(paths, radars, seed=3, stop_ns=end_ns).plots
    picture = Picture(radars)
    picture.observe(plots)
    number = picture._tracks.number
    seconds = number[(number[:, tables.WAS_SECOND] == 1), tables.TRACK_ID]
    assert len(seconds)
    assert not {one.track_id for one in picture._biased_tracks()} & set(seconds.tolist())
    for track in picture.tracks():
        assert np.linalg.eigvalsh(track.covariance).min() > 0.0


def test_the_radar_table_of_the_scene_is_what_the_twin_takes_it_for() -> None:
    """One radar with biases, of which the twin fills five: the others stay out of it."""
    rows, n = radar_array(RADARS)
    assert n == kf.CORE + kf.BIASES_PER_RADAR
    assert rows[:, kf.BIAS_AT].tolist() == [0.0, 0.0, kf.CORE]
