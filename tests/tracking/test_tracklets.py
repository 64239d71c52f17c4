"""Tracklets made, released and folded: as good as plots, honest when hidden, refused when wrong."""

import itertools
import math

import msgspec
import numpy as np
import pytest
from scipy.stats import chi2

from evaluate.scene import START_NS, Scene, coasting, local_state, look_times, looks_like, site
from evaluate.tracklets import biased, with_offsets
from skypact.kernels import filter as kf
from skypact.kernels.radar_table import radar_array
from skypact.model import ForeignTrack, Openness, TrackStatus
from skypact.settings import SharingSettings, TrackingSettings
from skypact.sharing.release import Hiding, joint_of, rounded
from skypact.sharing.tracklets import TrackletMaker, label_of
from skypact.tracking import Picture

S = 1_000_000_000
LOFTED = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))
RADARS = tuple(
    biased(site(*place, 0.2))
    for place in (("KR", 36.6, 127.5), ("JP", 38.0, 138.4), ("US", 35.7, 135.2))
)


def scene_of(start, seconds, radars=RADARS):
    times, radar = look_times(radars, seconds)
    states = coasting(start, times)
    return Scene(radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int))


def rows(plots, chosen):
    return plots.at(np.flatnonzero(chosen))


def made(plots, radars=RADARS, openness=Openness.FULL, settings=None, secret=b"s"):
    """Each radar's plots as tracklets, made from a picture of that radar alone."""
    out = []
    for number in range(len(radars)):
        picture = Picture(radars)
        maker = TrackletMaker(
            radars, partner="partner", secret=secret, openness=openness, settings=settings
        )
        picture.observe(rows(plots, plots.radar == number), on_followed=maker.take)
        out += maker.ready(no_more=True)
    return out


@pytest.fixture(scope="module")
def scene():
    return scene_of(LOFTED, 30.0)


@pytest.fixture(scope="module")
def plots(scene):
    return with_offsets(scene, np.random.default_rng(1))


@pytest.fixture(scope="module")
def tracklets(plots):
    return made(plots)


def bits(picture):
    return [
        (t.id, t.status, t.time_ns, t.plots, t.state.tobytes(), t.covariance.tobytes())
        for t in picture.tracks()
    ]


def test_every_plot_leaves_once_and_batches_by_phase(plots, tracklets):
    assert sum(t.plots for t in tracklets) == len(plots.time_ns)
    assert {t.rank for t in tracklets} == {3, 6}
    assert max(t.plots for t in tracklets) == 5  # a second of looks each 0.2 s
    assert len({t.radar for t in tracklets}) == 3
    assert not any(r.id in t.radar for r in RADARS for t in tracklets)
    names = {(label_of(r, partner, b"s")) for r in RADARS for partner in ("US", "JP")}
    assert len(names) == 6


def test_a_batch_leaves_with_the_last_look_that_its_radar_has_time_for(scene, plots):
    """Counted from its last plot it waits for nothing; nothing leaves twice, nor is left behind."""
    maker = TrackletMaker(RADARS, partner="US", secret=b"s", openness=Openness.FULL)
    picture, left, of_more = Picture(RADARS), [], 0
    for row in range(len(plots.time_ns)):
        one = rows(plots, np.arange(len(plots.time_ns)) == row)
        picture.observe(one, on_followed=maker.take)
        for tracklet in maker.ready():
            left.append(tracklet)
            if tracklet.plots > 1:
                of_more += 1
                # The look whose plot came last closed it, with no look of the same radar after it.
                assert tracklet.last_ns == int(one.time_ns[0])
    assert of_more > 10
    assert sum(t.plots for t in left) + sum(t.plots for t in maker.ready(no_more=True)) == len(
        plots.time_ns
    )


