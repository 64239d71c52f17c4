"""Couples in the fold: when two tracks are followed together, what they make of a scan, when not.

A couple begins when a track parts from another; when two tracks that began together, or two that
met, could have each other's plots. It ends when whose plots are whose has been plain for a time,
when either leaves free flight or comes into denser air, ends or takes a tracklet, or neither is
seen. Its tracks then go on as they are.
"""

import math

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.compiled import as_int64, kernel
from skypact.kernels.filter import CORE, DETECTION
from skypact.kernels.fit import PLOT_RADAR, PLOT_TIME_S, PLOT_Z
from skypact.kernels.geodesy import height_and_up
from skypact.kernels.linear import cholesky, copy_matrix, copy_vector, forward_solve
from skypact.kernels.motion import COAST
from skypact.tracking.association import FIRST_PAIR, OWNER, Pairs
from skypact.tracking.context import Scratches
from skypact.tracking.couples import (
    APART,
    BOTH,
    COMPONENTS,
    COST,
    DISTANCE,
    DT_S,
    FIT,
    LIKELIEST,
    LOWER,
    MERGED,
    MOST_DETECTION,
    MOST_PLOTS,
    NUMBER,
    OF_BOTH,
    OF_FIRST,
    OF_SECOND,
    SURE,
    USED,
    CoupleContext,
    call_as,
    drag_acceleration,
    marginal,
    move_belief,
    observe_beliefs,
)
from skypact.tracking.noting import (
    NEWEST_SHARE,
    SURE_OF_FREE_FLIGHT,
    keep_first_plot,
    note_extremes,
    note_last,
    note_look,
    note_seen,
    write_update,
)
from skypact.tracking.parting import exchange_past
from skypact.tracking.tables import (
    BELIEFS,
    CONFIRMED,
    COUPLE,
    COUPLE_ID,
    COUPLE_NS,
    ENDED,
    FIRST_ALONE,
    FIRST_NS,
    FIRST_TRACK,
    FITTED,
    FREE,
    FREE_PHASE,
    KEPT,
    LAST_NS,
    NEVER_AGAIN,
    NEXT_COUPLE,
    NO_OBJECT,
    PARTED,
    PAST_NS,
    PLOTS,
    REASON,
    REMAINDER,
    SECOND_ALONE,
    SECOND_TRACK,
    SLOTS,
    STATUS,
    STRIDE,
    SURPRISE,
    TIME_NS,
    TRACK_ID,
    TRACKLETS,
    UNSURE_NS,
    WAS_SECOND,
    TrackArrays,
    UpdateLog,
)

# A plot this surely one object's is its own.
SURELY_OWN = 0.9
# Whose plots are whose is plain where another way is less likely than this.
IN_DOUBT = 1e-3
# Recent plots farther off than this, squared distance per component: not in free flight any more.
NOT_FREE = 4.0
# Air that slows by less than this hardly matters, m/s².
HARDLY_M_S2 = 0.1
# A new track is no part of another that it is this much farther from than the gate, χ².
BESIDE_GATE = 10.0
# Log odds that there are two objects: what two plots of a look add, where they end, and where,
# below 0, the second is none.
SEEN_APART, MOST_LOG_ODDS = 5.0, 10.0
# Of a plot that is a track's without being likely for it alone.
FARTHEST_COST = 1e3


@kernel
def note_past(tracks: TrackArrays, t: int, past_s: float) -> None:
    """Remember how track `t` is, in free flight and alone, for what may part from it later."""
    number = tracks.number[t]
    if not is_free(tracks, t) or number[COUPLE] != 0:
        return
    past_ns = np.int64(past_s * 1e9)
    if number[LAST_NS] + 1_000_000_000 < number[TIME_NS]:
        return
    if number[PAST_NS] != 0 and number[TIME_NS] - number[PAST_NS] < past_ns:
        return
    if number[PAST_NS] != 0:
        number[PAST_NS + 1] = number[PAST_NS]
        copy_vector(tracks.past_x[t, 0], tracks.past_x[t, 1])
        copy_matrix(tracks.past_p[t, 0], tracks.past_p[t, 1])
    number[PAST_NS] = number[TIME_NS]
    copy_vector(tracks.x[t, FREE], tracks.past_x[t, 0])
    copy_matrix(tracks.p[t, FREE], tracks.past_p[t, 0])


