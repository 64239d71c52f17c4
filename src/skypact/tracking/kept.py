"""Accepted observations and clock marks in the order of the fold, kept to fold them anew.

They lie in cells of equal length in time, a scan's plots in the cell of the first of them, and so a
batch's tracklets. What is in a cell depends on what was accepted alone, not on the order in which
it came.
"""

import struct
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from itertools import pairwise
from operator import lt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.filter import BIASES_PER_RADAR
from skypact.model import PartnerRadar, Plots, Radar, Tracklet
from skypact.model.newest import of_newest
from skypact.tracking.tables import ScanArrays
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
_WORDS_PLACED, _PLOT_WORDS = _MEASURED_AT // 8, PLOT_ROW.itemsize // 8
_NONE = np.zeros(0, PLOT_ROW), np.zeros(0, TRACKLET_ROW)


Number = tuple[int, int, int]
"""Radar, epoch and number of a scan or batch."""


class Cell(NamedTuple):
    """Plots and tracklets in the order of the fold, times of clock marks; never written to."""

    plots: Rows
    tracklets: Rows
    marks: tuple[int, ...]

    def rows(self, kind: int) -> Rows:
        """Its observations of a kind."""
        return self.tracklets if kind else self.plots


class Part(NamedTuple):
    """What rows of one scan or batch are, as they came: looked at once for all pictures.

    `content`: of the first. `is_one_scan`: as they stand, if nothing else is of their number and
    they are not too far apart: in order, no two alike, with the time of the first.
    """

    number: Number
    first_ns: int
    last_ns: int
    content: bytes
    is_one_scan: bool


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
    numbers: Counter[Number]

    @classmethod
    def of(cls, rows: Rows) -> "_Held":
        """Of all these rows."""
        held = cls(Counter(), Counter())
        names = (rows[name].tolist() for name in ("radar", "epoch", "scan"))
        for number, content in zip(zip(*names, strict=True), rows["content"], strict=True):
            held.contents[number[0], content.tobytes()] += 1
            held.numbers[number] += 1
        return held

    def note(self, rows: Rows, number: Number, count: int) -> None:
        """More rows of one number, or fewer."""
        self.numbers[number] += count * len(rows)
        contents, first = rows["content"].tobytes(), rows["content"][0].tobytes()
        if contents == first * len(rows):  # as those of one arrival
            self.contents[number[0], first] += count * len(rows)
            return
        for at in range(0, len(contents), _CONTENT_BYTES):
            self.contents[number[0], contents[at : at + _CONTENT_BYTES]] += count


_CONTENT_BYTES = PLOT_ROW["content"].itemsize
_CONTENT = struct.Struct(">qq")
"""A hash as two words."""
_EMPTY = Cell(*_NONE, ())
_CELLS_HELD = 512
"""Cells of which it is known what they hold; of others it is found out when it is asked."""
_PLOTS_AS_A_SCAN = 16
"""So many plots take as long to fold as a scan does by itself, or a tracklet."""
_SCANS_KNOWN = 8
"""Lists of a cell's scans that are kept until the cell changes."""
_NO_ARRAYS = ScanArrays(
    np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros((0, 4)), np.zeros(1, np.int64)
)
_MEASUREMENTS = 4
"""What of a plot the kernels take: the first of what was measured."""
_NO_SCANS = Scans([], np.zeros(1, np.int64))


def plot_rows(plots: Plots, epoch: int, sequence: int, content: bytes) -> Rows:
    """Plots of one arrival as records; `content` is its hash, 16 bytes."""
    n = len(plots.time_ns)
    words = np.empty((n, _PLOT_WORDS), np.int64)  # written faster than records
    words[:, :_WORDS_PLACED] = (0, 0, 0, epoch, sequence, *_CONTENT.unpack(content), 0)
    words[:, 0], words[:, 2] = plots.time_ns, plots.scan
    words[:, 1] = min(plots.time_ns.tolist(), default=0)  # as it is, where nothing else is of it
    halves = words.view(np.int32)[:, 2 * _WORDS_PLACED - 2 : 2 * _WORDS_PLACED]
    halves[:, 0], halves[:, 1] = plots.radar, np.arange(n)
    measured = np.array([getattr(plots, name) for name in _MEASURED])
    words.view(np.float64)[:, _WORDS_PLACED:] = measured.T
    return words.view(PLOT_ROW).reshape(n)


