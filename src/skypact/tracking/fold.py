"""The fold: scan after scan into tracks. `fold_scan` is the tracker's main path.

Everything here is a function of the observations alone: same scans, same tracks, bit for bit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.assignment import assign
from skypact.kernels.compiled import inlined, kernel
from skypact.kernels.filter import SIGMA, SITE, axes_of, innovation, update
from skypact.kernels.fit import PLOT_RADAR, PLOT_TIME_S, PLOT_Z, fit_path
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.gravity import GM_M3_S2, gravity_j2
from skypact.kernels.linear import copy_matrix, copy_vector
from skypact.kernels.motion import BOOST, COAST, REENTRY
from skypact.kernels.radar_geometry import local_from_polar, turn_to_ecef
from skypact.tracking.context import FoldContext, FoldSettings
from skypact.tracking.phases import (
    FALLEN_M,
    combined,
    likeliest,
    phase_of,
    predict_track,
    take_remainder,
)
from skypact.tracking.tables import (
    CAME_DOWN,
    CONFIRMED,
    ENDED,
    FIRST_NS,
    FITTED,
    FREE,
    FREE_PHASE,
    FREE_ROW,
    HIGHEST_M,
    KEPT,
    LAST_NS,
    MOST_ENERGY,
    NEVER_CONFIRMED,
    NOT_SEEN,
    PARTED_FROM,
    PLOTS,
    REASON,
    REMAINDER,
    SEEN_NS,
    SEEN_PHASE,
    SKIPPED,
    SLOTS,
    STATUS,
    STEER,
    STEER_LOG_ODDS,
    STRIDE,
    SURPRISE,
    TENTATIVE,
    THRUST,
    TIME_NS,
    TRACK_ID,
    TRACKLETS,
    ScanArrays,
    TrackArrays,
    UpdateLog,
)

# Free flight this probable counts for the energy of a flight.
SURE_OF_FREE_FLIGHT = 0.99
# Range rates of new objects lie within so many m/s.
RANGE_RATES_M_S = 8e3
# Share of the newest plot in the surprise: the last five count.
NEWEST_SHARE = 0.2


@kernel
def fold_scans(
    tracks: TrackArrays, scans: ScanArrays, first: int, c: FoldContext, log: UpdateLog
) -> int:
    """Fold the scans from number `first` on, as far as there is room; returns the next.

    Stops early where `tracks` has no free rows for all plots of a scan, or the scratch no room for
    them and the tracks near them: `c.scratch.wanted` then says how much of it is.
    """
    capacity = tracks.number.shape[0]
    for scan in range(first, scans.starts.shape[0] - 1):
        begin, end = scans.starts[scan], scans.starts[scan + 1]
        free = 0
        for t in range(capacity):
            if tracks.number[t, STATUS] == FREE_ROW:
                free += 1
                if free >= end - begin:
                    break
        if free < end - begin:
            return scan
        radar = int(scans.radar[begin])
        time_ns, plots = scans.time_ns[begin:end], scans.z[begin:end]
        if not fold_scan(tracks, time_ns, radar, plots, begin, c, log):
            return scan
    return scans.starts.shape[0] - 1


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
    """One scan of one radar: predict, gate, assign, update; what is left over starts tracks.

    `number` is that of its first plot among all scans, for the log. False: there is no room for it
    in the scratch, and nothing has been assigned.
    """
    count = plots.shape[0]
    near = c.scratch.near
    candidates = tracks_near(tracks, time_ns, radar, plots, c)
    if candidates > c.scratch.cost.shape[0] or count > c.scratch.cost.shape[1]:
        c.scratch.wanted[0], c.scratch.wanted[1] = candidates, count
        return False
    cost, chosen = c.scratch.cost[:candidates, :count], c.scratch.chosen[:candidates]
    for i in range(candidates):
        predict_track(tracks, near[i], time_ns[0], c)
        for j in range(count):
            cost[i, j] = cost_of(tracks, near[i], time_ns[j], plots[j], radar, count == 1, c)
    assign(cost, -c.settings.new_object_log_density, chosen, c.scratch.assignment)
    taken = c.scratch.taken
    for j in range(count):
        taken[j] = False
    for i in range(candidates):
        j = chosen[i]
        if j < 0:
            continue
        taken[j] = True
        t = near[i]
        predict_track(tracks, t, time_ns[j], c)
        observe(tracks, t, time_ns[j], plots[j], radar, c)
        note_seen(tracks, t)
        if tracks.number[t, STATUS] != ENDED and log.filled[0] < log.row.shape[0]:
            write_update(tracks, t, number + j, log, c)
    row = 0
    for j in range(count):
        if not taken[j]:
            while tracks.number[row, STATUS] != FREE_ROW:
                row += 1
            start(tracks, row, time_ns[j], plots[j], radar, c)
    return True


@inlined
def tracks_near(
    tracks: TrackArrays,
    time_ns: NDArray[np.int64],
    radar: int,
    plots: NDArray[np.float64],
    c: FoldContext,
) -> int:
    """Which tracks may have caused a plot of the scan, into `c.scratch.near`; returns how many.

    In order of track id: which rows are free depends on how the plots came in batches. Tracks that
    have to, end.
    """
    scan_ns = time_ns[0]
    near = c.scratch.near
    count = 0
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] in (FREE_ROW, ENDED) or retire(tracks, t, scan_ns, c.settings):
            continue
        if (scan_ns - tracks.number[t, TIME_NS]) > 1_000_000_000 and not grow_older(
            tracks, t, scan_ns, c
        ):
            continue
        for j in range(plots.shape[0]):
            if may_have_caused(tracks, t, time_ns[j], plots[j], radar, c):
                k = count
                while k > 0 and tracks.number[near[k - 1], TRACK_ID] > tracks.number[t, TRACK_ID]:
                    near[k] = near[k - 1]
                    k -= 1
                near[k] = t
                count += 1
                break
    return count


@kernel
def advance_tracks(tracks: TrackArrays, to_ns: int, c: FoldContext) -> None:
    """A clock mark: every track grows older, to `to_ns`, and ends where it must."""
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] in (FREE_ROW, ENDED) or tracks.number[t, TIME_NS] >= to_ns:
            continue
        if not retire(tracks, t, to_ns, c.settings) and grow_older(tracks, t, to_ns, c):
            retire(tracks, t, to_ns, c.settings)


@kernel
def grow_older(tracks: TrackArrays, t: int, to_ns: int, c: FoldContext) -> bool:
    """Move track `t`, unseen meanwhile, to `to_ns`; False: it came down before and has ended."""
    if predict_track(tracks, t, to_ns, c):
        return True
    number = tracks.number[t]
    number[REASON] = CAME_DOWN if number[STATUS] == CONFIRMED else NEVER_CONFIRMED
    number[STATUS] = ENDED
    return False


@inlined
def may_have_caused(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    c: FoldContext,
) -> bool:
    """Whether a plot is near enough to track `t` to be looked at closely.

    A cheap bound: distance in space against eight standard deviations of both and what acceleration
    may do in between.
    """
    radars = c.radars
    x = tracks.x[t, likeliest(tracks.mu[t])]
    dt = (plot_ns - tracks.number[t, TIME_NS]) * 1e-9
    gx, gy, gz = gravity_j2(x[0], x[1], x[2])
    k = 0.5 * dt * dt
    spread = 0.0
    for other in range(SLOTS):
        if tracks.mu[t, other] > 0.0:
            q = tracks.p[t, other]
            spread = max(
                spread,
                q[0, 0] + q[1, 1] + q[2, 2] + dt * dt * (q[3, 3] + q[4, 4] + q[5, 5]),
            )
    east, north, up = local_from_polar(plot[0], plot[1], plot[2])
    dx, dy, dz = turn_to_ecef(east, north, up, axes_of(radar, radars))
    dx += radars[radar, SITE] - (x[0] + dt * x[3] + k * gx)
    dy += radars[radar, SITE + 1] - (x[1] + dt * x[4] + k * gy)
    dz += radars[radar, SITE + 2] - (x[2] + dt * x[5] + k * gz)
    angle = radars[radar, SIGMA + 1] + radars[radar, SIGMA + 2]
    reach = 8.0 * (math.sqrt(spread) + radars[radar, SIGMA] + angle * plot[0])
    reach += 1e3 + 1e3 * abs(dt)
    return dx * dx + dy * dy + dz * dz < reach * reach


@inlined
def cost_of(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    is_near: bool,
    c: FoldContext,
) -> float:
    """Negative log likelihood of a plot under track `t`, which stays as it is; ∞ out of gate.

    `is_near`: it is known that it may have caused it.
    """
    if not is_near and not may_have_caused(tracks, t, plot_ns, plot, radar, c):
        return math.inf
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
            tracks.x[t, slot], tracks.p[t, slot], plot, radar, c.radars, c.scratch.filter
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
    c: FoldContext,
) -> None:
    """Update track `t`, already at the plot's time, by the plot; fit anew while it is young."""
    number, mu, settings = tracks.number[t], tracks.mu[t], c.settings
    number[LAST_NS] = max(number[LAST_NS], plot_ns)
    number[PLOTS] += 1
    tracks.by_radar[t, radar] += 1
    keep_first_plot(tracks, t, plot_ns, plot, radar, settings)
    if number[TRACKLETS] == 0 and (
        number[STATUS] == TENTATIVE or number[PLOTS] <= settings.fit_plots
    ):
        if young_fit(tracks, t, c):
            return
        if number[STATUS] == TENTATIVE:
            return
    greatest = -math.inf
    for slot in range(SLOTS):
        if mu[slot] > 0.0:
            distance, log_likelihood = update(
                tracks.x[t, slot], tracks.p[t, slot], plot, radar, c.radars, c.scratch.filter
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


@inlined
def note_seen(tracks: TrackArrays, t: int) -> None:
    """Note track `t` as it stands, right after a plot: what follows it unseen knows no better."""
    number = tracks.number[t]
    number[SEEN_NS], number[SEEN_PHASE] = number[TIME_NS], number[FREE_PHASE]
    for slot in range(SLOTS):
        mu = tracks.mu[t, slot]
        tracks.seen_mu[t, slot] = mu
        if mu > 0.0:
            copy_vector(tracks.x[t, slot], tracks.seen_x[t, slot])
            copy_matrix(tracks.p[t, slot], tracks.seen_p[t, slot])


@inlined
def note_extremes(
    x: NDArray[np.float64], mu: NDArray[np.float64], value: NDArray[np.float64]
) -> None:
    """Note the greatest energy in free flight and odds of a manoeuvre, into `value`."""
    height, _, _, _ = height_and_up(x[0], x[1], x[2])
    if mu[FREE] > SURE_OF_FREE_FLIGHT:
        radius = math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
        energy = 0.5 * (x[3] * x[3] + x[4] * x[4] + x[5] * x[5]) - GM_M3_S2 / radius
        if not value[MOST_ENERGY] >= energy:  # also where it is NaN: none yet
            value[MOST_ENERGY] = energy
    if mu[STEER] > 0.0 and height < value[HIGHEST_M] - FALLEN_M:
        odds = math.log(mu[STEER] / max(1.0 - mu[STEER], 1e-12))
        value[STEER_LOG_ODDS] = max(value[STEER_LOG_ODDS], odds)


@kernel
def keep_first_plot(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    settings: FoldSettings,
) -> None:
    """Keep the plots of the first seconds, thinned out evenly when there are too many."""
    number, first = tracks.number[t], tracks.first[t]
    since = (plot_ns - number[FIRST_NS]) * 1e-9
    if since > settings.first_plots_seconds:
        return
    number[SKIPPED] += 1
    if number[SKIPPED] < number[STRIDE]:
        return
    number[SKIPPED] = 0
    if number[KEPT] == first.shape[0]:
        for k in range(first.shape[0] // 2):
            copy_vector(first[2 * k], first[k])
        number[KEPT] = first.shape[0] // 2
        number[STRIDE] *= 2
    row = first[number[KEPT]]
    row[PLOT_TIME_S] = since
    row[PLOT_RADAR] = radar
    for k in range(4):
        row[PLOT_Z + k] = plot[k]
    # In order of time, even where scans overlap.
    k = number[KEPT]
    while k > 0 and first[k - 1, PLOT_TIME_S] > since:
        for column in range(first.shape[1]):
            first[k, column], first[k - 1, column] = first[k - 1, column], first[k, column]
        k -= 1
    number[KEPT] += 1


@kernel
def start(
    tracks: TrackArrays,
    t: int,
    plot_ns: int,
    plot: NDArray[np.float64],
    radar: int,
    c: FoldContext,
) -> None:
    """Open a tentative track at row `t` from one plot: its place, and no idea of its velocity."""
    radars = c.radars
    number = tracks.number[t]
    number[:] = 0
    tracks.value[t, :] = 0.0
    tracks.by_radar[t, :] = 0
    tracks.mu[t, :] = 0.0
    tracks.value[t, STEER_LOG_ODDS] = -math.inf
    tracks.value[t, MOST_ENERGY] = math.nan
    number[STATUS], number[TRACK_ID] = TENTATIVE, tracks.next_id[0]
    tracks.next_id[0] += 1
    number[TIME_NS], number[FIRST_NS], number[LAST_NS] = plot_ns, plot_ns, plot_ns
    number[PLOTS], number[KEPT], number[STRIDE] = 1, 1, 1
    tracks.by_radar[t, radar] = 1
    first = tracks.first[t, 0]
    first[PLOT_TIME_S], first[PLOT_RADAR] = 0.0, radar
    for k in range(4):
        first[PLOT_Z + k] = plot[k]
    axes = axes_of(radar, radars)
    east, north, up = local_from_polar(plot[0], plot[1], plot[2])
    dx, dy, dz = turn_to_ecef(east, north, up, axes)
    x = tracks.x[t, THRUST]
    x[:] = 0.0
    x[0] = radars[radar, SITE] + dx
    x[1] = radars[radar, SITE + 1] + dy
    x[2] = radars[radar, SITE + 2] + dz
    take_remainder(x[0], x[1], x[2], tracks.value[t], c)
    fit_path(
        BOOST,
        tracks.first[t],
        1,
        x,
        tracks.p[t, THRUST],
        (0.0, 0.0, 0.0),
        radars,
        c.priors,
        c.scratch.filter,
    )
    tracks.mu[t, THRUST] = 1.0
    number[FREE_PHASE] = COAST
    number[FITTED] = 1


@kernel
def young_fit(tracks: TrackArrays, t: int, c: FoldContext) -> bool:
    """Fit a young track to its first plots anew; True where that now is its estimate.

    A tentative one is fitted at every plot and confirmed when the fit is good and its velocity
    known; a confirmed one again whenever its plots have doubled, which takes back what linearising
    about a poor first guess cost.
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
                x[6] = c.priors.drag_m2_kg
        converged, chi_squared, log_evidence = fit_path(
            phase, first, count, x, p, remainder, radars, c.priors, c.scratch.filter
        )
        ok = converged and chi_squared < worst
        if trial == 0:
            good, evidence = (ok, good[1]), (log_evidence, evidence[1])
        else:
            good, evidence = (good[0], ok), (evidence[0], log_evidence)
    if not (good[0] or good[1]):
        if not confirmed:
            number[STATUS] = ENDED
            number[REASON] = NEVER_CONFIRMED
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
    take_remainder(at[0], at[1], at[2], tracks.value[t], c)
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


@kernel
def parent_of(tracks: TrackArrays, t: int, settings: FoldSettings) -> int:
    """Id of the track that track `t` parted from: the nearest that it began beside; 0: none."""
    mine = tracks.number[t]
    slot = likeliest(tracks.mu[t])
    x, p = tracks.x[t, slot], tracks.p[t, slot]
    parent, nearest = 0, math.inf
    for other in range(tracks.number.shape[0]):
        number = tracks.number[other]
        older_s = (mine[FIRST_NS] - number[FIRST_NS]) * 1e-9
        if other == t or number[STATUS] != CONFIRMED or older_s < settings.parting_after_s:
            continue
        slot = likeliest(tracks.mu[other])
        y, q = tracks.x[other, slot], tracks.p[other, slot]
        dt = (mine[TIME_NS] - number[TIME_NS]) * 1e-9
        gravity = gravity_j2(y[0], y[1], y[2])
        apart, faster, place, speed = 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            apart += (x[k] - y[k] - dt * y[3 + k] - 0.5 * dt * dt * gravity[k]) ** 2
            faster += (x[3 + k] - y[3 + k] - dt * gravity[k]) ** 2
            place += p[k, k] + q[k, k] + dt * dt * q[3 + k, 3 + k]
            speed += p[3 + k, 3 + k] + q[3 + k, 3 + k]
        near = apart < (settings.parting_m + 5.0 * math.sqrt(place)) ** 2
        if (
            near
            and faster < (settings.parting_m_s + 5.0 * math.sqrt(speed)) ** 2
            and (apart < nearest or (apart == nearest and number[TRACK_ID] < parent))
        ):
            parent, nearest = number[TRACK_ID], apart
    return parent


@inlined
def retire(tracks: TrackArrays, t: int, now_ns: int, settings: FoldSettings) -> bool:
    """End track `t` if it came down, was lost, or was never confirmed in time."""
    number = tracks.number[t]
    unseen = (now_ns - number[LAST_NS]) * 1e-9
    if number[STATUS] == TENTATIVE:
        if unseen <= settings.tentative_timeout_s:
            return False
        number[REASON] = NEVER_CONFIRMED
    else:
        slot = likeliest(tracks.mu[t])
        x = tracks.x[t, slot]
        height, ux, uy, uz = height_and_up(x[0], x[1], x[2])
        climb = ux * x[3] + uy * x[4] + uz * x[5]
        if height < -settings.sunk_m and climb < 0.0 and unseen > 1.0:
            number[REASON] = CAME_DOWN
        elif slot != FREE and unseen > settings.lost_timeout_s:
            number[REASON] = NOT_SEEN
        else:
            return False
    number[STATUS] = ENDED
    return True


@inlined
def write_update(tracks: TrackArrays, t: int, plot: int, log: UpdateLog, c: FoldContext) -> None:
    """Track `t` as it stands after that plot (-1: a tracklet) into the next row of the log."""
    row = log.filled[0]
    log.filled[0] += 1
    confirmed = tracks.number[t, STATUS] == CONFIRMED
    log.key[row, 0] = tracks.number[t, TRACK_ID] if confirmed else -tracks.number[t, TRACK_ID]
    log.key[row, 1] = tracks.number[t, TIME_NS]
    log.key[row, 2] = plot
    slot = likeliest(tracks.mu[t])
    sure = tracks.mu[t, slot] > SURE_OF_FREE_FLIGHT
    log.key[row, 3] = phase_of(slot, tracks.number[t, FREE_PHASE]) if sure else -1
    mean, covariance = c.scratch.x[:6], c.scratch.p[:6, :6]
    combined(tracks.x[t], tracks.p[t], tracks.mu[t], mean, covariance)
    at = 6
    for i in range(6):
        log.row[row, i] = mean[i]
        for j in range(i, 6):
            log.row[row, at] = covariance[i, j]
            at += 1
