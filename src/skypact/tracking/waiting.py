"""Plots that are not a track's yet, and which of them together are a new object's.

A plot that no track takes waits. Each newcomer is joined with every earlier plot of its radar that
an object of possible speed could have caused, and the path between the two is followed plot by
plot, once in free flight and once with a steady acceleration (`steady_path`). The path on which
most of what waits lies, by the ratio of its likelihood to that of other plots at the density seen
nearby, is a new object's if that ratio is great enough. By Ville's inequality (a ratio of
likelihoods is a martingale under false plots) it exceeds e^T with probability e^-T at most, so with
T = ln(newcomers a second / false tracks a second) no more than the stated number of false tracks
starts: `false_tracks_1_hour`. What was measured: docs/decisions/0011-association.md.
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
from skypact.kernels.linear import cholesky, copy_matrix, copy_vector, forward_solve
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.tracking import steady_path
from skypact.tracking.association import sort_numbers
from skypact.tracking.nearby import CELL_M, bucket_of, cell_of
from skypact.tracking.steady_path import COVARIANCE, OF_PLACE, STATE, begin_path, expect, take
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

# The density of other plots about a newcomer is that within so many m of it, or within a half, a
# quarter, an eighth ... of that, where it is greatest: there may be a crowd.
DENSITY_RADIUS_M = 25e3
DENSITY_VOLUME_M3 = 4.0 / 3.0 * math.pi * DENSITY_RADIUS_M**3
BALLS = 4
LOG_HALF = math.log(0.5)
# However sure a radar is to see what is there, it misses one in so many.
LEAST_MISSED = 1e-3
# Of the acceleration in free flight that the path's model leaves out: 1σ of each component.
FREE_SIGMA_M_S2 = 0.1
GRAVITY_M_S2 = 10.0
# Beyond this, squared distance per standard deviation, a plot is on no path.
ON_PATH = 25.0
# However often a radar looks, a velocity takes time.
LEAST_WINDOW_S = 4.0
# A path is followed so much of its length beyond its ends: another radar may have been earlier, and
# in a scan that overlaps with this one later.
BEYOND = 0.5
# What an unknown time bias may do to a place: it is as fast as this, m/s.
TIME_BIAS_SPEED_M_S = 4e3


# Where more than one of so many waiting plots is near, asking all is quicker than sorting those.
MANY_ARE_NEAR = 8


# Columns of `StartScratch.found`.
PLOTS_ABOUT, IN_SCANS = 0, 1
# Rows of `StartScratch.by_radar`: log density, then for each ball plots, looks, and the last scan;
# how long a plot waits, s.
DENSITY, IN_BALL, LOOKS, LAST_SCAN, WINDOW_S = 0, 1, 1 + BALLS, 1 + 2 * BALLS, 1 + 3 * BALLS
# Columns of `StartScratch.near`: place from the newcomer (3), s before it, greatest variance, m².
BEFORE_S, WIDEST_M2, NEAR_COLUMNS = 3, 4, 5


class StartSettings(NamedTuple):
    """What decides about new tracks, SI: see `settings.TrackingSettings`."""

    plots_to_confirm: int
    start_window_s: float
    greatest_speed_m_s: float
    speed_sigma_m_s: float
    thrust_sigma_m_s2: float
    thrust_density_m2_s5: float
    confirm_speed_sigma_m_s: float
    false_tracks_1_s: float
    doubt_log_ratio: float
    doubt_chi_squared: float
    greatest_waiting_plots: int


class StartScratch(NamedTuple):
    """`about` (w,), `trial` (w,), `chain` (w,): numbers of waiting plots. `by_radar` (14, r).

    `near` (w, 5) and `look` (w,): of those `about`, beside each other, what is asked most often:
    where and when from the newcomer, and the scan. `found` (2,): how many are `about`, and in how
    many scans. `head` (b,), `link` (w,), `cell` (w,): the waiting plots by place, as in
    `nearby.Grid`. `path`: of `steady_path`; `end` (6,) and `end_p` (6, 6): where the best path
    ends, from the newcomer, and the factor of its covariance.
    """

    found: NDArray[np.int64]
    head: NDArray[np.int64]
    link: NDArray[np.int64]
    cell: NDArray[np.int64]
    about: NDArray[np.int64]
    trial: NDArray[np.int64]
    chain: NDArray[np.int64]
    near: NDArray[np.float64]
    look: NDArray[np.int64]
    by_radar: NDArray[np.float64]
    path: NDArray[np.float64]
    end: NDArray[np.float64]
    end_p: NDArray[np.float64]


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
        near=np.zeros((waiting, NEAR_COLUMNS)),
        look=np.zeros(waiting, np.int64),
        by_radar=np.zeros((WINDOW_S + 1, radars)),
        path=np.zeros((steady_path.ROWS, steady_path.STATES)),
        end=np.zeros(6),
        end_p=np.zeros((6, 6)),
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
    # What lies beside the line of sight at this range is not as far along it.
    value[ALONG_M2] += 2.0 * (value[ACROSS_M2] / r) ** 2
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
def _candidates(tracks: TrackArrays, new: int, c: StartContext) -> int:
    """Waiting plots that may be as near the newcomer as an object can have flown, into `about`.

    Returns how many, in the order of their scans; some others are among them.
    """
    w, waiting = c.scratch, tracks.counter[WAITING]
    longest = 0.0
    for radar in range(c.radars.shape[0]):
        w.by_radar[WINDOW_S, radar] = window_s(radar, c.radars, c.settings)
        if c.radars[radar, DETECTION] > 0.0:  # not a partner's, which sends no plots
            longest = max(longest, w.by_radar[WINDOW_S, radar])
    here = tracks.waiting_plot[new]
    reach = c.settings.greatest_speed_m_s * longest + 10.0 * math.sqrt(here[ACROSS_M2])
    reach = max(reach, DENSITY_RADIUS_M)
    cells = 2.0 * reach / CELL_M + 2.0
    if 2.0 * cells * cells * cells > waiting:
        return _all_waiting(waiting, w)
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
                if MANY_ARE_NEAR * count > waiting:
                    return _all_waiting(waiting, w)
    sort_numbers(w.about, count)
    return count


@kernel
def _all_waiting(waiting: int, w: StartScratch) -> int:
    """All waiting plots into `about`; how many."""
    for k in range(waiting):
        w.about[k] = k
    return waiting


@kernel
def plots_about(tracks: TrackArrays, new: int, c: StartContext) -> int:
    """Plots that one object may have caused with the newcomer, into `about` and `near`; how many.

    In the order of their scans. Into `by_radar[DENSITY]` the log density of other plots of each
    radar, per m³ and look, false ones or other objects'.
    """
    s, w = c.settings, c.scratch
    here, now_ns = tracks.waiting_plot[new], tracks.waiting[new, SINCE_NS]
    w.by_radar[:LAST_SCAN], w.by_radar[LAST_SCAN:WINDOW_S] = 0.0, -1.0
    count, scan = 0, -1
    radius2 = DENSITY_RADIUS_M * DENSITY_RADIUS_M
    w.found[IN_SCANS] = 1
    for a in range(_candidates(tracks, new, c)):
        k = w.about[a]
        number, value = tracks.waiting[k], tracks.waiting_plot[k]
        radar = int(number[OF_RADAR])
        waited = (now_ns - number[SINCE_NS]) * 1e-9
        if number[IS_GONE] != 0 or waited > w.by_radar[WINDOW_S, radar]:
            continue
        dx, dy, dz = (
            value[PLACE] - here[PLACE],
            value[PLACE + 1] - here[PLACE + 1],
            value[PLACE + 2] - here[PLACE + 2],
        )
        apart2 = dx * dx + dy * dy + dz * dz
        if apart2 <= radius2:
            _count_in_balls(radar, number[OF_SCAN], apart2, w)
        if number[OF_SCAN] == tracks.waiting[new, OF_SCAN]:
            continue
        reach = s.greatest_speed_m_s * abs(waited)
        reach += 5.0 * math.sqrt(value[ACROSS_M2] + here[ACROSS_M2])
        if apart2 < reach * reach:
            near = w.near[count]
            near[0], near[1], near[2] = dx, dy, dz
            near[BEFORE_S], near[WIDEST_M2] = waited, max(value[ACROSS_M2], value[ALONG_M2])
            w.about[count], w.look[count] = k, number[OF_SCAN]
            count += 1
            if number[OF_SCAN] != scan:
                scan = number[OF_SCAN]
                w.found[IN_SCANS] += 1
    for radar in range(c.radars.shape[0]):
        w.by_radar[DENSITY, radar] = _log_density_of_others(radar, c)
    return count


@kernel
def _count_in_balls(radar: int, scan: int, apart2_m2: float, w: StartScratch) -> None:
    """Count a plot of a radar's scan in all balls about the newcomer that it lies in."""
    radius2 = DENSITY_RADIUS_M * DENSITY_RADIUS_M
    for ball in range(BALLS):
        if apart2_m2 > radius2:
            break
        radius2 *= 0.25
        w.by_radar[IN_BALL + ball, radar] += 1.0
        if w.by_radar[LAST_SCAN + ball, radar] != scan:
            w.by_radar[LAST_SCAN + ball, radar] = scan
            w.by_radar[LOOKS + ball, radar] += 1.0