def test_tracklets_give_the_track_that_plots_give(scene, plots, tracklets):
    whole, shared = Picture(RADARS), Picture(())
    whole.observe(plots)
    assert shared.observe_tracklets(tracklets) == ()
    end_ns = int(scene.time_ns[-1])
    (wanted,), (got,) = whole.advanced(end_ns).tracks(), shared.advanced(end_ns).tracks()
    assert got.status == TrackStatus.CONFIRMED
    # A plot of one's own may wait while a tracklet starts the track, and then is none of its.
    assert len(plots.time_ns) - 1 <= got.plots <= len(plots.time_ns)
    assert got.plots_by_radar == {}
    assert {nation: sum(n.values()) for nation, n in got.plots_by_partner.items()} == {
        radar.nation: int(np.sum(plots.radar == k)) for k, radar in enumerate(RADARS)
    }
    # What differs is where each was linearised: a few per cent of the standard deviations.
    sigma = np.sqrt(np.diag(wanted.covariance))
    assert np.abs((got.state - wanted.state) / sigma).max() < 0.1
    assert np.sqrt(np.diag(got.covariance)) == pytest.approx(sigma, rel=0.02)


def test_an_object_is_followed_by_own_plots_and_partners_tracklets(scene, plots, tracklets):
    own = rows(plots, plots.radar == 0)
    others = [t for t in tracklets if t.nation != "KR"]
    picture = Picture(RADARS)
    picture.observe(own, tracklets=others)
    whole = Picture(RADARS)
    whole.observe(plots)
    end_ns = int(scene.time_ns[-1])
    (got,), (wanted,) = picture.advanced(end_ns).tracks(), whole.advanced(end_ns).tracks()
    # A plot of one's own may wait while a tracklet starts the track, and then is none of its.
    assert len(plots.time_ns) - 1 <= got.plots <= len(plots.time_ns)
    assert np.sqrt(np.trace(got.covariance[:3, :3])) == pytest.approx(
        np.sqrt(np.trace(wanted.covariance[:3, :3])), rel=0.02
    )


def test_same_bits_however_tracklets_come_in_order_and_in_batches(plots, tracklets):
    own = rows(plots, plots.radar == 0)
    others = [t for t in tracklets if t.nation != "KR"]
    whole = Picture(RADARS)
    whole.observe(own, tracklets=others)
    random = np.random.default_rng(2)
    shuffled = Picture(RADARS)
    shuffled.observe(own, tracklets=[others[k] for k in random.permutation(len(others))])
    assert bits(shuffled) == bits(whole)
    parts = Picture(RADARS)
    edges = [START_NS, *(START_NS + np.sort(random.integers(0, 30 * S, 5))), START_NS + 60 * S]
    for low, high in itertools.pairwise(int(edge) for edge in edges):
        parts.observe(
            rows(own, (own.time_ns >= low) & (own.time_ns < high)),
            tracklets=[t for t in others if low <= t.time_ns < high],
            more_to_come=high < edges[-1],
        )
    assert bits(parts) == bits(whole)


def test_two_objects_stay_two_tracks():
    beside = LOFTED.copy()
    beside[:3] += (
        20e3 * np.cross(LOFTED[:3], LOFTED[3:]) / np.linalg.norm(np.cross(LOFTED[:3], LOFTED[3:]))
    )
    random = np.random.default_rng(3)
    scenes = [scene_of(start, 20.0) for start in (LOFTED, beside)]
    normal = random.normal(size=(3, 5))  # of the radars, alike for both objects
    parts = [with_offsets(s, random, normal) for s in scenes]
    both = parts[0].followed_by(parts[1])
    order = np.lexsort((both.scan, both.radar, both.time_ns))
    shared = Picture(())
    shared.observe_tracklets(made(both.at(order)))
    tracks = shared.tracks()
    assert [t.plots for t in tracks] == [len(scenes[0].time_ns)] * 2
    ends = (
        coasting(LOFTED, np.array([tracks[0].time_ns])),
        coasting(beside, np.array([tracks[0].time_ns])),
    )
    for track, end in zip(tracks, ends, strict=True):
        error = track.state - end[0]
        assert error @ np.linalg.solve(track.covariance, error) < chi2.ppf(1 - 1e-4, 6)