@kernel
def is_free(tracks: TrackArrays, t: int) -> bool:
    """Whether track `t` is confirmed and surely in free flight that the air hardly slows."""
    number, x = tracks.number[t], tracks.x[t, FREE]
    if number[STATUS] != CONFIRMED or tracks.mu[t, FREE] < SURE_OF_FREE_FLIGHT:
        return False
    if number[FREE_PHASE] == COAST:
        return True
    height, _, _, _ = height_and_up(x[0], x[1], x[2])
    speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5])
    return drag_acceleration(height, speed, x[6]) < HARDLY_M_S2


@kernel
def fold_couples(
    tracks: TrackArrays,
    near: int,
    pairs: int,
    time_ns: NDArray[np.int64],
    radar: int,
    plots: NDArray[np.float64],
    scan: int,
    w: Pairs,
    c: CoupleContext,
    scratch: Scratches,
    log: UpdateLog,
) -> None:
    """Let a scan, after `choose`, begin couples and update those near it.

    `scan` is the number of its first plot among all, for the log. Changes `w.taken`, and says in
    `w.coupled` for which tracks nothing is left to do.
    """
    for i in range(near):
        w.coupled[i] = False
    if near == 1:
        if tracks.number[w.near[0], COUPLE] == 0:
            return
        w.track_link[FIRST_PAIR, 0], w.of[0, 2] = (0 if pairs > 0 else -1), -1
        for m in range(1, pairs):
            w.of[m - 1, 2], w.of[m, 2] = m, -1
    owner = w.plot_link[OWNER]
    for j in range(plots.shape[0]):
        owner[j] = -1
    for i in range(near):
        j = w.chosen[i]
        if j >= 0 and owner[j] < 0:
            owner[j] = i
    for i in range(near):
        if w.chosen[i] >= 0:
            _begin_if_contested(tracks, owner[w.chosen[i]], i, w, c)
        m = w.track_link[FIRST_PAIR, i]
        while m >= 0:
            _begin_if_contested(tracks, owner[w.of[m, 1]], i, w, c)
            m = w.of[m, 2]
    for i in range(near):
        t = w.near[i]
        q = couple_of(tracks, t)
        if q < 0:
            continue
        other_id = tracks.couple[q, FIRST_TRACK] + tracks.couple[q, SECOND_TRACK]
        other_id -= tracks.number[t, TRACK_ID]
        other, k = as_int64(-1), as_int64(-1)
        for m in range(near):
            if tracks.number[w.near[m], TRACK_ID] == other_id:
                other, k = w.near[m], m
        if 0 <= k < i:
            continue  # done with the first of them
        if other < 0:
            other = row_of(tracks, other_id)
        if other < 0 or not (is_free(tracks, t) and is_free(tracks, other)):
            end_couple(tracks, q)
            continue
        w.coupled[i] = True
        if k >= 0:
            w.coupled[k] = True
        if tracks.couple[q, FIRST_TRACK] == other_id:
            t, other = other, t
        count, both = _plots_of_couple(i, k, time_ns, plots, w, c.look), (t, other)
        if count > 0 and _observe(tracks, q, both, count, radar, time_ns, c):
            _note(tracks, q, both, count, radar, time_ns, scan, w, c, scratch, log)


@kernel
def couple_of(tracks: TrackArrays, t: int) -> int:
    """Row of the couple that track `t` is of; -1: of none."""
    couple_id = tracks.number[t, COUPLE]
    if couple_id != 0:
        for q in range(tracks.couple.shape[0]):
            if tracks.couple[q, COUPLE_ID] == couple_id:
                return q
    return -1


@kernel
def row_of(tracks: TrackArrays, track_id: int) -> int:
    """Row of the confirmed track with that id; -1: there is none."""
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, STATUS] == CONFIRMED and tracks.number[t, TRACK_ID] == track_id:
            return t
    return -1


@kernel
def end_couple(tracks: TrackArrays, q: int) -> None:
    """Let both tracks of couple `q` go on as they are, each for itself."""
    for t in range(tracks.number.shape[0]):
        if tracks.number[t, COUPLE] == tracks.couple[q, COUPLE_ID]:
            tracks.number[t, COUPLE] = 0
    tracks.couple[q, :] = 0