@kernel
def _log_density_of_others(radar: int, c: StartContext) -> float:
    """Log density of a radar's plots about a newcomer, but for one a look, per m³ and look."""
    counts, period = c.scratch.by_radar, c.radars[radar, PERIOD_S]
    looks = counts[LOOKS, radar]
    if period > 0.0:
        looks = counts[WINDOW_S, radar] / period
    greatest = (counts[IN_BALL, radar] + 1.0) / (DENSITY_VOLUME_M3 * max(looks, 1.0))
    volume = DENSITY_VOLUME_M3
    for ball in range(BALLS):
        looks = counts[LOOKS + ball, radar]
        if looks > 0.0:
            greatest = max(greatest, (counts[IN_BALL + ball, radar] / looks - 1.0) / volume)
        volume *= 0.125
    return math.log(greatest)


@kernel
def best_path(tracks: TrackArrays, new: int, c: StartContext) -> tuple[int, float, float]:
    """The path through the newcomer and an earlier plot of its radar on which most lies.

    Its plots go into `chain`: the earlier plot, others in order of their scans, the newcomer.
    Returns how many, the log of the likelihood ratio, and seconds from that plot to the newcomer;
    (0, -∞, 0): none.
    """
    w = c.scratch
    about = plots_about(tracks, new, c)
    w.found[PLOTS_ABOUT] = about
    best, best_count, best_s = -math.inf, 0, 0.0
    for a in range(about):
        first = w.about[a]
        span = seconds_between(tracks, first, new)
        if not may_be_path(tracks, new, first, span, about, c):
            continue
        for steered in range(2):
            count, ratio = follow(tracks, new, first, span, about, steered == 1, c)
            if count >= c.settings.plots_to_confirm and ratio > best:
                best, best_count, best_s = ratio, count, span
                for k in range(count):
                    w.chain[k] = w.trial[k]
                copy_vector(w.path[STATE, :6], w.end)
                copy_matrix(w.path[COVARIANCE : COVARIANCE + 6, :6], w.end_p)
    return best_count, best, best_s


