"""Which plot of a scan is whose: global assignment, crowd by crowd.

Tracks that no plot joins never compete, so the scan falls into crowds (connected components of the
pairs that are likely enough), each of them assigned at least total cost.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.assignment import AssignmentScratch, assign, assignment_scratch
from skypact.kernels.compiled import kernel

# Rows of `Pairs.track_link` and `Pairs.plot_link`.
CROWD, NEXT_IN_CROWD, FIRST_PAIR = 0, 1, 2
FIRST_TRACK, COLUMN = 0, 1
# After `choose` a plot's column says nothing any more: there it says which of `Pairs.near` has it.
OWNER = COLUMN


class Pairs(NamedTuple):
    """Tracks near a scan and the pairs of a track and a plot that are likely enough.

    `near` (t,): rows of the tracks, by their ids; `place_of` (c,): which of `near` a row is, -1 for
    none. `of` (m, 3): track (of `near`), plot, and the track's next pair; `cost` (m,). `chosen`
    (t,): the plot of each track or -1; `coupled` (t,): which are followed as couples; `taken` (k,):
    which plots are somebody's. `wanted` (5,):
    room that was missing: tracks of a crowd, plots of a crowd, pairs, plots, updates. `found` (c,),
    `track_link` (3, t), `plot_link` (2, k), `crowd_cost` (a, b), `crowd_chosen` (a,), `members`
    (a,) and `columns` (b,): scratch.
    """

    near: NDArray[np.int64]
    place_of: NDArray[np.int64]
    of: NDArray[np.int64]
    cost: NDArray[np.float64]
    chosen: NDArray[np.int64]
    coupled: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    wanted: NDArray[np.int64]
    found: NDArray[np.int64]
    track_link: NDArray[np.int64]
    plot_link: NDArray[np.int64]
    crowd_cost: NDArray[np.float64]
    crowd_chosen: NDArray[np.int64]
    members: NDArray[np.int64]
    columns: NDArray[np.int64]
    assignment: AssignmentScratch


def room_for_pairs(
    tracks: int, plots: int, pairs: int, crowd_tracks: int, crowd_plots: int
) -> Pairs:
    """Arrays for scans of so many plots among so many tracks."""
    return Pairs(
        near=np.zeros(tracks, np.int64),
        place_of=np.full(tracks, -1, np.int64),
        of=np.zeros((pairs, 3), np.int64),
        cost=np.zeros(pairs),
        chosen=np.zeros(tracks, np.int64),
        coupled=np.zeros(tracks, np.bool_),
        taken=np.zeros(plots, np.bool_),
        wanted=np.zeros(5, np.int64),
        found=np.zeros(tracks, np.int64),
        track_link=np.zeros((3, tracks), np.int64),
        plot_link=np.zeros((2, plots), np.int64),
        crowd_cost=np.zeros((crowd_tracks, crowd_plots)),
        crowd_chosen=np.zeros(crowd_tracks, np.int64),
        members=np.zeros(crowd_tracks, np.int64),
        columns=np.zeros(crowd_plots, np.int64),
        assignment=assignment_scratch(crowd_tracks, crowd_plots),
    )


@kernel
def choose(tracks: int, plots: int, pairs: int, miss_cost: float, w: Pairs) -> bool:
    """Give each of the first `tracks` of `w.near` one of the `plots`, or none: `w.chosen`, `taken`.

    Only pairs that cost less than `miss_cost` are looked at. False: no room for a crowd; then
    `w.wanted` says how much is missing.
    """
    crowd, following, first_pair = w.track_link[CROWD], w.track_link[NEXT_IN_CROWD], w.track_link[2]
    for i in range(tracks):
        crowd[i], following[i], first_pair[i], w.chosen[i] = i, -1, -1, -1
    for j in range(plots):
        w.plot_link[FIRST_TRACK, j], w.plot_link[COLUMN, j], w.taken[j] = -1, -1, False
    for m in range(pairs - 1, -1, -1):
        i, j = w.of[m, 0], w.of[m, 1]
        w.of[m, 2] = first_pair[i]
        first_pair[i] = m
        other = w.plot_link[FIRST_TRACK, j]
        if other < 0:
            w.plot_link[FIRST_TRACK, j] = i
            continue
        a, b = _crowd_of(crowd, i), _crowd_of(crowd, other)
        crowd[max(a, b)] = min(a, b)
    # The members of each crowd as a chain from its first, in order.
    for i in range(tracks - 1, -1, -1):
        first = _crowd_of(crowd, i)
        if first != i:
            following[i] = following[first]
            following[first] = i
    for i in range(tracks):
        if crowd[i] == i and first_pair[i] >= 0 and not _choose_in_crowd(i, miss_cost, w):
            return False
    return True


@kernel
def _crowd_of(crowd: NDArray[np.int64], i: int) -> int:
    """The first track of the crowd of `i`, shortening the way to it."""
    while crowd[i] != i:
        crowd[i] = crowd[crowd[i]]
        i = crowd[i]
    return i


@kernel
def _choose_in_crowd(first: int, miss_cost: float, w: Pairs) -> bool:
    """`choose` for the crowd that begins with track `first`."""
    following, first_pair = w.track_link[NEXT_IN_CROWD], w.track_link[FIRST_PAIR]
    if following[first] < 0:
        best = first_pair[first]
        m = w.of[best, 2]
        while m >= 0:
            if w.cost[m] < w.cost[best]:
                best = m
            m = w.of[m, 2]
        w.chosen[first] = w.of[best, 1]
        w.taken[w.of[best, 1]] = True
        return True
    rows, columns = 0, 0
    i = first
    while i >= 0:
        if rows < w.members.shape[0]:
            w.members[rows] = i
        rows += 1
        m = first_pair[i]
        while m >= 0:
            j = w.of[m, 1]
            if w.plot_link[COLUMN, j] < 0:
                if columns < w.columns.shape[0]:
                    w.columns[columns] = j
                w.plot_link[COLUMN, j] = columns
                columns += 1
            m = w.of[m, 2]
        i = following[i]
    if rows > w.crowd_cost.shape[0] or columns > w.crowd_cost.shape[1]:
        w.wanted[0], w.wanted[1] = rows, columns
        return False
    cost = w.crowd_cost[:rows, :columns]
    for a in range(rows):
        for b in range(columns):
            cost[a, b] = np.inf
        m = first_pair[w.members[a]]
        while m >= 0:
            cost[a, w.plot_link[COLUMN, w.of[m, 1]]] = w.cost[m]
            m = w.of[m, 2]
    chosen = w.crowd_chosen[:rows]
    assign(cost, miss_cost, chosen, w.assignment)
    for a in range(rows):
        if chosen[a] >= 0:
            j = w.columns[chosen[a]]
            w.chosen[w.members[a]] = j
            w.taken[j] = True
    return True


@kernel
def sort_by_id(rows: NDArray[np.int64], count: int, id_of: NDArray[np.int64]) -> None:
    """Sort the first `count` of `rows` by `id_of[row]`, in place (Shell, CACM 2, 1959)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, count):
            row = rows[k]
            at = k
            while at >= gap and id_of[rows[at - gap]] > id_of[row]:
                rows[at] = rows[at - gap]
                at -= gap
            rows[at] = row
        gap //= 3


@kernel
def sort_numbers(numbers: NDArray[np.int64], count: int) -> None:
    """Sort the first `count` of `numbers`, in place (Shell, CACM 2, 1959)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, count):
            number = numbers[k]
            at = k
            while at >= gap and numbers[at - gap] > number:
                numbers[at] = numbers[at - gap]
                at -= gap
            numbers[at] = number
        gap //= 3
