"""What hidden tracklets cost, and how well a partner could place the radar behind an hour of them.

The partner is taken to know every object's true path, which of the tracklets are of one object, how
hiding works and with which settings; it does not know the secret, and seeks the radar's latitude
and longitude at sea level within 2,000 km of the middle of the paths.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from scipy.optimize import minimize

from evaluate.rows import rows_of
from evaluate.scene import (
    START_NS,
    Array,
    Scene,
    coasting,
    local_state,
    looks_like,
    site,
)
from evaluate.tracklets import (
    BIASED,
    SECRET,
    Errors,
    Release,
    at_first,
    beside,
    biased,
    coast,
    errors_of,
    fused,
    nation_alone,
    with_offsets,
)
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.model import Openness, Radar, Tracklet
from skypact.sensing.radar_model import visible_from
from skypact.settings import SharingSettings
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import Picture

DEFAULT = "hidden, one size"
RELEASES: dict[str, Release] = {
    "full": (Openness.FULL, SharingSettings()),
    "rounded": (Openness.ROUNDED, SharingSettings()),
    "hidden, steps of 1.2": (Openness.HIDDEN, SharingSettings(hidden_step=1.2)),
    "hidden, steps of 2": (Openness.HIDDEN, SharingSettings(hidden_step=2.0)),
    "hidden, steps of 4": (Openness.HIDDEN, SharingSettings(hidden_step=4.0)),
    DEFAULT: (Openness.HIDDEN, SharingSettings()),
}
OBJECTS, OBJECT_S = 6, 600.0
MIN_ELEVATION_RAD = math.radians(10.0)
SEARCH_KM = 2000.0
MIDDLE_DEG = np.array([38.0, 133.0])
GREATEST_ELEVATION_RAD = math.radians(20.0)
_BLOCK_S = 60.0
_FEWEST = 10
_WHOLE_SHARE = 0.7
"""Of tracklets at least so many are of whole batches."""


def price(
    biases: bool, runs: int, seed: int, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """The first nation's own plots and the others' tracklets, beside all plots and beside alone."""
    each = rows_of(one_price, [(biases, seed, run) for run in range(runs)], progress)
    return {way: beside([e[way] for e in each], [e["plots"] for e in each]) for way in each[0]}


def one_price(biases: bool, seed: int, run: int) -> dict[str, Errors]:
    """One run's errors by way of release."""
    moments = coast(biases)
    plots = with_offsets(moments.scene, np.random.default_rng([seed, run]))
    nations = [
        nation_alone(moments, plots, number, RELEASES)
        for number in range(len(moments.scene.radars))
    ]
    found = {way: at_first(moments, nations, way) for way in RELEASES}
    found |= {"plots": fused(moments, plots, ()), "alone": nations[0].tracks}
    return {way: errors_of(moments.truth, tracks) for way, tracks in found.items()}


class Haul(NamedTuple):
    """What a partner got of each object: tracklets, and the true states (n, 6) at their times."""

    tracklets: list[list[Tracklet]]
    truth: list[Array]
    first_and_last: list[Array]


def _paths() -> list[Array]:
    """Starts of coasts over the sea, in all directions."""
    return [
        local_state(
            37.0 + 0.6 * k,
            129.0 + 1.3 * k,
            150e3,
            (2000.0 * math.cos(1.1 * k), 2000.0 * math.sin(1.1 * k), 2600.0),
        )
        for k in range(OBJECTS)
    ]


def an_hour(radar: Radar, seed: int) -> dict[str, Haul]:
    """Six objects, ten minutes each one after the other, one radar; by way of release."""
    out = {way: Haul([], [], []) for way in RELEASES}
    random = np.random.default_rng(seed)
    offset = random.normal(size=5)
    for k, start in enumerate(_paths()):
        times = START_NS + (np.arange(0.0, OBJECT_S, 0.2) * 1e9).astype(np.int64)
        states = coasting(start, times)
        seen = visible_from(radar, states)[1]
        times, states = times[seen], states[seen]
        number = np.zeros(len(times), np.int32)
        exact = looks_like((radar,), number, states)
        scene = Scene((radar,), times, number, states, exact, np.zeros(0, int))
        plots = with_offsets(scene, random, [offset])
        picture = Picture((radar,))
        makers = {
            way: TrackletMaker(
                (radar,),
                partner="partner",
                secret=SECRET + bytes([k]),  # the objects share their times here
                openness=openness,
                settings=settings,
            )
            for way, (openness, settings) in RELEASES.items()
        }
        followed: list[Any] = []
        picture.observe(plots, on_followed=followed.append)
        for way, maker in makers.items():
            for one in followed:
                maker.take(one)
            got = maker.ready(no_more=True)
            truth = coasting(start, np.array([t.time_ns for t in got], np.int64))
            out[way].tracklets.append(got)
            out[way].truth.append(truth)
            # What comes or goes at the end of its path did not do so at the horizon.
            inner = [bool(times[0] > START_NS), bool(times[-1] < START_NS + 598_000_000_000)]
            out[way].first_and_last.append(truth[[0, -1]][inner])
    return out


