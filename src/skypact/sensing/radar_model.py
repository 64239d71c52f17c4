"""What radars make of true paths: looks, limits, detection, noise, biases, clutter, merging.

Every number of chance comes from a stream of its own, named by the seed, the radar's id and the
object's id: another radar or another object changes nothing of what is seen of the first.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.radar_looks import look, unresolved
from skypact.model import Plots, Radar
from skypact.sensing.refraction import apparent_elevation
from skypact.sensing.simulator import TruthPath

DEFAULT_PERIOD_S = 1.0
"""Time between two looks of a radar that does not state one."""
FALSE_PLOT = -1
_FARTHEST_FALSE_PLOT_M = 2_000e3
"""Where false plots end for a radar without a greatest range."""
_FASTEST_FALSE_PLOT_M_S = 7_000.0
_SKIM_M = 10.0
"""Depth below the ellipsoid at which a line of sight still passes: sites stand on terrain."""

FloatArray = NDArray[np.float64]


class Biases(NamedTuple):
    """The offsets common to all plots of a radar in one run, drawn from its bias sigmas."""

    range_m: float
    azimuth_rad: float
    elevation_rad: float
    range_rate_m_s: float
    time_s: float


class Observed(NamedTuple):
    """Plots, and what nobody but the simulator knows of them.

    `origin` int32 (n,): index of the truth path that a plot came from (the first, where several
    were seen as one), -1 for a false plot. `biases`: one per radar.
    """

    plots: Plots
    origin: NDArray[np.int32]
    biases: tuple[Biases, ...]


class _Seen(NamedTuple):
    """Plots of one radar as columns; `time_ns` true until the time bias is added."""

    time_ns: NDArray[np.int64]
    scan: NDArray[np.int64]
    range_m: FloatArray
    azimuth_rad: FloatArray
    elevation_rad: FloatArray
    range_rate_m_s: FloatArray
    origin: NDArray[np.int32]

    def rows(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "_Seen":
        return _Seen(*(column[chosen] for column in self))  # type: ignore[arg-type]


def observe(
    paths: Sequence[TruthPath],
    radars: Sequence[Radar],
    *,
    seed: int,
    start_ns: int | None = None,
    stop_ns: int | None = None,
    clutter_box_m: float | None = None,
) -> Observed:
    """All plots of all radars of all paths, in the order of the fold.

    A radar looks once a `period_s` (1 s where it states none), with a phase of its own; all
    objects are seen at the look's instant, and `scan` counts the looks from the radar's first.
    `start_ns` (included) and `stop_ns` (excluded) cut the looks by true time and change nothing of
    those between. A plot's time is the true one plus the radar's time bias.

    An object is seen when it is within the greatest range, not below the least elevation, not
    behind the Earth, and the look detects it. For a radar whose feed is `refracted` the apparent
    elevation decides and is reported, else the geometric one. Noise has the stated sigmas; with a
    `correlation_time_s` T it is a stationary Gauss-Markov sequence with correlation exp(-|t|/T),
    for each object its own. Objects closer than both resolutions give one plot, in their middle.

    False plots: Poisson with mean `clutter_per_scan`, uniform in the volume that the radar covers
    (to 2,000 km where it has no greatest range); with `clutter_box_m` uniform in a cube of twice
    that side about one of the objects in sight, and none while there is none. Their range rates
    are uniform within ±7 km/s.

    Raises ValueError for no path at all or a negative seed.
    """
    if not paths:
        raise ValueError("observe needs at least one path")
    begin = min(int(path.time_ns[0]) for path in paths)
    end = max(int(path.time_ns[-1]) for path in paths)
    start_ns = begin if start_ns is None else start_ns
    stop_ns = end + 1 if stop_ns is None else stop_ns
    columns: list[_Seen] = []
    index: list[NDArray[np.int32]] = []
    biases = []
    for number, radar in enumerate(radars):
        seen, bias = _seen_by(radar, paths, seed, begin, end, start_ns, stop_ns, clutter_box_m)
        columns.append(seen)
        index.append(np.full(len(seen.time_ns), number, dtype=np.int32))
        biases.append(bias)
    return _in_order(columns, index, radars, tuple(biases))


def _in_order(
    columns: list[_Seen],
    index: list[NDArray[np.int32]],
    radars: Sequence[Radar],
    biases: tuple[Biases, ...],
) -> Observed:
    if not columns:
        columns, index = [_no_plots()], [np.zeros(0, dtype=np.int32)]
    joined = _columns(columns)
    radar = np.concatenate(index)
    by_name = sorted(range(len(radars)), key=lambda i: (radars[i].nation, radars[i].id))
    rank = np.empty(len(radars), dtype=np.int32)
    rank[by_name] = np.arange(len(radars), dtype=np.int32)
    order = np.lexsort((joined.scan, rank[radar], joined.time_ns))
    seen = joined.rows(order)
    plots = Plots(
        time_ns=seen.time_ns,
        radar=radar[order],
        range_m=seen.range_m,
        azimuth_rad=seen.azimuth_rad,
        elevation_rad=seen.elevation_rad,
        range_rate_m_s=seen.range_rate_m_s,
        snr_db=np.full(len(order), np.nan),
        scan=seen.scan,
    )
    return Observed(plots, seen.origin, biases)


def _no_plots() -> _Seen:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return _Seen(whole, whole, real, real, real, real, np.zeros(0, dtype=np.int32))


def _stream(seed: int, *names: str) -> np.random.Generator:
    """A stream of random numbers of its own for these names."""
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def _seen_by(
    radar: Radar,
    paths: Sequence[TruthPath],
    seed: int,
    begin: int,
    end: int,
    start_ns: int,
    stop_ns: int,
    clutter_box_m: float | None,
) -> tuple[_Seen, Biases]:
    own = _stream(seed, radar.id)
    period_ns = max(1, round((radar.period_s or DEFAULT_PERIOD_S) * 1e9))
    phase_ns = int(own.random() * period_ns)
    bias = Biases(
        *(
            float(sigma * own.standard_normal())
            for sigma in (
                radar.range_bias_sigma_m,
                radar.azimuth_bias_sigma_rad,
                radar.elevation_bias_sigma_rad,
                radar.range_rate_bias_sigma_m_s,
                radar.time_bias_sigma_s,
            )
        )
    )
    first_look = -((phase_ns - begin) // period_ns)

    found, noises = [], []
    for number, path in enumerate(paths):
        first = -((phase_ns - int(path.time_ns[0])) // period_ns)
        last = (int(path.time_ns[-1]) - phase_ns) // period_ns
        looks = np.arange(first, last + 1, dtype=np.int64)
        random = _stream(seed, radar.id, path.object_id)
        noise = _noise(radar, random, len(looks), period_ns * 1e-9)
        detected = random.random(len(looks)) < radar.detection_probability
        time_ns = phase_ns + looks * period_ns
        wanted = np.flatnonzero(detected & (time_ns >= start_ns) & (time_ns < stop_ns))
        truth, visible = visible_from(radar, path.state_at(time_ns[wanted]))
        kept = wanted[visible]
        origin = np.full(len(kept), number, dtype=np.int32)
        found.append(
            _Seen(time_ns[kept], looks[kept] - first_look, *truth[visible].T, origin)  # type: ignore[call-arg]
        )
        noises.append(noise[kept])
    seen, order = _joined(found)
    noise = np.concatenate(noises)[order]
    if radar.range_resolution_m > 0.0 and radar.angle_resolution_rad > 0.0:
        seen, kept = _merged(seen, radar)
        noise = noise[kept]
    seen = _with_errors(seen, noise, bias)
    if radar.clutter_per_scan > 0.0:
        random = _stream(seed, radar.id, "", "clutter")
        last_look = (end - phase_ns) // period_ns
        looks = np.arange(first_look, last_look + 1, dtype=np.int64)
        counts = random.poisson(radar.clutter_per_scan, len(looks))
        time_ns = np.repeat(phase_ns + looks * period_ns, counts)
        scans = np.repeat(looks - first_look, counts)
        if clutter_box_m is None:
            false = _false_plots_anywhere(radar, random, time_ns, scans)
        else:
            false = _false_plots_near(radar, random, time_ns, scans, paths, clutter_box_m)
        inside = (false.time_ns >= start_ns) & (false.time_ns < stop_ns)
        seen, _ = _joined([seen, false.rows(inside)])
    time_bias_ns = round(bias.time_s * 1e9)
    return seen._replace(time_ns=seen.time_ns + time_bias_ns), bias


def _joined(parts: list[_Seen]) -> tuple[_Seen, NDArray[np.intp]]:
    """All parts by scan, and the stable order that put them so."""
    seen = _columns(parts)
    order = np.argsort(seen.scan, kind="stable")
    return seen.rows(order), order


def _columns(parts: list[_Seen]) -> _Seen:
    return _Seen(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def visible_from(radar: Radar, states: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """What an ideal radar at that site would read, and whether its limits let it see the object.

    `states` (n, 6) ECEF m and m/s. Returns (n, 4): range m, azimuth rad, elevation rad (apparent
    for a `refracted` radar), range rate m/s; and (n,) bool.
    """
    site = ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m)
    axes = local_axes(radar.latitude_rad, radar.longitude_rad)
    out = np.empty((len(states), 5))
    look(np.ascontiguousarray(states), site, axes, _SKIM_M, out)
    measured, hidden = out[:, :4], out[:, 4] > 0.0
    elevation = measured[:, 2]
    if radar.refracted:
        elevation = apparent_elevation(elevation, radar.height_m)
        # A bent ray clears the Earth when it arrives above the one that grazes it.
        grazing = grazing_elevation(radar.height_m)
        hidden &= elevation < grazing
        measured[:, 2] = elevation
    visible = (measured[:, 0] <= radar.max_range_m) & (elevation >= radar.min_elevation_rad)
    return measured, visible & ~hidden


def grazing_elevation(height_m: float) -> float:
    """Apparent elevation in rad of the ray that just touches a smooth Earth, 4/3 Earth model."""
    radius = 4.0 / 3.0 * 6371e3
    return -math.acos(radius / (radius + max(height_m, 0.0)))


def _noise(radar: Radar, random: np.random.Generator, looks: int, period_s: float) -> FloatArray:
    """(looks, 4): range m, azimuth rad, elevation rad, range rate m/s."""
    white = random.standard_normal((looks, 4))
    if radar.correlation_time_s > 0.0 and looks:
        from scipy.signal import lfilter

        alike = math.exp(-period_s / radar.correlation_time_s)
        white[1:] *= math.sqrt(1.0 - alike * alike)
        white = lfilter([1.0], [1.0, -alike], white, axis=0)
    rate_sigma = math.nan if radar.range_rate_sigma_m_s is None else radar.range_rate_sigma_m_s
    return white * np.array(
        [radar.range_sigma_m, radar.azimuth_sigma_rad, radar.elevation_sigma_rad, rate_sigma]
    )


def _merged(seen: _Seen, radar: Radar) -> tuple[_Seen, NDArray[np.int64]]:
    """Objects that the radar cannot part seen as one, in their middle; and the rows kept."""
    first = np.empty(len(seen.scan), dtype=np.int64)
    unresolved(
        seen.scan,
        seen.range_m,
        seen.azimuth_rad,
        seen.elevation_rad,
        radar.range_resolution_m,
        radar.angle_resolution_rad,
        first,
    )
    kept, group, count = np.unique(first, return_inverse=True, return_counts=True)

    def middle(values: FloatArray) -> FloatArray:
        return np.bincount(group, weights=values, minlength=len(kept)) / count

    turn = seen.azimuth_rad - seen.azimuth_rad[first]
    turn -= 2.0 * np.pi * np.round(turn / (2.0 * np.pi))
    merged = _Seen(
        seen.time_ns[kept],
        seen.scan[kept],
        middle(seen.range_m),
        seen.azimuth_rad[kept] + middle(turn),
        middle(seen.elevation_rad),
        middle(seen.range_rate_m_s),
        seen.origin[kept],
    )
    return merged, kept


def _with_errors(seen: _Seen, noise: FloatArray, bias: Biases) -> _Seen:
    """With noise (n, 4) and the run's offsets, and angles brought back where they belong."""
    azimuth = seen.azimuth_rad + noise[:, 1] + bias.azimuth_rad
    elevation = seen.elevation_rad + noise[:, 2] + bias.elevation_rad
    over = np.abs(elevation) > np.pi / 2  # past the zenith: the other side
    elevation = np.where(over, np.copysign(np.pi, elevation) - elevation, elevation)
    azimuth = np.mod(np.where(over, azimuth + np.pi, azimuth), 2.0 * np.pi)
    azimuth[azimuth >= 2.0 * np.pi] = 0.0  # mod of a tiny negative number
    return seen._replace(
        range_m=np.abs(seen.range_m + noise[:, 0] + bias.range_m),
        azimuth_rad=azimuth,
        elevation_rad=elevation,
        range_rate_m_s=seen.range_rate_m_s + noise[:, 3] + bias.range_rate_m_s,
    )


