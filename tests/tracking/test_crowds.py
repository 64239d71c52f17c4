"""Crowds: who is near, whose plot is whose, what starts a track, what a radar cannot tell apart."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2, poisson

from evaluate.crowds import HALF_CUBE_M, LAUNCH_NS, salvo, salvo_radars
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
from skypact.kernels.geodesy import local_axes
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots
from skypact.offline.metrics import Cutoffs
from skypact.offline.score import score_plots
from skypact.offline.true_paths import TruePath
from skypact.sensing.radar_model import observe
from skypact.settings import TrackingSettings
from skypact.tracking import Picture, tables
from skypact.tracking.association import choose, room_for_pairs
from skypact.tracking.nearby import FEW, REACH_M, count_anew, empty_grid, tracks_about

S = 1_000_000_000
RADARS = (
    site("KR", 36.6, 127.5, 1.0),
    site("JP", 38.0, 138.4, 1.0),
    site("US", 35.7, 135.2, 1.0),
)


@given(st.integers(0, 2**32), st.integers(FEW + 1, 150), st.floats(0.0, 2.0))
@settings(max_examples=60, deadline=None)
def test_the_grid_leaves_out_no_track_that_is_near(seed, count, since_s):
    """Beside a search through all tracks: of those as near as asked it gives each, and once."""
    random = np.random.default_rng(seed)
    tracks = tables.new_tracks(count, 9, 3, 8, 4, (1, 2))
    tracks.counter[tables.SWEPT_NS] = START_NS
    tracks.number[:, tables.STATUS] = tables.CONFIRMED
    tracks.number[:, tables.TIME_NS] = START_NS - random.integers(0, S, count)
    tracks.mu[:, tables.FREE] = 1.0
    # In every octant, some of them on the borders of cells.
    place = random.uniform(-3e5, 3e5, (count, 3))
    place[::7] = np.round(place[::7] / 32e3) * 32e3
    velocity = random.normal(size=(count, 3)) * 3e3
    tracks.x[:, tables.FREE, :3], tracks.x[:, tables.FREE, 3:6] = place, velocity
    sigma = np.where(random.random(count) < 0.2, 1e4, 50.0)  # some are too uncertain for a cell
    for k in range(3):
        tracks.p[:, tables.FREE, k, k] = sigma**2
    grid = empty_grid(count)
    count_anew(tracks, grid)
    now_ns = START_NS + round(since_s * S)
    age = (now_ns - tracks.number[:, tables.TIME_NS]) * 1e-9
    at = place + age[:, None] * velocity
    asked = at[random.integers(count)] + random.normal(size=3) * 1e4
    out = np.zeros(count, np.int64)
    found = out[: tracks_about(tracks, tuple(asked.tolist()), 5e3, now_ns, grid, out)].tolist()
    assert len(set(found)) == len(found)
    near = np.linalg.norm(at - asked, axis=1) < 5e3 + REACH_M
    assert set(np.flatnonzero(near).tolist()) <= set(found)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 0.9))
@settings(max_examples=200, deadline=None)
def test_crowd_by_crowd_is_as_good_as_all_at_once(seed, tracks, plots, density):
    """Beside SciPy's assignment of the whole, with a column of its own for each miss."""
    random = np.random.default_rng(seed)
    cost = np.where(
        random.random((tracks, plots)) < density, random.normal(size=(tracks, plots)), 9
    )
    miss = 1.0
    near, plot = np.nonzero(cost < miss)
    w = room_for_pairs(tracks, plots, max(len(near), 1), tracks + 1, plots + 1)
    order = np.argsort(plot, kind="stable")
    w.of[: len(near), 0], w.of[: len(near), 1] = near[order], plot[order]
    w.cost[: len(near)] = cost[near, plot][order]
    assert choose(tracks, plots, len(near), miss, w)
    chosen = w.chosen[:tracks]
    given_out = chosen[chosen >= 0]
    assert len(set(given_out.tolist())) == len(given_out)
    assert sorted(given_out.tolist()) == np.flatnonzero(w.taken[:plots]).tolist()
    got = sum(cost[i, j] if j >= 0 else miss for i, j in enumerate(chosen))
    whole = np.full((tracks, plots + tracks), 1e6)
    whole[:, :plots] = np.where(cost < miss, cost, 1e6)
    whole[np.arange(tracks), plots + np.arange(tracks)] = miss
    rows, columns = linear_sum_assignment(whole)
    assert got == pytest.approx(whole[rows, columns].sum())


