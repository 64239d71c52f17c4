"""Plots that are not a track's yet, and which of them together are a new object's.

A plot that no track takes waits. Each newcomer is joined with every earlier plot of its radar that
an object of possible speed could have caused, and the path between the two is compared with all
that waits: the path on which most lies, by the ratio of its likelihood to that of false plots at
the density seen there, is a new object's if that ratio is great enough. By Ville's inequality (a
ratio of likelihoods is a martingale under false plots) it exceeds e^T with probability e^-T at
most, so with T = ln(newcomers a second / false tracks a second) no more than the stated number of
false tracks starts: `false_tracks_1_hour`. What was measured: docs/decisions/0011-association.md.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import (
    BIAS_SIGMA,
    DETECTION,
    PERIOD_S,
    SIGMA,
    SITE,
    axes_of,
)
from skypact.kernels.gravity import gravity_j2
from skypact.kernels.linear import copy_vector
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.tracking.association import sort_numbers
from skypact.tracking.nearby import CELL_M, bucket_of, cell_of
from skypact.tracking.tables import (
    ACROSS_M2,
    ALONG_M2,
    IS_GONE,
    OF_RADAR,
    OF_SCAN,
    PLACE,
    SCANS,
    SIGHT,
    SINCE_NS,
    WAITING,
    TrackArrays,
)

# The density of false plots about a newcomer is that within so many m of it.
DENSITY_RADIUS_M = 25e3
DENSITY_VOLUME_M3 = 4.0 / 3.0 * math.pi * DENSITY_RADIUS_M**3
LOG_2_PI = math.log(2.0 * math.pi)
# Beyond this, squared distance per standard deviation, a plot is on no path.
ON_PATH = 25.0
# However often a radar looks, a velocity takes time.
LEAST_WINDOW_S = 4.0
# A path is followed so much of its length beyond its ends: another radar may have been earlier, and
# in a scan that overlaps with this one later.
BEYOND = 0.5
# What an unknown time bias may do to a place: it is as fast as this, m/s.
TIME_BIAS_SPEED_M_S = 4e3


# Columns of `StartScratch.found`.
PLOTS_ABOUT, IN_SCANS = 0, 1


class StartSettings(NamedTuple):
    """What decides about new tracks, SI: see `settings.TrackingSettings`."""

    plots_to_confirm: int
    start_window_s: float
    greatest_speed_m_s: float
    speed_sigma_m_s: float
    thrust_sigma_m_s2: float
    confirm_speed_sigma_m_s: float
    false_tracks_1_s: float
    doubt_log_ratio: float
    greatest_waiting_plots: int


class StartScratch(NamedTuple):
    """`about` (w,), `trial` (w,), `chain` (w,): numbers of waiting plots. `by_radar` (3, r).

    `found` (2,): how many are `about`, and in how many scans. `head` (b,), `link` (w,), `cell`
    (w,): the waiting plots by place, as in `nearby.Grid`.
    """

    found: NDArray[np.int64]
    head: NDArray[np.int64]
    link: NDArray[np.int64]
    cell: NDArray[np.int64]

    about: NDArray[np.int64]
    trial: NDArray[np.int64]
    chain: NDArray[np.int64]
    by_radar: NDArray[np.float64]


class StartContext(NamedTuple):
    """Radars (r, 32), settings and scratch of what `waiting` does."""

    radars: NDArray[np.float64]
    settings: StartSettings
    scratch: StartScratch


def start_scratch(waiting: int, radars: int) -> StartScratch:
    """Scratch for so many waiting plots."""
    return StartScratch(
        found=np.zeros(2, np.int64),
        head=np.full(1 << (waiting - 1).bit_length(), -1, np.int64),
        link=np.zeros(waiting, np.int64),
        cell=np.zeros(waiting, np.int64),
        about=np.zeros(waiting, np.int64),
        trial=np.zeros(waiting, np.int64),
        chain=np.zeros(waiting, np.int64),
        by_radar=np.zeros((3, radars)),
    )


@kernel
def window_s(radar: int, radars: NDArray[np.float64], s: StartSettings) -> float:
    """How long a plot of a radar waits, s: for enough looks and one more, and a known velocity."""
    period = radars[radar, PERIOD_S]
    if period <= 0.0:
        return s.start_window_s
    return min(max((s.plots_to_confirm + 1.5) * period, LEAST_WINDOW_S), s.start_window_s)


@kernel
def wait(
    tracks: TrackArrays, time_ns: int, radar: int, plot: NDArray[np.float64], c: StartContext
) -> int:
    """Let a plot wait; returns its number. When there is no room the oldest quarter goes."""
    radars = c.radars
    count = tracks.counter[WAITING]
    if count == tracks.waiting.shape[0]:
        let_go(tracks, time_ns, c)
        count = tracks.counter[WAITING]
        if count == tracks.waiting.shape[0]:
            for k in range(max(1, count // 4)):
                tracks.waiting[k, IS_GONE] = 1
            let_go(tracks, time_ns, c)
            count = tracks.counter[WAITING]
    number, value = tracks.waiting[count], tracks.waiting_plot[count]
    number[SINCE_NS], number[OF_RADAR] = time_ns, radar
    number[OF_SCAN], number[IS_GONE] = tracks.counter[SCANS], 0
    for k in range(4):
        value[k] = plot[k]
    east, north, up = local_from_polar(plot[0], plot[1], plot[2])
    dx, dy, dz = turn_to_ecef(east, north, up, axes_of(radar, radars))
    row = radars[radar]
    value[PLACE] = row[SITE] + dx
    value[PLACE + 1] = row[SITE + 1] + dy
    value[PLACE + 2] = row[SITE + 2] + dz
    r = max(plot[0], 1.0)
    value[SIGHT], value[SIGHT + 1], value[SIGHT + 2] = dx / r, dy / r, dz / r
    clock = (TIME_BIAS_SPEED_M_S * row[BIAS_SIGMA + 4]) ** 2
    value[ALONG_M2] = clock + row[SIGMA] ** 2 + row[BIAS_SIGMA] ** 2 + row[BIAS_SIGMA + 5] ** 2
    widest = 0.0
    for k in (1, 2):
        angle2 = row[SIGMA + k] ** 2 + row[BIAS_SIGMA + k] ** 2 + row[BIAS_SIGMA + 5 + k] ** 2
        widest = max(widest, angle2)
    value[ACROSS_M2] = clock + r * r * widest
    tracks.counter[WAITING] = count + 1
    _enter(tracks, count, c.scratch)
    return count


@kernel
def _enter(tracks: TrackArrays, k: int, w: StartScratch) -> None:
    """Put waiting plot `k` into its cell."""
    value = tracks.waiting_plot[k]
    w.cell[k] = cell_of(
        math.floor(value[PLACE] / CELL_M),
        math.floor(value[PLACE + 1] / CELL_M),
        math.floor(value[PLACE + 2] / CELL_M),
    )
    bucket = bucket_of(w.cell[k], w.head.shape[0])
    w.link[k] = w.head[bucket]
    w.head[bucket] = k


@kernel
def enter_all(tracks: TrackArrays, w: StartScratch) -> None:
    """Put all waiting plots into their cells."""
    w.head[:] = -1
    for k in range(tracks.counter[WAITING]):
        _enter(tracks, k, w)


@kernel
def let_go(tracks: TrackArrays, now_ns: int, c: StartContext) -> None:
    """Take out the plots that have waited long enough or have become a track's."""
    kept = 0
    for k in range(tracks.counter[WAITING]):
        number = tracks.waiting[k]
        waited = (now_ns - number[SINCE_NS]) * 1e-9
        if number[IS_GONE] != 0 or waited > window_s(int(number[OF_RADAR]), c.radars, c.settings):
            continue
        if kept < k:
            for column in range(number.shape[0]):
                tracks.waiting[kept, column] = number[column]
            copy_vector(tracks.waiting_plot[k], tracks.waiting_plot[kept])
        kept += 1
    tracks.counter[WAITING] = kept
    enter_all(tracks, c.scratch)


