"""Accepted observations and clock marks in the order of the fold, kept to fold them anew.

They lie in cells of equal length in time, a scan's plots in the cell of the first of them, and so a
batch's tracklets. What is in a cell depends on what was accepted alone, not on the order in which
it came.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.filter import BIASES_PER_RADAR
from skypact.model import PartnerRadar, Plots, Radar, Tracklet
from skypact.tracking.tracklet_input import Batch, batch_of

PLOTS, TRACKLETS = 0, 1
KINDS = (PLOTS, TRACKLETS)

Key = tuple[Any, ...]
"""Place in the order of the fold. Of a scan: time of its first plot, 1, nation, radar's id, PLOTS,
number, epoch. Of a batch: time of its first tracklet, 1, nation, label, TRACKLETS, number, epoch.
Of a clock mark: its time, 0. Of a moment: a time, before all that is then.
"""

Rows = NDArray[Any]
"""Plots as records of `PLOT_ROW`, or tracklets as records of `TRACKLET_ROW`."""

_MEASURED = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "snr_db")
_PLACED = [
    ("time_ns", np.int64),
    ("scan_ns", np.int64),  # of the first of its scan or batch
    ("scan", np.int64),  # or batch
    ("epoch", np.int64),
    ("sequence", np.int64),
    ("content", np.uint64, 2),  # hash of what it arrived in
    ("radar", np.int32),  # in the table, or among the partners' radars
    ("row", np.int32),  # its place in there
]
PLOT_ROW = np.dtype([*_PLACED, *((name, np.float64) for name in _MEASURED)])
_B = BIASES_PER_RADAR
_WHOLE = ("first_ns", "last_ns", "plots", "rank")
_OF_CORE = {"state": (6,), "information": (6, 6), "vector": (6,)}
_OF_BIASES = {"cross_information": (6, _B), "bias_information": (_B, _B), "bias_vector": (_B,)}
TRACKLET_ROW = np.dtype(
    [
        *_PLACED,
        *((name, np.int64) for name in _WHOLE),
        *((name, np.float64, shape) for name, shape in (_OF_CORE | _OF_BIASES).items()),
    ]
)
_MEASURED_AT = np.dtype(_PLACED).itemsize
_WHOLE_ROW = np.dtype((np.void, PLOT_ROW.itemsize)), np.dtype((np.void, TRACKLET_ROW.itemsize))
_NONE = np.zeros(0, PLOT_ROW), np.zeros(0, TRACKLET_ROW)


class Cell(NamedTuple):
    """Plots and tracklets in the order of the fold, times of clock marks; never written to."""

    plots: Rows
    tracklets: Rows
    marks: tuple[int, ...]

    def rows(self, kind: int) -> Rows:
        """Its observations of a kind."""
        return self.tracklets if kind else self.plots


class Scans(NamedTuple):
    """A cell's scans or batches: `keys` in order; rows where each begins, and the last ends."""

    keys: list[Key]
    starts: NDArray[np.int64]


class _Held(NamedTuple):
    """How many rows a cell has of each radar and content, and of each radar, epoch and number.

    Rows are long and far apart in memory: to look through those of some seconds takes a millisecond
    and more.
    """

    contents: Counter[tuple[int, bytes]]
    numbers: Counter[tuple[int, int, int]]

    @classmethod
    def of(cls, rows: Rows) -> "_Held":
        """Of all these rows."""
        held = cls(Counter(), Counter())
        names = (rows[name].tolist() for name in ("radar", "epoch", "scan"))
        for number, content in zip(zip(*names, strict=True), rows["content"], strict=True):
            held.contents[number[0], content.tobytes()] += 1
            held.numbers[number] += 1
        return held

    def note(self, rows: Rows, count: int) -> None:
        """More rows of one number, or fewer."""
        number = _number_of(rows)
        self.numbers[number] += count * len(rows)
        contents = rows["content"].tobytes()
        for at in range(0, len(contents), _CONTENT_BYTES):
            self.contents[number[0], contents[at : at + _CONTENT_BYTES]] += count


_CONTENT_BYTES = PLOT_ROW["content"].itemsize
_EMPTY = Cell(*_NONE, ())
_CELLS_HELD = 512
"""Cells of which it is known what they hold; of others it is found out when it is asked."""
_SCANS_KNOWN = 8
"""Lists of a cell's scans that are kept until the cell changes."""
_NO_SCANS = Scans([], np.zeros(1, np.int64))