def _place_and_covariance(tracklet: Tracklet) -> tuple[Array, Array]:
    """Place (3,) and covariance (3, 3) of a tracklet, biases and velocity whatever they are."""
    y = tracklet.information
    scale = np.sqrt(np.maximum(np.diag(y), 1e-300))
    covariance = np.linalg.pinv(y / np.outer(scale, scale), 1e-9, True) / np.outer(scale, scale)
    return tracklet.state[:3] + (covariance @ tracklet.vector)[:3], covariance[:3, :3]


def attack_by_axes(haul: Haul) -> Array:
    """The place nearest to all axes of greatest information: least squares, ECEF (3,).

    Robust: lines far from it count less (Cauchy's weights), as near the zenith a radar knows
    azimuth better than range.
    """
    places, axes = [], []
    for tracklet in (t for tracklets in haul.tracklets for t in tracklets):
        # Where it was in the middle of the plots, whose mean line of sight the axis is.
        since_s = (tracklet.time_ns - (tracklet.first_ns + tracklet.last_ns) // 2) * 1e-9
        places.append(tracklet.state[:3] - since_s * tracklet.state[3:])
        axes.append(np.linalg.eigh(tracklet.information[:3, :3])[1][:, -1])
    at, axis = np.array(places), np.array(axes)
    across = np.eye(3) - axis[:, :, None] * axis[:, None, :]
    weight = np.ones(len(at))
    found = _on_ground(MIDDLE_DEG)
    for _ in range(20):
        normal = np.einsum("k,kij->ij", weight, across)
        if np.linalg.cond(normal) > 1e12:  # no axes, or all the same
            return found
        found = np.linalg.solve(normal, np.einsum("k,kij,kj->i", weight, across, at))
        off = np.linalg.norm(np.einsum("kij,kj->ki", across, found - at), axis=1)
        weight = 1.0 / (1.0 + (off / np.median(off)) ** 2)
    return found


def _sought(score: Callable[[Array], float]) -> Array:
    """ECEF of the latitude and longitude with the least score: a grid, then downhill from it."""
    reach = np.array([SEARCH_KM, SEARCH_KM / math.cos(math.radians(MIDDLE_DEG[0]))]) / 111.2
    steps = np.linspace(-1.0, 1.0, 15)

    def inside(place: Array) -> float:
        out = float((np.abs(place - MIDDLE_DEG) > reach).any())
        return math.inf if out else score(_on_ground(place))

    best = min((MIDDLE_DEG + reach * np.array([a, b]) for a in steps for b in steps), key=inside)
    found = minimize(
        inside,
        best,
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-6, "maxiter": 200},
    )
    return _on_ground(found.x)


def _on_ground(place_deg: Array) -> Array:
    latitude, longitude = math.radians(min(max(place_deg[0], -85.0), 85.0)), place_deg[1]
    return np.array(ecef_from_geodetic(latitude, math.radians(longitude), 0.0))


def attack_by_sizes(haul: Haul) -> Array:
    """The place from which the claimed errors grow in proportion to distance.

    Robust: of a hidden tracklet nobody is told of how many plots it is, and those of a single one
    claim more.
    """
    tracklets = [t for tracklets in haul.tracklets for t in tracklets]
    at = np.concatenate(haul.truth)[:, :3]
    covariances = np.array([_place_and_covariance(tracklet)[1] for tracklet in tracklets])
    log_size = 0.5 * np.log(np.linalg.eigvalsh(covariances)[:, -1])
    counted = round(_WHOLE_SHARE * len(at))

    def score(site_ecef: Array) -> float:
        left = log_size - np.log(np.linalg.norm(at - site_ecef, axis=1))
        return float((np.sort(np.abs(left - np.median(left)))[:counted] ** 2).mean())

    return _sought(score)


class Minute(NamedTuple):
    """Residuals (k, 3) of a minute's tracklets of one object, and the true state in its middle."""

    off_m: Array
    state: Array