FAULTS = {
    "not finite": {"information": np.full((6, 6), math.nan)},
    "not positive semidefinite": {"information": np.diag([1e-3, 1e-3, -1e-3, 0.0, 0.0, 0.0])},
    "not symmetric": {"information": np.triu(np.full((6, 6), 1e-4)) + 1e-2 * np.eye(6)},
    "claims rank 5": {"rank": 5},
    "shape": {"vector": np.zeros(5)},
    "biases": {"bias_sigma": np.ones(3)},
    "span": {"first_ns": START_NS + 40 * S},
    "height": {"state": np.concatenate((np.full(3, 9e7), np.zeros(3)))},
    "speed": {"state": np.concatenate((LOFTED[:3], np.full(3, 1e6)))},
    "to know a place": {"information": 1e6 * np.eye(6)},
    "to know a velocity": {"information": np.diag([1e-3] * 3 + [1e7] * 3)},
    "plots in": {"plots": 0},
    "negative": {"correlation_time_s": -1.0},
    "not within": {"vector": np.full(6, 1e9)},
}


@pytest.mark.parametrize("reason", FAULTS)
def test_what_cannot_be_is_refused_and_the_rest_untouched(reason, tracklets):
    good = [t for t in tracklets if t.time_ns < START_NS + 8 * S]
    wrong = msgspec.structs.replace(good[-1], **FAULTS[reason])
    alone, beside = Picture(()), Picture(())
    alone.observe_tracklets(good)
    (refusal,) = beside.observe_tracklets([*good, wrong])
    assert reason in refusal.reason
    assert refusal.remedy
    assert refusal.source == f"{wrong.nation}/{wrong.radar}"
    assert bits(beside) == bits(alone)


def test_a_radar_too_many_or_with_other_priors_is_refused(tracklets):
    few = Picture((), TrackingSettings(greatest_partner_radars=1))
    refusals = few.observe_tracklets(tracklets)
    first = min(tracklets, key=lambda t: (t.time_ns, t.nation)).nation
    assert {r.source.split("/")[0] for r in refusals} == {"KR", "JP", "US"} - {first}
    assert len(few.tracks()) == 1
    changed = msgspec.structs.replace(tracklets[-1], bias_sigma=tracklets[-1].bias_sigma * 2.0)
    picture = Picture(())
    picture.observe_tracklets(tracklets[:-1])
    (refusal,) = picture.observe_tracklets([changed])
    assert "priors" in refusal.reason


def test_rounding_claims_no_more_than_is_true(tracklets):
    """With steps of half a standard deviation, errors drawn from what is claimed stay within it."""
    coarse = SharingSettings(rounding_sigma=0.25, rounding_reach_m=500.0)
    random = np.random.default_rng(5)
    whole = [t for t in tracklets if t.plots == 5][:20]
    prior = np.array([1.0 / 100.0**2] * 3 + [1.0 / 20.0**2] * 3)
    total, count = 0.0, 0
    for tracklet in whole:
        joint, _ = joint_of(tracklet)
        sigma = np.concatenate((prior**-0.5, np.maximum(tracklet.bias_sigma, 1e-12)))
        unit = np.where(np.diag(joint) > 0.0, np.sqrt(np.diag(joint)), 1.0)
        values, axes = np.linalg.eigh(joint / np.outer(unit, unit))
        root = unit[:, None] * axes * np.sqrt(np.where(values > 1e-9, values, 0.0))
        for _ in range(20):
            true = sigma * random.normal(size=len(sigma))
            vector = joint @ true + root @ random.normal(size=len(sigma))
            given = msgspec.structs.replace(
                tracklet, vector=vector[:6], bias_vector=vector[6:], information=joint[:6, :6]
            )
            got, right = joint_of(rounded(given, coarse))
            information = got + np.diag(sigma**-2.0)
            unit = np.sqrt(np.diag(information))
            p = np.linalg.inv(information / np.outer(unit, unit)) / np.outer(unit, unit)
            error = (p @ right - true)[:6]
            total += error @ np.linalg.solve(p[:6, :6], error) / 6.0
            count += 1
    # 400 draws: the mean of χ²/6 scatters by 0.03.
    assert total / count < 1.1


