"""What a track remembers of the plots that it took, and the log of its estimates."""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import inlined, kernel
from skypact.kernels.filter import DETECTION
from skypact.kernels.fit import PLOT_RADAR, PLOT_TIME_S, PLOT_Z
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.gravity import GM_M3_S2
from skypact.kernels.linear import copy_matrix, copy_vector
from skypact.model.track import SHARED_PLOT
from skypact.tracking.context import Scratches
from skypact.tracking.phases import FALLEN_M, combined, phase_of
from skypact.tracking.tables import (
    CONFIRMED,
    ENDED,
    FIRST_NS,
    FREE,
    FREE_PHASE,
    HIGHEST_M,
    KEPT,
    LAST_NS,
    LAST_RADAR,
    MOST_ENERGY,
    NO_OBJECT,
    REASON,
    SEEN_NS,
    SEEN_PHASE,
    SEEN_SHARE,
    SKIPPED,
    SLOTS,
    STATUS,
    STEER,
    STEER_LOG_ODDS,
    STRIDE,
    TIME_NS,
    TRACK_ID,
    TrackArrays,
    UpdateLog,
    likeliest,
)

# Free flight this probable counts for the energy of a flight.
SURE_OF_FREE_FLIGHT = 0.99
# Share of the newest plot in the surprise: the last five count.
NEWEST_SHARE = 0.2
# The last forty looks about a track tell whether there is an object: a quarter of what the radar
# detects has to be its own. Of forty looks that detect half, fewer than so many see it once in 1e4.
LOOK_SHARE = 1.0 / 40.0
LEAST_SEEN = 0.25


@inlined
def note_last(number: NDArray[np.int64], plot_ns: int, radar: int) -> None:
    """Note when a track was seen last, and by which radar."""
    if plot_ns >= number[LAST_NS]:
        number[LAST_NS], number[LAST_RADAR] = plot_ns, radar


@inlined
def note_look(
    tracks: TrackArrays, t: int, radar: int, seen: bool, radars: NDArray[np.float64]
) -> None:
    """Note that a radar which knows track `t` looked about it, and end what is never seen there.

    Only looks with plots near the track count, so that a radar which is silent ends nothing.
    """
    if tracks.by_radar[t, radar] == 0:
        return
    value = tracks.value[t]
    value[SEEN_SHARE] += LOOK_SHARE * ((1.0 if seen else 0.0) - value[SEEN_SHARE])
    if not seen and value[SEEN_SHARE] < LEAST_SEEN * radars[radar, DETECTION]:
        tracks.number[t, STATUS], tracks.number[t, REASON] = ENDED, NO_OBJECT


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
    first_plots_seconds: float,
) -> None:
    """Keep the plots of the first seconds, thinned out evenly when there are too many."""
    number, first = tracks.number[t], tracks.first[t]
    since = (plot_ns - number[FIRST_NS]) * 1e-9
    if since > first_plots_seconds:
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


@inlined
def write_update(
    tracks: TrackArrays, t: int, plot: int, own: bool, log: UpdateLog, w: Scratches
) -> None:
    """Track `t` as it stands after that plot (-1: a tracklet) into the next row of the log.

    `own`: the plot is this track's alone.
    """
    row = log.filled[0]
    log.filled[0] += 1
    confirmed = tracks.number[t, STATUS] == CONFIRMED
    log.key[row, 0] = tracks.number[t, TRACK_ID] if confirmed else -tracks.number[t, TRACK_ID]
    log.key[row, 1] = tracks.number[t, TIME_NS]
    log.key[row, 2] = plot
    slot = likeliest(tracks.mu[t])
    sure = tracks.mu[t, slot] > SURE_OF_FREE_FLIGHT
    log.key[row, 3] = phase_of(slot, tracks.number[t, FREE_PHASE]) if sure else -1
    if not own:
        log.key[row, 3] = SHARED_PLOT
    mean, covariance = w.x[:6], w.p[:6, :6]
    combined(tracks.x[t], tracks.p[t], tracks.mu[t], mean, covariance)
    at = 6
    for i in range(6):
        log.row[row, i] = mean[i]
        for j in range(i, 6):
            log.row[row, at] = covariance[i, j]
            at += 1