@kernel
def let_apart(tracks: TrackArrays, t: int) -> None:
    """End the couple of track `t`, if it is of one."""
    q = couple_of(tracks, t)
    if q >= 0:
        end_couple(tracks, q)


@kernel
def end_unseen(tracks: TrackArrays, now_ns: int, unseen_s: float) -> None:
    """End the couples that were not seen for too long."""
    for q in range(tracks.couple.shape[0]):
        seen_ns = tracks.couple[q, COUPLE_NS]
        if tracks.couple[q, COUPLE_ID] != 0 and (now_ns - seen_ns) * 1e-9 > unseen_s:
            end_couple(tracks, q)


@kernel
def _begin_if_contested(tracks: TrackArrays, i: int, k: int, w: Pairs, c: CoupleContext) -> None:
    """Let tracks `i` (-1: none) and `k` of `w.near` be a couple if plots may be the other's.

    One of them was given a plot that the other might have caused.
    """
    if i < 0 or i == k:
        return
    one, other = w.near[i], w.near[k]
    if tracks.number[one, COUPLE] != 0 or tracks.number[other, COUPLE] != 0:
        return
    if not (is_free(tracks, one) and is_free(tracks, other)):
        return
    mine, its, miss = w.chosen[i], w.chosen[k], -c.settings.new_object_log_density
    if mine != its:
        swapped = _cost(i, its, miss, w) + _cost(k, mine, miss, w)
        chosen = _cost(i, mine, miss, w) + _cost(k, its, miss, w)
        if not swapped - chosen < c.settings.contested_log_ratio:
            return
    _begin(tracks, one, other, c)


@kernel
def _cost(i: int, plot: int, miss: float, w: Pairs) -> float:
    """Cost of that plot for track `i` of `w.near`; ∞: none that is likely enough; -1: of none."""
    if plot < 0:
        return miss
    m = w.track_link[FIRST_PAIR, i]
    while m >= 0:
        if w.of[m, 1] == plot:
            return w.cost[m]
        m = w.of[m, 2]
    return math.inf


@kernel
def _begin(tracks: TrackArrays, one: int, other: int, c: CoupleContext) -> None:
    """Follow two tracks, at the same time, together from now on, if there is room."""
    if tracks.number[one, TRACK_ID] > tracks.number[other, TRACK_ID]:
        one, other = other, one
    q = _new_couple(tracks, one, other, False)
    if q < 0:
        return
    if _are_young(tracks, one, other, c.settings.young_sigma_m):
        _begin_young(tracks, q, one, other, c)
        return
    x, p, n = tracks.couple_x[q, 0], tracks.couple_p[q, 0], tracks.x.shape[2]
    p[:, :] = 0.0
    for i in range(6):
        x[i], x[6 + i] = tracks.x[one, FREE, i], tracks.x[other, FREE, i]
        for j in range(6):
            p[i, j] = tracks.p[one, FREE, i, j]
            p[6 + i, 6 + j] = tracks.p[other, FREE, i, j]
    for i in range(CORE, n):
        x[BOTH + i - CORE] = tracks.x[one, FREE, i]
        for j in range(6):
            p[j, BOTH + i - CORE] = tracks.p[one, FREE, j, i]
            p[BOTH + i - CORE, j] = tracks.p[one, FREE, j, i]
        for j in range(CORE, n):
            p[BOTH + i - CORE, BOTH + j - CORE] = tracks.p[one, FREE, i, j]