@kernel
def _log_density(
    dx: float,
    dy: float,
    dz: float,
    all_m2: float,
    one: float,
    u: NDArray[np.float64],
    two: float,
    v: NDArray[np.float64],
) -> tuple[float, float]:
    """χ² and log density of d under N(0, all I + one u uᵀ + two v vᵀ); `u`, `v` (3,) unit."""
    xx = all_m2 + one * u[0] * u[0] + two * v[0] * v[0]
    yy = all_m2 + one * u[1] * u[1] + two * v[1] * v[1]
    zz = all_m2 + one * u[2] * u[2] + two * v[2] * v[2]
    xy = one * u[0] * u[1] + two * v[0] * v[1]
    xz = one * u[0] * u[2] + two * v[0] * v[2]
    yz = one * u[1] * u[2] + two * v[1] * v[2]
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    determinant = xx * a + xy * b + xz * c
    if determinant <= 0.0:
        return math.inf, -math.inf
    e, f, g = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    chi = a * dx * dx + e * dy * dy + g * dz * dz
    chi += 2.0 * (b * dx * dy + c * dx * dz + f * dy * dz)
    chi /= determinant
    return chi, -0.5 * (chi + math.log(determinant)) - 1.5 * LOG_2_PI


@kernel
def _candidates(tracks: TrackArrays, new: int, c: StartContext) -> int:
    """Waiting plots that may be as near the newcomer as an object can have flown, into `about`.

    Returns how many, in the order of their scans; some others are among them.
    """
    w, waiting = c.scratch, tracks.counter[WAITING]
    longest = 0.0
    for radar in range(c.radars.shape[0]):
        if c.radars[radar, DETECTION] > 0.0:  # not a partner's, which sends no plots
            longest = max(longest, window_s(radar, c.radars, c.settings))
    here = tracks.waiting_plot[new]
    reach = c.settings.greatest_speed_m_s * longest + 10.0 * math.sqrt(here[ACROSS_M2])
    reach = max(reach, DENSITY_RADIUS_M)
    cells = 2.0 * reach / CELL_M + 2.0
    if 2.0 * cells * cells * cells > waiting:
        for k in range(waiting):
            w.about[k] = k
        return int(waiting)
    count = 0
    for ix in range(
        math.floor((here[PLACE] - reach) / CELL_M), math.floor((here[PLACE] + reach) / CELL_M) + 1
    ):
        for iy in range(
            math.floor((here[PLACE + 1] - reach) / CELL_M),
            math.floor((here[PLACE + 1] + reach) / CELL_M) + 1,
        ):
            for iz in range(
                math.floor((here[PLACE + 2] - reach) / CELL_M),
                math.floor((here[PLACE + 2] + reach) / CELL_M) + 1,
            ):
                cell = cell_of(ix, iy, iz)
                k = w.head[bucket_of(cell, w.head.shape[0])]
                while k >= 0:
                    if w.cell[k] == cell:
                        w.about[count] = k
                        count += 1
                    k = w.link[k]
    sort_numbers(w.about, count)
    return count