@of_newest
def part_of(rows: Rows) -> Part:
    """What rows of one scan or batch are, as they came."""
    words, n = _words(rows), len(rows)
    scan_ns, scan, epoch = words[0, 1:4].tolist()
    times_ns, place = words[:, 0].tolist(), words[:, _WORDS_PLACED - 1].tolist()
    first_ns, last_ns = min(times_ns), max(times_ns)
    arrival = words[:, 1 : _WORDS_PLACED - 1].tobytes()
    # Of one arrival, in order of time and then of place, which stands above the radar.
    is_one_scan = (
        scan_ns == first_ns
        and arrival == arrival[: len(arrival) // n] * n
        and times_ns == sorted(times_ns)
        and all(map(lt, place, place[1:]))
        and (len(set(words[:, _WORDS_PLACED].tolist())) == n or len(set(_measurements(rows))) == n)
    )
    number = int(rows["radar"][0]), epoch, scan
    return Part(number, first_ns, last_ns, rows["content"][0].tobytes(), is_one_scan)


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
    rows["scan_ns"] = min(tracklet.time_ns for _, tracklet in members)
    for row, (place, tracklet) in zip(rows, members, strict=True):
        row["row"], row["time_ns"] = place, tracklet.time_ns
        for name in (*_WHOLE, *_OF_CORE):
            row[name] = getattr(tracklet, name)
        if len(tracklet.bias_sigma):
            for name in _OF_BIASES:
                row[name] = getattr(tracklet, name)
    return rows


def scans_of(rows: Rows, starts: NDArray[np.int64]) -> ScanArrays:
    """The scans that begin at `starts` (scans + 1,), the last ending there, for the kernels."""
    if len(starts) < 2:
        return _NO_ARRAYS
    rows = rows[starts[0] : starts[-1]]
    words = _words(rows)
    measured = words.view(np.float64)[:, _WORDS_PLACED : _WORDS_PLACED + _MEASUREMENTS]
    return ScanArrays(words[:, 0].copy(), rows["radar"].copy(), measured.copy(), starts - starts[0])


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
        self._span_ns, self._batch_span_ns = span_ns, batch_span_ns
        self.cell_ns, self.partners = cell_ns, partners
        self._cells: dict[int, Cell] = {}
        self._order: list[int] = []
        self.count, self.total = [0, 0], [0, 0]
        self.reach_ns = -(2**63)
        self._scans: dict[tuple[int, int], tuple[Rows, Scans]] = {}
        self._held: dict[tuple[int, int], _Held] = {}
        self._work: dict[int, tuple[Rows, int]] = {}

    def fork(
        self, without: Collection[str] = (), contents: Collection[bytes] = ()
    ) -> "KeptObservations":
        """The same, to be changed without this one; the cells are shared until then.

        `without`: nations whose observations are left out; `contents`: hashes of arrivals that are.
        """
        other = copy(self)
        other._cells, other._order = dict(self._cells), list(self._order)
        other._scans, other._held, other._work = dict(self._scans), {}, dict(self._work)
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
                rest = _of_number(whole, (radar, epoch, scan)) & ~gone
                if rest.any():
                    yield whole[rest]

    def _anew(self, rows: Rows) -> None:
        """Part what is here of a scan into scans anew: its first plot may be gone."""
        kind = kind_of(rows)
        number = part_of(rows).number
        for cell in sorted(set((rows["scan_ns"] // self.cell_ns).tolist())):
            here = self._cells[cell].rows(kind)
            self._put(cell, kind, here[~_of_number(here, number)])
            self._held.pop((cell, kind), None)
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
        return self._name_of(kind_of(rows), part_of(rows).number[0])

    def _name_of(self, kind: int, radar: int) -> tuple[str, str]:
        """Nation and id or label of one of these radars."""
        if kind == PLOTS:
            return self._names[radar]
        return self.partners[radar].nation, self.partners[radar].label

    def add(self, new: Rows) -> Key | None:
        """Put observations of one scan or batch, or a part of it, into their place.

        Those of one number are parted into scans anew, and what is equal in every field counts
        once. Returns the first place that changed; None where nothing did.
        """
        kind, of = kind_of(new), part_of(new)
        span_ns = self._span_of(kind, of.number[0])
        near = self._of_one_number(kind, of, span_ns)
        if near is None and of.is_one_scan and of.last_ns - of.first_ns <= span_ns:
            return self._insert(kind, new, of.number, of.first_ns)
        near = new[:0] if near is None else near
        after = _parted(_once(_joined([near, new])), span_ns)
        changed = _first_change(near, after)
        if changed is None:
            return None
        if len(near):
            self._note_gone(kind, near, of.number)
        for cell in sorted(set((near["scan_ns"] // self.cell_ns).tolist())):
            rows = self._cells[cell].rows(kind)
            self._put(cell, kind, rows[~_of_number(rows, of.number, near["scan_ns"])])
        for scan_ns in sorted(set(after["scan_ns"].tolist())):
            self._insert(kind, after[after["scan_ns"] == scan_ns], of.number, scan_ns)
        return self._key(kind, of.number, changed)

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
        kind, of = kind_of(new), part_of(new)
        span_ns = self._span_of(kind, of.number[0])
        hashed = of.number[0], of.content
        kept, members = False, 0
        for cell in self._between(of.first_ns - span_ns, of.first_ns + span_ns):
            held = self._held_in(cell, kind)
            kept |= held.contents.get(hashed, 0) > 0
            members += held.numbers.get(of.number, 0)
        return kept, members

    @property
    def newest_ns(self) -> int:
        """Start of the newest cell; there is one."""
        return self._order[-1] * self.cell_ns

    def far_ns(self, since_ns: int, most: int) -> int:
        """What is before it has more after it to fold than `most`; looked for since a time.

        Counted are scans, tracklets, and one more for each so many plots; by whole cells, so that
        it depends on what was accepted alone.
        """
        after = 0
        for number in reversed(self._order):
            begin_ns = number * self.cell_ns
            if begin_ns <= since_ns:
                break
            after += self._work_of(number)
            if after > most:
                return begin_ns
        return since_ns

    def _work_of(self, number: int) -> int:
        """How much there is to fold in a cell."""
        plots, tracklets, _ = self._cells[number]
        known = self._work.get(number)
        if known is None or known[0] is not plots:
            scans = int(np.count_nonzero(_differs(plots))) + 1 if len(plots) else 0
            known = self._work[number] = plots, scans + len(plots) // _PLOTS_AS_A_SCAN
            if len(self._work) > _CELLS_HELD:
                del self._work[min(self._work)]
        return known[1] + len(tracklets)

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
        self._know_scans(number, kind, rows, found)
        return found

    def _know_scans(self, cell: int, kind: int, rows: Rows, scans: Scans) -> None:
        """Keep the scans of a cell until it changes; those of the cells asked last stay."""
        self._scans.pop((cell, kind), None)
        self._scans[cell, kind] = rows, scans
        if len(self._scans) > _SCANS_KNOWN:
            del self._scans[next(iter(self._scans))]

    def _scans_of(self, rows: Rows, kind: int) -> Scans:
        names = self._names_of(kind)
        starts = np.append(0, np.flatnonzero(_differs(rows)) + 1)
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

    def _key(self, kind: int, number: Number, scan_ns: int) -> Key:
        """Place of a scan or batch that begins then."""
        radar, epoch, scan = number
        return scan_ns, 1, *self._name_of(kind, radar), kind, scan, epoch

    def _between(self, first_ns: int, last_ns: int) -> list[int]:
        """Numbers of the cells from the one of a time to that of another."""
        begin = bisect_left(self._order, first_ns // self.cell_ns)
        end = bisect_left(self._order, last_ns // self.cell_ns + 1)
        return self._order[begin:end]

    def _of_one_number(self, kind: int, of: Part, span_ns: int) -> Rows | None:
        """Kept rows of the same radar, epoch and number that decide how the scans are parted.

        All that is tied to the new ones by steps of no more than `span_ns`; None: there are none.
        """
        first_ns, last_ns = of.first_ns, of.last_ns
        while True:
            parts = []
            for cell in self._between(first_ns - 2 * span_ns, last_ns + span_ns):
                if self._held_in(cell, kind).numbers.get(of.number):
                    rows = self._cells[cell].rows(kind)
                    parts.append(rows[_of_number(rows, of.number)])
            if not parts:
                return None
            found = _joined(parts)
            time_ns = found["time_ns"]
            found = found[(time_ns >= first_ns - span_ns) & (time_ns <= last_ns + span_ns)]
            if not len(found):
                return None
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

    def _note_gone(self, kind: int, rows: Rows, number: Number) -> None:
        """Take down that rows of one number are in their cells no longer."""
        into = rows["scan_ns"] // self.cell_ns
        for cell in set(into.tolist()):
            held = self._held.get((cell, kind))
            if held is not None:
                held.note(rows[into == cell], number, -1)

    def _insert(self, kind: int, new: Rows, number: Number, scan_ns: int) -> Key:
        """Put a whole scan or batch, which begins then, into its place; returns that."""
        cell, key = scan_ns // self.cell_ns, self._key(kind, number, scan_ns)
        held = self._held.get((cell, kind))
        if held is not None:
            held.note(new, number, 1)
        old = self._cells.get(cell, _EMPTY).rows(kind)
        keys, starts = self.scans(cell, kind) if len(old) else _NO_SCANS
        at = bisect_left(keys, key)
        begin = int(starts[at])
        rows = _joined([old[:begin], new, old[begin:]])
        after = np.concatenate((starts[: at + 1], starts[at:] + len(new)))
        self._put(cell, kind, rows)
        self._know_scans(cell, kind, rows, Scans([*keys[:at], key, *keys[at:]], after))
        return key

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


def ranked(names: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """Place of each name when they are sorted."""
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def kind_of(rows: Rows) -> int:
    """PLOTS or TRACKLETS."""
    return TRACKLETS if rows.dtype == TRACKLET_ROW else PLOTS


def _joined(parts: Sequence[Rows]) -> Rows:
    """One after the other; NumPy takes ten times as long with records, field by field."""
    rows = np.concatenate([_words(part) for part in parts])
    return rows.view(parts[0].dtype).reshape(len(rows))


def _words(rows: Rows) -> NDArray[np.int64]:
    """The bits of records (n,) as words of 8 bytes (n, w)."""
    return rows.view(np.int64).reshape(len(rows), rows.itemsize // 8)


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
    rows: Rows, number: Number, scan_ns: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Which rows are of one radar, epoch and number, and of scans that begin at these times."""
    radar, epoch, scan = number
    own = (rows["scan"] == scan) & (rows["radar"] == radar) & (rows["epoch"] == epoch)
    if scan_ns is not None:
        own &= np.isin(rows["scan_ns"], scan_ns)
    return own


def _within_scan(rows: Rows) -> tuple[NDArray[Any], ...]:
    """Keys for `lexsort` of the order within a scan: time, sequence, content hash, row."""
    content = rows["content"]
    return rows["row"], content[:, 1], content[:, 0], rows["sequence"], rows["time_ns"]


def _differs(rows: Rows) -> NDArray[np.bool_]:
    """Which rows (n - 1,), from the second on, are of another scan than the one before."""
    differs = np.zeros(len(rows) - 1, bool)
    for name in ("scan_ns", "radar", "scan", "epoch"):
        column = rows[name]
        differs |= column[1:] != column[:-1]
    return differs


def _once(rows: Rows) -> Rows:
    """Rows of one number in order of time, those equal in every field once."""
    if len(rows) == 1:
        return rows
    rows = rows if _in_order(rows) else rows[np.lexsort(_within_scan(rows))]
    first: dict[bytes, int] = {}
    for at, plot in enumerate(_measurements(rows)):
        first.setdefault(plot, at)
    return rows if len(first) == len(rows) else rows[list(first.values())]


def _measurements(rows: Rows) -> list[bytes]:
    """Of each row the bits that tell it from others of its scan: time, and what was measured."""
    bits, size = rows.tobytes(), rows.itemsize
    return [
        bits[begin : begin + 8] + bits[begin + _MEASURED_AT : begin + size]
        for begin in range(0, len(bits), size)
    ]


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