PLAIN = msgspec.structs.replace(site("JP", 38.0, 138.4, 0.2))


def test_errors_of_hidden_tracklets_are_alike_in_all_directions():
    scene = scene_of(LOFTED, 40.0, (PLAIN,))
    settings = SharingSettings(hidden_range_km=1500.0)
    off, sizes = [], set()
    for seed in range(12):
        plots = with_offsets(scene, np.random.default_rng(seed))
        secret = str(seed).encode()
        for t in made(plots, (PLAIN,), Openness.HIDDEN, settings, secret):
            truth = coasting(LOFTED, np.array([t.time_ns]))[0]
            off.append((t.state[:3] - truth[:3]) * math.sqrt(t.information[0, 0]))
            assert np.count_nonzero(t.information) == 3
            assert t.information[0, 0] == t.information[1, 1] == t.information[2, 2]
            sizes.add(round(t.information[0, 0] ** -0.5, 6))
            assert not t.state[3:].any() and not t.vector.any()
    # One look at 1,500 km, or a second's five of them.
    assert sizes == {round(750.0, 6), round(750.0 / math.sqrt(5.0), 6)}
    scatter = np.cov(np.array(off).T)
    # A sample covariance of n normal triples lies within 1 ± 4.4 √(2/n) in each eigenvalue.
    assert np.abs(np.linalg.eigvalsh(scatter) - 1.0).max() < 4.4 * math.sqrt(2.0 / len(off))


def test_hiding_again_gives_the_same_and_another_secret_another():
    plots = with_offsets(scene_of(LOFTED, 6.0), np.random.default_rng(1))
    one, again = (made(plots, openness=Openness.HIDDEN) for _ in range(2))
    other = made(plots, openness=Openness.HIDDEN, secret=b"t")
    assert [t.state.tobytes() for t in one] == [t.state.tobytes() for t in again]
    assert not any(a.state[0] == b.state[0] for a, b in zip(one, other, strict=True))


def test_what_is_too_far_away_to_be_hidden_does_not_leave():
    scene = scene_of(LOFTED, 4.0, RADARS[:1])
    plots = with_offsets(scene, np.random.default_rng(1))
    maker = TrackletMaker(
        RADARS[:1], partner="p", secret=b"s", settings=SharingSettings(hidden_range_km=100.0)
    )
    Picture(RADARS[:1]).observe(plots, on_followed=maker.take)
    assert maker.ready(no_more=True) == []
    assert maker.withheld == len(plots.time_ns)


def test_the_offset_of_hidden_tracklets_bounds_what_biases_do():
    """In the norm of the Gauss-Markov process no pass has more than is covered.

    |f|² = |f(0)|²/2 + |f(D)|²/2 + T/2 ∫|f'|² + 1/(2 T) ∫|f|², as a matrix over the biases, by the
    prior of the offset, is at most 1: then S² K ⊗ 1 less the covariance of what they do is positive
    semidefinite on every set of times.
    """
    settings = SharingSettings()
    radar = biased(site("JP", 38.0, 138.4))
    table, _ = radar_array([radar])
    hiding = Hiding([radar], table, b"s", settings)
    claimed = hiding._prior(0) / math.sqrt(1.0 + settings.hidden_added)
    correlation = settings.hidden_correlation_s
    sigma = table[0, kf.BIAS_SIGMA : kf.BIAS_SIGMA + 5]
    s, x = kf.scratch(17), np.zeros(17)
    random = np.random.default_rng(6)
    worst = 0.0
    for _ in range(12):
        heading = random.uniform(0.0, 2.0 * math.pi)
        start = local_state(
            random.uniform(33.0, 43.0),
            random.uniform(130.0, 146.0),
            random.uniform(150e3, 400e3),
            (3000 * math.cos(heading), 3000 * math.sin(heading), random.uniform(0.0, 4000.0)),
        )
        times = START_NS + np.arange(0, 1001, 5) * S
        path = coasting(start, times)
        path = path[np.linalg.norm(path[:, :3], axis=1) > 6.45e6]
        fields = []
        for state in path:
            x[:6] = state
            kf.measure(x, 0, table, s)
            if s[kf.PREDICTED, 0] > settings.hidden_range_km * 1e3 or s[kf.PREDICTED, 2] < 0.05:
                break
            by_place = np.linalg.inv(s[kf.H : kf.H + 3, :3])
            h = np.zeros((3, 5))
            h[:, :3] = np.eye(3)
            h[:, 4] = -s[kf.RATE, :3]
            fields.append(by_place @ h * sigma)
        if len(fields) < 10:
            continue
        f = np.array(fields)  # (k, 3, 5)
        rate = np.diff(f, axis=0) / 5.0
        between = 0.5 * (f[1:] + f[:-1])
        norm = 0.5 * (f[0].T @ f[0] + f[-1].T @ f[-1])
        norm += 0.5 * correlation * 5.0 * np.einsum("kai,kaj->ij", rate, rate)
        norm += 5.0 / (2.0 * correlation) * np.einsum("kai,kaj->ij", between, between)
        worst = max(worst, float(np.linalg.eigvalsh(norm)[-1]) / claimed**2)
    assert 0.0 < worst <= 1.0