@kernel
def plots_about(tracks: TrackArrays, new: int, c: StartContext) -> int:
    """Plots that one object may have caused with the newcomer, into `about`; how many.

    In the order of their scans. Into `by_radar[0]` the log density of false plots of each radar,
    per m³ and look.
    """
    s, w = c.settings, c.scratch
    here, now_ns = tracks.waiting_plot[new], tracks.waiting[new, SINCE_NS]
    density, looks, last = w.by_radar[0], w.by_radar[1], w.by_radar[2]
    density[:], looks[:], last[:] = 0.0, 0.0, -1.0
    count, scan = 0, -1
    w.found[IN_SCANS] = 1
    for a in range(_candidates(tracks, new, c)):
        k = w.about[a]
        number, value = tracks.waiting[k], tracks.waiting_plot[k]
        radar = int(number[OF_RADAR])
        waited = (now_ns - number[SINCE_NS]) * 1e-9
        if number[IS_GONE] != 0 or waited > window_s(radar, c.radars, s):
            continue
        dx, dy, dz = (
            value[PLACE] - here[PLACE],
            value[PLACE + 1] - here[PLACE + 1],
            value[PLACE + 2] - here[PLACE + 2],
        )
        apart2 = dx * dx + dy * dy + dz * dz
        if apart2 < DENSITY_RADIUS_M * DENSITY_RADIUS_M:
            density[radar] += 1.0
            if last[radar] != number[OF_SCAN]:
                last[radar] = number[OF_SCAN]
                looks[radar] += 1.0
        if number[OF_SCAN] == tracks.waiting[new, OF_SCAN]:
            continue
        reach = s.greatest_speed_m_s * abs(waited)
        reach += 5.0 * math.sqrt(value[ACROSS_M2] + here[ACROSS_M2])
        if apart2 < reach * reach:
            w.about[count] = k
            count += 1
            if number[OF_SCAN] != scan:
                scan = number[OF_SCAN]
                w.found[IN_SCANS] += 1
    for radar in range(density.shape[0]):
        period = c.radars[radar, PERIOD_S]
        if period > 0.0:
            looks[radar] = window_s(radar, c.radars, s) / period
        mean = (density[radar] + 1.0) / (DENSITY_VOLUME_M3 * max(looks[radar], 1.0))
        density[radar] = math.log(mean)
    return count


