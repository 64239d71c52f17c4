"""Where tracks live while the picture is folded: arrays that the kernels write.

One row a track. Every phase that a track may be in has a slot: free flight (coast above the air,
re-entry in it: the same motion with and without drag, told apart by height), boost, manoeuvre.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import kernel
from skypact.kernels.filter import CORE
from skypact.kernels.fit import PLOT_COLUMNS
from skypact.tracking.couples import BOTH

SLOTS = 3
FREE, THRUST, STEER = 0, 1, 2

# Columns of `TrackArrays.number`.
STATUS = 0  # FREE_ROW, TENTATIVE, CONFIRMED, ENDED
TRACK_ID = 1
TIME_NS = 2  # of the estimate
FIRST_NS = 3
LAST_NS = 4
PLOTS = 5
FREE_PHASE = 6  # COAST or REENTRY: what the slot FREE is now
KEPT = 7  # how many of the first plots are kept
STRIDE = 8  # one plot in so many is kept
SKIPPED = 9
FITTED = 10  # plots in the last least-squares fit
REASON = 11  # why it ended
PARTED_FROM = 12  # id of the track beside which it began; 0: none
SEEN_NS = 13  # when the estimate as last seen is of, and what its slot FREE was
SEEN_PHASE = 14
TRACKLETS = 15  # tracklets taken; where there are any, it is not fitted to its first plots
LAST_RADAR = 16  # that saw it last: row of the radar table
PAST_NS = 17  # 2: when the two past estimates are of, the newer first; 0: none
COUPLE = 19  # the couple that it is of (couples.py); 0: of none
WAS_SECOND = 20  # whether it has been the second of one: its biases are the first's
NUMBER_COLUMNS = 21

FREE_ROW, TENTATIVE, CONFIRMED, ENDED = 0, 1, 2, 3
NOT_ENDED, CAME_DOWN, NOT_SEEN, NO_OBJECT, NEVER_CONFIRMED = 0, 1, 2, 3, 4

# In FITTED: it is not fitted again to its first plots, which may be another's.
NEVER_AGAIN = 1 << 40

# Columns of `TrackArrays.value`.
REMAINDER = 0  # 3: gravity beyond J2, m/s²
REMAINDER_AT = 3  # 3: where it was taken, ECEF m
STEER_LOG_ODDS = 6  # greatest log odds of a manoeuvre so far, past the highest point
HIGHEST_M = 7  # greatest height of an estimate so far
MOST_ENERGY = 8  # greatest energy in free flight so far, relative to the Earth, J/kg
SURPRISE = 9  # recent squared distance of plots from free flight, per component
HIGHEST_AT_S = 10  # when that greatest height was, since FIRST_NS
HIGHEST_SIGMA_M = 11  # and how well it was known
SEEN_SHARE = 12  # recent share of looks at its neighbourhood that saw it
VALUE_COLUMNS = 13

# Columns of `TrackArrays.waiting` and `TrackArrays.waiting_plot`.
SINCE_NS, OF_RADAR, OF_SCAN, IS_GONE = 0, 1, 2, 3
WAITING_COLUMNS = 4
PLACE = 4  # 3: ECEF m; before it the plot
SIGHT = 7  # 3: unit vector from the radar
ALONG_M2, ACROSS_M2 = 10, 11  # variance of the place along it, and across, biases included
WAITING_PLOT_COLUMNS = 12

# Of `TrackArrays.counter`.
NEXT_ID = 0  # of the next track
SWEPT_NS = 1  # when the tracks were last counted
WAITING = 2  # how many plots wait
SCANS = 3  # scans so far
NEXT_COUPLE = 4  # number of the next couple
COUNTERS = 5

# Columns of `TrackArrays.couple`.
COUPLE_ID = 0  # its number; 0: a free row
FIRST_TRACK, SECOND_TRACK = 1, 2  # ids of both
COUPLE_NS = 3  # when its beliefs are of
BELIEFS = 4  # how many
UNSURE_NS = 5  # when it was last in doubt whose plots are whose
PARTED = 6  # whether one parted from the other: the one that gets ahead is the first
FIRST_ALONE, SECOND_ALONE = 7, 8  # looks in which one of the two was seen
COUPLE_COLUMNS = 9


@kernel
def likeliest(mu: NDArray[np.float64]) -> int:
    """The slot with the greatest probability."""
    best = 0
    for slot in range(1, SLOTS):
        if mu[slot] > mu[best]:
            best = slot
    return best


class TrackArrays(NamedTuple):
    """`number` (c, 21) int64, `value` (c, 13), `x` (c, 3, n), `p` (c, 3, n, n), `mu` (c, 3).

    `mu` are the probabilities of the phases; `first` (c, k, 6) the first plots; `by_radar` (c, r)
    how many plots of each radar. `seen_x`, `seen_p`, `seen_mu`: as last seen. `past_x` (c, 2, n),
    `past_p` (c, 2, n, n): in free flight, some seconds ago. `waiting` (w, 4) and `waiting_plot` (w,
    12): plots that are no track's yet. `couple` (q, 9): tracks followed together, with the log odds
    `couple_odds` (q,) that they are two objects, and the beliefs `couple_weight` (q, b), `couple_x`
    (q, b, m), `couple_p` (q, b, m, m). `counter` (5,). Together they are all that a fold remembers.
    """

    number: NDArray[np.int64]
    value: NDArray[np.float64]
    x: NDArray[np.float64]
    p: NDArray[np.float64]
    mu: NDArray[np.float64]
    first: NDArray[np.float64]
    by_radar: NDArray[np.int64]
    seen_x: NDArray[np.float64]
    seen_p: NDArray[np.float64]
    seen_mu: NDArray[np.float64]
    past_x: NDArray[np.float64]
    past_p: NDArray[np.float64]
    waiting: NDArray[np.int64]
    waiting_plot: NDArray[np.float64]
    couple: NDArray[np.int64]
    couple_odds: NDArray[np.float64]
    couple_weight: NDArray[np.float64]
    couple_x: NDArray[np.float64]
    couple_p: NDArray[np.float64]
    counter: NDArray[np.int64]


def new_tracks(
    capacity: int,
    state_size: int,
    radars: int,
    first_plots: int,
    waiting: int,
    couples: tuple[int, int],
) -> TrackArrays:
    """Room for `capacity` tracks, all rows free, for so many waiting plots, couples and beliefs."""
    m = BOTH + state_size - CORE
    return TrackArrays(
        number=np.zeros((capacity, NUMBER_COLUMNS), np.int64),
        value=np.zeros((capacity, VALUE_COLUMNS)),
        x=np.zeros((capacity, SLOTS, state_size)),
        p=np.zeros((capacity, SLOTS, state_size, state_size)),
        mu=np.zeros((capacity, SLOTS)),
        first=np.zeros((capacity, first_plots, PLOT_COLUMNS)),
        by_radar=np.zeros((capacity, radars), np.int64),
        seen_x=np.zeros((capacity, SLOTS, state_size)),
        seen_p=np.zeros((capacity, SLOTS, state_size, state_size)),
        seen_mu=np.zeros((capacity, SLOTS)),
        past_x=np.zeros((capacity, 2, state_size)),
        past_p=np.zeros((capacity, 2, state_size, state_size)),
        waiting=np.zeros((waiting, WAITING_COLUMNS), np.int64),
        waiting_plot=np.zeros((waiting, WAITING_PLOT_COLUMNS)),
        couple=np.zeros((couples[0], COUPLE_COLUMNS), np.int64),
        couple_odds=np.zeros(couples[0]),
        couple_weight=np.zeros(couples),
        couple_x=np.zeros((*couples, m)),
        couple_p=np.zeros((*couples, m, m)),
        counter=np.array([1, 0, 0, 0, 1], np.int64),
    )


def grown(tracks: TrackArrays, capacity: int, waiting: int, couples: int) -> TrackArrays:
    """The same tracks with room for `capacity`, for so many waiting plots and couples."""
    bigger = new_tracks(
        capacity,
        tracks.x.shape[2],
        tracks.by_radar.shape[1],
        tracks.first.shape[1],
        waiting,
        (couples, tracks.couple_weight.shape[1]),
    )
    for new, old in zip(bigger, tracks, strict=True):
        new[: len(old)] = old
    return bigger


class ScanArrays(NamedTuple):
    """Plots in the order of their scans: `time_ns` (k,), `radar` (k,), `z` (k, 4).

    `z`: range m, azimuth rad, elevation rad, range rate m/s. `starts` (scans + 1,): where each scan
    begins.
    """

    time_ns: NDArray[np.int64]
    radar: NDArray[np.int32]
    z: NDArray[np.float64]
    starts: NDArray[np.int64]


class UpdateLog(NamedTuple):
    """Estimates after each plot, as far as there are rows: `key` (u, 4) and `row` (u, 27).

    `key`: track id (of a tentative track less than 0), time, number of the plot among the scans
    (-1: a tracklet), and the phase that it is surely in (-1: none; SHARED_PLOT: the plot is also
    that of other tracks). `row`: state and the upper triangle of its covariance. `filled` (1,): how
    many rows.
    """

    key: NDArray[np.int64]
    row: NDArray[np.float64]
    filled: NDArray[np.int64]


def update_log(rows: int) -> UpdateLog:
    """Room for so many updates."""
    return UpdateLog(np.empty((rows, 4), np.int64), np.empty((rows, 27)), np.zeros(1, np.int64))