@kernel
def _new_couple(tracks: TrackArrays, first: int, second: int, parted: bool) -> int:
    """Row of a new couple of two tracks, its first belief still to be written; -1: no room."""
    for q in range(tracks.couple.shape[0]):
        if tracks.couple[q, COUPLE_ID] != 0:
            continue
        couple, now_ns = tracks.couple[q], tracks.number[second, TIME_NS]
        couple[COUPLE_ID] = tracks.counter[NEXT_COUPLE]
        tracks.counter[NEXT_COUPLE] += 1
        couple[FIRST_TRACK] = tracks.number[first, TRACK_ID]
        couple[SECOND_TRACK] = tracks.number[second, TRACK_ID]
        couple[COUPLE_NS], couple[UNSURE_NS] = now_ns, now_ns
        couple[BELIEFS], couple[PARTED] = 1, parted
        tracks.couple_weight[q, 0], tracks.couple_odds[q] = 0.0, 0.0
        tracks.number[first, COUPLE] = couple[COUPLE_ID]
        tracks.number[second, COUPLE] = couple[COUPLE_ID]
        tracks.number[first, FITTED], tracks.number[second, FITTED] = NEVER_AGAIN, NEVER_AGAIN
        tracks.number[second, WAS_SECOND] = 1
        return q
    return -1


@kernel
def _are_young(tracks: TrackArrays, one: int, other: int, sigma_m: float) -> bool:
    """Whether all plots of both tracks are kept, as plots, and both may have begun as one."""
    apart = 0.0
    for i in range(3):
        apart += (tracks.x[one, FREE, i] - tracks.x[other, FREE, i]) ** 2
    if apart > (3.0 * sigma_m) ** 2:
        return False
    for k in range(2):
        number = tracks.number[one if k == 0 else other]
        if number[KEPT] != number[PLOTS] or number[STRIDE] != 1 or number[TRACKLETS] != 0:
            return False
    return True


@kernel
def _as_one(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    joint_x: NDArray[np.float64],
    joint_p: NDArray[np.float64],
) -> None:
    """Both objects where one is: a track's state `x` (n,), `p` (n, n) as a joint one, written."""
    m = joint_x.shape[0]
    for i in range(m):
        at_i = i % 6 if i < BOTH else i - BOTH + CORE
        joint_x[i] = x[at_i]
        for j in range(m):
            at_j = j % 6 if j < BOTH else j - BOTH + CORE
            joint_p[i, j] = p[at_i, at_j]


@kernel
def _begin_young(tracks: TrackArrays, q: int, one: int, other: int, c: CoupleContext) -> None:
    """Couple `q` of two tracks that began together, anew from the first plots of both."""
    x, p = tracks.couple_x[q], tracks.couple_p[q]
    couple = tracks.couple[q]
    now_ns = couple[COUPLE_NS]
    _as_one(tracks.x[one, FREE], tracks.p[one, FREE], x[0], p[0])
    then_ns = min(tracks.number[one, FIRST_NS], tracks.number[other, FIRST_NS])
    _move(tracks, q, (one, other), then_ns, c)
    for k in range(2):
        for i in range(3):
            at = 6 * k + i
            p[0, at, at] += c.settings.young_sigma_m**2
            p[0, at + 3, at + 3] += c.settings.young_sigma_m_s**2
    a, b = 0, 0
    while a < tracks.number[one, KEPT] or b < tracks.number[other, KEPT]:
        ns_a, ns_b = _first_ns(tracks, one, a), _first_ns(tracks, other, b)
        at_ns, radar, count = min(ns_a, ns_b), as_int64(-1), as_int64(0)
        if ns_a == at_ns:
            radar, count = _take_first(tracks.first[one, a], count, c.look), count + 1
            a += 1
        if ns_b == at_ns and (radar < 0 or int(tracks.first[other, b, PLOT_RADAR]) == radar):
            radar, count = _take_first(tracks.first[other, b], count, c.look), count + 1
            b += 1
        _move(tracks, q, (one, other), at_ns, c)
        found = observe_beliefs(
            couple[BELIEFS],
            tracks.couple_weight[q],
            x,
            p,
            radar,
            count,
            couple[PARTED] != 0,
            c,
        )
        if found > 0:
            couple[BELIEFS] = found
    _move(tracks, q, (one, other), now_ns, c)
    # Begun alike, neither object is either track's yet: each is the one nearer to it.
    call_as(couple[BELIEFS], x, p, tracks.x[one, FREE], tracks.x[other, FREE], c)
    _give_out(tracks, q, (one, other))


@kernel
def _first_ns(tracks: TrackArrays, t: int, k: int) -> np.int64:
    """Time of the first plot number `k` of track `t`; beyond all, where there is none."""
    if k >= tracks.number[t, KEPT]:
        return np.int64(1 << 62)
    since_ns = np.int64(round(tracks.first[t, k, PLOT_TIME_S] * 1e9))
    return tracks.number[t, FIRST_NS] + since_ns


