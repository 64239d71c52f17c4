"""Registration: tracks that share what they learn of biases know what one fit of all would."""

import itertools

import numpy as np
import pytest
from msgspec import structs

from evaluate import registration as study
from skypact.kernels import filter as kf
from skypact.kernels.motion import COAST
from skypact.kernels.radar_table import radar_array
from skypact.model import BIAS_KINDS
from skypact.settings import TrackingSettings
from skypact.tracking import Picture
from skypact.tracking import registration as reg

HOUR_NS = 3_600_000_000_000
FOR_EVER = TrackingSettings(bias_time_constant_h=1e9)
DECLARED = reg.declared_biases(radar_array(study.RADARS)[0])
M = len(DECLARED.sigma)


def track_of(number, x, p, time_ns=0, parted_from=0):
    """A track in coast whose biases are all that are declared; `x` (6 + M,) with biases at last."""
    n = kf.CORE + M
    states = np.concatenate((np.arange(6), np.arange(kf.CORE, n)))
    slots_x, slots_p = np.zeros((3, n)), np.zeros((3, n, n))
    slots_x[0, states] = x
    slots_p[0][np.ix_(states, states)] = p
    slots = reg.Slots(time_ns, slots_x, slots_p, np.array([1.0, 0.0, 0.0]), COAST)
    return reg.BiasedTrack(number, parted_from, np.arange(M), slots, None)


def linear_world(random, objects, looks=9):
    """Jacobians (objects, looks, 6 + M), measurements, noise 1 and prior: all linear."""
    h = random.normal(size=(objects, looks, 6 + M))
    h[..., 6:] /= DECLARED.sigma
    biases = DECLARED.sigma * random.normal(size=M)
    z = np.empty((objects, looks))
    for k in range(objects):
        z[k] = h[k] @ np.concatenate((random.normal(size=6), biases)) + random.normal(size=looks)
    return h, z, np.concatenate((np.full(6, 0.1), DECLARED.sigma**-2.0))


def alone(h, z, prior):
    p = np.linalg.inv(np.diag(prior) + h.T @ h)
    return p @ h.T @ z, p


@pytest.mark.parametrize("objects", [1, 2, 7])
def test_each_track_knows_what_one_fit_of_all_objects_would(objects):
    h, z, prior = linear_world(np.random.default_rng(objects), objects)
    tracks = [track_of(k + 1, *alone(h[k], z[k], prior)) for k in range(objects)]
    generous = FOR_EVER.model_copy(update={"registration_gate_sigma": 50.0})
    found = reg.registered(tracks, DECLARED, 0, generous)
    # The slow twin: all states and the biases once, in one system.
    size = 6 * objects + M
    normal, right = np.zeros((size, size)), np.zeros(size)
    shared = np.arange(6 * objects, size)
    normal[shared, shared] = prior[6:]
    for k in range(objects):
        at = np.concatenate((np.arange(6 * k, 6 * k + 6), shared))
        normal[np.ix_(at, at)] += h[k].T @ h[k]
        normal[at[:6], at[:6]] += prior[:6]
        right[at] += h[k].T @ z[k]
    unit = np.sqrt(np.diag(normal))
    p = np.linalg.inv(normal / np.outer(unit, unit)) / np.outer(unit, unit)
    x = p @ right
    unit = np.sqrt(np.diag(p))
    assert np.allclose(found.belief.mean * DECLARED.sigma / unit[shared], (x / unit)[shared])
    spread = np.outer(DECLARED.sigma, DECLARED.sigma) / np.outer(unit[shared], unit[shared])
    assert np.allclose(
        found.belief.covariance * spread, (p / np.outer(unit, unit))[6 * objects :, 6 * objects :]
    )
    for k, track in enumerate(tracks):
        own = slice(6 * k, 6 * k + 6)
        if objects == 1:
            assert found.told == {}
            continue
        told = reg.told_slots(track.now, DECLARED.sigma, found.told[track.track_id])
        assert np.allclose(told.x[0, :6] / unit[own], x[own] / unit[own], atol=1e-8)
        assert np.allclose(told.p[0, :6, :6], p[own, own], rtol=1e-7, atol=1e-9)


