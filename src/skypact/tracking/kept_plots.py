"""Accepted plots and clock marks in the order of the fold, kept to fold them anew.

They lie in cells of equal length in time, a scan's plots in the cell of the first of them. What is
in a cell depends on what was accepted alone, not on the order in which it came.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.model import Plots

Key = tuple[int, ...]
"""Place in the order of the fold. Of a scan: time of its first plot, 1, rank of its radar by nation
and id, number, epoch. Of a clock mark: its time, 0. Of a moment: a time, before all that is then.
"""

Rows = NDArray[Any]
"""Plots as records of `ROW`."""

_MEASURED = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "snr_db")
ROW = np.dtype(
    [
        ("time_ns", np.int64),
        ("scan_ns", np.int64),  # of the first plot of its scan
        ("scan", np.int64),
        ("epoch", np.int64),
        ("sequence", np.int64),
        ("content", np.uint64, 2),  # hash of what it arrived in
        ("radar", np.int32),
        ("row", np.int32),  # its place in there
        *((name, np.float64) for name in _MEASURED),
    ]
)


class Cell(NamedTuple):
    """`rows` in the order of the fold, times of clock `marks` in order; never written to."""

    rows: Rows
    marks: tuple[int, ...]


class Scans(NamedTuple):
    """The scans of a cell: `keys` in order, and the rows where each begins, and the last ends."""

    keys: list[Key]
    starts: NDArray[np.int64]


_EMPTY = Cell(np.zeros(0, ROW), ())


def rows_of(plots: Plots, epoch: int, sequence: int, content: bytes) -> Rows:
    """Plots of one arrival as records; `content` is its hash, 16 bytes."""
    rows = np.zeros(len(plots.time_ns), ROW)
    for name in ("time_ns", "radar", "scan", *_MEASURED):
        rows[name] = getattr(plots, name)
    rows["epoch"], rows["sequence"] = epoch, sequence
    rows["content"] = np.frombuffer(content, ">u8")
    rows["row"] = np.arange(len(rows))
    return rows


def plots_of(rows: Rows, starts: NDArray[np.int64]) -> Plots:
    """Records as plots, the scans that begin at `starts` (scans + 1,) numbered from 0."""
    columns = {name: rows[name].copy() for name in ("time_ns", "radar", *_MEASURED)}
    return Plots(**columns, scan=np.repeat(np.arange(len(starts) - 1), np.diff(starts)))


class KeptPlots:
    """Cells of accepted plots and clock marks.

    `rank` (r,): place of each radar by nation and id. `span_ns` (r,): plots of one radar, epoch and
    number are of one scan if no further from the first. Bounded by `limit` and `forget_before`; a
    plot takes 104 bytes. `reach_ns`: so far back it is promised to go; `count`: plots since then;
    `total`: of all that is here.
    """

    def __init__(self, rank: NDArray[np.int64], span_ns: NDArray[np.int64], cell_ns: int) -> None:
        self._rank, self._span_ns, self.cell_ns = rank, span_ns, cell_ns
        self._cells: dict[int, Cell] = {}
        self._order: list[int] = []
        self.count = self.total = 0
        self.reach_ns = -(2**63)

    def fork(self) -> "KeptPlots":
        """The same, to be changed without this one; the cells are shared until then."""
        other = KeptPlots(self._rank, self._span_ns, self.cell_ns)
        other._cells, other._order = dict(self._cells), list(self._order)
        other.count, other.total, other.reach_ns = self.count, self.total, self.reach_ns
        return other

    def add(self, new: Rows) -> Key | None:
        """Put plots of one scan, or a part of it, into their place; the first place that changed.

        Those of one number are parted into scans anew, and what is equal in every field counts
        once; None where nothing changed.
        """
        radar, epoch, scan = (int(new[name][0]) for name in ("radar", "epoch", "scan"))
        span_ns = int(self._span_ns[radar])
        near = self._of_one_number(new, span_ns)
        after = _parted(_once(_joined([near, new])), span_ns)
        changed = _first_change(near, after)
        if changed is None:
            return None
        for cell in sorted(set((near["scan_ns"] // self.cell_ns).tolist())):
            rows = self._cells[cell].rows
            self._put(cell, rows[~_of_number(rows, radar, epoch, scan, near["scan_ns"])])
        into = after["scan_ns"] // self.cell_ns
        for cell in sorted(set(into.tolist())):
            self._insert(cell, after[into == cell])
        return changed, 1, int(self._rank[radar]), scan, epoch

    def add_mark(self, time_ns: int) -> Key | None:
        """Put a clock mark into its place, and return that; None where there is one."""
        cell = time_ns // self.cell_ns
        rows, marks = self._cells.get(cell, _EMPTY)
        at = bisect_left(marks, time_ns)
        if at < len(marks) and marks[at] == time_ns:
            return None
        self._set(cell, Cell(rows, (*marks[:at], time_ns, *marks[at:])))
        return time_ns, 0

    def has_mark(self, time_ns: int) -> bool:
        """Whether there is a clock mark of this time."""
        return time_ns in self._cells.get(time_ns // self.cell_ns, _EMPTY).marks

    def same_scan(
        self, radar: int, epoch: int, scan: int, time_ns: int, content: bytes
    ) -> tuple[bool, int]:
        """Whether an arrival of this content is kept, and how many plots its scan has so far.

        `time_ns`: of its first plot.
        """
        span_ns = int(self._span_ns[radar])
        hashed = np.frombuffer(content, ">u8").astype(np.uint64)
        kept, plots = False, 0
        for cell in self._between(time_ns - span_ns, time_ns + span_ns):
            rows = self._cells[cell].rows
            own = rows[rows["radar"] == radar]
            kept |= bool((own["content"] == hashed).all(axis=1).any())
            plots += int(np.count_nonzero((own["epoch"] == epoch) & (own["scan"] == scan)))
        return kept, plots

    @property
    def newest_ns(self) -> int:
        """Start of the newest cell; there is one."""
        return self._order[-1] * self.cell_ns

    def cells_from(self, time_ns: int) -> Iterator[int]:
        """Numbers of the cells that end after `time_ns`, in order."""
        for at in range(bisect_left(self._order, time_ns // self.cell_ns), len(self._order)):
            yield self._order[at]

    def cell(self, number: int) -> Cell:
        """One cell."""
        return self._cells[number]

    def scans(self, number: int) -> Scans:
        """The scans of a cell."""
        rows = self._cells[number].rows
        begins = np.ones(len(rows), bool)
        for name in ("scan_ns", "radar", "scan", "epoch"):
            begins[1:] &= rows[name][1:] == rows[name][:-1]
        begins[1:] = ~begins[1:]
        starts = np.flatnonzero(begins)
        first = rows[starts]
        keys = zip(
            first["scan_ns"].tolist(),
            [1] * len(first),
            self._rank[first["radar"]].tolist(),
            first["scan"].tolist(),
            first["epoch"].tolist(),
            strict=True,
        )
        return Scans(list(keys), np.append(starts, len(rows)))

    def limit(self, old_ns: int, most: int) -> None:
        """Promise to go back no further than a time, and not beyond so many plots.

        This depends on what was accepted alone, not on which checkpoints there are.
        """
        for cell in self.cells_from(self.reach_ns):
            if self.count <= most and (cell + 1) * self.cell_ns > old_ns:
                return
            if cell == self._order[-1]:
                return
            self.count -= len(self._cells[cell].rows)
            self.reach_ns = (cell + 1) * self.cell_ns

    def forget_before(self, time_ns: int) -> None:
        """Drop the cells before a time that is the start of one."""
        keep = bisect_left(self._order, time_ns // self.cell_ns)
        for cell in self._order[:keep]:
            rows = len(self._cells.pop(cell).rows)
            self.total -= rows
            self.count -= rows if cell * self.cell_ns >= self.reach_ns else 0
        del self._order[:keep]

    def _between(self, first_ns: int, last_ns: int) -> list[int]:
        """Numbers of the cells from the one of a time to that of another."""
        begin = bisect_left(self._order, first_ns // self.cell_ns)
        end = bisect_left(self._order, last_ns // self.cell_ns + 1)
        return self._order[begin:end]

    def _of_one_number(self, new: Rows, span_ns: int) -> Rows:
        """Kept rows of the same radar, epoch and number that decide how the scans are parted.

        All that is tied to the new ones by steps of no more than `span_ns`.
        """
        radar, epoch, scan = (int(new[name][0]) for name in ("radar", "epoch", "scan"))
        first_ns, last_ns = int(new["time_ns"].min()), int(new["time_ns"].max())
        while True:
            parts = []
            for cell in self._between(first_ns - 2 * span_ns, last_ns + span_ns):
                rows = self._cells[cell].rows
                parts.append(rows[_of_number(rows, radar, epoch, scan)])
            found = _joined(parts)
            time_ns = found["time_ns"]
            found = found[(time_ns >= first_ns - span_ns) & (time_ns <= last_ns + span_ns)]
            if not len(found):
                return found
            wider = (
                min(first_ns, int(found["time_ns"].min())),
                max(last_ns, int(found["time_ns"].max())),
            )
            if wider == (first_ns, last_ns):
                return found
            first_ns, last_ns = wider

    def _insert(self, cell: int, new: Rows) -> None:
        old = self._cells.get(cell, _EMPTY).rows
        rows = _joined([old, new])
        if not len(old) or self._ordinal(old[-1:]) < self._ordinal(new[:1]):
            self._put(cell, rows)  # in order as it came
        else:
            self._put(cell, rows[self._fold_order(rows)])

    def _ordinal(self, row: Rows) -> Key:
        """Place of the scan of one row."""
        of = row[0]
        rank = int(self._rank[of["radar"]])
        return int(of["scan_ns"]), rank, int(of["scan"]), int(of["epoch"])

    def _fold_order(self, rows: Rows) -> NDArray[np.intp]:
        return np.lexsort(
            (*_within_scan(rows), rows["epoch"], rows["scan"], self._rank[rows["radar"]],
             rows["scan_ns"])
        )  # fmt: skip

    def _put(self, cell: int, rows: Rows) -> None:
        self._set(cell, Cell(rows, self._cells.get(cell, _EMPTY).marks))

    def _set(self, number: int, cell: Cell) -> None:
        old = self._cells.get(number)
        if old is None:
            if not self._order or number > self._order[-1]:
                self._order.append(number)
            else:
                insort(self._order, number)
        more = len(cell.rows) - (len(old.rows) if old else 0)
        self.total += more
        self.count += more if number * self.cell_ns >= self.reach_ns else 0
        self._cells[number] = cell


def _joined(parts: Sequence[Rows]) -> Rows:
    """One after the other; NumPy's own takes ten times as long with records."""
    rows = np.empty(sum(map(len, parts)), ROW)
    at = 0
    for part in parts:
        rows[at : at + len(part)] = part
        at += len(part)
    return rows