@kernel
def _take_first(first: NDArray[np.float64], at: int, look: NDArray[np.float64]) -> int:
    """Put a track's first plot into place `at` of the look; returns its radar."""
    for i in range(4):
        look[at, i] = first[PLOT_Z + i]
    look[at, DT_S] = 0.0
    return int(first[PLOT_RADAR])


@kernel
def begin_parted(tracks: TrackArrays, parent: int, t: int, c: CoupleContext) -> None:
    """Follow the new track `t` together with the one that it parted from, as it was before that.

    When it parted is not known: at any time since then, so where it is now goes with how fast it
    parted. What its own first plots say decides whether it is of it at all; it is not counted
    twice.
    """
    ours, its = tracks.number[parent], tracks.number[t]
    if not is_free(tracks, parent) or ours[COUPLE] != 0:
        return
    if tracks.mu[t, FREE] <= SURE_OF_FREE_FLIGHT and tracks.mu[t, FREE] < tracks.mu[t, 1]:
        return
    before_ns = its[FIRST_NS] - np.int64(c.settings.parted_before_s * 1e9)
    past = 0
    if ours[PAST_NS] > before_ns and ours[PAST_NS + 1] != 0:
        past = 1
    past_ns = ours[PAST_NS + past]
    if past_ns == 0:
        return
    q = _new_couple(tracks, parent, t, True)
    if q < 0:
        return
    couple, x, p = tracks.couple[q], tracks.couple_x[q, 0], tracks.couple_p[q, 0]
    _as_one(tracks.past_x[parent, past], tracks.past_p[parent, past], x, p)
    speed = math.sqrt(x[3] * x[3] + x[4] * x[4] + x[5] * x[5])
    since_s = max((its[FIRST_NS] - past_ns) * 1e-9, 0.0)
    for i in range(3):
        behind = c.settings.behind_m_s * x[3 + i] / max(speed, 1.0)
        x[9 + i] -= behind
        x[6 + i] += 0.5 * since_s * behind
        for k in range(2):
            at = 6 * k + i
            fast = c.settings.parting_sigma_m_s if k == 1 else c.settings.payload_sigma_m_s
            var = fast * fast
            p[at, at] += var * since_s * since_s / 3.0
            p[at + 3, at + 3] += var
            p[at, at + 3] -= 0.5 * var * since_s
            p[at + 3, at] -= 0.5 * var * since_s
        p[6 + i, 6 + i] += c.settings.parting_sigma_m**2
    now_ns = couple[COUPLE_NS]
    couple[COUPLE_NS] = past_ns
    _move(tracks, q, (parent, parent), now_ns, c)
    if not _is_beside(tracks, q, t, c):
        end_couple(tracks, q)
        return
    _give_out(tracks, q, (parent, t))


@kernel
def _is_beside(tracks: TrackArrays, q: int, t: int, c: CoupleContext) -> bool:
    """Whether track `t` may be the second object of the new couple `q`."""
    s, apart = c.scratch[LOWER:], c.scratch[APART]
    for i in range(6):
        apart[i] = tracks.x[t, FREE, i] - tracks.couple_x[q, 0, 6 + i]
        for j in range(6):
            s[i, j] = tracks.p[t, FREE, i, j] + tracks.couple_p[q, 0, 6 + i, 6 + j]
    if not cholesky(s, 6):
        return False
    return forward_solve(s, apart, 6) < c.settings.gate + BESIDE_GATE


@kernel
def _move(tracks: TrackArrays, q: int, both: tuple[int, int], to_ns: int, c: CoupleContext) -> None:
    """Move all beliefs of couple `q`, whose tracks are the rows `both`, to a time."""
    dt = (to_ns - tracks.couple[q, COUPLE_NS]) * 1e-9
    value = tracks.value[both[0]]
    drag = (_drag_of(tracks, both[0]), _drag_of(tracks, both[1]))
    remainder = (value[REMAINDER], value[REMAINDER + 1], value[REMAINDER + 2])
    for b in range(tracks.couple[q, BELIEFS]):
        move_belief(
            tracks.couple_x[q, b],
            tracks.couple_p[q, b],
            dt,
            drag,
            remainder,
            c,
        )
    tracks.couple[q, COUPLE_NS] = to_ns


