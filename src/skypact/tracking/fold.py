"""The fold: scan after scan into tracks. `fold_scan` is the tracker's main path.

Everything here is a function of the observations alone: same scans, same tracks, bit for bit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import as_int64, inlined, kernel
from skypact.kernels.filter import (
    CORRELATION_TIME_S,
    HALF_LOG_2_PI,
    SIGMA,
    SITE,
    axes_of,
    innovation,
    update,
)
from skypact.kernels.fit import PLOT_RADAR, PLOT_TIME_S, PLOT_Z, fit_path
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.linear import cholesky, copy_matrix, copy_vector, forward_solve
from skypact.kernels.motion import BOOST, COAST, REENTRY
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.tracking.association import choose, sort_by_id
from skypact.tracking.context import (
    PAIRS_OF_SCAN,
    PLOTS_OF_SCAN,
    ROWS_OF_LOG,
    FoldContext,
    FoldSettings,
)
from skypact.tracking.couple_fold import (
    begin_parted,
    end_unseen,
    fold_couples,
    let_apart,
    note_past,
    row_of,
)
from skypact.tracking.nearby import FEW, count_anew, enter, spread_of, tracks_about
from skypact.tracking.noting import (
    NEWEST_SHARE,
    keep_first_plot,
    note_extremes,
    note_last,
    note_look,
    note_seen,
    write_update,
)
from skypact.tracking.parting import let_burning_carry, parent_of
from skypact.tracking.phases import (
    combined,
    phase_of,
    predict_track,
    take_remainder,
)
from skypact.tracking.resolution import share_plots
from skypact.tracking.tables import (
    CAME_DOWN,
    CONFIRMED,
    ENDED,
    FIRST_NS,
    FITTED,
    FREE,
    FREE_PHASE,
    FREE_ROW,
    IS_GONE,
    KEPT,
    LAST_NS,
    LAST_RADAR,
    MOST_ENERGY,
    NEVER_CONFIRMED,
    NEXT_ID,
    NOT_SEEN,
    OF_RADAR,
    PARTED_FROM,
    PLACE,
    PLOTS,
    REASON,
    REMAINDER,
    SCANS,
    SEEN_SHARE,
    SINCE_NS,
    SKIPPED,
    SLOTS,
    STATUS,
    STEER_LOG_ODDS,
    STRIDE,
    SURPRISE,
    SWEPT_NS,
    TENTATIVE,
    THRUST,
    TIME_NS,
    TRACK_ID,
    TRACKLETS,
    WAITING,
    ScanArrays,
    TrackArrays,
    UpdateLog,
    likeliest,
)
from skypact.tracking.waiting import best_path, enough_for_a_track, enter_all, let_go, wait

# Range rates of new objects lie within so many m/s.
RANGE_RATES_M_S = 8e3
# Tracks are counted anew, and grow older when unseen, each second.
SWEEP_NS = 1_000_000_000
# No more tracks than this start in one scan.
MOST_STARTS = 64


@kernel
def fold_scans(
    tracks: TrackArrays, scans: ScanArrays, first: int, c: FoldContext, log: UpdateLog
) -> int:
    """Fold the scans from number `first` on, as far as there is room; returns the next.

    Stops early where `tracks` has no free rows for the tracks that a scan may start, or the scratch
    or the log no room for it: `c.pairs.wanted` then says how much is missing.
    """
    count_anew(tracks, c.grid)
    enter_all(tracks, c.starts.scratch)
    for scan in range(first, scans.starts.shape[0] - 1):
        begin, end = scans.starts[scan], scans.starts[scan + 1]
        if end - begin > c.pairs.taken.shape[0]:
            c.pairs.wanted[PLOTS_OF_SCAN] = end - begin
            return scan
        if not is_room(tracks, min(end - begin, MOST_STARTS)):
            return scan
        waiting, most = tracks.waiting.shape[0], c.starts.settings.greatest_waiting_plots
        if waiting < most and tracks.counter[WAITING] + end - begin > waiting:
            return scan
        radar = as_int64(scans.radar[begin])
        time_ns, plots = scans.time_ns[begin:end], scans.z[begin:end]
        if not fold_scan(tracks, time_ns, radar, plots, begin, c, log):
            return scan
    return scans.starts.shape[0] - 1


@inlined
def is_room(tracks: TrackArrays, wanted: int) -> bool:
    """Whether so many rows are free."""
    free = 0
    for t in range(tracks.number.shape[0] - 1, -1, -1):
        if tracks.number[t, STATUS] == FREE_ROW:
            free += 1
            if free >= wanted:
                return True
    return False


@inlined
def fold_scan(
    tracks: TrackArrays,
    time_ns: NDArray[np.int64],
    radar: int,
    plots: NDArray[np.float64],
    number: int,
    c: FoldContext,
    log: UpdateLog,
) -> bool:
    """One scan of one radar: predict, gate, assign, update; what is left over may start tracks.

    `number` is that of its first plot among all scans, for the log. False: there is no room for it
    in the scratch, and nothing has been assigned.
    """
    count = plots.shape[0]
    if time_ns[0] - tracks.counter[SWEPT_NS] >= SWEEP_NS:
        sweep(tracks, time_ns[0], as_int64(SWEEP_NS), c)
        count_anew(tracks, c.grid)
    near, pairs = likely_pairs(tracks, time_ns, radar, plots, c)
    if log.row.shape[0] > 0 and log.filled[0] + near + count > log.row.shape[0]:
        c.pairs.wanted[ROWS_OF_LOG] = near + count
        return False
    if near < 0:
        return False
    w, shared = c.pairs, c.resolution
    if near == 1 and count == 1:
        w.chosen[0], w.taken[0], shared.shares[0] = pairs - 1, pairs == 1, 0
    else:
        if not choose(near, count, pairs, -c.settings.new_object_log_density, w):
            return False
        share_plots(tracks, near, plots, radar, w, shared, c.radars, c.phases.filter)
    fold_couples(
        *(tracks, near, pairs, time_ns, radar, plots, number), w, c.couples, c.scratch, log
    )
    for i in range(near):
        j, t = w.chosen[i], w.near[i]
        if w.coupled[i]:
            continue
        note_look(tracks, t, radar, j >= 0, c.radars)
        if j < 0:
            continue
        predict_track(tracks, t, time_ns[j], c)
        z, radars, own = plots[j], c.radars, shared.shares[i] == 0
        if not own:
            z, radars = shared.z[i], shared.radars
            copy_vector(shared.sigma[i], radars[radar, SIGMA : SIGMA + 4])
        observe(tracks, t, time_ns[j], z, radar, radars, own, c)
        note_seen(tracks, t)
        if log.filled[0] < log.row.shape[0]:
            write_update(tracks, t, number + j, own, log, c.scratch)
    tracks.counter[SCANS] += 1
    for j in range(count):
        if not w.taken[j]:
            t = begin_with(tracks, time_ns[j], radar, plots[j], c)
            if t >= 0 and log.filled[0] < log.row.shape[0]:
                write_update(tracks, t, number + j, True, log, c.scratch)
    return True


@inlined
def likely_pairs(
    tracks: TrackArrays,
    time_ns: NDArray[np.int64],
    radar: int,
    plots: NDArray[np.float64],
    c: FoldContext,
) -> tuple[int, int]:
    """Tracks near a scan, moved to its first plot, and their pairs with its plots that are likely.

    Into `c.pairs`: how many of each; (-1, …): no room. The tracks are in order of their ids: which
    rows are free depends on how the plots came in batches.
    """
    w, site = c.pairs, c.radars[radar]
    near, found = as_int64(0), as_int64(0)
    angle = site[SIGMA + 1] + site[SIGMA + 2]
    for j in range(plots.shape[0]):
        east, north, up = local_from_polar(plots[j, 0], plots[j, 1], plots[j, 2])
        dx, dy, dz = turn_to_ecef(east, north, up, axes_of(radar, c.radars))
        place = (site[SITE] + dx, site[SITE + 1] + dy, site[SITE + 2] + dz)
        reach = 8.0 * (site[SIGMA] + angle * plots[j, 0])
        about, rows = c.grid.size[0], c.grid.live
        if about > FEW:
            about, rows = tracks_about(tracks, place, reach, time_ns[j], c.grid, w.found), w.found
        for k in range(about):
            t = rows[k]
            status = tracks.number[t, STATUS]
            if status in (FREE_ROW, ENDED):
                continue
            if not may_have_caused(tracks, t, time_ns[j], place, reach):
                continue
            if found < w.of.shape[0]:
                w.of[found, 0], w.of[found, 1] = t, j
            found += 1
            if w.place_of[t] < 0:
                w.near[near], w.place_of[t] = t, near
                near += 1
    if found > w.of.shape[0]:
        w.wanted[PAIRS_OF_SCAN] = found
        for i in range(near):
            w.place_of[w.near[i]] = -1
        return as_int64(-1), found
    if near > 1:
        sort_by_id(w.near, near, tracks.number[:, TRACK_ID])
    for i in range(near):
        w.place_of[w.near[i]] = i
        predict_track(tracks, w.near[i], time_ns[0], c)
    likely = as_int64(0)
    for m in range(found):
        t, j = w.of[m, 0], w.of[m, 1]
        cost = cost_of(tracks, t, time_ns[j], plots[j], radar, c)
        if cost < -c.settings.new_object_log_density:
            w.of[likely, 0], w.of[likely, 1], w.cost[likely] = w.place_of[t], j, cost
            likely += 1
    for i in range(near):
        w.place_of[w.near[i]] = -1
    return near, likely


@kernel
def sweep(tracks: TrackArrays, to_ns: int, older_ns: int, c: FoldContext) -> None:
    """End the tracks that have to at `to_ns`; those behind by more than `older_ns` grow older."""
    for t in range(tracks.number.shape[0]):
        status = tracks.number[t, STATUS]
        if status in (FREE_ROW, ENDED) or retire(tracks, t, to_ns, c.settings):
            continue
        note_past(tracks, t, c.couples.settings.past_s)
        if tracks.number[t, PARTED_FROM] != 0:
            let_burning_carry(tracks, t, row_of(tracks, tracks.number[t, PARTED_FROM]))
        if to_ns - tracks.number[t, TIME_NS] > older_ns and grow_older(tracks, t, to_ns, c):
            retire(tracks, t, to_ns, c.settings)
    end_unseen(tracks, to_ns, c.couples.settings.unseen_s)
    tracks.counter[SWEPT_NS] = max(tracks.counter[SWEPT_NS], to_ns)
    if tracks.counter[WAITING] > 0:
        let_go(tracks, to_ns, c.starts)


@kernel
def grow_older(tracks: TrackArrays, t: int, to_ns: int, c: FoldContext) -> bool:
    """Move track `t`, unseen meanwhile, to `to_ns`; False: it came down before and has ended."""
    if predict_track(tracks, t, to_ns, c):
        return True
    confirmed = tracks.number[t, STATUS] == CONFIRMED
    tracks.number[t, REASON] = CAME_DOWN if confirmed else NEVER_CONFIRMED
    tracks.number[t, STATUS] = ENDED
    return False


@inlined
def may_have_caused(
    tracks: TrackArrays, t: int, plot_ns: int, place: tuple[float, float, float], reach_m: float
) -> bool:
    """Whether a plot at an ECEF place is near enough to track `t` to be looked at closely.

    A cheap bound: distance in space against eight standard deviations of both (`reach_m` those of
    the plot) and what acceleration may do in between.
    """
    x = tracks.x[t, likeliest(tracks.mu[t])]
    dt = (plot_ns - tracks.number[t, TIME_NS]) * 1e-9
    dx = place[0] - (x[0] + dt * x[3])
    dy = place[1] - (x[1] + dt * x[4])
    dz = place[2] - (x[2] + dt * x[5])
    reach = reach_m + 8.0 * math.sqrt(spread_of(tracks, t, dt))
    reach += 1e3 + 1e3 * abs(dt)
    return dx * dx + dy * dy + dz * dz < reach * reach


@inlined
def cost_of(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    c: FoldContext,
) -> float:
    """Negative log likelihood of a plot under track `t`, which stays as it is; ∞ out of gate."""
    if plot_ns == tracks.number[t, TIME_NS]:
        return _cost_now(tracks, t, plot, radar, c)
    then_ns, free_phase = tracks.number[t, TIME_NS], tracks.number[t, FREE_PHASE]
    w = c.scratch
    for slot in range(SLOTS):
        w.aside[1, slot] = tracks.mu[t, slot]
        copy_vector(tracks.x[t, slot], w.aside_x[slot])
        copy_matrix(tracks.p[t, slot], w.aside_p[slot])
    copy_vector(tracks.value[t], w.aside[0])
    cost = math.inf
    if predict_track(tracks, t, plot_ns, c):
        cost = _cost_now(tracks, t, plot, radar, c)
    tracks.number[t, TIME_NS], tracks.number[t, FREE_PHASE] = then_ns, free_phase
    for slot in range(SLOTS):
        tracks.mu[t, slot] = w.aside[1, slot]
        copy_vector(w.aside_x[slot], tracks.x[t, slot])
        copy_matrix(w.aside_p[slot], tracks.p[t, slot])
    copy_vector(w.aside[0], tracks.value[t])
    return cost


@inlined
def _cost_now(
    tracks: TrackArrays,
    t: int,
    plot: NDArray[np.float64],
    radar: int,
    c: FoldContext,
) -> float:
    """Negative log likelihood of the plot under track `t`, all phases together; ∞ out of gate."""
    nearest, greatest = math.inf, -math.inf
    total = 0.0
    for slot in range(SLOTS):
        mu = tracks.mu[t, slot]
        if mu <= 0.0:
            continue
        distance, log_likelihood = innovation(
            tracks.x[t, slot], tracks.p[t, slot], plot, radar, c.radars, c.phases.filter
        )
        if mu > 1e-6:
            nearest = min(nearest, distance)
        log_likelihood += math.log(mu)
        if log_likelihood > greatest:
            total = total * math.exp(greatest - log_likelihood) + 1.0
            greatest = log_likelihood
        else:
            total += math.exp(log_likelihood - greatest)
    if nearest > c.settings.gate:
        return math.inf
    if c.radars[radar, SIGMA + 3] > 0.0 and not math.isnan(plot[3]):
        total *= RANGE_RATES_M_S  # so that plots with range rate and without compare
    return -(greatest + math.log(total))


@inlined
def observe(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    radars: NDArray[np.float64],
    own: bool,
    c: FoldContext,
) -> None:
    """Update track `t`, already at the plot's time, by the plot; fit anew while it is young.

    `own`: it is this object's alone; one that it shares counts, but no fit is made from it.
    """
    number, mu, settings = tracks.number[t], tracks.mu[t], c.settings
    note_last(number, plot_ns, radar)
    number[PLOTS] += 1
    tracks.by_radar[t, radar] += 1
    if own:
        keep_first_plot(tracks, t, plot_ns, plot, radar, settings.first_plots_seconds)
        young = number[PLOTS] <= settings.fit_plots and number[TRACKLETS] == 0
        if young and young_fit(tracks, t, c):
            return
    greatest = -math.inf
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            distance, log_likelihood = update(
                tracks.x[t, slot], tracks.p[t, slot], plot, radar, radars, c.phases.filter
            )
            if slot == FREE:
                fresh = min(distance / 3.0, 100.0) - tracks.value[t, SURPRISE]
                tracks.value[t, SURPRISE] += NEWEST_SHARE * fresh
            log_mu = math.log(mu[slot]) + log_likelihood
            c.scratch.x[slot] = log_mu
            greatest = max(greatest, log_mu)
    total = 0.0
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            mu[slot] = max(math.exp(c.scratch.x[slot] - greatest), 1e-12)
            total += mu[slot]
    for slot in range(SLOTS):
        mu[slot] /= total
    note_extremes(tracks.x[t, likeliest(mu)], mu, tracks.value[t])
    confirm_if_known(tracks, t, settings)


@kernel
def begin_with(
    tracks: TrackArrays, plot_ns: int, radar: int, plot: NDArray[np.float64], c: FoldContext
) -> int:
    """A plot that is no track's: what it and the plots that wait tell of a new object.

    Returns the row of the track that has begun with it, or goes on with it; -1: none yet.
    """
    new = wait(tracks, plot_ns, radar, plot, c.starts)
    count, ratio, span_s = best_path(tracks, new, c.starts)
    if not enough_for_a_track(tracks, new, count, ratio, span_s, c.starts):
        return -1
    t = 0
    while t < tracks.number.shape[0] and tracks.number[t, STATUS] != FREE_ROW:
        t += 1
    if t == tracks.number.shape[0]:
        return -1
    chain = c.starts.scratch.chain[:count]
    # Errors that stay alike are taken for constant by the fit, which holds over a short time only.
    least = 2 * c.starts.settings.plots_to_confirm
    while not start(tracks, t, new, chain, c):
        if chain.shape[0] < least or not any_alike(tracks, chain, c):
            return -1
        chain = chain[chain.shape[0] // 2 :]
    for k in range(count):
        tracks.waiting[c.starts.scratch.chain[k], IS_GONE] = 1
    before = continued_by(tracks, t, plot[0], c)
    if before >= 0:
        let_apart(tracks, before)
        hand_over(tracks, t, before)
        t = before
        count_anew(tracks, c.grid)
    else:
        tracks.number[t, TRACK_ID] = tracks.counter[NEXT_ID]
        tracks.counter[NEXT_ID] += 1
        enter(tracks, t, c.grid)
        if tracks.number[t, PARTED_FROM] != 0:
            parent = row_of(tracks, tracks.number[t, PARTED_FROM])
            begin_parted(tracks, parent, t, c.couples)
    note_seen(tracks, t)
    return t


@kernel
def any_alike(tracks: TrackArrays, chain: NDArray[np.int64], c: FoldContext) -> bool:
    """Whether errors of the radar of any of these waiting plots stay alike for a time."""
    for k in range(chain.shape[0]):
        if c.radars[int(tracks.waiting[chain[k], OF_RADAR]), CORRELATION_TIME_S] > 0.0:
            return True
    return False


@kernel
def start(tracks: TrackArrays, t: int, new: int, chain: NDArray[np.int64], c: FoldContext) -> bool:
    """Fit a track at row `t` to a chain of waiting plots that ends with `new`.

    False, and the row stays free: no motion fits them well, or their velocity is not known yet.
    """
    number, count = tracks.number[t], chain.shape[0]
    number[:] = 0
    tracks.value[t, :] = 0.0
    tracks.by_radar[t, :] = 0
    tracks.mu[t, :] = 0.0
    tracks.value[t, STEER_LOG_ODDS] = -math.inf
    tracks.value[t, MOST_ENERGY] = math.nan
    tracks.value[t, SEEN_SHARE] = 1.0
    now_ns = tracks.waiting[new, SINCE_NS]
    number[FIRST_NS], number[LAST_NS], number[TIME_NS] = now_ns, now_ns, now_ns
    for k in range(count):
        number[FIRST_NS] = min(number[FIRST_NS], tracks.waiting[chain[k], SINCE_NS])
        waiting = tracks.waiting[chain[k]]
        note_last(number, waiting[SINCE_NS], waiting[OF_RADAR])
    number[PLOTS], number[STRIDE] = count, 1
    # Thinned out evenly where there are too many to keep, the newest always among them.
    stride = (count + tracks.first.shape[1] - 1) // tracks.first.shape[1]
    for k in range(count):
        waiting = tracks.waiting[chain[k]]
        radar = int(waiting[OF_RADAR])
        tracks.by_radar[t, radar] += 1
        if (count - 1 - k) % stride == 0:
            plot = tracks.waiting_plot[chain[k]]
            seconds = c.settings.first_plots_seconds
            keep_first_plot(tracks, t, waiting[SINCE_NS], plot, radar, seconds)
    number[STRIDE] = stride
    here, there = tracks.waiting_plot[new], tracks.waiting_plot[chain[0]]
    span_s = max((now_ns - tracks.waiting[chain[0], SINCE_NS]) * 1e-9, 1e-3)
    x = tracks.x[t, THRUST]
    x[:] = 0.0
    for k in range(3):
        x[k] = here[PLACE + k]
        x[3 + k] = (here[PLACE + k] - there[PLACE + k]) / span_s
    take_remainder(x[0], x[1], x[2], tracks.value[t], c.phases)
    tracks.mu[t, THRUST] = 1.0
    number[STATUS], number[FREE_PHASE] = TENTATIVE, COAST
    if young_fit(tracks, t, c) and number[STATUS] == CONFIRMED:
        return True
    number[STATUS] = FREE_ROW
    return False


@kernel
def continued_by(tracks: TrackArrays, t: int, range_m: float, c: FoldContext) -> int:
    """The row of a track not seen since track `t` began, of the same object as `t`; -1: none.

    It is where the old track, moved to the same time, makes the new state more likely than a new
    object at `range_m` does.
    """
    w, n = c.scratch, 6
    mine = tracks.number[t]
    x, p = w.aside_x[0, :n], w.aside_p[0, :n, :n]
    combined(tracks.x[t], tracks.p[t], tracks.mu[t], x, p)
    sigma = c.phases.priors.speed_sigma_m_s
    speed2 = x[3] * x[3] + x[4] * x[4] + x[5] * x[5]
    best = c.settings.new_object_log_density - 2.0 * math.log(max(range_m, 1.0))
    best -= 0.5 * speed2 / (sigma * sigma) + 3.0 * math.log(sigma) + 3.0 * HALF_LOG_2_PI
    before = -1
    for other in range(tracks.number.shape[0]):
        number = tracks.number[other]
        if other == t or number[STATUS] != CONFIRMED or number[LAST_NS] >= mine[FIRST_NS]:
            continue
        if not may_have_caused(tracks, other, mine[TIME_NS], (x[0], x[1], x[2]), 1e3):
            continue
        if not grow_older(tracks, other, mine[TIME_NS], c):
            continue
        y, q, apart = w.aside_x[1, :n], w.aside_p[1, :n, :n], w.aside_x[2, :n]
        combined(tracks.x[other], tracks.p[other], tracks.mu[other], y, q)
        for i in range(n):
            apart[i] = x[i] - y[i]
            for j in range(n):
                q[i, j] += p[i, j]
        if not cholesky(q, n):
            continue
        distance = forward_solve(q, apart, n)
        log_density = -6.0 * HALF_LOG_2_PI - 0.5 * distance
        for i in range(n):
            log_density -= math.log(q[i, i])
        # In order of id where two are as likely.
        if distance < c.settings.gate + 10.0 and log_density > best:
            best, before = log_density, other
    return before


@kernel
def hand_over(tracks: TrackArrays, t: int, to: int) -> None:
    """Let track `to` go on as track `t`, whose row becomes free: its id and its past stay."""
    mine, other = tracks.number[t], tracks.number[to]
    other[TIME_NS], other[LAST_NS] = mine[TIME_NS], mine[LAST_NS]
    other[LAST_RADAR] = mine[LAST_RADAR]
    other[FREE_PHASE], other[FITTED] = mine[FREE_PHASE], mine[FITTED]
    other[PLOTS] += mine[PLOTS]
    for radar in range(tracks.by_radar.shape[1]):
        tracks.by_radar[to, radar] += tracks.by_radar[t, radar]
    for slot in range(SLOTS):
        tracks.mu[to, slot] = tracks.mu[t, slot]
        copy_vector(tracks.x[t, slot], tracks.x[to, slot])
        copy_matrix(tracks.p[t, slot], tracks.p[to, slot])
    for k in range(6):
        tracks.value[to, REMAINDER + k] = tracks.value[t, REMAINDER + k]
    tracks.value[to, SURPRISE] = 0.0
    tracks.value[to, SEEN_SHARE] = 1.0
    mine[STATUS] = FREE_ROW


@kernel
def young_fit(tracks: TrackArrays, t: int, c: FoldContext) -> bool:
    """Fit a young track to its first plots anew; True where that now is its estimate.

    One that starts is confirmed when the fit is good and its velocity known; a confirmed one is
    fitted again whenever its plots have doubled, which takes back what linearising about a poor
    first guess cost.
    """
    number, settings, radars = tracks.number[t], c.settings, c.radars
    count = number[KEPT]
    first = tracks.first[t]
    span = first[count - 1, PLOT_TIME_S] - first[0, PLOT_TIME_S]
    confirmed = number[STATUS] == CONFIRMED
    if number[SKIPPED] != 0:  # the newest plot is not among those kept
        return False
    if confirmed and (
        number[STRIDE] != 1 or count < 2 * number[FITTED] or span > settings.fit_seconds
    ):
        return False
    last_ns = number[FIRST_NS] + np.int64(round(first[count - 1, PLOT_TIME_S] * 1e9))
    slot = likeliest(tracks.mu[t])
    guess, n = tracks.x[t, slot], tracks.x.shape[2]
    height, _, _, _ = height_and_up(guess[0], guess[1], guess[2])
    free_phase = COAST if height > 120e3 else REENTRY
    remainder = (
        tracks.value[t, REMAINDER],
        tracks.value[t, REMAINDER + 1],
        tracks.value[t, REMAINDER + 2],
    )
    components = 0
    for k in range(count):
        has_rate = radars[int(first[k, PLOT_RADAR]), SIGMA + 3] > 0.0
        components += 4 if has_rate and not math.isnan(first[k, PLOT_Z + 3]) else 3
    # Residuals and priors together: a χ² of that many degrees of freedom, less the position's 3.
    degrees = components + n - 3.0
    worst = degrees + 5.0 * math.sqrt(2.0 * degrees)
    evidence = (-math.inf, -math.inf)
    fitted_x, fitted_p = c.scratch.x, c.scratch.p
    good = (False, False)
    for trial in range(2):
        phase = free_phase if trial == 0 else BOOST
        to = FREE if trial == 0 else THRUST
        x, p = fitted_x[to * n : to * n + n], fitted_p[to * n : to * n + n]
        copy_vector(guess, x)
        if phase_of(slot, number[FREE_PHASE]) != phase:
            for k in range(6, 9):
                x[k] = 0.0
            if phase == REENTRY:
                x[6] = c.phases.priors.drag_m2_kg
        converged, chi_squared, log_evidence = fit_path(
            phase, first, count, x, p, remainder, radars, c.phases.priors, c.phases.filter
        )
        ok = converged and chi_squared < worst
        if trial == 0:
            good, evidence = (ok, good[1]), (log_evidence, evidence[1])
        else:
            good, evidence = (good[0], ok), (evidence[0], log_evidence)
    if not (good[0] or good[1]):
        return False
    number[FITTED] = count
    number[TIME_NS] = last_ns
    number[FREE_PHASE] = free_phase
    best = max(evidence[0] if good[0] else -math.inf, evidence[1] if good[1] else -math.inf)
    total = 0.0
    for slot in range(SLOTS):
        tracks.mu[t, slot] = 0.0
    for trial in range(2):
        if good[trial]:
            to = FREE if trial == 0 else THRUST
            share = max(math.exp(evidence[trial] - best), 1e-9)
            tracks.mu[t, to] = share
            total += share
            copy_vector(fitted_x[to * n : to * n + n], tracks.x[t, to])
            copy_matrix(fitted_p[to * n : to * n + n], tracks.p[t, to])
    for slot in range(SLOTS):
        tracks.mu[t, slot] /= total
    confirm_if_known(tracks, t, settings)
    at = tracks.x[t, likeliest(tracks.mu[t])]
    take_remainder(at[0], at[1], at[2], tracks.value[t], c.phases)
    return True


@kernel
def confirm_if_known(tracks: TrackArrays, t: int, settings: FoldSettings) -> None:
    """Confirm the tentative track `t` once it has plots enough and its velocity is known."""
    number = tracks.number[t]
    if number[STATUS] != TENTATIVE or number[PLOTS] < settings.plots_to_confirm:
        return
    p = tracks.p[t, likeliest(tracks.mu[t])]
    if p[3, 3] + p[4, 4] + p[5, 5] < settings.confirm_speed_sigma_m_s**2:
        number[STATUS] = CONFIRMED
        number[PARTED_FROM] = parent_of(tracks, t, settings)


@inlined
def retire(tracks: TrackArrays, t: int, now_ns: int, settings: FoldSettings) -> bool:
    """End track `t` if it came down or was lost."""
    number = tracks.number[t]
    unseen = (now_ns - number[LAST_NS]) * 1e-9
    if number[STATUS] == TENTATIVE:
        if unseen > settings.start_window_s:
            number[STATUS], number[REASON] = ENDED, NEVER_CONFIRMED
        return bool(number[STATUS] == ENDED)
    slot = likeliest(tracks.mu[t])
    x = tracks.x[t, slot]
    height, ux, uy, uz = height_and_up(x[0], x[1], x[2])
    climb = ux * x[3] + uy * x[4] + uz * x[5]
    if height < -settings.sunk_m and climb < 0.0 and unseen > 1.0:
        number[REASON] = CAME_DOWN
    elif (slot != FREE or height < settings.sunk_m) and unseen > settings.lost_timeout_s:
        number[REASON] = NOT_SEEN
    else:
        return False
    number[STATUS] = ENDED
    return True