def _of_number(
    rows: Rows, radar: int, epoch: int, scan: int, scan_ns: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Which rows are of one radar, epoch and number, and of scans that begin at these times."""
    own = (rows["scan"] == scan) & (rows["radar"] == radar) & (rows["epoch"] == epoch)
    if scan_ns is not None:
        own &= np.isin(rows["scan_ns"], scan_ns)
    return own


def _within_scan(rows: Rows) -> tuple[NDArray[Any], ...]:
    """Keys for `lexsort` of the order within a scan: time, sequence, content hash, row."""
    content = rows["content"]
    return rows["row"], content[:, 1], content[:, 0], rows["sequence"], rows["time_ns"]


def _once(rows: Rows) -> Rows:
    """Rows of one number in order of time, those equal in every field once."""
    if len(rows) == 1:
        return rows
    rows = rows[np.lexsort(_within_scan(rows))]
    bits = zip(
        *(rows[name].view(np.int64).tolist() for name in ("time_ns", *_MEASURED)), strict=True
    )
    first: dict[tuple[int, ...], int] = {}
    for at, plot in enumerate(bits):
        first.setdefault(plot, at)
    return rows if len(first) == len(rows) else rows[list(first.values())]


def _parted(rows: Rows, span_ns: int) -> Rows:
    """Rows of one number in order of time, each with the time of the first of its scan."""
    time_ns = rows["time_ns"]
    begin = 0
    while begin < len(rows):
        end = int(np.searchsorted(time_ns, time_ns[begin] + span_ns, side="right"))
        rows["scan_ns"][begin:end] = time_ns[begin]
        begin = end
    return rows


def _first_change(before: Rows, after: Rows) -> int | None:
    """Time of the first scan that is not in both as it stands; None: there is none."""
    old, new = _scan_bytes(before), _scan_bytes(after)
    changed = [time_ns for time_ns in {*old, *new} if old.get(time_ns) != new.get(time_ns)]
    return min(changed, default=None)


def _scan_bytes(rows: Rows) -> dict[int, bytes]:
    scan_ns = rows["scan_ns"]
    return {first: rows[scan_ns == first].tobytes() for first in set(scan_ns.tolist())}
