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

from collections.abc import Sequence
from functools import partial
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

_A_WHOLE_RADAR = 3
"""Rows of one radar that are all off by the same tell of its clock, not of the file's order."""
_ALIKE = 0.05
"""Offsets are the same if they differ by less than this share of them: looks stand apart."""
_LOOK_AHEAD = 1000
"""Rows; a decision looks at twice as many and settles the first half."""


class FileClock:
    """The newest time of one file so far, and the rows after a leap that are not decided yet."""

    def __init__(self, window_s: float, radar_ids: Sequence[str]) -> None:
        self._out_of_time = _OutOfTime(window_s, radar_ids)
        self.time_ns = -1
        """Of the rows that have passed; -1 before any has."""
        self._row = 0
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
        found = _Found([], [], [], [], [])
        for i, by_ns, beside in zip(which, before_ns - time_ns[which], row, strict=True):
            found.add(sourced, int(i), int(by_ns), int(beside), is_late=True)
        return in_time, self._out_of_time.refused(found, in_time)

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
        found = _Found([], [], [], [], [])
        for i in np.flatnonzero(~kept[:count]):
            behind = kept & (time_ns < time_ns[i] - self._window_ns)
            behind[:i] = False
            if time_ns[i] < newest_ns[i] - self._window_ns:
                by_ns, beside, is_late = newest_ns[i] - time_ns[i], newest_row[i], True
            elif behind.any():
                j = int(np.argmax(behind))
                by_ns, beside, is_late = time_ns[i] - time_ns[j], sourced.row[j], False
            else:
                by_ns, beside, is_late = time_ns[i] - newest_ns[i], newest_row[i], False
            found.add(sourced, int(i), int(by_ns), int(beside), is_late=is_late)
        self.time_ns, self._row = int(newest_ns[count]), int(newest_row[count])
        in_time = sourced.take(slice(0, count)).take(kept[:count])
        return in_time, self._out_of_time.refused(found, in_time)

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


class _Found(NamedTuple):
    """Rows out of time, in row order: by how much, ns, beside which row, of which radar, how."""

    row: list[int]
    by_ns: list[int]
    beside: list[int]
    radar: list[int]
    is_late: list[bool]

    def add(
        self, sourced: SourcedPlots, i: int, by_ns: int, beside: int, *, is_late: bool
    ) -> None:
        self.row.append(int(sourced.row[i]))
        self.by_ns.append(by_ns)
        self.beside.append(beside)
        self.radar.append(int(sourced.plots.radar[i]))
        self.is_late.append(is_late)


class _Streak(NamedTuple):
    """Rows of one radar that were refused one after the other, off by the same."""

    first_row: int
    by_ns: int
    rows: int


class _OutOfTime:
    """Why rows are refused, and what is to be done: of single rows, and of a radar's clock.

    Rows that are out of time may stand in the wrong place or have the wrong time. Where a radar is
    off by the same again and again, among rows that are in time, its clock is wrong: sorted, such
    rows would be flights of another time. What is said of a row hangs on those before it alone.
    """

    def __init__(self, window_s: float, radar_ids: Sequence[str]) -> None:
        self._window = f"the reorder window of {window_s:g} s"
        self._ids = tuple(radar_ids)
        self._streaks: dict[int, _Streak] = {}
        self._last_in_time = -1
        """Row, of any radar."""

    def refused(self, found: _Found, in_time: SourcedPlots) -> list[RefusedRows]:
        """Rows to refuse, beside those of the same stretch that are in time."""
        groups: dict[tuple[str, str], list[int]] = {}
        own = {
            radar: in_time.row[in_time.plots.radar == radar]
            for radar in {*found.radar, *self._streaks}
        }
        for i in range(len(found.row)):
            said = self._said(found, i, in_time.row, own[found.radar[i]])
            groups.setdefault(said, []).append(i)
        if len(in_time.row):
            self._last_in_time = int(in_time.row[-1])
            for radar, streak in list(self._streaks.items()):
                if _stands_between(own[radar], streak.first_row, self._last_in_time + 1):
                    del self._streaks[radar]
        # Of several remedies for one reason the last row's is the file's, however it is cut.
        return [
            RefusedRows(
                np.array([found.row[i] for i in group], np.int64),
                reason,
                remedy,
                partial(_beside, found, group),
            )
            for (reason, remedy), group in sorted(groups.items(), key=lambda one: one[1][-1])
        ]

    def _said(
        self, found: _Found, i: int, in_time: NDArray[np.int64], own: NDArray[np.int64]
    ) -> tuple[str, str]:
        """Reason and remedy of the i-th; `in_time`, `own`: rows in time, and its radar's of them."""
        row, radar, is_late = found.row[i], found.radar[i], found.is_late[i]
        by_ns = -found.by_ns[i] if is_late else found.by_ns[i]
        before = self._streaks.get(radar)
        if (
            before is None
            or abs(by_ns - before.by_ns) > _ALIKE * abs(before.by_ns)
            or _stands_between(own, before.first_row, row)
        ):
            before = _Streak(row, by_ns, 0)
        streak = self._streaks[radar] = before._replace(rows=before.rows + 1)
        name = self._ids[radar]
        reason = f"late by more than {self._window} (radar {name})"
        remedy = (
            "sort the file by time if that row's time is right, correct it if not, or raise "
            "reorder_window_s under [sensing] in the settings"
        )
        if not is_late:
            reason = f"time ahead of the rows around it by more than {self._window} (radar {name})"
            remedy = f"correct the clock of {name}; sort the file only if that row's time is right"
        at = int(np.searchsorted(in_time, row))
        last_in_time = int(in_time[at - 1]) if at else self._last_in_time
        if streak.rows >= _A_WHOLE_RADAR and last_in_time > streak.first_row:
            remedy = (
                f"correct the clock of {name}, whose rows are off by the same one after the other "
                f"(about {streak.by_ns / NANOSECONDS_PER_SECOND:+,.0f} s; time_bias_s in the radars file "
                "takes it off), and leave the file's order: sorted, they would be launches that "
                "were none"
            )
        return reason, remedy


def _stands_between(rows: NDArray[np.int64], first: int, last: int) -> bool:
    """Whether a row, of rows in order, lies between two others."""
    at = int(np.searchsorted(rows, first, side="right"))
    return at < len(rows) and int(rows[at]) < last


def _beside(found: _Found, group: Sequence[int], i: int) -> str:
    """What is said of the i-th of a group."""
    k = group[i]
    where = "behind" if found.is_late[k] else "ahead of"
    return f"{found.by_ns[k] / NANOSECONDS_PER_SECOND:.3f} s {where} row {found.beside[k]}"


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
