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

Where most rows of a radar are off by the same, among rows that are in time, a note names its clock:
sorted, as a single row in the wrong place should be, they would be flights of another time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skypact.sensing.plot_rows import (
    NANOSECONDS_PER_SECOND,
    RefusedRows,
    SourcedPlots,
    joined,
    no_plots,
)

_BESIDE_OTHERS = 3
"""In so many places of the file, at least, a radar's rows are off before its clock is named."""
_LOOK_AHEAD = 1000
"""Rows; a decision looks at twice as many and settles the first half."""


class FileClock:
    """The newest time of one file so far, and the rows after a leap that are not decided yet."""

    def __init__(self, window_s: float, radar_ids: Sequence[str]) -> None:
        self._radar_ids = tuple(radar_ids)
        self._off = [_Off() for _ in radar_ids]
        self._in_time = np.zeros(len(radar_ids), dtype=np.int64)
        """(r,) rows of each radar that have passed."""
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

    def notes(self) -> tuple[str, ...]:
        """A sentence for each radar whose clock is off, by what has passed and was refused."""
        return tuple(
            f"radar {radar}: {off.alike:,} of its {in_time + off.rows:,} rows were refused, about "
            f"{off.by_ns / NANOSECONDS_PER_SECOND:+,.0f} s off the rows around them: its clock is "
            "wrong, or theirs; correct it, or give the radar whose clock it is a time_bias_s in "
            "the radars file; do not sort the file, its rows would be flights that were none"
            for radar, off, in_time in zip(
                self._radar_ids, self._off, self._in_time.tolist(), strict=True
            )
            if off.places >= _BESIDE_OTHERS and 2 * off.alike > in_time + off.rows
        )

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
                self._in_time += np.bincount(in_time.plots.radar, minlength=len(self._in_time))
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
        return in_time, self._refused(sourced.take(which), time_ns[which] - before_ns, row)

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
        out = np.flatnonzero(~kept[:count])
        by_ns, beside = np.zeros((2, len(out)), dtype=np.int64)
        for k, i in enumerate(out):
            behind = kept & (time_ns < time_ns[i] - self._window_ns)
            behind[:i] = False
            if time_ns[i] >= newest_ns[i] - self._window_ns and behind.any():
                j = int(np.argmax(behind))
                by_ns[k], beside[k] = time_ns[i] - time_ns[j], sourced.row[j]
            else:
                by_ns[k], beside[k] = time_ns[i] - newest_ns[i], newest_row[i]
        self.time_ns, self._row = int(newest_ns[count]), int(newest_row[count])
        refused = self._refused(sourced.take(out), by_ns, beside)
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

    def _refused(
        self, sourced: SourcedPlots, by_ns: NDArray[np.int64], beside: NDArray[np.int64]
    ) -> list[RefusedRows]:
        """Rows that are `by_ns` after the time of the row `beside`; before it if negative."""
        for radar in np.unique(sourced.plots.radar).tolist():
            own = sourced.plots.radar == radar
            self._off[radar].take(by_ns[own], beside[own], self._window_ns)
        window = f"the reorder window of {self._window_s:g} s"
        kinds = (
            (
                by_ns < 0,
                f"late by more than {window}",
                "sort the file by time if that row's time is right, correct it if it is not, or "
                "raise reorder_window_s under [sensing] in the settings",
            ),
            (
                by_ns > 0,
                f"time ahead of the rows around it by more than {window}",
                "correct the clock of that row; sort the file by time if that row's time is right",
            ),
        )
        return [
            RefusedRows(
                sourced.row[of],
                reason,
                remedy,
                partial(self._detail, sourced.plots.radar[of], by_ns[of], beside[of]),
            )
            for of, reason, remedy in kinds
            if of.any()
        ]

    def _detail(
        self,
        radar: NDArray[np.int32],
        by_ns: NDArray[np.int64],
        beside: NDArray[np.int64],
        i: int,
    ) -> str:
        seconds = abs(by_ns[i]) / NANOSECONDS_PER_SECOND
        where = "behind" if by_ns[i] < 0 else "ahead of"
        return f"{seconds:.3f} s {where} row {beside[i]}, radar {self._radar_ids[radar[i]]}"


@dataclass
class _Off:
    """A radar's rows that were refused, and how many of them were off as the first was."""

    rows: int = 0
    by_ns: int = 0
    alike: int = 0
    places: int = 0
    """How often the row beside which they stand was another: 1 for rows in one wrong place."""
    beside: int = -1

    def take(self, by_ns: NDArray[np.int64], beside: NDArray[np.int64], window_ns: int) -> None:
        """The next of them, at least one: by how much they are off, and beside which rows."""
        if not self.rows:
            self.by_ns = int(by_ns[0])
        self.rows += len(by_ns)
        self.alike += int(np.count_nonzero(abs(by_ns - self.by_ns) <= window_ns))
        self.places += int(np.count_nonzero(np.diff(beside, prepend=self.beside)))
        self.beside = int(beside[-1])


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