@kernel
def _drag_of(tracks: TrackArrays, t: int) -> float:
    """Drag of track `t` in the air, m²/kg: above it, 0."""
    return tracks.x[t, FREE, 6] if tracks.number[t, FREE_PHASE] != COAST else 0.0


@kernel
def _plots_of_couple(
    i: int,
    k: int,
    time_ns: NDArray[np.int64],
    plots: NDArray[np.float64],
    w: Pairs,
    look: NDArray[np.float64],
) -> int:
    """Plots of a scan that may be of the tracks `i` and `k` (-1: not near), into `look`.

    Likely enough for one of them or given to it, and no other track's. Returns how many.
    """
    count = as_int64(0)
    for who in (i, k):
        if who < 0:
            continue
        if w.chosen[who] >= 0:  # also in the middle of both, far from either
            count = _consider(w.chosen[who], FARTHEST_COST, i, k, count, w, look)
        m = w.track_link[FIRST_PAIR, who]
        while m >= 0:
            count = _consider(w.of[m, 1], w.cost[m], i, k, count, w, look)
            m = w.of[m, 2]
    for one in range(1, count):  # in the order of the scan
        at = one
        while at > 0 and look[at - 1, NUMBER] > look[at, NUMBER]:
            for column in (NUMBER, COST):
                before = look[at - 1, column]
                look[at - 1, column], look[at, column] = look[at, column], before
            at -= 1
    for at in range(count):
        j = int(look[at, NUMBER])
        w.taken[j] = False
        look[at, DT_S] = (time_ns[j] - time_ns[int(look[0, NUMBER])]) * 1e-9
        copy_vector(plots[j], look[at])
    return count


@kernel
def _consider(
    j: int, cost: float, i: int, k: int, count: int, w: Pairs, look: NDArray[np.float64]
) -> int:
    """Take plot `j` among the first `count` of `look`, unless it is another track's."""
    if w.plot_link[OWNER, j] not in (-1, i, k):
        return count
    for at in range(count):
        if look[at, NUMBER] == j:
            look[at, COST] = min(look[at, COST], cost)
            return count
    at = count
    if count == MOST_PLOTS:  # instead of the least likely
        at = 0
        for one in range(1, count):
            if look[one, COST] > look[at, COST]:
                at = one
        if look[at, COST] <= cost:
            return count
        count -= 1
    look[at, NUMBER], look[at, COST] = j, cost
    return count + 1


@kernel
def _observe(
    tracks: TrackArrays,
    q: int,
    both: tuple[int, int],
    count: int,
    radar: int,
    time_ns: NDArray[np.int64],
    c: CoupleContext,
) -> bool:
    """Let the plots in `c.look` update couple `q` and its tracks, the rows `both`.

    False: nothing that it believes explains them; it has ended.
    """
    couple = tracks.couple[q]
    now_ns = time_ns[int(c.look[0, NUMBER])]
    _move(tracks, q, both, now_ns, c)
    found = observe_beliefs(
        couple[BELIEFS],
        tracks.couple_weight[q],
        tracks.couple_x[q],
        tracks.couple_p[q],
        radar,
        count,
        couple[PARTED] != 0,
        c,
    )
    if found == 0:
        end_couple(tracks, q)
        return False
    couple[BELIEFS] = found
    if found > 1 or c.scratch[FIT, SURE] < 1.0 - IN_DOUBT:
        couple[UNSURE_NS] = now_ns
    _give_out(tracks, q, both)
    return True


@kernel
def _give_out(tracks: TrackArrays, q: int, both: tuple[int, int]) -> None:
    """Make the tracks of couple `q` what its beliefs say of each."""
    couple = tracks.couple[q]
    for k in range(2):
        t = both[k]
        for slot in range(SLOTS):
            tracks.mu[t, slot] = 1.0 if slot == FREE else 0.0
        tracks.number[t, TIME_NS] = couple[COUPLE_NS]
        x, p = tracks.x[t, FREE], tracks.p[t, FREE]
        drag, drag_variance = x[6], p[6, 6]
        marginal(
            k,
            couple[BELIEFS],
            tracks.couple_weight[q],
            tracks.couple_x[q],
            tracks.couple_p[q],
            x,
            p,
        )
        x[6], p[6, 6] = drag, drag_variance