def plot_rows(plots: Plots, epoch: int, sequence: int, content: bytes) -> Rows:
    """Plots of one arrival as records; `content` is its hash, 16 bytes."""
    rows = np.zeros(len(plots.time_ns), PLOT_ROW)
    for name in ("time_ns", "radar", "scan", *_MEASURED):
        rows[name] = getattr(plots, name)
    rows["epoch"], rows["sequence"] = epoch, sequence
    rows["content"] = np.frombuffer(content, ">u8")
    rows["row"] = np.arange(len(rows))
    return rows


def tracklet_rows(
    tracklets: Sequence[tuple[int, int, Tracklet]], epoch: int, sequence: int, content: bytes
) -> list[Rows]:
    """Tracklets of one arrival as records, those of each batch together.

    Each with its place in the arrival and the number of its radar among the partners'.
    """
    groups: dict[tuple[int, int], list[tuple[int, Tracklet]]] = {}
    for place, radar, tracklet in tracklets:
        groups.setdefault((radar, tracklet.batch), []).append((place, tracklet))
    return [
        _rows_of_batch(members, radar, batch, (epoch, sequence, content))
        for (radar, batch), members in groups.items()
    ]


def _rows_of_batch(
    members: Sequence[tuple[int, Tracklet]], radar: int, batch: int, of: tuple[int, int, bytes]
) -> Rows:
    rows = np.zeros(len(members), TRACKLET_ROW)
    rows["epoch"], rows["sequence"] = of[:2]
    rows["content"] = np.frombuffer(of[2], ">u8")
    rows["radar"], rows["scan"] = radar, batch
    for row, (place, tracklet) in zip(rows, members, strict=True):
        row["row"], row["time_ns"] = place, tracklet.time_ns
        for name in (*_WHOLE, *_OF_CORE):
            row[name] = getattr(tracklet, name)
        if len(tracklet.bias_sigma):
            for name in _OF_BIASES:
                row[name] = getattr(tracklet, name)
    return rows


def plots_of(rows: Rows, starts: NDArray[np.int64]) -> Plots:
    """Records as plots, the scans that begin at `starts` (scans + 1,) numbered from 0."""
    columns = {name: rows[name].copy() for name in ("time_ns", "radar", *_MEASURED)}
    return Plots(**columns, scan=np.repeat(np.arange(len(starts) - 1), np.diff(starts)))


def batches_of(
    rows: Rows, starts: NDArray[np.int64], partners: Sequence[PartnerRadar]
) -> list[Batch]:
    """Records as batches, those that begin at `starts` (batches + 1,), numbered from 0."""
    batches = []
    for number, (begin, end) in enumerate(pairwise(starts.tolist())):
        radar = partners[int(rows["radar"][begin])]
        members = [_tracklet_of(row, radar, number) for row in rows[begin:end]]
        batches.append(batch_of(radar, number, members))
    return batches


def _tracklet_of(row: Any, radar: PartnerRadar, batch: int) -> Tracklet:
    b = len(radar.bias_sigma)
    return Tracklet(
        time_ns=int(row["time_ns"]),
        nation=radar.nation,
        radar=radar.label,
        batch=batch,
        state=row["state"],
        information=row["information"],
        vector=row["vector"],
        cross_information=row["cross_information"][:, :b],
        bias_information=row["bias_information"][:b, :b],
        bias_vector=row["bias_vector"][:b],
        bias_sigma=np.array(radar.bias_sigma),
        correlation_time_s=radar.correlation_time_s,
        first_ns=int(row["first_ns"]),
        last_ns=int(row["last_ns"]),
        plots=int(row["plots"]),
        rank=int(row["rank"]),
    )


