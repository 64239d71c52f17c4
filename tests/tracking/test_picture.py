"""Pictures: the same whatever the order, right about who is who, and honest about how well."""

import itertools
import math

import naive
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import chi2

from evaluate.scene import (
    START_NS,
    Scene,
    coasting,
    local_state,
    look_times,
    looks_like,
    noisy,
    site,
)
from skypact.errors import SkypactError
from skypact.kernels.motion import REENTRY
from skypact.model import Phase, Plots, TrackStatus
from skypact.sensing.radar_model import observe
from skypact.sensing.scenario import demo_radars, load_scenario
from skypact.sensing.simulation import fly
from skypact.settings import TrackingSettings
from skypact.tracking import Picture

S = 1_000_000_000
RADARS = (
    site("KR", 36.6, 127.5, 0.5),
    site("JP", 38.0, 138.4, 0.5),
    site("US", 35.7, 135.2, 0.5),
)


def changed(radar, **more):
    """The same radar with some fields different."""
    import msgspec

    return msgspec.structs.replace(radar, **more)


def scene_of(start, seconds, radars=RADARS):
    times, radar = look_times(radars, seconds)
    states = coasting(start, times)
    return Scene(radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int))


def joined(*parts):
    """Plots of several objects, those of one radar at one time in one scan."""
    together = Plots(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    order = np.lexsort((together.scan, together.radar, together.time_ns))
    return Plots(*(column[order] for column in together))


def rows(plots, chosen):
    return Plots(*(column[chosen] for column in plots))


def same(one, other):
    """Bit for bit, names of radars included."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.id, a.status, a.time_ns, a.plots) == (b.id, b.status, b.time_ns, b.plots)
        assert a.plots_by_radar == b.plots_by_radar
        assert a.state.tobytes() == b.state.tobytes()
        assert a.covariance.tobytes() == b.covariance.tobytes()
        assert [p.phase for p in a.phases] == [p.phase for p in b.phases]
        for p, q in zip(a.phases, b.phases, strict=True):
            assert p.probability == q.probability
            assert p.state.tobytes() == q.state.tobytes()
            assert p.covariance.tobytes() == q.covariance.tobytes()


def nees(track, truth):
    error = track.state - truth
    return error @ np.linalg.solve(track.covariance, error)


LOFTED = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 3300.0))


@pytest.fixture(scope="module")
def cluttered():
    """A published flight past the demo's radars, five minutes of it, with false plots."""
    radars = tuple(changed(r, clutter_per_scan=0.3) for r in demo_radars())
    path = fly(load_scenario("2022-01-30_hwasong-12"))
    begin = int(path[0].time_ns[0])
    seen = observe(path, radars, seed=5, start_ns=begin, stop_ns=begin + 300 * S, clutter_box_m=5e4)
    return radars, seen.plots


@pytest.mark.parametrize("seed", range(12))
def test_scans_are_those_of_their_radar_and_number_in_the_order_of_their_first_plots(seed):
    random = np.random.default_rng(seed)
    n = 60
    gaps = random.integers(1 if seed % 2 else 0, 3, n)
    radar = random.integers(0, len(RADARS), n).astype(np.int32)
    scan = np.zeros(n, np.int64)
    for own in (radar == k for k in range(len(RADARS))):
        # A scan a plot, or several plots, or, out of turn, a scan that comes again.
        steps = (lambda k: np.ones(k, int), lambda k: random.integers(0, 2, k))[seed % 3 > 0]
        scan[own] = np.cumsum(steps(int(own.sum()))) % (5 if seed % 3 == 2 else n)
    empty = np.zeros(n)
    plots = Plots(np.cumsum(gaps) * S, radar, empty, empty, empty, empty, empty, scan)
    order, starts = Picture(RADARS)._scans(plots)
    groups = {}
    for k in range(n):
        groups.setdefault((radar[k], scan[k]), []).append(k)
    name = [(r.nation, r.id) for r in RADARS]
    wanted = sorted(
        groups.items(), key=lambda item: (plots.time_ns[item[1][0]], name[item[0][0]], item[0][1])
    )
    assert [order[a:b].tolist() for a, b in itertools.pairwise(starts)] == [k for _, k in wanted]


def test_same_tracks_however_the_plots_come_in_batches(cluttered):
    radars, plots = cluttered
    whole = Picture(radars)
    streams = [[]]
    whole.observe(plots, on_updates=streams[0].append)
    assert any(t.status == TrackStatus.CONFIRMED for t in whole.tracks())
    count = len(plots.time_ns)
    random = np.random.default_rng(3)
    cuts = [
        np.arange(1, count, 40),
        np.sort(random.choice(np.arange(1, count), 25, replace=False)),
        np.arange(1, min(count, 300)),
    ]
    for cut in cuts:
        picture, stream = Picture(radars), []
        edges = [0, *cut.tolist(), count]
        for begin, end in itertools.pairwise(edges):
            picture.observe(
                rows(plots, slice(begin, end)),
                more_to_come=end < count,
                on_updates=stream.append,
            )
        same(whole.tracks(), picture.tracks())
        streams.append(stream)
    wanted = np.concatenate([u.state for u in streams[0]])
    for stream in streams[1:]:
        assert np.concatenate([u.state for u in stream]).tobytes() == wanted.tobytes()


def test_to_be_asked_for_its_tracks_ahead_changes_nothing():
    plots = noisy(scene_of(FALL, 20.0), np.random.default_rng(4))
    whole, asked = Picture(RADARS), Picture(RADARS)
    whole.observe(plots)
    half = len(plots.time_ns) // 2
    asked.observe(rows(plots, slice(half)), more_to_come=True)
    later_ns = int(plots.time_ns[half - 1]) + 700_000_000
    ahead = asked.advanced(later_ns)
    for _ in range(3):
        asked.advanced(later_ns + 600 * S)  # down by then
    # Those held back for more plots take part.
    marked = Picture(RADARS)
    marked.observe(rows(plots, slice(half)))
    marked.advance(later_ns)
    same(ahead.tracks(), marked.tracks())
    assert ahead.time_ns == later_ns
    assert all(track.time_ns == later_ns for track in ahead.tracks())
    asked.observe(rows(plots, slice(half, None)))
    same(asked.tracks(), whole.tracks())


def test_same_tracks_again_and_with_the_radars_listed_otherwise(cluttered):
    radars, plots = cluttered
    one, again = Picture(radars), Picture(radars)
    one.observe(plots)
    again.observe(plots)
    same(one.tracks(), again.tracks())
    turned = np.random.default_rng(1).permutation(len(radars))
    place = np.argsort(turned).astype(np.int32)
    other = Picture([radars[i] for i in turned])
    other.observe(plots._replace(radar=place[plots.radar]))
    same(one.tracks(), other.tracks())


def test_ties_in_time_go_by_nation_and_name_not_by_the_order_of_rows():
    scene = scene_of(LOFTED, 20.0)
    plots = noisy(scene, np.random.default_rng(2))
    # all three radars look at the same instants
    step = S // 2
    together = plots._replace(time_ns=START_NS + (plots.time_ns - START_NS) // step * step)
    one = Picture(RADARS)
    one.observe(together)
    random = np.random.default_rng(7)
    order = np.lexsort((random.random(len(together.time_ns)), together.time_ns))
    other = Picture(RADARS)
    other.observe(rows(together, order))
    same(one.tracks(), other.tracks())


def test_one_object_stays_one_track_through_a_gap_of_minutes():
    scene = scene_of(LOFTED, 500.0)
    plots = noisy(scene, np.random.default_rng(11))
    since = (plots.time_ns - START_NS) / S
    picture = Picture(RADARS)
    picture.observe(rows(plots, since < 60.0), more_to_come=True)
    picture.observe(rows(plots, since >= 460.0))
    (track,) = picture.tracks()
    assert track.plots == np.count_nonzero((since < 60.0) | (since >= 460.0))
    assert nees(track, scene.states[-1]) < chi2.ppf(1 - 1e-5, 6)


def test_two_objects_that_cross_keep_who_they_are():
    """Paths that meet within 300 m at 400 m/s, by radars of 30 m and 0.5 mrad (300 m across)."""
    seconds, meet = 120.0, 60.0
    second = LOFTED.copy()
    aside = np.cross(LOFTED[:3], LOFTED[3:])
    aside *= 400.0 / np.linalg.norm(aside)
    second[3:] += aside
    second[:3] -= aside * meet
    second[:3] += 300.0 * LOFTED[:3] / np.linalg.norm(LOFTED[:3])
    scenes = scene_of(LOFTED, seconds), scene_of(second, seconds)
    right = 0
    for seed in range(5):
        random = np.random.default_rng(seed)
        plots = joined(*(noisy(scene, random) for scene in scenes))
        picture = Picture(RADARS)
        picture.observe(plots)
        tracks = picture.tracks()
        assert len(tracks) == 2
        ends = [scene.states[-1] for scene in scenes]
        # Each began nearer to one of the two; 24 km apart then.
        first = [t.first_plots[0] for t in tracks]
        assert len(first) == 2
        assert all(t.plots == len(scenes[0].time_ns) for t in tracks)
        match = [[nees(t, end) < chi2.ppf(1 - 1e-4, 6) for end in ends] for t in tracks]
        right += sorted(match) == [[False, True], [True, False]]
    assert right == 5


@pytest.fixture(scope="module")
def whole_flight():
    """A short flight from boost to ground, past radars near enough to see nearly all of it."""
    path = fly(load_scenario("2022-01-30_hwasong-12"))[0]
    radars = tuple(
        changed(site(name, lat, lon, 0.5), min_elevation_rad=-math.pi / 2)
        for name, lat, lon in (("KR", 39.4, 126.5), ("JP", 41.5, 131.0), ("US", 40.0, 134.5))
    )
    return path, radars


def test_phases_follow_the_flight(whole_flight):
    path, radars = whole_flight
    plots = observe((path,), radars, seed=1).plots
    picture = Picture(radars)
    begin, burnout = path.launch.time_ns, path.burnout_time_ns
    down = path.impact.time_ns
    asked = [
        (begin + (burnout - begin) * 6 // 10, {Phase.BOOST}),
        (burnout + 20 * S, {Phase.COAST, Phase.REENTRY}),
        ((burnout + down) // 2, {Phase.COAST}),
        (down - 15 * S, {Phase.REENTRY}),
    ]
    done = begin
    for moment, phases in asked:
        wanted = (plots.time_ns >= done) & (plots.time_ns < moment)
        picture.observe(rows(plots, wanted))
        done = moment
        track = max(picture.tracks(), key=lambda t: t.plots)
        share = sum(p.probability for p in track.phases if p.phase in phases)
        height = np.linalg.norm(track.state[:3]) / 1e3 - 6371
        assert share > 0.5, (moment, height, [(p.phase.name, p.probability) for p in track.phases])
        assert sum(p.probability for p in track.phases) == pytest.approx(1.0)
        error = np.linalg.norm(track.state[:3] - path.state_at([track.time_ns])[0, :3])
        assert error < 500.0


def test_a_track_ends_when_its_object_is_down(whole_flight):
    path, radars = whole_flight
    last = path.impact.time_ns
    plots = observe((path,), radars, seed=2, start_ns=last - 200 * S).plots
    far = noisy(scene_of(local_state(20.0, 150.0, 300e3, (0.0, 3000.0, 2000.0)), 5.0, radars),
                np.random.default_rng(1))  # fmt: skip
    later = far._replace(time_ns=far.time_ns - START_NS + last + 30 * S, scan=far.scan + 10**6)
    picture = Picture(radars)
    picture.observe(plots)
    picture.observe(later)
    by_plots = max(picture.tracks(), key=lambda t: t.plots)
    assert by_plots.status == TrackStatus.ENDED
    assert by_plots.ended_because == "came down"


FALL = local_state(39.3, 128.6, 250e3, (850.0, -150.0, -1300.0))


def later_on(plots, seconds):
    """The same plots so much later, in scans of their own."""
    return plots._replace(time_ns=plots.time_ns + round(seconds * S), scan=plots.scan + 10**6)


def ground_of(track_state, ballistic_kg_m2):
    """Seconds until a state comes down, and where, by SciPy's integrator."""

    def motion(_, y):
        x = np.concatenate((y, [1.0 / ballistic_kg_m2, 0.0, 0.0]))
        return np.concatenate((y[3:], naive.acceleration(REENTRY, x)))

    def height(_, y):
        return naive.height_and_up(y[:3])[0]

    height.terminal = True
    end = solve_ivp(motion, (0, 3600.0), track_state, method="DOP853", events=height, rtol=1e-9)
    return end.t[-1], end.y[:3, -1]


@pytest.mark.parametrize("unseen_s", [400.0, 1500.0, 7200.0, 1e6])
def test_a_fall_that_nobody_saw_ends_when_and_where_it_does(unseen_s):
    """However much later the next scan or clock mark comes."""
    plots = noisy(scene_of(FALL, 20.0), np.random.default_rng(4))
    picture, marked = Picture(RADARS), Picture(RADARS)
    picture.observe(plots)
    marked.observe(plots)
    (last,) = picture.tracks()
    assert last.status == TrackStatus.CONFIRMED
    other = scene_of(local_state(33.0, 140.0, 250e3, (850.0, -150.0, 3000.0)), 20.0)
    picture.observe(later_on(noisy(other, np.random.default_rng(5)), unseen_s))
    marked.advance(last.time_ns + round(unseen_s * S))
    settings = TrackingSettings()
    drag = math.exp(settings.ballistic_parameter_ln_sigma**2 / 2)  # the mean of 1/β, not 1/median
    down_s, place = ground_of(last.state, settings.ballistic_parameter_kg_m2 / drag)
    for first, *others in (picture.tracks(), marked.tracks()):
        assert first.status == TrackStatus.ENDED
        assert first.ended_because == "came down"
        # J2 alone in the twin: 3e-4 m/s² for 130 s are 3 m; the way back to the ground is straight
        # over at most 1 s.
        assert (first.time_ns - last.time_ns) * 1e-9 == pytest.approx(down_s, abs=0.05)
        assert np.linalg.norm(first.state[:3] - place) < 30.0
        assert len(others) == (first is not marked.tracks()[0])


def test_a_new_object_is_not_taken_for_one_long_unseen():
    """The same launch again, where the first was seen: the first has come down by then."""
    plots = noisy(scene_of(FALL, 20.0), np.random.default_rng(4))
    picture = Picture(RADARS)
    picture.observe(plots)
    picture.observe(later_on(plots, 400.0))
    first, second = picture.tracks()
    assert first.plots == second.plots == len(plots.time_ns)


def test_a_coast_long_unseen_takes_no_object_that_it_cannot_be():
    """A boost since then would explain any place, but less likely than another object does."""
    up = local_state(39.3, 128.6, 250e3, (850.0, -150.0, 2900.0))
    picture = Picture(RADARS)
    picture.observe(noisy(scene_of(up, 20.0), np.random.default_rng(4)))
    picture.observe(later_on(noisy(scene_of(FALL, 20.0), np.random.default_rng(5)), 400.0))
    assert len(picture.tracks()) == 2


def clutter(radar_count, scans, per_scan, seed, period_s=1.0):
    random = np.random.default_rng(seed)
    n = radar_count * scans * per_scan
    scan = np.repeat(np.arange(scans), radar_count * per_scan)
    radar = np.tile(np.repeat(np.arange(radar_count, dtype=np.int32), per_scan), scans)
    return Plots(
        START_NS + (scan * period_s * S).astype(np.int64),
        radar,
        random.uniform(2e5, 1.5e6, n),
        random.uniform(0, 2 * math.pi, n),
        random.uniform(0.05, 1.2, n),
        np.full(n, np.nan),
        np.full(n, np.nan),
        scan.astype(np.int64),
    )


def test_false_plots_come_and_go():
    picture = Picture(RADARS)
    picture.observe(clutter(3, 200, 2, seed=1))
    assert picture.tracks() == ()
    # they wait for 8 s at most, and are counted each second: those of 10 scans of 6
    assert 0 < picture.waiting <= 10 * 6


def many_objects(count, seconds):
    """Plots of many objects, and of each of them."""
    parts = []
    for number in range(count):
        start = local_state(
            37.0 + 0.35 * (number // 9), 127.0 + 0.45 * (number % 9), 200e3, (850.0, -150.0, 3000.0)
        )
        parts.append(noisy(scene_of(start, seconds), np.random.default_rng(number)))
    return joined(*parts), parts


def test_there_is_room_for_more_objects_than_at_first():
    plots, parts = many_objects(80, 6.0)
    picture = Picture(RADARS)
    picture.observe(plots)
    tracks = picture.tracks()
    assert len(tracks) == 80
    assert {t.plots for t in tracks} == {len(parts[0].time_ns)}


def test_memory_is_bounded_by_the_settings():
    few = TrackingSettings(greatest_tracks=64)
    picture = Picture(RADARS, few)
    with pytest.raises(SkypactError, match="greatest_tracks"):
        picture.observe(many_objects(80, 6.0)[0])
    small = Picture(RADARS, TrackingSettings(greatest_waiting_plots=64))
    small.observe(clutter(3, 100, 40, seed=2))  # 10 s of it would be 1,200
    assert small.waiting <= 64
    one = Picture(RADARS, TrackingSettings(greatest_ended=1))
    fall = scene_of(local_state(39.3, 128.6, 250e3, (850.0, -150.0, -1300.0)), 10.0)
    for number in range(3):
        plots = noisy(fall, np.random.default_rng(number))
        late = plots.time_ns + number * 3600 * S
        one.observe(plots._replace(time_ns=late, scan=plots.scan + number * 1000))
    assert [t.status for t in one.tracks()] == [TrackStatus.ENDED, TrackStatus.CONFIRMED]


def test_overlapping_scans_of_rotating_radars():
    """Three objects, each seen at its own moment within scans of 4 s and 3 s that overlap."""
    radars = (site("KR", 36.6, 127.5, 4.0), site("JP", 38.0, 138.4, 3.0))
    runs, total = 10, 0.0
    places = [(39.3, 128.6), (39.9, 129.6), (38.4, 130.9)]
    starts = [local_state(*place, 250e3, (850.0, -150.0, 3300.0)) for place in places]
    exact = []
    for number, start in enumerate(starts):
        times, radar = look_times(radars, 120.0)
        moment = np.where(radar == 0, (0.2, 1.9, 3.7)[number], (2.8, 0.1, 1.5)[number])
        order = np.argsort(times + (moment * S).astype(np.int64), kind="stable")
        late = (times + (moment * S).astype(np.int64))[order]
        states = coasting(start, late)
        exact.append((late, radar[order], states, order))
    for run in range(runs):
        random = np.random.default_rng(run)
        parts = []
        for late, radar, states, _ in exact:
            scene = Scene(
                radars, late, radar, states, looks_like(radars, radar, states), np.zeros(0, int)
            )
            parts.append(noisy(scene, random))
        picture = Picture(radars)
        picture.observe(joined(*parts))
        tracks = picture.tracks()
        assert len(tracks) == 3
        assert [t.plots for t in tracks] == [len(p.time_ns) for p in parts]
        for track in tracks:
            path = [dict(zip(late.tolist(), states, strict=True)) for late, _, states, _ in exact]
            ends = [p[track.time_ns] for p in path if track.time_ns in p]
            total += min(nees(track, end) for end in ends)
    low, high = chi2.ppf([0.0005, 0.9995], 6 * 3 * runs) / (6 * 3 * runs)
    assert low < total / (6 * 3 * runs) < high


def honest(radars, runs, spoil=None, *, whole=0.98):
    """NEES / 6 at the end of a minute's tracking, mean over runs, and what it must lie between.

    `whole`: in how many runs one track must have all plots.
    """
    path = fly(load_scenario("2022-01-30_hwasong-12"))[0]
    begin = path.burnout_time_ns + 20 * S
    total, count = 0.0, 0
    for seed in range(runs):
        stop = begin + 60 * S
        plots = observe((path,), radars, seed=seed, start_ns=begin, stop_ns=stop).plots
        if spoil:
            plots = spoil(plots)
        picture = Picture(radars)
        picture.observe(plots)
        track = max(picture.tracks(), key=lambda t: t.plots)
        total += nees(track, path.state_at([track.time_ns])[0]) / 6.0
        count += track.plots == len(plots.time_ns)
    assert count >= whole * runs  # one plot in 700,000 lies outside the gate
    return total / runs, *(chi2.ppf([0.0005, 0.9995], 6 * runs) / (6 * runs))


def test_range_rates_that_are_there_now_and_then():
    radars = tuple(changed(r, range_rate_sigma_m_s=1.0) for r in RADARS)

    def spoil(plots):
        rate = plots.range_rate_m_s.copy()
        rate[np.random.default_rng(1).random(len(rate)) < 0.5] = np.nan
        return plots._replace(range_rate_m_s=rate)

    got, low, high = honest(radars, 30, spoil)
    assert low < got < high


BIASED = tuple(
    changed(
        r,
        range_bias_sigma_m=20.0,
        azimuth_bias_sigma_rad=3e-4,
        elevation_bias_sigma_rad=3e-4,
        time_bias_sigma_s=2e-3,
    )
    for r in RADARS
)


def test_honest_about_radars_with_offsets():
    """Unknown offsets ignored would give an NEES / 6 in the dozens (design, tracklets)."""
    got, low, high = honest(BIASED, 50)
    assert low < got < high


def test_honest_about_errors_that_stay_alike():
    """Errors correlated over 10 s; the filter takes a tenth of them as each plot's own besides."""
    radars = tuple(changed(r, correlation_time_s=10.0) for r in RADARS)
    # The starting fit takes for constant what stays alike: some tracks drop a plot or start twice.
    got, low, high = honest(radars, 50, whole=0.8)
    assert low * 0.9 < got < high


def test_empty_and_unknown():
    picture = Picture(RADARS)
    nothing = rows(clutter(1, 1, 1, seed=0), slice(0, 0))
    picture.observe(nothing)
    picture.observe(nothing, more_to_come=True)
    assert picture.tracks() == ()
    assert picture.time_ns is None


def test_tracks_are_values():
    """What was handed out does not change when more plots come."""
    scene = scene_of(LOFTED, 20.0)
    plots = noisy(scene, np.random.default_rng(6))
    picture = Picture(RADARS)
    picture.observe(rows(plots, slice(0, 60)))
    (track,) = picture.tracks()
    before = track.state.copy(), track.covariance.copy(), track.first_plots.copy()
    picture.observe(rows(plots, slice(60, None)))
    for was, now in zip(before, (track.state, track.covariance, track.first_plots), strict=True):
        assert was.tobytes() == now.tobytes()


def test_plots_so_dense_that_the_first_are_thinned_out():
    """Hundreds a second from each radar: once such a track stayed tentative for ever."""
    fast = tuple(changed(radar, period_s=1 / 400) for radar in RADARS)
    scene = scene_of(local_state(39.3, 128.6, 250e3, (850.0, -150.0, 2900.0)), 4.0, fast)
    picture = Picture(fast)
    picture.observe(noisy(scene, np.random.default_rng(6)))
    (track,) = picture.tracks()
    assert track.status == TrackStatus.CONFIRMED
    assert track.plots == len(scene.time_ns)
    assert nees(track, scene.states[-1]) < chi2.ppf(0.99, 6)  # one draw with a fixed seed


def test_what_parts_from_another_is_told_from_what_is_launched_beside_it():
    """A booster keeps the id of what it parted from; a salvo has nothing in common."""
    paths = fly(load_scenario("2022-10-04_irbm-over-japan"))
    burnout = paths[0].burnout_time_ns
    simulated = observe(paths, demo_radars(), seed=3, start_ns=burnout - 60 * S)
    picture = Picture(demo_radars())
    picture.observe(rows(simulated.plots, simulated.plots.time_ns < burnout + 60 * S))
    first, second = picture.tracks()
    assert (first.parted_from, second.parted_from) == (None, first.id)
    assert (first.company, second.company) == (2, 2)

    paths = fly(load_scenario("2022-06-05_eight"))
    picture = Picture(demo_radars())
    picture.observe(observe(paths, demo_radars(), seed=3).plots)
    assert [(t.parted_from, t.company) for t in picture.tracks()] == [(None, 1)] * 8