def _false_rates(radar: Radar, random: np.random.Generator, count: int) -> FloatArray:
    rates = random.uniform(-_FASTEST_FALSE_PLOT_M_S, _FASTEST_FALSE_PLOT_M_S, count)
    return rates if radar.range_rate_sigma_m_s is not None else np.full(count, np.nan)


def _false_plots_anywhere(
    radar: Radar, random: np.random.Generator, time_ns: NDArray[np.int64], scans: NDArray[np.int64]
) -> _Seen:
    count = len(time_ns)
    farthest = min(radar.max_range_m, _FARTHEST_FALSE_PLOT_M)
    lowest = math.sin(max(radar.min_elevation_rad, 0.0))
    return _Seen(
        time_ns,
        scans,
        farthest * np.cbrt(random.random(count)),
        random.uniform(0.0, 2.0 * np.pi, count),
        np.arcsin(random.uniform(lowest, 1.0, count)),
        _false_rates(radar, random, count),
        np.full(count, FALSE_PLOT, dtype=np.int32),
    )


def _false_plots_near(
    radar: Radar,
    random: np.random.Generator,
    time_ns: NDArray[np.int64],
    scans: NDArray[np.int64],
    paths: Sequence[TruthPath],
    half_side_m: float,
) -> _Seen:
    """Each about an object chosen by lot among those in sight at its time."""
    count = len(time_ns)
    states = np.stack([path.state_at(time_ns) for path in paths])
    in_sight = np.stack([visible_from(radar, s)[1] for s in states])
    lot = np.where(in_sight, random.random(in_sight.shape), -1.0)
    chosen = np.argmax(lot, axis=0)
    about = states[chosen, np.arange(count)]
    offsets = random.uniform(-half_side_m, half_side_m, (count, 3))
    about[:, :3] += offsets
    truth, visible = visible_from(radar, about)
    keep = in_sight.any(axis=0) & visible
    return _Seen(
        time_ns[keep],
        scans[keep],
        truth[keep, 0],
        truth[keep, 1],
        truth[keep, 2],
        _false_rates(radar, random, count)[keep],
        np.full(int(keep.sum()), FALSE_PLOT, dtype=np.int32),
    )