def test_drift_is_that_of_a_gauss_markov_process():
    random = np.random.default_rng(8)
    hours = [0.0, 3.0, 3.0, 11.0, 30.0]
    settings = TrackingSettings(bias_time_constant_h=20.0, registration_gate_sigma=50.0)
    h = random.normal(size=(len(hours), 3, M))
    tracks = []
    for k, hour in enumerate(hours):
        p = np.zeros((6 + M, 6 + M))
        of_biases = np.linalg.inv(np.eye(M) + h[k].T @ h[k])
        mean = of_biases @ h[k].T @ random.normal(size=3)
        p[:6, :6] = np.eye(6)
        p[6:, 6:] = of_biases * np.outer(DECLARED.sigma, DECLARED.sigma)
        x = np.concatenate((np.zeros(6), mean * DECLARED.sigma))
        tracks.append(track_of(k + 1, x, p, round(hour * HOUR_NS)))
    now = 40.0
    found = reg.registered(tracks, DECLARED, round(now * HOUR_NS), settings)
    # The slow twin: the biases at all times as one normal vector.
    times = np.array([*hours, now])
    prior = np.kron(np.exp(-np.abs(times[:, None] - times) / 20.0), np.eye(M))
    big = np.zeros((3 * len(hours), prior.shape[0]))
    z = np.zeros(3 * len(hours))
    for k, track in enumerate(tracks):
        big[3 * k : 3 * k + 3, M * k : M * k + M] = h[k]
        mean = track.now.x[0, kf.CORE :] / DECLARED.sigma
        # What its looks must have been, from its mean: h (I + hᵀh)⁻¹ hᵀ z.
        z[3 * k : 3 * k + 3] = np.linalg.solve(
            h[k] @ np.linalg.solve(np.eye(M) + h[k].T @ h[k], h[k].T), h[k] @ mean
        )
    s = big @ prior @ big.T + np.eye(len(z))
    gain = np.linalg.solve(s, big @ prior).T
    mean, covariance = gain @ z, prior - gain @ big @ prior
    assert np.allclose(found.belief.mean, mean[-M:])
    assert np.allclose(found.belief.covariance, covariance[-M:, -M:])
    k = 1  # ... and what it is told makes of its own what all make of it
    told = reg.told_slots(tracks[k].now, DECLARED.sigma, found.told[k + 1])
    own = slice(M * k, M * k + M)
    assert np.allclose(told.x[0, kf.CORE :] / DECLARED.sigma, mean[own])
    spread = np.outer(DECLARED.sigma, DECLARED.sigma)
    assert np.allclose(told.p[0, kf.CORE :, kf.CORE :] / spread, covariance[own, own])


def test_the_order_of_tracks_changes_no_bit():
    h, z, prior = linear_world(np.random.default_rng(4), 4)
    tracks = [track_of(k + 1, *alone(h[k], z[k], prior), k % 2 * HOUR_NS) for k in range(4)]
    settings = TrackingSettings(registration_gate_sigma=50.0)
    one = reg.registered(tracks, DECLARED, HOUR_NS, settings)
    for order in itertools.permutations(tracks):
        other = reg.registered(order, DECLARED, HOUR_NS, settings)
        assert other.belief.mean.tobytes() == one.belief.mean.tobytes()
        assert other.belief.covariance.tobytes() == one.belief.covariance.tobytes()
        for number, told in one.told.items():
            assert told.values.tobytes() == other.told[number].values.tobytes()


def certain(mean):
    """States and covariance of a track that knows the biases, in units of their sigma, to 0.05."""
    sigma = np.concatenate((np.ones(6), 0.05 * DECLARED.sigma))
    return np.concatenate((np.zeros(6), mean * DECLARED.sigma)), np.diag(sigma**2)


def test_a_track_that_contradicts_the_others_neither_tells_nor_is_told():
    agreed = np.full(M, 0.7)
    tracks = [track_of(k, *certain(agreed + 0.02 * k)) for k in (1, 2, 3, 4)]
    wrong = track_of(5, *certain(-agreed))
    found = reg.registered([*tracks, wrong], DECLARED, 0, FOR_EVER)
    assert (found.tracks, found.set_aside) == ((1, 2, 3, 4), (5,))
    assert set(found.told) == {1, 2, 3, 4}
    without = reg.registered(tracks, DECLARED, 0, FOR_EVER)
    assert found.belief.mean.tobytes() == without.belief.mean.tobytes()


def test_of_two_that_contradict_each_other_neither_is_believed():
    found = reg.registered(
        [track_of(1, *certain(np.full(M, 0.7))), track_of(2, *certain(np.full(M, -0.7)))],
        DECLARED,
        0,
        FOR_EVER,
    )
    assert (found.tracks, found.set_aside, found.told) == ((), (1, 2), {})
    assert (found.belief.mean == 0.0).all()
    assert (found.belief.covariance == np.eye(M)).all()


def test_what_parted_needs_a_witness():
    x, p = certain(np.full(M, 0.7))
    child = track_of(7, x, p, parted_from=6)
    assert reg.registered([child], DECLARED, 0, FOR_EVER).set_aside == (7,)
    assert reg.registered([track_of(7, x, p)], DECLARED, 0, FOR_EVER).tracks == (7,)
    assert reg.registered([child, track_of(8, x, p)], DECLARED, 0, FOR_EVER).tracks == (7, 8)


@pytest.fixture(scope="module")
def three():
    """Three objects, two minutes of them, and the biases."""
    scene = study.salvo(3)
    random = np.random.default_rng(11)
    biases = DECLARED.sigma * random.choice([-1.0, 1.0], M)
    plots = study.plots_of(scene, biases, random)
    used = plots.at(np.flatnonzero(plots.time_ns <= scene.time_ns[0] + 120_000_000_000))
    return scene, biases, used