@kernel
def seconds_between(tracks: TrackArrays, first: int, new: int) -> float:
    """How long a waiting plot is before another, s."""
    return float((tracks.waiting[new, SINCE_NS] - tracks.waiting[first, SINCE_NS]) * 1e-9)


@kernel
def may_be_path(
    tracks: TrackArrays, new: int, first: int, span_s: float, about: int, c: StartContext
) -> bool:
    """Whether a path from waiting plot `first` to the newcomer is worth to be followed closely.

    Both are of one radar, the velocity would be known, and enough lies about the way between.
    """
    if tracks.waiting[first, OF_RADAR] != tracks.waiting[new, OF_RADAR]:
        return False
    if not velocity_known(tracks, new, c.scratch.found[IN_SCANS], span_s, c):
        return False
    return looks_about(tracks, new, first, span_s, about, c) >= c.settings.plots_to_confirm


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
def looks_about(
    tracks: TrackArrays, new: int, first: int, span_s: float, about: int, c: StartContext
) -> int:
    """Scans with plots about the straight way from `first` to `new`, both counted: a cheap bound.

    What gravity and thrust may do off the straight way is allowed for.
    """
    w, s = c.scratch, c.settings
    here, there = tracks.waiting_plot[new], tracks.waiting_plot[first]
    own = tracks.waiting[first, OF_SCAN]
    mx, my, mz = (
        here[PLACE] - there[PLACE],
        here[PLACE + 1] - there[PLACE + 1],
        here[PLACE + 2] - there[PLACE + 2],
    )
    ends = max(here[ACROSS_M2], here[ALONG_M2]) + max(there[ACROSS_M2], there[ALONG_M2])
    count, scan = 2, -1
    for a in range(about):
        if w.look[a] == scan:
            continue
        near = w.near[a]
        before = near[BEFORE_S]
        if before < -BEYOND * span_s or before > (1.0 + BEYOND) * span_s:
            continue
        back = before / span_s
        dx, dy, dz = near[0] + back * mx, near[1] + back * my, near[2] + back * mz
        bent = 0.5 * before * (span_s - before) * (GRAVITY_M_S2 + 3.0 * s.thrust_sigma_m_s2)
        far = max(1.0, (1.0 - back) ** 2 + back * back)
        reach = 5.0 * math.sqrt(far * ends + near[WIDEST_M2]) + abs(bent)
        if dx * dx + dy * dy + dz * dz > reach * reach:
            continue
        scan = w.look[a]
        if scan != own:
            count += 1
    return count


