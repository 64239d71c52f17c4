"""Tracklets instead of plots: what sharing them costs, and what hiding the radar behind them does.

Three nations with one radar each. Each folds its own plots and makes tracklets of them; one picture
is made from all plots, one from all tracklets, and each nation's track is fused by covariance
intersection. All see the same errors, so the ratios of their own errors are precise.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from evaluate import reentry
from evaluate.rows import rows_of
from evaluate.scene import (
    START_NS,
    Array,
    Scene,
    coasting,
    local_state,
    look_times,
    looks_like,
    noisy,
    site,
)
from skypact.kernels import filter as kf
from skypact.kernels.intersection import best_omega, intersect
from skypact.kernels.radar_table import radar_array
from skypact.model import Followed, Openness, Plots, Radar, Track, Tracklet
from skypact.model.plots import no_plots
from skypact.sensing.radar_model import visible_from
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import fly
from skypact.settings import SharingSettings
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import Picture

Release = tuple[Openness, SharingSettings]
FULL: dict[str, Release] = {"full": (Openness.FULL, SharingSettings())}
BIASES = {
    "range_bias_sigma_m": 20.0,
    "azimuth_bias_sigma_rad": 3e-4,
    "elevation_bias_sigma_rad": 3e-4,
    "time_bias_sigma_s": 2e-3,
}
SECRET = b"evaluation"
SETTLED_S = 30.0


class Moments(NamedTuple):
    """A scene, the moments `time_ns` (m,) that are judged, and the true states (m, 6) then."""

    scene: Scene
    time_ns: np.ndarray
    truth: Array


def biased(radar: Radar) -> Radar:
    """The same radar with unknown offsets."""
    return msgspec.structs.replace(radar, **BIASES)


def coast(biases: bool, duration_s: float = 200.0) -> Moments:
    """200 s of a lofted flight of 1,000 km, from 121 km up, every 5 s from 30 s on."""
    radars = tuple(
        biased(radar) if biases else radar
        for radar in (site("KR", 36.6, 127.5), site("JP", 38.0, 138.4), site("US", 35.7, 135.2))
    )
    times, radar = look_times(radars, duration_s)
    start = local_state(39.3, 128.6, 121e3, (850.0, -150.0, 3830.0))
    states = coasting(start, times)
    moments = START_NS + (np.arange(SETTLED_S, duration_s, 5.0) * 1e9).astype(np.int64)
    scene = Scene(radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int))
    return Moments(scene, moments, coasting(start, moments))


def boost(biases: bool) -> Moments:
    """A published launch from 10 s after it to burn-out, past radars that see nearly all of it."""
    path = fly(load_scenario("2022-01-30_hwasong-12"))[0]
    places = (("KR", 39.4, 126.5), ("JP", 41.5, 131.0), ("US", 40.0, 134.5))
    radars = tuple(site(*place, 0.5) for place in places)
    if biases:
        radars = tuple(biased(radar) for radar in radars)
    begin = path.launch.time_ns + 10_000_000_000
    duration_s = (path.burnout_time_ns - begin) * 1e-9
    times, radar = look_times(radars, duration_s)
    times = times - START_NS + begin
    states = path.state_at(times)
    seen = np.zeros(len(times), bool)
    for number, one in enumerate(radars):
        own = np.flatnonzero(radar == number)
        seen[own] = visible_from(one, states[own])[1]
    times, radar, states = times[seen], radar[seen], states[seen]
    moments = int(times[0]) + (np.arange(10.0, duration_s - 12.0, 2.0) * 1e9).astype(np.int64)
    moments = moments[moments < times[-1]]
    scene = Scene(radars, times, radar, states, looks_like(radars, radar, states), np.zeros(0, int))
    return Moments(scene, moments, path.state_at(moments))


def fall(biases: bool) -> Moments:
    """A fall through air, 5,000 kg/m² at 4 km/s and 50°, from 120 km on."""
    scene, _ = reentry.fall(-math.log(5000.0), -50.0, 4000.0)
    if biases:
        scene = scene._replace(radars=tuple(biased(radar) for radar in scene.radars))
    first_ns = int(scene.time_ns[scene.epochs[0]])
    moments = np.arange(first_ns, int(scene.time_ns[-1]), 1_000_000_000)
    at = np.searchsorted(scene.time_ns, moments, side="right") - 1
    # The moments are those of plots, where the truth is known.
    return Moments(scene, scene.time_ns[at], scene.states[at])


def with_offsets(
    scene: Scene, random: np.random.Generator, normal: Sequence[Array] | None = None
) -> Plots:
    """One run's plots with one draw of the radars' offsets from their priors.

    `normal`: standard normal numbers (5,) of each radar, where the offsets are to be these.
    """
    plots = noisy(scene, random)
    rows, n = radar_array(scene.radars)
    s, x = kf.scratch(n), np.zeros(n)
    columns = [plots.range_m, plots.azimuth_rad, plots.elevation_rad]
    for number in range(len(scene.radars)):
        sigma = rows[number, kf.BIAS_SIGMA : kf.BIAS_SIGMA + 5]
        offset = sigma * (random.normal(size=5) if normal is None else normal[number])
        for k in np.flatnonzero(scene.radar == number) if sigma.any() else ():
            x[:6] = scene.states[k]
            kf.measure(x, number, rows, s)
            for i, column in enumerate(columns):
                column[k] += offset[i] - s[kf.RATE, i] * offset[4]
    return plots._replace(azimuth_rad=plots.azimuth_rad % (2.0 * math.pi))


def main_track(picture: Picture) -> Track | None:
    """The confirmed track with most plots, living or not; the earliest of equals."""
    tracks = picture.tracks()
    return max(tracks, key=lambda track: track.plots, default=None)


class Nation(NamedTuple):
    """What one nation has: its plots, its tracklets as released, and its track at each moment."""

    plots: Plots
    tracklets: dict[str, list[Tracklet]]
    tracks: list[Track | None]


def nation_alone(
    moments: Moments, plots: Plots, number: int, releases: dict[str, Release]
) -> Nation:
    """Fold the plots of one radar, make tracklets of them, and note its track at each moment."""
    own = plots.at(np.flatnonzero(plots.radar == number))
    radars = moments.scene.radars
    picture = Picture(radars)
    # Another secret in each run: else all runs would share one draw of what hiding adds.
    secret = SECRET + plots.range_m[:1].tobytes()
    makers = {
        name: TrackletMaker(
            radars, partner="partner", secret=secret, openness=openness, settings=settings
        )
        for name, (openness, settings) in releases.items()
    }

    def take(followed: Followed) -> None:
        for maker in makers.values():
            maker.take(followed)

    tracks, done = [], 0
    for time_ns in moments.time_ns:
        until = int(np.searchsorted(own.time_ns, time_ns, side="right"))
        picture.observe(own.at(np.arange(done, until)), on_followed=take)
        tracks.append(main_track(picture.advanced(int(time_ns))))
        done = until
    picture.observe(own.at(np.arange(done, len(own.time_ns))), on_followed=take)
    tracklets = {name: maker.ready(no_more=True) for name, maker in makers.items()}
    return Nation(own, tracklets, tracks)


def fused(moments: Moments, plots: Plots, tracklets: Sequence[Tracklet]) -> list[Track | None]:
    """The track at each moment of the picture from plots and tracklets together."""
    picture = Picture(moments.scene.radars if len(plots.time_ns) else ())
    ordered = sorted(tracklets, key=lambda tracklet: tracklet.time_ns)
    times = np.array([tracklet.time_ns for tracklet in ordered], np.int64)
    begin, first = 0, 0
    out: list[Track | None] = []
    for time_ns in moments.time_ns:
        end = int(np.searchsorted(plots.time_ns, time_ns, side="right"))
        last = int(np.searchsorted(times, time_ns, side="right"))
        refused = picture.observe(plots.at(np.arange(begin, end)), tracklets=ordered[first:last])
        if refused:
            raise RuntimeError(f"{refused[0].source}: {refused[0].reason}")
        out.append(main_track(picture.advanced(int(time_ns))))
        begin, first = end, last
    return out


def from_tracklets(moments: Moments, nations: Sequence[Nation], way: str) -> list[Track | None]:
    """The picture of one who has no radar, from all nations' tracklets."""
    return fused(moments, no_plots(), [t for nation in nations for t in nation.tracklets[way]])