def foreign(track, **more):
    fields = {
        "time_ns": track.time_ns,
        "source": "feed",
        "track": "7",
        "state": track.state + 0.5 * np.sqrt(np.diag(track.covariance)),
        "covariance": 1.5 * track.covariance,
    }
    return ForeignTrack(**(fields | more))


def test_finished_tracks_are_intersected_and_never_count_twice(plots):
    own = Picture(RADARS)
    own.observe(rows(plots, plots.radar == 0))
    (before,) = own.tracks()
    # The same again, as a feed that is made of the same plots would send it.
    same = foreign(before, state=before.state, covariance=before.covariance)
    assert own.observe_track(same) is None
    (after,) = own.tracks()
    sigma = np.sqrt(np.diag(before.covariance))
    assert np.sqrt(np.diag(after.covariance)) == pytest.approx(sigma, rel=1e-6)
    # One that knows better in one direction helps there.
    sharp = before.covariance.copy()
    sharp[0, :], sharp[:, 0] = 0.0, 0.0
    sharp[0, 0] = before.covariance[0, 0] / 100.0
    later = own.advanced(before.time_ns + S)
    assert later.observe_track(foreign(before, state=before.state, covariance=sharp)) is not None
    better = foreign(before, time_ns=before.time_ns + 1, state=before.state, covariance=sharp)
    assert own.observe_track(better) is None
    (helped,) = own.tracks()
    assert helped.foreign == ("feed",)
    assert helped.covariance[0, 0] < 0.5 * before.covariance[0, 0]
    again = own.tracks()[0]
    assert again.covariance.tobytes() == helped.covariance.tobytes()
    newer = msgspec.structs.replace(better, time_ns=before.time_ns + 2)
    assert own.observe_track(newer) is None
    assert own.tracks()[0].covariance == pytest.approx(helped.covariance, rel=1e-6)
    # The fold never knew of it.
    alone = Picture(RADARS)
    alone.observe(rows(plots, plots.radar == 0))
    own.observe(rows(plots, plots.radar == 1))
    alone.observe(rows(plots, plots.radar == 1))
    own._foreign._newest = {}
    assert bits(own) == bits(alone)


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("positive definite", {"covariance": -np.eye(6)}),
        ("finite", {"state": np.full(6, math.inf)}),
        ("shape", {"state": np.zeros(3)}),
        ("height", {"state": np.full(6, 1.0)}),
    ],
)
def test_a_finished_track_that_cannot_be_is_refused(reason, more, plots):
    own = Picture(RADARS)
    own.observe(rows(plots, plots.radar == 0))
    (before,) = own.tracks()
    refusal = own.observe_track(foreign(before, **more))
    assert refusal is not None and reason in refusal.reason
    assert own.tracks()[0].covariance.tobytes() == before.covariance.tobytes()