class KeptObservations:
    """Cells of accepted plots, tracklets and clock marks.

    Plots of one radar, epoch and number are of one scan if no further from the first than that
    radar's `span_ns` (r,); tracklets of one partner's radar, epoch and number are of one batch if
    no further than `batch_span_ns`. `partners`: their radars, by number; more may be added to it.
    Bounded by `limit` and `forget_before`; a plot takes 104 bytes, a tracklet 1,440. `reach_ns`: so
    far back it is promised to go; `count`: of each kind since then; `total`: all that are here.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        span_ns: Sequence[int],
        cell_ns: int,
        partners: list[PartnerRadar],
        batch_span_ns: int,
    ) -> None:
        self._names = [(radar.nation, radar.id) for radar in radars]
        self._rank_of_radars = ranked(self._names)
        self._span_ns, self._batch_span_ns = span_ns, batch_span_ns
        self.cell_ns, self.partners = cell_ns, partners
        self._rank_of_partners = np.zeros(0, np.int64)
        self._cells: dict[int, Cell] = {}
        self._order: list[int] = []
        self.count, self.total = [0, 0], [0, 0]
        self.reach_ns = -(2**63)
        self._scans: dict[tuple[int, int], tuple[Rows, Scans]] = {}
        self._held: dict[tuple[int, int], _Held] = {}

    def fork(
        self, without: Collection[str] = (), contents: Collection[bytes] = ()
    ) -> "KeptObservations":
        """The same, to be changed without this one; the cells are shared until then.

        `without`: nations whose observations are left out; `contents`: hashes of arrivals that are.
        """
        other = copy(self)
        other._cells, other._order = dict(self._cells), list(self._order)
        other._scans, other._held = dict(self._scans), {}
        other.count, other.total = list(self.count), list(self.total)
        for number in other._order[:] if without or contents else ():
            cell = other._cells[number]
            for kind in KINDS:
                of = np.array([nation in without for nation, _ in self._names_of(kind)], bool)
                rows = cell.rows(kind)
                if len(rows):
                    gone = of[rows["radar"]] | of_contents(rows, contents)
                    if gone.any():
                        other._put(number, kind, rows[~gone])
        for rows in self._rest_of_scans(contents) if contents else ():
            other._anew(rows)
        return other

    def until(self, time_ns: int) -> "KeptObservations":
        """The same without the scans, batches and marks that begin later."""
        other = copy(self)
        last = time_ns // self.cell_ns
        cells = {number: cell for number, cell in self._cells.items() if number <= last}
        if last in cells:
            plots, tracklets, marks = cells[last]
            cells[last] = Cell(
                plots[plots["scan_ns"] <= time_ns],
                tracklets[tracklets["scan_ns"] <= time_ns],
                tuple(mark for mark in marks if mark <= time_ns),
            )
        other.restore(self.reach_ns, cells)
        return other

    def _rest_of_scans(self, contents: Collection[bytes]) -> Iterator[Rows]:
        """What is left of scans and batches of which arrivals of these contents were a part."""
        for kind in KINDS:
            whole = _joined([self._cells[n].rows(kind) for n in self._order] or [_NONE[kind]])
            gone = of_contents(whole, contents)
            names = [whole[name][gone].tolist() for name in ("radar", "epoch", "scan")]
            for radar, epoch, scan in sorted(set(zip(*names, strict=True))):
                rest = _of_number(whole, radar, epoch, scan) & ~gone
                if rest.any():
                    yield whole[rest]

    def _anew(self, rows: Rows) -> None:
        """Part what is here of a scan into scans anew: its first plot may be gone."""
        kind = kind_of(rows)
        radar, epoch, scan = (int(rows[name][0]) for name in ("radar", "epoch", "scan"))
        for cell in sorted(set((rows["scan_ns"] // self.cell_ns).tolist())):
            here = self._cells[cell].rows(kind)
            self._put(cell, kind, here[~_of_number(here, radar, epoch, scan)])
        self.add(rows)

    def of_contents(self, kind: int, contents: Collection[bytes]) -> Rows:
        """What came in arrivals of these contents."""
        rows = [self._cells[number].rows(kind) for number in self._order]
        return _joined([part[of_contents(part, contents)] for part in rows] or [_NONE[kind]])

    def restore(self, reach_ns: int, cells: dict[int, Cell]) -> None:
        """Keep these cells, and promise to go back so far."""
        self._cells, self._order = dict(cells), sorted(cells)
        self._held.clear()
        self.reach_ns = reach_ns
        self.count, self.total = [0, 0], [0, 0]
        for kind in KINDS:
            sizes = [(n * self.cell_ns, len(cells[n].rows(kind))) for n in self._order]
            self.total[kind] = sum(size for _, size in sizes)
            self.count[kind] = sum(size for begin_ns, size in sizes if begin_ns >= reach_ns)

    @property
    def cells(self) -> dict[int, Cell]:
        """All cells, by number."""
        return dict(self._cells)

    def name(self, rows: Rows) -> tuple[str, str]:
        """Nation and radar's id or label of records of one of them."""
        return self._names_of(kind_of(rows))[int(rows["radar"][0])]

    def add(self, new: Rows) -> Key | None:
        """Put observations of one scan or batch, or a part of it, into their place.

        Those of one number are parted into scans anew, and what is equal in every field counts
        once. Returns the first place that changed; None where nothing did.
        """
        kind = kind_of(new)
        radar, epoch, scan = (int(new[name][0]) for name in ("radar", "epoch", "scan"))
        span_ns = self._span_of(kind, radar)
        near = self._of_one_number(new, span_ns)
        after = _parted(_once(_joined([near, new])), span_ns)
        changed = _first_change(near, after)
        if changed is None:
            return None
        if len(near):
            self._note_held(kind, near, -1)
        self._note_held(kind, after, 1)
        for cell in sorted(set((near["scan_ns"] // self.cell_ns).tolist())):
            rows = self._cells[cell].rows(kind)
            self._put(cell, kind, rows[~_of_number(rows, radar, epoch, scan, near["scan_ns"])])
        into = after["scan_ns"] // self.cell_ns
        for cell in sorted(set(into.tolist())):
            self._insert(cell, kind, after[into == cell])
        return changed, 1, *self.name(new), kind, scan, epoch

    def add_mark(self, time_ns: int) -> Key | None:
        """Put a clock mark into its place, and return that; None where there is one."""
        cell = time_ns // self.cell_ns
        old = self._cells.get(cell, _EMPTY)
        at = bisect_left(old.marks, time_ns)
        if at < len(old.marks) and old.marks[at] == time_ns:
            return None
        self._set(cell, old._replace(marks=(*old.marks[:at], time_ns, *old.marks[at:])))
        return time_ns, 0

    def has_mark(self, time_ns: int) -> bool:
        """Whether there is a clock mark of this time."""
        return time_ns in self._cells.get(time_ns // self.cell_ns, _EMPTY).marks

    def same_scan(self, new: Rows) -> tuple[bool, int]:
        """Whether an arrival of this content is kept, and how many its scan or batch has so far."""
        kind, first_ns = kind_of(new), int(new["time_ns"].min())
        number = _number_of(new)
        span_ns = self._span_of(kind, number[0])
        hashed = number[0], new["content"][0].tobytes()
        kept, members = False, 0
        for cell in self._between(first_ns - span_ns, first_ns + span_ns):
            held = self._held_in(cell, kind)
            kept |= held.contents[hashed] > 0
            members += held.numbers[number]
        return kept, members

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

    def scans(self, number: int, kind: int) -> Scans:
        """The scans of a cell, or its batches."""
        rows = self._cells[number].rows(kind)
        if not len(rows):
            return _NO_SCANS
        known = self._scans.get((number, kind))
        if known is not None and known[0] is rows:
            return known[1]
        found = self._scans_of(rows, kind)
        self._scans[number, kind] = rows, found
        if len(self._scans) > _SCANS_KNOWN:
            del self._scans[next(iter(self._scans))]
        return found

    def _go_on_with_scans(self, cell: int, kind: int, old: Rows, new: Rows, rows: Rows) -> None:
        """The scans of `rows`, which are `old` and then `new` with other scans, if those of `old`
        are known.
        """
        known = self._scans.get((cell, kind))
        if known is not None and known[0] is old:
            keys, starts = self._scans_of(new, kind)
            before = known[1]
            joined = Scans(before.keys + keys, np.append(before.starts, starts[1:] + len(old)))
            self._scans[cell, kind] = rows, joined

    def _scans_of(self, rows: Rows, kind: int) -> Scans:
        names = self._names_of(kind)
        differs = np.zeros(len(rows) - 1, bool)
        for name in ("scan_ns", "radar", "scan", "epoch"):
            column = rows[name]
            differs |= column[1:] != column[:-1]
        starts = np.append(0, np.flatnonzero(differs) + 1)
        first = rows[starts]
        keys = [
            (time_ns, 1, *names[radar], kind, scan, epoch)
            for time_ns, radar, scan, epoch in zip(
                *(first[name].tolist() for name in ("scan_ns", "radar", "scan", "epoch")),
                strict=True,
            )
        ]
        return Scans(keys, np.append(starts, len(rows)))

    def limit(self, old_ns: int, most: tuple[int, int]) -> None:
        """Promise to go back no further than a time, and not beyond so many of each kind.

        This depends on what was accepted alone, not on which checkpoints there are.
        """
        for cell in self.cells_from(self.reach_ns):
            within = self.count[PLOTS] <= most[PLOTS] and self.count[TRACKLETS] <= most[TRACKLETS]
            if within and (cell + 1) * self.cell_ns > old_ns:
                return
            if cell == self._order[-1]:
                return
            for kind in KINDS:
                self.count[kind] -= len(self._cells[cell].rows(kind))
            self.reach_ns = (cell + 1) * self.cell_ns

    def forget_before(self, time_ns: int) -> None:
        """Drop the cells before a time that is the start of one."""
        keep = bisect_left(self._order, time_ns // self.cell_ns)
        for cell in self._order[:keep]:
            old = self._cells.pop(cell)
            for kind in KINDS:
                self._held.pop((cell, kind), None)
            for kind in KINDS:
                rows = len(old.rows(kind))
                self.total[kind] -= rows
                self.count[kind] -= rows if cell * self.cell_ns >= self.reach_ns else 0
        del self._order[:keep]

    def _names_of(self, kind: int) -> Sequence[tuple[str, str]]:
        if kind == PLOTS:
            return self._names
        return [(partner.nation, partner.label) for partner in self.partners]

    def _span_of(self, kind: int, radar: int) -> int:
        return self._batch_span_ns if kind else int(self._span_ns[radar])

    def _rank_of(self, kind: int) -> NDArray[np.int64]:
        """Place of each radar by nation and name; one that is new leaves the others' order."""
        if kind == PLOTS:
            return self._rank_of_radars
        if len(self._rank_of_partners) != len(self.partners):
            self._rank_of_partners = ranked(self._names_of(kind))
        return self._rank_of_partners

    def _between(self, first_ns: int, last_ns: int) -> list[int]:
        """Numbers of the cells from the one of a time to that of another."""
        begin = bisect_left(self._order, first_ns // self.cell_ns)
        end = bisect_left(self._order, last_ns // self.cell_ns + 1)
        return self._order[begin:end]

    def _of_one_number(self, new: Rows, span_ns: int) -> Rows:
        """Kept rows of the same radar, epoch and number that decide how the scans are parted.

        All that is tied to the new ones by steps of no more than `span_ns`.
        """
        kind = kind_of(new)
        radar, epoch, scan = (int(new[name][0]) for name in ("radar", "epoch", "scan"))
        first_ns, last_ns = int(new["time_ns"].min()), int(new["time_ns"].max())
        while True:
            parts = [new[:0]]
            for cell in self._between(first_ns - 2 * span_ns, last_ns + span_ns):
                if self._held_in(cell, kind).numbers[radar, epoch, scan]:
                    rows = self._cells[cell].rows(kind)
                    parts.append(rows[_of_number(rows, radar, epoch, scan)])
            if len(parts) == 1:
                return new[:0]
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

    def _held_in(self, cell: int, kind: int) -> "_Held":
        """What a cell holds of a kind, by name."""
        held = self._held.get((cell, kind))
        if held is None:
            held = self._held[cell, kind] = _Held.of(self._cells[cell].rows(kind))
            if len(self._held) > _CELLS_HELD:
                del self._held[min(self._held)]
        return held

    def _note_held(self, kind: int, rows: Rows, count: int) -> None:
        """Take down that rows of one number are in their cells now, or no longer (-1)."""
        for cell, scan_ns in _cells_of(rows, self.cell_ns):
            held = self._held.get((cell, kind))
            if held is not None:
                held.note(rows[scan_ns], count)

    def _insert(self, cell: int, kind: int, new: Rows) -> None:
        old = self._cells.get(cell, _EMPTY).rows(kind)
        rank = self._rank_of(kind)
        if not len(old) or _ordinal(old[-1:], rank) < _ordinal(new[:1], rank):
            rows = _joined([old, new])  # in order as it came
            self._go_on_with_scans(cell, kind, old, new, rows)
            self._put(cell, kind, rows)
            return
        begins = old["scan_ns"]
        at = int(np.searchsorted(begins, new["scan_ns"][0]))
        if at < len(old) and begins[at] > new["scan_ns"][-1]:
            self._put(cell, kind, _joined([old[:at], new, old[at:]]))  # nothing is of its time
            return
        rows = _joined([old, new])
        self._put(cell, kind, rows[_fold_order(rows, rank)])

    def _put(self, cell: int, kind: int, rows: Rows) -> None:
        old = self._cells.get(cell, _EMPTY)
        self._set(cell, old._replace(tracklets=rows) if kind else old._replace(plots=rows))

    def _set(self, number: int, cell: Cell) -> None:
        old = self._cells.get(number)
        if old is None:
            if not self._order or number > self._order[-1]:
                self._order.append(number)
            else:
                insort(self._order, number)
        for kind in KINDS:
            more = len(cell.rows(kind)) - (len(old.rows(kind)) if old else 0)
            self.total[kind] += more
            self.count[kind] += more if number * self.cell_ns >= self.reach_ns else 0
        self._cells[number] = cell


def _number_of(rows: Rows) -> tuple[int, int, int]:
    """Radar, epoch and number of rows that have these in common."""
    first = rows[0]
    return int(first["radar"]), int(first["epoch"]), int(first["scan"])


def _cells_of(rows: Rows, cell_ns: int) -> list[tuple[int, NDArray[np.bool_]]]:
    """The cells that rows are in, and which of them are."""
    into = rows["scan_ns"] // cell_ns
    return [(cell, into == cell) for cell in set(into.tolist())]


def ranked(names: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """Place of each name when they are sorted."""
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def kind_of(rows: Rows) -> int:
    """PLOTS or TRACKLETS."""
    return TRACKLETS if rows.dtype == TRACKLET_ROW else PLOTS


def _ordinal(row: Rows, rank: NDArray[np.int64]) -> tuple[int, ...]:
    """Place of the scan of one row."""
    of = row[0]
    return int(of["scan_ns"]), int(rank[of["radar"]]), int(of["scan"]), int(of["epoch"])


def _fold_order(rows: Rows, rank: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.lexsort(
        (*_within_scan(rows), rows["epoch"], rows["scan"], rank[rows["radar"]], rows["scan_ns"])
    )


def _joined(parts: Sequence[Rows]) -> Rows:
    """One after the other; NumPy's own takes ten times as long with records."""
    rows = np.empty(sum(map(len, parts)), parts[0].dtype)
    whole, at = _whole(rows), 0
    for part in parts:
        whole[at : at + len(part)] = _whole(part)
        at += len(part)
    return rows


def _whole(rows: Rows) -> Rows:
    """The same records, each as one: NumPy copies them field by field otherwise."""
    return rows.view(_WHOLE_ROW[kind_of(rows)])


def of_contents(rows: Rows, contents: Collection[bytes]) -> NDArray[np.bool_]:
    """Which rows came in arrivals of these contents."""
    wanted = [int.from_bytes(content[:8], "big") for content in contents]
    of = np.isin(rows["content"][:, 0], np.array(wanted, np.uint64))
    if of.any():
        whole = {np.frombuffer(content, ">u8").astype(np.uint64).tobytes() for content in contents}
        at = np.flatnonzero(of)
        of[at] = [rows["content"][k].tobytes() in whole for k in at]
    return of


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
    rows = rows if _in_order(rows) else rows[np.lexsort(_within_scan(rows))]
    bits, size = rows.tobytes(), rows.itemsize
    first: dict[tuple[bytes, bytes], int] = {}
    for at, begin in enumerate(range(0, len(bits), size)):
        plot = bits[begin : begin + 8], bits[begin + _MEASURED_AT : begin + size]  # time, measured
        first.setdefault(plot, at)
    return rows if len(first) == len(rows) else rows[list(first.values())]


def _in_order(rows: Rows) -> bool:
    """Whether rows are in the order within a scan for sure: as those of one arrival often come."""
    place, times_ns = rows["row"], rows["time_ns"]
    return bool(
        (place[1:] > place[:-1]).all()
        and (times_ns[1:] >= times_ns[:-1]).all()
        and (rows["sequence"] == rows["sequence"][0]).all()
        and (rows["content"] == rows["content"][0]).all()
    )


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
    if not len(before):
        return int(after["scan_ns"].min())
    old, new = _scan_bytes(before), _scan_bytes(after)
    changed = [time_ns for time_ns in {*old, *new} if old.get(time_ns) != new.get(time_ns)]
    return min(changed, default=None)


def _scan_bytes(rows: Rows) -> dict[int, bytes]:
    scan_ns = rows["scan_ns"]
    return {first: rows[scan_ns == first].tobytes() for first in set(scan_ns.tolist())}
