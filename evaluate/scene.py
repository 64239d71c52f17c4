"""A flight as radars would see it without error, to which each run adds errors of its own."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels import filter as kf
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.gravity import field
from skypact.kernels.motion import coast_path
from skypact.kernels.radar_table import radar_array
from skypact.model import Plots, Radar
from skypact.sensing.simulator import TRUTH_DEGREE
from skypact.tracking import Picture, Updates

Array = NDArray[np.float64]
Times = NDArray[np.int64]
START_NS = 1_700_000_000_000_000_000


class Scene(NamedTuple):
    """`time_ns` (n,), `radar` (n,), `states` (n, 6) the truth, `exact` (n, 4) what it looks like.

    `epochs`: the rows at which estimates are judged.
    """

    radars: tuple[Radar, ...]
    time_ns: Times
    radar: NDArray[np.int32]
    states: Array
    exact: Array
    epochs: NDArray[np.int64]


def site(name: str, latitude_deg: float, longitude_deg: float, period_s: float = 0.1) -> Radar:
    """A radar of 30 m and 0.5 mrad (design facts, open trackers measured side by side)."""
    return Radar(
        id=name,
        nation=name[:2],
        latitude_rad=math.radians(latitude_deg),
        longitude_rad=math.radians(longitude_deg),
        height_m=100.0,
        range_sigma_m=30.0,
        azimuth_sigma_rad=5e-4,
        elevation_sigma_rad=5e-4,
        period_s=period_s,
    )


def local_state(
    latitude_deg: float, longitude_deg: float, height_m: float, east_north_up_m_s: Sequence[float]
) -> Array:
    """ECEF position and velocity (6,)."""
    lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
    axes = np.array(local_axes(lat, lon)).reshape(3, 3)
    velocity = np.array(east_north_up_m_s) @ axes
    return np.concatenate((ecef_from_geodetic(lat, lon, height_m), velocity))


def look_times(radars: Sequence[Radar], duration_s: float) -> tuple[Times, NDArray[np.int32]]:
    """Looks of all radars, staggered so that no two coincide, in order of time."""
    times, numbers = [], []
    for number, radar in enumerate(radars):
        period_ns = round((radar.period_s or 1.0) * 1e9)
        offset = period_ns * number // len(radars) + number * 1_000
        looks = np.arange(offset, round(duration_s * 1e9), period_ns, dtype=np.int64)
        times.append(START_NS + looks)
        numbers.append(np.full(len(looks), number, np.int32))
    joined = np.concatenate(times)
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate(numbers)[order]


def coasting(start: Array, times: Times) -> Array:
    """True states (n, 6) of free flight at `times`, in gravity to degree and order 60."""
    table = field(TRUTH_DEGREE)
    out = np.empty((len(times), 6))
    y, now = tuple(float(v) for v in start), START_NS
    for k, time in enumerate(times):
        y = coast_path(*y, (int(time) - now) * 1e-9, table)
        out[k], now = y, int(time)
    return out


def looks_like(radars: Sequence[Radar], radar: NDArray[np.int32], states: Array) -> Array:
    """Range, azimuth, elevation and, where the radar has it, range rate (n, 4), without error."""
    rows, n = radar_array(radars)
    s = kf.scratch(n)
    x = np.zeros(n)
    out = np.full((len(states), 4), np.nan)
    for k, state in enumerate(states):
        x[:6] = state
        components = kf.measure(x, int(radar[k]), rows, s)
        out[k, :components] = s[kf.PREDICTED, :components]
    return out


def every_second(time_ns: Times, first_s: float) -> NDArray[np.int64]:
    """Rows nearest after each full second from `first_s` after the first row on."""
    wanted = np.arange(time_ns[0] + round(first_s * 1e9), time_ns[-1], 1_000_000_000)
    return np.unique(np.searchsorted(time_ns, wanted))


def noisy(scene: Scene, random: np.random.Generator) -> Plots:
    """One run's plots: independent normal errors of the stated sizes."""
    n = len(scene.time_ns)
    sigma = np.array(
        [
            [
                r.range_sigma_m,
                r.azimuth_sigma_rad,
                r.elevation_sigma_rad,
                r.range_rate_sigma_m_s or 0.0,
            ]
            for r in scene.radars
        ]
    )[scene.radar]
    z = scene.exact + sigma * random.normal(size=(n, 4))
    scan = np.zeros(n, np.int64)
    for number in range(len(scene.radars)):
        own = scene.radar == number
        scan[own] = np.arange(np.count_nonzero(own))
    return Plots(
        scene.time_ns,
        scene.radar,
        z[:, 0],
        z[:, 1] % (2 * math.pi),
        z[:, 2],
        z[:, 3],
        np.full(n, np.nan),
        scan,
    )


def tracked(scene: Scene, plots: Plots) -> tuple[Array, Array, int]:
    """Estimates (m, 6) and covariances (m, 6, 6) at the scene's epochs by the whole tracker.

    NaN where no track was updated then. Of several tracks the one with most updates counts; their
    number is returned too.
    """
    kept: list[Updates] = []
    picture = Picture(scene.radars)
    picture.observe(plots, on_updates=kept.append)
    track = np.concatenate([u.track for u in kept])
    ids, counts = np.unique(track, return_counts=True)
    main = track == ids[np.argmax(counts)]
    time_ns = np.concatenate([u.time_ns for u in kept])[main]
    state = np.concatenate([u.state for u in kept])[main]
    upper = np.concatenate([u.covariance for u in kept])[main]
    wanted = scene.time_ns[scene.epochs]
    at = np.minimum(np.searchsorted(time_ns, wanted), len(time_ns) - 1)
    found = time_ns[at] == wanted
    covariance = np.empty((len(at), 6, 6))
    i, j = np.triu_indices(6)
    covariance[:, i, j] = upper[at]
    covariance[:, j, i] = upper[at]
    estimates = state[at].copy()
    estimates[~found] = np.nan
    covariance[~found] = np.nan
    return estimates, covariance, len(ids)


def information_of(
    row: Array, radar: int, state: Array, rows: Array, x: Array, s: Array
) -> tuple[Array, Array]:
    """H (components, 6) and the inverse variances of one look at the true state."""
    x[:6] = state
    components = kf.measure(x, radar, rows, s)
    if math.isnan(row[3]):
        components = min(components, 3)
    h = s[kf.H : kf.H + components, :6].copy()
    return h, rows[radar, kf.SIGMA : kf.SIGMA + components] ** -2.0