def test_biases_are_found_and_the_tracks_are_the_better_for_it(three):
    scene, biases, plots = three
    shared = Picture(study.RADARS)
    shared.observe(plots)
    each = Picture(study.RADARS, TrackingSettings(registration=False))
    each.observe(plots)
    found = shared.registration()
    assert found.tracks == (1, 2, 3)
    at = 5 * DECLARED.radar + DECLARED.kind
    off = np.concatenate([one.mean for one in found.radars])[at] - biases
    spread = found.covariance[np.ix_(at, at)]
    unit = np.sqrt(np.diag(spread))
    # χ² of 8: 99.99 % are below 31.8.
    chi_squared = off / unit @ np.linalg.solve(spread / np.outer(unit, unit), off / unit)
    assert chi_squared < 31.8
    assert (unit < 0.6 * DECLARED.sigma).all()  # of time, the least known, the bound is 0.55
    for one, other in zip(shared.tracks(), each.tracks(), strict=True):
        assert one.time_ns == other.time_ns
        # More is known, along every direction.
        size = np.sqrt(np.diag(other.covariance))
        less = (other.covariance - one.covariance) / np.outer(size, size)
        assert np.linalg.eigvalsh(less).min() > -1e-9
        assert np.trace(one.covariance[:3, :3]) < 0.8 * np.trace(other.covariance[:3, :3])
        row = int(np.argmin(np.abs(scene.time_ns - one.time_ns)))
        truth = min(
            (states[row] for states in scene.states),
            key=lambda state: np.linalg.norm(state - one.state),
        )
        error = one.state - truth
        assert error @ np.linalg.solve(one.covariance, error) < 27.9  # χ² of 6: 99.99 %
        assert (one.phases[0].state[:6] == one.state).all() or len(one.phases) > 1
    assert (each.registration().radars[1].sigma == found.radars[1].prior_sigma).all()


def test_what_is_not_seen_keeps_its_prior_and_what_is_not_declared_is_nothing():
    found = Picture(study.RADARS).registration()
    assert found.tracks == ()
    for radar, one in zip(study.RADARS, found.radars, strict=True):
        assert one.radar == radar.id
        assert (one.mean == 0.0).all()
        assert one.sigma.tolist() == one.prior_sigma.tolist()
        assert one.sigma[BIAS_KINDS.index("time_s")] == radar.time_bias_sigma_s
    bare = tuple(
        structs.replace(
            radar,
            range_bias_sigma_m=0.0,
            azimuth_bias_sigma_rad=0.0,
            elevation_bias_sigma_rad=0.0,
            time_bias_sigma_s=0.0,
        )
        for radar in study.RADARS
    )
    nothing = Picture(bare).registration()
    assert not nothing.covariance.any()


def test_same_bits_in_whatever_batches_and_as_last_seen(three):
    _, _, plots = three
    end_ns = int(plots.time_ns[-1])

    def advanced(batches):
        picture = Picture(study.RADARS)
        for begin, end in itertools.pairwise(batches):
            more = end < len(plots.time_ns)
            picture.observe(plots.at(np.arange(begin, end)), more_to_come=more)
        picture.advance(end_ns + 30_000_000_000)
        return picture.tracks(), picture.registration()

    count = len(plots.time_ns)
    (one, found), (other, again) = advanced([0, count]), advanced([0, 100, 101, 640, count])
    assert found.covariance.tobytes() == again.covariance.tobytes()
    whole = Picture(study.RADARS)
    whole.observe(plots)
    for a, b, now in zip(one, other, whole.tracks(), strict=True):
        assert a.state.tobytes() == b.state.tobytes()
        assert a.covariance.tobytes() == b.covariance.tobytes()
        assert a.last_seen.state.tobytes() == b.last_seen.state.tobytes()
        # What was last seen is what was known then: no plot came since.
        if a.last_seen.time_ns == now.time_ns:
            assert np.allclose(a.last_seen.state, now.state, atol=1e-6)


def test_ended_tracks_go_on_telling_as_many_as_the_setting_says(three):
    _, _, plots = three
    for most, wanted in ((256, 3), (2, 2), (0, 0)):
        picture = Picture(study.RADARS, TrackingSettings(registered_ended=most))
        picture.observe(plots)
        picture.advance(int(plots.time_ns[-1]) + 2 * HOUR_NS)
        assert {track.status for track in picture.tracks()} == {"ended"}
        found = picture.registration()
        assert len(found.tracks) == wanted
        # Two hours of drift: nothing is known better than that lets it be.
        keep = np.exp(-2.0 / picture.settings.bias_time_constant_h)
        declared = found.radars[1].prior_sigma > 0.0
        least = found.radars[1].prior_sigma * np.sqrt(1.0 - keep**2)
        assert (found.radars[1].sigma >= least)[declared].all()
