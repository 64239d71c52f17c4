"""Which rows of a file are out of its time: late, or ahead by a wrong clock.

A row may stand behind the newest time before it by the reorder window. Where a time leaps ahead by
more than that, what follows tells a gap in the data from a wrong clock: rows that go on at the new
time, or rows back at the old one. Of rows that contradict each other so, the fewer are refused, as
far as the rows after the leap tell (`_LOOK_AHEAD` at least, or the end of the file); where they are
equally many, the leap is. All rows of a file are judged together, whichever radar they are of, for
the order of a file is what bounds the memory. A radar whose last row was refused as ahead, and that
is as far ahead again, is refused again.

So a leap that nothing follows is used, and a wrong clock that goes on for more rows than the right
one, within that reach, is believed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.sensing.plot_rows import (
    NANOSECONDS_PER_SECOND,
    RefusedRows,
    SourcedPlots,
    joined,
    no_plots,
)

_LOOK_AHEAD = 1000
"""Rows; a decision looks at twice as many and settles the first half."""


class FileClock:
    """The newest time of one file so far, and the rows after a leap that are not decided yet."""

    def __init__(self, window_s: float) -> None:
        self.time_ns = -1
        """Of the rows that have passed; -1 before any has."""
        self._row = 0
        self._window_s = window_s
        self._window_ns = round(window_s * NANOSECONDS_PER_SECOND)
        self._undecided = no_plots()
        self._ahead_ns: dict[int, int] = {}
        """By radar: how far ahead its last row was, where that was refused for it."""

    def take(self, sourced: SourcedPlots) -> tuple[SourcedPlots, list[RefusedRows]]:
        """The next block, given in row order: the rows that pass by now, and those refused."""
        return self._passed(sourced, at_end=False)

    def finish(self) -> tuple[SourcedPlots, list[RefusedRows]]:
        """The file has ended: what is undecided passes or is refused."""
        return self._passed(no_plots(), at_end=True)

    def _passed(
        self, sourced: SourcedPlots, *, at_end: bool
    ) -> tuple[SourcedPlots, list[RefusedRows]]:
        rows = joined([part for part in (self._undecided, sourced) if len(part.row)])
        kept: list[SourcedPlots] = []
        refused: list[RefusedRows] = []
        while len(rows.row):
            leap = self._first_leap(rows.plots.time_ns)
            if leap:
                in_time, late = self._before_leap(rows.take(slice(0, leap)))
                rows = rows.take(slice(leap, None))
            elif len(rows.row) < 2 * _LOOK_AHEAD and not at_end:
                break
            else:
                seen = rows.take(slice(0, 2 * _LOOK_AHEAD))
                count = len(rows.row) if len(rows.row) <= len(seen.row) and at_end else _LOOK_AHEAD
                in_time, late = self._decided(seen, count)
                rows = rows.take(slice(count, None))
            if len(in_time.row):
                kept.append(in_time)
            refused += late
        self._undecided = rows
        return joined(kept), refused

    def _first_leap(self, time_ns: NDArray[np.int64]) -> int:
        """Index of the first row ahead of all before it by more than the window; n if none is."""
        if self.time_ns < 0:
            return 0
        newest_ns = np.maximum.accumulate(np.append(self.time_ns, time_ns[:-1]))
        leaps = time_ns - newest_ns > self._window_ns
        return int(np.argmax(leaps)) if leaps.any() else len(time_ns)

    def _before_leap(self, sourced: SourcedPlots) -> tuple[SourcedPlots, list[RefusedRows]]:
        time_ns = sourced.plots.time_ns
        newest_ns = np.maximum.accumulate(np.append(self.time_ns, time_ns))
        newest_row = np.append(self._row, sourced.row)
        late = time_ns < newest_ns[:-1] - self._window_ns
        self._row = int(newest_row[np.searchsorted(newest_ns, newest_ns[-1])])
        self.time_ns = int(newest_ns[-1])
        in_time = sourced.take(~late) if late.any() else sourced
        for radar in [r for r in self._ahead_ns if (in_time.plots.radar == r).any()]:
            del self._ahead_ns[radar]
        which = np.flatnonzero(late)
        before_ns = newest_ns[which]
        row = newest_row[np.searchsorted(newest_ns, before_ns)]
        return in_time, self._late(sourced.row[which], before_ns - time_ns[which], row)

    def _decided(self, sourced: SourcedPlots, count: int) -> tuple[SourcedPlots, list[RefusedRows]]:
        """Of rows that begin with a leap: which of the first `count` pass, given those after."""
        time_ns, n = sourced.plots.time_ns, len(sourced.row)
        newest_ns = np.maximum.accumulate(np.append(self.time_ns, time_ns))[:-1]
        if not self._ahead_ns and not (time_ns < newest_ns - self._window_ns).any():
            kept = np.ones(n, dtype=bool)
        else:
            kept = self._kept(sourced, count)
        newest_ns = np.maximum.accumulate(np.append(self.time_ns, np.where(kept, time_ns, -1)))
        newest_row = np.append(self._row, sourced.row)[np.searchsorted(newest_ns, newest_ns)]
        late, ahead = _Refused([], [], []), _Refused([], [], [])
        for i in np.flatnonzero(~kept[:count]):
            behind = kept & (time_ns < time_ns[i] - self._window_ns)
            behind[:i] = False
            if time_ns[i] < newest_ns[i] - self._window_ns:
                late.add(sourced.row[i], newest_ns[i] - time_ns[i], newest_row[i])
            elif behind.any():
                j = int(np.argmax(behind))
                ahead.add(sourced.row[i], time_ns[i] - time_ns[j], sourced.row[j])
            else:
                ahead.add(sourced.row[i], time_ns[i] - newest_ns[i], newest_row[i])
        self.time_ns, self._row = int(newest_ns[count]), int(newest_row[count])
        refused = self._late(*late.arrays()) + self._ahead(*ahead.arrays())
        return sourced.take(slice(0, count)).take(kept[:count]), refused

    def _kept(self, sourced: SourcedPlots, count: int) -> NDArray[np.bool_]:
        """(n,) whether a row is kept; those of the first `count` become known of their radars."""
        time_ns, radars = sourced.plots.time_ns, sourced.plots.radar.tolist()
        best = _Best(self.time_ns, time_ns, self._window_ns)
        kept = np.zeros(len(time_ns), dtype=bool)
        newest, ahead_ns = 0, dict(self._ahead_ns)
        for i, radar in enumerate(radars):
            if i == count:
                self._ahead_ns = dict(ahead_ns)
            leap_ns = int(time_ns[i] - best.newest_ns[newest])
            leaps = best.newest_ns[newest] >= 0 and leap_ns > self._window_ns
            again = (
                leaps and radar in ahead_ns and abs(leap_ns - ahead_ns[radar]) <= self._window_ns
            )
            if best.keeps[i, newest] and not again:
                kept[i] = True
                newest = max(newest, int(best.position[i]))
                ahead_ns.pop(radar, None)
            elif leaps:
                ahead_ns[radar] = leap_ns
        if count == len(radars):
            self._ahead_ns = ahead_ns
        return kept

    def _late(
        self, rows: NDArray[np.int64], by_ns: NDArray[np.int64], behind: NDArray[np.int64]
    ) -> list[RefusedRows]:
        if not len(rows):
            return []

        def detail(i: int) -> str:
            return f"{by_ns[i] / NANOSECONDS_PER_SECOND:.3f} s behind row {behind[i]}"

        reason = f"late by more than the reorder window of {self._window_s:g} s"
        remedy = (
            "sort the file by time, correct the clock of that row, or raise reorder_window_s under "
            "[sensing] in the settings"
        )
        return [RefusedRows(rows, reason, remedy, detail)]

    def _ahead(
        self, rows: NDArray[np.int64], by_ns: NDArray[np.int64], of: NDArray[np.int64]
    ) -> list[RefusedRows]:
        if not len(rows):
            return []

        def detail(i: int) -> str:
            return f"{by_ns[i] / NANOSECONDS_PER_SECOND:.3f} s ahead of row {of[i]}"

        reason = (
            "time ahead of the rows around it by more than the reorder window of "
            f"{self._window_s:g} s"
        )
        remedy = "correct the clock of that row, or sort the file by time"
        return [RefusedRows(rows, reason, remedy, detail)]


class _Refused(NamedTuple):
    """Rows, by how much they are out of time, and beside which row."""

    rows: list[int]
    by_ns: list[int]
    beside: list[int]

    def add(self, row: int, by_ns: int, beside: int) -> None:
        self.rows.append(int(row))
        self.by_ns.append(int(by_ns))
        self.beside.append(int(beside))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return (
            np.array(self.rows, dtype=np.int64),
            np.array(self.by_ns, dtype=np.int64),
            np.array(self.beside, dtype=np.int64),
        )


class _Best:
    """The most rows that can be kept, whatever is the newest time before each.

    `newest_ns` (m,): the newest times there can be, the first of them that before all rows (-1: no
    row yet). `position` (n,): each row's time among them. `keeps` (n, m): whether keeping a row is
    best with that newest time before it; where it makes no difference, a row that leaps is not.
    """

    def __init__(self, before_ns: int, time_ns: NDArray[np.int64], window_ns: int) -> None:
        self.newest_ns = np.unique(np.append(before_ns, time_ns[time_ns > before_ns]))
        n, m = len(time_ns), len(self.newest_ns)
        end = np.searchsorted(self.newest_ns, time_ns, side="right")
        self.position = np.maximum(end - 1, 0)
        in_window = np.searchsorted(self.newest_ns - window_ns, time_ns, side="right")
        leaps = np.searchsorted(self.newest_ns, time_ns - window_ns, side="left")
        self.keeps = np.zeros((n, m), dtype=bool)
        most = np.zeros(m, dtype=np.int64)
        """Rows that can be kept from the row in hand on."""
        for i in range(n - 1, -1, -1):
            if end[i]:
                kept = most[end[i] - 1] + 1
                without = most[: end[i]]
                keeps = self.keeps[i, : end[i]]
                np.greater_equal(kept, without, out=keeps)
                first = 1 if before_ns < 0 else 0
                keeps[first : leaps[i]] = kept > without[first : leaps[i]]
                np.maximum(kept, without, out=without)
            self.keeps[i, end[i] : in_window[i]] = True
            most[end[i] : in_window[i]] += 1