def at_first(moments: Moments, nations: Sequence[Nation], way: str) -> list[Track | None]:
    """The first nation's picture: its own plots and the others' tracklets."""
    others = [t for nation in nations[1:] for t in nation.tracklets[way]]
    return fused(moments, nations[0].plots, others)


def intersected(nations: Sequence[Nation]) -> list[tuple[Array, Array] | None]:
    """State and covariance at each moment of all nations' tracks, one after the other."""
    out: list[tuple[Array, Array] | None] = []
    for tracks in zip(*(nation.tracks for nation in nations), strict=True):
        found: tuple[Array, Array] | None = None
        for track in tracks:
            if track is None:
                continue
            if found is None:
                found = track.state.copy(), track.covariance.copy()
                continue
            x, p = found
            omega = best_omega(p, track.covariance, np.zeros((4, 6, 6)))
            intersect(x, p, track.state, track.covariance, omega, np.zeros((3, 6, 6)))
        out.append(found)
    return out


class Errors(NamedTuple):
    """Of one run and one way of fusing: squared errors m² and NEES / 6 (k,); nan: no track."""

    squared: Array
    nees: Array


def errors_of(truth: Array, found: Sequence[Track | tuple[Array, Array] | None]) -> Errors:
    """One run's estimates at k moments beside the truth (k, 6)."""
    squared, nees = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    for k, one in enumerate(found):
        if one is None:
            continue
        state, covariance = (one.state, one.covariance) if isinstance(one, Track) else one
        error = state - truth[k]
        squared[k] = error[:3] @ error[:3]
        nees[k] = error @ np.linalg.solve(covariance, error) / 6.0
    return Errors(squared, nees)