@kernel
def follow(
    tracks: TrackArrays,
    new: int,
    first: int,
    span_s: float,
    about: int,
    steered: bool,
    c: StartContext,
) -> tuple[int, float]:
    """Plots on the path from `first` to `new`, into `trial`: how many, log likelihood ratio.

    `steered`: by an unknown steady acceleration, as in a boost; else in free flight. Of each scan
    the likeliest plot is taken, if it is likelier there than that the radar missed the object. The
    state at the newcomer stays in `path`.
    """
    s, w, path = c.settings, c.scratch, c.scratch.path
    density = w.by_radar[DENSITY]
    number, here = tracks.waiting[new], tracks.waiting_plot[new]
    radar = int(number[OF_RADAR])
    acceleration = s.thrust_sigma_m_s2 if steered else FREE_SIGMA_M_S2
    begin_path(here, tracks.waiting_plot[first], span_s, s.speed_sigma_m_s, acceleration, path)
    _, log_density, offset = expect(here, tracks.waiting_plot[first], span_s, 0.0, math.inf, path)
    take(offset, path)
    detection = math.log(c.radars[radar, DETECTION])
    ratio = LOG_HALF + detection + log_density - density[radar]
    w.trial[0] = first
    count, own = 1, 0
    at = 0
    while at < about:
        scan, chosen, best = tracks.waiting[w.about[at], OF_SCAN], -1, -math.inf
        while at < about and tracks.waiting[w.about[at], OF_SCAN] == scan:
            k = w.about[at]
            at += 1
            before = seconds_between(tracks, k, new)
            if scan == tracks.waiting[first, OF_SCAN]:
                continue
            if before < -BEYOND * span_s or before > (1.0 + BEYOND) * span_s:
                continue
            loose = looseness(before, span_s, s) if steered else 0.0
            chi, log_density, _ = expect(here, tracks.waiting_plot[k], before, loose, ON_PATH, path)
            if chi < ON_PATH and log_density > best:
                best, chosen = log_density, k
        if chosen < 0:
            continue
        other = int(tracks.waiting[chosen, OF_RADAR])
        seen = c.radars[other, DETECTION]
        gain = best + math.log(seen) - density[other]
        if gain < math.log(max(1.0 - seen, LEAST_MISSED)):
            continue
        before = seconds_between(tracks, chosen, new)
        loose = looseness(before, span_s, s) if steered else 0.0
        _, _, offset = expect(here, tracks.waiting_plot[chosen], before, loose, ON_PATH, path)
        take(offset, path)
        w.trial[count] = chosen
        count += 1
        ratio += gain
        if other == radar:
            own += 1
    w.trial[count] = new
    count += 1
    period = c.radars[radar, PERIOD_S]
    if period > 0.0:
        missed = round(span_s / period) - 1 - own
        if missed > 0:
            ratio += missed * math.log(max(1.0 - c.radars[radar, DETECTION], LEAST_MISSED))
    return count, ratio


@kernel
def looseness(before_s: float, span_s: float, s: StartSettings) -> float:
    """Variance m² of a place on a path, known at both ends, for its thrust is not quite steady.

    That of three times integrated white noise of that density, as far as the nearer end.
    """
    away = min(abs(before_s), abs(span_s - before_s))
    return s.thrust_density_m2_s5 * away**5 / 20.0


@kernel
def is_doubtful(tracks: TrackArrays, new: int, count: int, ratio: float, c: StartContext) -> bool:
    """Whether another path through the newcomer is as likely and says something else.

    After `best_path`, whose `about`, `chain` and `end` it reads. The other has other plots of the
    same looks, and its end is off by more than the best one's own noise: if it were the true one,
    the best would be overconfident.
    """
    s, w = c.settings, c.scratch
    about = w.found[PLOTS_ABOUT]
    cholesky(w.end_p, 6)
    apart = w.path[OF_PLACE]
    for a in range(about):
        first = w.about[a]
        span = seconds_between(tracks, first, new)
        if not may_be_path(tracks, new, first, span, about, c):
            continue
        for steered in range(2):
            other, other_ratio = follow(tracks, new, first, span, about, steered == 1, c)
            if other_ratio < ratio - s.doubt_log_ratio:
                continue
            if not takes_other_plots(tracks, w.trial, other, w.chain, count):
                continue
            for i in range(6):
                apart[i] = w.path[STATE, i] - w.end[i]
            distance = forward_solve(w.end_p, apart, 6)
            if distance > s.doubt_chi_squared:
                return True
    return False


@kernel
def takes_other_plots(
    tracks: TrackArrays,
    these: NDArray[np.int64],
    count: int,
    those: NDArray[np.int64],
    of_those: int,
) -> bool:
    """Whether two chains that end with one newcomer have different plots of one scan."""
    for k in range(count - 1):
        for m in range(of_those - 1):
            if (
                these[k] != those[m]
                and tracks.waiting[these[k], OF_SCAN] == tracks.waiting[those[m], OF_SCAN]
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