@kernel
def best_path(tracks: TrackArrays, new: int, c: StartContext) -> tuple[int, float, float]:
    """The path through the newcomer and an earlier plot of its radar on which most lies.

    Its plots go into `chain`, in order of their scans. Returns how many, the log of the likelihood
    ratio, and seconds from first to last; (0, -∞, 0): none.
    """
    s, w = c.settings, c.scratch
    about = plots_about(tracks, new, c)
    w.found[PLOTS_ABOUT] = about
    number = tracks.waiting[new]
    here = tracks.waiting_plot[new]
    radar = int(number[OF_RADAR])
    here_gravity = gravity_j2(here[PLACE], here[PLACE + 1], here[PLACE + 2])
    best, best_count, best_s = -math.inf, 0, 0.0
    for a in range(about):
        first = w.about[a]
        if tracks.waiting[first, OF_RADAR] != radar:
            continue
        span = (number[SINCE_NS] - tracks.waiting[first, SINCE_NS]) * 1e-9
        # Too short a path for its velocity starts nothing.
        if not velocity_known(tracks, new, w.found[IN_SCANS], span, c):
            continue
        count, ratio = _along(tracks, new, first, span, about, here_gravity, c)
        if count >= s.plots_to_confirm and ratio > best:
            best, best_count, best_s = ratio, count, span
            for k in range(count):
                w.chain[k] = w.trial[k]
    return best_count, best, best_s


@kernel
def velocity_known(
    tracks: TrackArrays, new: int, count: int, span_s: float, c: StartContext
) -> bool:
    """Whether so many plots within so many seconds tell a velocity about as well as is asked.

    Of a line through n places: 1σ √(12 / n) σ / span, in each of two directions. What is common to
    all plots of a radar does not matter to it.
    """
    if span_s <= 0.0:
        return False
    row = c.radars[int(tracks.waiting[new, OF_RADAR])]
    across = tracks.waiting_plot[new, 0] * max(row[SIGMA + 1], row[SIGMA + 2])
    return across * math.sqrt(24.0 / count) < 2.0 * c.settings.confirm_speed_sigma_m_s * span_s