@kernel
def _note(
    tracks: TrackArrays,
    q: int,
    both: tuple[int, int],
    count: int,
    radar: int,
    time_ns: NDArray[np.int64],
    scan: int,
    w: Pairs,
    c: CoupleContext,
    scratch: Scratches,
    log: UpdateLog,
) -> None:
    """Let the tracks of couple `q` remember the look that updated them; end it if it has to."""
    s, couple = c.scratch, tracks.couple[q]
    for at in range(count):
        w.taken[int(c.look[at, NUMBER])] = c.look[at, USED] > 0.5
    surprise = 0.0
    if s[FIT, COMPONENTS] > 0.0:
        surprise = min(s[FIT, DISTANCE] / s[FIT, COMPONENTS], 100.0)
    shared, surprised = s[LIKELIEST, OF_BOTH] >= 0.0, False
    for k in range(2):
        t = both[k]
        at = int(s[LIKELIEST, OF_FIRST if k == 0 else OF_SECOND])
        if shared:
            at = int(s[LIKELIEST, OF_BOTH])
        note_look(tracks, t, radar, at >= 0, c.radars)
        if at < 0:
            continue
        number, value = tracks.number[t], tracks.value[t]
        own, j = not shared and s[FIT, SURE] > SURELY_OWN, int(c.look[at, NUMBER])
        note_last(number, time_ns[j], radar)
        number[PLOTS] += 1
        tracks.by_radar[t, radar] += 1
        if own:
            plot, seconds = c.look[at], c.settings.first_plots_seconds
            keep_first_plot(tracks, t, time_ns[j], plot, radar, seconds)
        value[SURPRISE] += NEWEST_SHARE * (surprise - value[SURPRISE])
        surprised = surprised or value[SURPRISE] > NOT_FREE
        note_extremes(tracks.x[t, FREE], tracks.mu[t], value)
        note_seen(tracks, t)
        if log.filled[0] < log.row.shape[0]:
            write_update(tracks, t, scan + j, own, log, scratch)
    note_two(tracks, q, radar, c)
    sure_s = (couple[COUPLE_NS] - couple[UNSURE_NS]) * 1e-9
    if surprised or sure_s > c.settings.sure_s:
        end_couple(tracks, q)
    elif tracks.couple_odds[q] < -MOST_LOG_ODDS:
        none = both[1]
        if _is_second_the_one(couple):
            none = both[0]
            if couple[PARTED] != 0:  # the flight goes on with what is there
                exchange_past(tracks, both[0], both[1])
        tracks.number[none, STATUS], tracks.number[none, REASON] = ENDED, NO_OBJECT
        end_couple(tracks, q)


@kernel
def _is_second_the_one(couple: NDArray[np.int64]) -> bool:
    """Whether of two of which one is no object that is the first, by who was seen alone.

    Of looks that see either as often, so great a difference comes about once in forty times.
    """
    more = couple[SECOND_ALONE] - couple[FIRST_ALONE]
    return bool(more > 2.0 * math.sqrt(couple[SECOND_ALONE] + couple[FIRST_ALONE]))


@kernel
def note_two(tracks: TrackArrays, q: int, radar: int, c: CoupleContext) -> None:
    """Note what the number of plots of a look says of there being two objects, not one.

    Two that a radar tells apart give one plot with 2 P (1 - P), one gives it with P.
    """
    s, odds, couple = c.scratch, tracks.couple_odds, tracks.couple[q]
    first, second = s[LIKELIEST, OF_FIRST] >= 0.0, s[LIKELIEST, OF_SECOND] >= 0.0
    if first and second:
        odds[q] += SEEN_APART
    else:
        couple[FIRST_ALONE] += first
        couple[SECOND_ALONE] += second
        detection = min(c.radars[radar, DETECTION], MOST_DETECTION)
        merged = s[FIT, MERGED]
        odds[q] += math.log(2.0 * (1.0 - detection) * (1.0 - merged) + merged)
    odds[q] = min(odds[q], MOST_LOG_ODDS)