def attack_by_residuals(haul: Haul, radar: Radar) -> Array:
    """The likeliest place for what the tracklets truly were off by.

    Two parts: the scatter of each about its minute's mean, of which the radar's own accuracy in
    range and across it is known; and the minutes' means, in which its offsets of stated priors
    stand as a pattern, among what is added.
    """
    minutes = []
    added = 0.0
    for tracklets, truth in zip(haul.tracklets, haul.truth, strict=True):
        off = np.array(
            [_place_and_covariance(t)[0] - s[:3] for t, s in zip(tracklets, truth, strict=True)]
        )
        if len(tracklets[0].bias_sigma):
            # Half of the offset's stated variance is what was added.
            added = max(0.5 * t.bias_sigma[5] ** 2 for t in tracklets)
        time_s = np.array([t.time_ns - tracklets[0].time_ns for t in tracklets]) * 1e-9
        block = (time_s // _BLOCK_S).astype(int)
        minutes += [
            Minute(off[own], truth[own].mean(axis=0))
            for k in np.unique(block)
            if np.count_nonzero(own := block == k) >= _FEWEST
        ]
    return _sought(lambda place: -_log_likelihood(place, minutes, radar, added))


def _log_likelihood(
    site_ecef: Array, minutes: Sequence[Minute], radar: Radar, added_m2: float
) -> float:
    """Of the residuals, for a radar there."""
    total = 0.0
    normal, right = np.eye(4), np.zeros(4)
    angle = math.sqrt(radar.azimuth_sigma_rad * radar.elevation_sigma_rad)
    latitude = math.asin(site_ecef[2] / float(np.linalg.norm(site_ecef)))
    axes = np.array(local_axes(latitude, math.atan2(site_ecef[1], site_ecef[0]))).reshape(3, 3)
    for off, state in minutes:
        local = axes @ (state[:3] - site_ecef)
        r = float(np.linalg.norm(local))
        aside = np.array([local[1], -local[0], 0.0]) / max(math.hypot(local[0], local[1]), 1.0)
        frame = np.array([local / r, aside, np.cross(local / r, aside)]) @ axes
        mean = off.mean(axis=0)
        scatter = ((off - mean) @ frame.T).var(axis=0)
        # Like range accuracy along, like angle accuracy across; of any size.
        shape = np.array([radar.range_sigma_m, r * angle, r * angle]) ** 2
        size = float(np.mean(scatter / shape))
        total -= 0.5 * len(off) * float(np.sum(np.log(size * shape)))
        pattern = np.column_stack(
            (
                frame[0] * radar.range_bias_sigma_m,
                frame[1] * r * radar.azimuth_bias_sigma_rad,
                frame[2] * r * radar.elevation_bias_sigma_rad,
                -state[3:] * radar.time_bias_sigma_s,
            )
        )
        variance = added_m2 + float(scatter.mean()) / len(off)
        normal += pattern.T @ pattern / variance
        right += pattern.T @ mean / variance
        total -= 0.5 * float(mean @ mean) / variance
    log_determinant = float(np.linalg.slogdet(normal)[1])
    return total + 0.5 * float(right @ np.linalg.solve(normal, right)) - 0.5 * log_determinant


def attack_by_horizon(haul: Haul) -> Array:
    """The place from which all objects were as high above the horizon when they came and went."""
    ends = np.concatenate(haul.first_and_last)[:, :3]
    if len(ends) < 3:
        return _on_ground(MIDDLE_DEG)

    def score(site_ecef: Array) -> float:
        up = site_ecef / np.linalg.norm(site_ecef)
        away = ends - site_ecef
        elevation = np.arcsin(away @ up / np.linalg.norm(away, axis=1))
        middle = float(np.median(elevation))
        possible = 0.0 <= middle <= GREATEST_ELEVATION_RAD
        return float(np.sum((elevation - middle) ** 2)) + (0.0 if possible else 1.0)

    return _sought(score)


def attacks(haul: Haul, radar: Radar) -> dict[str, float]:
    """How far off each attack places the radar, km."""
    true = np.array(ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m))
    found = {
        "axes": attack_by_axes(haul),
        "sizes": attack_by_sizes(haul),
        "residuals": attack_by_residuals(haul, radar),
        "horizon": attack_by_horizon(haul),
    }
    return {name: float(np.linalg.norm(place - true)) * 1e-3 for name, place in found.items()}


def leak(biases: bool, hours: int, seed: int) -> dict[str, dict[str, float]]:
    """Median error km of each attack over so many hours, by way of release."""
    radar = msgspec.structs.replace(
        site("JP", 38.0, 138.4, 0.2), min_elevation_rad=MIN_ELEVATION_RAD
    )
    if biases:
        radar = biased(radar)
    each = rows_of(one_leak, [(radar, seed + hour) for hour in range(hours)])
    return {
        way: {name: float(np.median([hour[way][name] for hour in each])) for name in found}
        for way, found in each[0].items()
    }


def one_leak(radar: Radar, seed: int) -> dict[str, dict[str, float]]:
    """How far off each attack places the radar after one hour, km, by way of release."""
    return {way: attacks(haul, radar) for way, haul in an_hour(radar, seed).items()}


def run(
    runs: int = 50, seed: int = 1, progress: Callable[[int], Any] | None = None
) -> dict[str, Any]:
    """Price over `runs` and leak over a twentieth as many hours, with offsets and without."""
    out: dict[str, Any] = {"default": DEFAULT}
    for name, biases in BIASED.items():
        before = runs * (len(out) - 1)
        step = None if progress is None else lambda n, at=before: progress(at + n)
        out[name] = {
            "price": price(biases, runs, seed, step),
            "placed_within_km": leak(biases, max(1, runs // 20), seed),
        }
    return out