@kernel
def _along(
    tracks: TrackArrays,
    new: int,
    first: int,
    span_s: float,
    about: int,
    gravity: tuple[float, float, float],
    c: StartContext,
) -> tuple[int, float]:
    """Plots about the path from `first` to `new`, into `trial`: how many, log likelihood ratio."""
    s, w = c.settings, c.scratch
    density = w.by_radar[0]
    number, here, there = tracks.waiting[new], tracks.waiting_plot[new], tracks.waiting_plot[first]
    radar = int(number[OF_RADAR])
    mx, my, mz = (
        here[PLACE] - there[PLACE],
        here[PLACE + 1] - there[PLACE + 1],
        here[PLACE + 2] - there[PLACE + 2],
    )
    way = s.speed_sigma_m_s * span_s
    all_m2 = way * way + here[ACROSS_M2] + there[ACROSS_M2]
    ratio = math.log(c.radars[radar, DETECTION]) - density[radar]
    ratio -= 0.5 * (mx * mx + my * my + mz * mz) / all_m2 + 1.5 * (LOG_2_PI + math.log(all_m2))
    w.trial[0] = first
    count, own = 1, 0
    scan, best_here, chosen = -1, 0.0, -1
    sight = here[SIGHT : SIGHT + 3]
    for a in range(about + 1):
        k = w.about[a] if a < about else -1
        if k < 0 or tracks.waiting[k, OF_SCAN] != scan:
            if chosen >= 0:
                w.trial[count] = chosen
                count += 1
                ratio += best_here
                if tracks.waiting[chosen, OF_RADAR] == radar:
                    own += 1
            chosen, best_here = -1, -math.inf
            if k < 0:
                break
            scan = tracks.waiting[k, OF_SCAN]
        if scan == tracks.waiting[first, OF_SCAN]:
            continue
        before = (number[SINCE_NS] - tracks.waiting[k, SINCE_NS]) * 1e-9
        if before < -BEYOND * span_s or before > (1.0 + BEYOND) * span_s:
            continue
        value = tracks.waiting_plot[k]
        back = before / span_s
        bent = 0.5 * before * (span_s - before)
        dx = value[PLACE] - here[PLACE] + back * mx + bent * gravity[0]
        dy = value[PLACE + 1] - here[PLACE + 1] + back * my + bent * gravity[1]
        dz = value[PLACE + 2] - here[PLACE + 2] + back * mz + bent * gravity[2]
        near, far = (1.0 - back) ** 2, back * back
        across = near * here[ACROSS_M2] + far * there[ACROSS_M2]
        along = near * here[ALONG_M2] + far * there[ALONG_M2]
        loose = (bent * s.thrust_sigma_m_s2) ** 2
        all_m2 = across + value[ACROSS_M2] + loose
        most = max(all_m2, along + value[ALONG_M2] + loose)
        if dx * dx + dy * dy + dz * dz > ON_PATH * most:
            continue
        chi, log_density = _log_density(
            dx,
            dy,
            dz,
            all_m2,
            along - across,
            sight,
            value[ALONG_M2] - value[ACROSS_M2],
            value[SIGHT : SIGHT + 3],
        )
        if chi > ON_PATH:
            continue
        other = int(tracks.waiting[k, OF_RADAR])
        gain = log_density + math.log(c.radars[other, DETECTION]) - density[other]
        if gain > best_here:
            best_here, chosen = gain, k
    w.trial[count] = new
    count += 1
    period = c.radars[radar, PERIOD_S]
    if period > 0.0:
        missed = round(span_s / period) - 1 - own
        if missed > 0:
            ratio += missed * math.log(max(1.0 - c.radars[radar, DETECTION], 1e-3))
    return count, ratio


@kernel
def is_doubtful(tracks: TrackArrays, new: int, count: int, ratio: float, c: StartContext) -> bool:
    """Whether another path through the newcomer, with other plots of the same looks, is as likely.

    After `best_path`, whose `about` and `chain` it reads: the newcomer's alternatives are those of
    earlier plots that are not of the chain themselves.
    """
    s, w = c.settings, c.scratch
    number, here = tracks.waiting[new], tracks.waiting_plot[new]
    gravity = gravity_j2(here[PLACE], here[PLACE + 1], here[PLACE + 2])
    about = w.found[PLOTS_ABOUT]
    for a in range(about):
        first = w.about[a]
        span = (number[SINCE_NS] - tracks.waiting[first, SINCE_NS]) * 1e-9
        if tracks.waiting[first, OF_RADAR] != number[OF_RADAR] or span <= 0.0:
            continue
        other, other_ratio = _along(tracks, new, first, span, about, gravity, c)
        if other_ratio < ratio - s.doubt_log_ratio:
            continue
        for k in range(other - 1):
            for m in range(count - 1):
                if (
                    w.trial[k] != w.chain[m]
                    and tracks.waiting[w.trial[k], OF_SCAN] == tracks.waiting[w.chain[m], OF_SCAN]
                ):
                    return True
    return False


@kernel
def enough_for_a_track(
    tracks: TrackArrays, new: int, count: int, ratio: float, span_s: float, c: StartContext
) -> bool:
    """Whether the best path through a newcomer is worth a fit: sure, and its velocity known."""
    s = c.settings
    if count < s.plots_to_confirm:
        return False
    window = window_s(int(tracks.waiting[new, OF_RADAR]), c.radars, s)
    newcomers_1_s = tracks.counter[WAITING] / window
    if ratio < math.log(newcomers_1_s / s.false_tracks_1_s):
        return False
    # Not with every plot where they come fast: a fit takes longer than a hundred updates.
    step = 1
    while count >= 16 * step:
        step *= 2
    if count % step != 0 or not velocity_known(tracks, new, count, span_s, c):
        return False
    return not is_doubtful(tracks, new, count, ratio, c)