def false_plots(seconds, a_scan, seed):
    """Plots of nothing, even in a cube of 100 km, each radar's every second."""
    random = np.random.default_rng(seed)
    middle = local_state(39.3, 130.6, 250e3, (0.0, 0.0, 0.0))[:3]
    axes = [np.array(local_axes(r.latitude_rad, r.longitude_rad)).reshape(3, 3) for r in RADARS]
    sites = radar_array(RADARS)[0][:, :3]
    time_ns, radar, z, scan = [], [], [], []
    for second in range(seconds):
        for number in range(len(RADARS)):
            count = random.poisson(a_scan)
            place = middle + random.uniform(-5e4, 5e4, (count, 3)) - sites[number]
            east, north, up = (place @ axes[number].T).T
            level = np.hypot(east, north)
            z.append(
                np.column_stack(
                    [
                        np.hypot(level, up),
                        np.arctan2(east, north) % (2 * math.pi),
                        np.arctan2(up, level),
                    ]
                )
            )
            time_ns += [START_NS + second * S + number * S // 3] * count
            radar += [number] * count
            scan += [second] * count
    distance, azimuth, elevation = np.concatenate(z).T
    nothing = np.full(len(distance), np.nan)
    return Plots(
        np.array(time_ns),
        np.array(radar, np.int32),
        distance,
        azimuth,
        elevation,
        nothing,
        nothing,
        np.array(scan),
    )


def starts(plots, a_hour):
    picture = Picture(RADARS, TrackingSettings(false_tracks_1_hour=a_hour, start_doubt_log_ratio=0))
    picture.observe(plots)
    return len(picture.tracks())


def test_false_plots_start_no_more_tracks_than_is_set():
    """Also where so many are allowed that some do: the bound is one, not an estimate."""
    seconds = 240
    plots = false_plots(seconds, 20, seed=1)
    assert starts(plots, 0.5) == 0  # 0.03 are allowed
    for a_hour in (60.0, 6000.0):
        allowed = a_hour * seconds / 3600.0
        assert starts(plots, a_hour) <= poisson.ppf(0.999, allowed)


def test_a_real_object_among_false_plots_starts_within_the_looks_it_takes():
    """Five plots and a velocity: with three radars at 1 Hz two or three seconds."""
    radars, seconds = RADARS, 20.0
    times, radar = look_times(radars, seconds)
    states = coasting(local_state(39.3, 130.6, 250e3, (850.0, -150.0, 3000.0)), times)
    scene = Scene(radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int))
    own = noisy(scene, np.random.default_rng(4))
    clutter = false_plots(20, 20, seed=2)
    both = own.followed_by(clutter._replace(scan=clutter.scan))
    both = both.at(np.lexsort((both.scan, both.radar, both.time_ns)))
    kept = []
    picture = Picture(radars)
    picture.observe(both, on_updates=kept.append)
    (track,) = picture.tracks()
    # All looks but those whose own plot a false one, nearer by chance, was taken for.
    assert track.plots >= len(times) - 3
    first = min(int(u.time_ns.min()) for u in kept)
    assert (first - int(times[0])) * 1e-9 < 6.0


def test_what_a_radar_cannot_tell_apart_is_shared_and_starts_nothing():
    """Two objects hundreds of metres apart that every other radar often sees as one.

    Taken for its own, the plot in the middle would pull a track by some hundred metres, and those
    that no track takes would start a third.
    """
    resolution_m = (1.0, 1000.0)
    quiet = tuple(
        _changed(
            r,
            clutter_per_scan=0.0,
            detection_probability=1.0,
            range_resolution_m=resolution_m[number % 2],
        )
        for number, r in enumerate(salvo_radars())
    )
    two = salvo(2, 2)
    begin = LAUNCH_NS + 120 * S
    seen = observe(two, quiet, seed=3, start_ns=begin, stop_ns=begin + 150 * S)
    looks = np.column_stack([seen.plots.radar, seen.plots.scan])
    _, plots_of_look = np.unique(looks, axis=0, return_counts=True)
    assert (plots_of_look == 1).sum() > 100  # looks with one plot of both
    assert _followed_badly(quiet, seen.plots, two) == (2, False)
    undeclared = tuple(_changed(r, range_resolution_m=0.0) for r in quiet)
    assert _followed_badly(undeclared, seen.plots, two) != (2, False)


def _followed_badly(radars, plots, paths):
    """How many tracks there are, and whether those nearest the paths are farther off than they say.

    One in 10,000 is.
    """
    picture = Picture(radars)
    picture.observe(plots)
    tracks = picture.tracks()
    total = 0.0
    for path in paths:
        errors = [t.state - path.state_at([t.time_ns])[0] for t in tracks]
        nearest = int(np.argmin([np.linalg.norm(e[:3]) for e in errors]))
        total += errors[nearest] @ np.linalg.solve(tracks[nearest].covariance, errors[nearest])
    return len(tracks), bool(total > chi2.ppf(0.9999, 6 * len(paths)))


def _changed(radar, **more):
    import msgspec

    return msgspec.structs.replace(radar, **more)


def test_a_salvo_among_false_plots_is_followed():
    """Ten objects up to 5 km apart with 20 false plots a scan, the first two minutes."""
    radars, paths = salvo_radars(), salvo(6)
    stop_ns = LAUNCH_NS + 120 * S
    seen = observe(paths, radars, seed=6, clutter_box_m=HALF_CUBE_M, stop_ns=stop_ns)
    truth = []
    for path in map(TruePath.of, paths):
        kept = path.time_ns <= stop_ns
        truth.append(
            path._replace(
                time_ns=path.time_ns[kept],
                position_ecef_m=path.position_ecef_m[kept],
                velocity_ecef_m_s=path.velocity_ecef_m_s[kept],
            )
        )
    measures = score_plots(seen.plots, radars, truth, cutoffs=Cutoffs(step_s=2.0)).measures
    # Of 95 s in sight the first 5 or so, before ten tracks can be told apart, have none.
    assert measures.completeness_in_sight > 0.85
    assert measures.false_tracks <= 2
    assert measures.changes_per_object <= 1.0