def beside(own: Sequence[Errors], other: Sequence[Errors]) -> dict[str, float]:
    """RMSE, its ratio to the other's over all runs and moments that both have, and NEES / 6."""
    mine, others = np.array([run.squared for run in own]), np.array([run.squared for run in other])
    nees = np.array([run.nees for run in own])
    both = np.isfinite(mine) & np.isfinite(others)
    rows = zip(mine, others, both, strict=True)
    run = np.array([[m[b].sum(), o[b].sum()] for m, o, b in rows])
    ratio = math.sqrt(run[:, 0].sum() / run[:, 1].sum())
    # Of the ratio of two sums over runs: by leaving out one run after the other.
    left = run.sum(axis=0) - run
    each = np.sqrt(left[:, 0] / left[:, 1])
    n = len(run)
    return {
        "rmse_m": math.sqrt(mine[both].mean()),
        "rmse_ratio": ratio,
        "rmse_ratio_standard_error": float(math.sqrt((n - 1) * each.var())),
        "nees_over_6": float(np.nanmean(nees)),
        "nees_over_6_standard_error": float(np.nanmean(nees, axis=1).std(ddof=1) / math.sqrt(n)),
        "missing_share": float(1.0 - both.mean()),
    }


def compared(
    scene: str, biases: bool, runs: int, seed: int, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """Full tracklets and covariance intersection beside all plots in one place, same runs."""
    each = rows_of(one_run, [(scene, biases, seed, run) for run in range(runs)], progress)
    return {way: beside([e[way] for e in each], [e["plots"] for e in each]) for way in each[0]}


def one_run(scene: str, biases: bool, seed: int, run: int) -> dict[str, Errors]:
    """One run's errors by way of fusing."""
    moments = SCENES[scene](biases)
    plots = with_offsets(moments.scene, np.random.default_rng([seed, run]))
    nations = [nation_alone(moments, plots, k, FULL) for k in range(len(moments.scene.radars))]
    found = {
        "plots": fused(moments, plots, ()),
        "full": from_tracklets(moments, nations, "full"),
        "intersected": intersected(nations),
    }
    return {way: errors_of(moments.truth, tracks) for way, tracks in found.items()}


SCENES: dict[str, Callable[[bool], Moments]] = {"coast": coast, "boost": boost, "re-entry": fall}
BIASED = {"unbiased": False, "biased": True}


def run(
    runs: int = 100, seed: int = 1, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """All scenes, with offsets and without; `progress` is told of runs done, over all of them."""
    out: dict[str, Any] = {}
    for name in SCENES:
        for offsets, biases in BIASED.items():
            before = runs * len(out)
            step = None if progress is None else lambda n, at=before: progress(at + n)
            out[f"{name}, {offsets}"] = compared(name, biases, runs, seed, step)
    return out
