"""A picture that goes back to a checkpoint and folds anew when something comes late."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.errors import SkypactError
from skypact.model import PartnerRadar, Radar
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import tables
from skypact.tracking.kept import (
    KINDS,
    Cell,
    KeptObservations,
    Key,
    Rows,
    Scans,
    batches_of,
    part_of,
    scans_of,
)
from skypact.tracking.picture import Checkpoint, Picture

S = 1_000_000_000
START: Key = (-(2**63),)
"""Before everything."""
_LEAST_APART, _SIZE_AS_ONE = 16, 8
"""A checkpoint and going back to it take the time of folding so many observations, and of one more
for each so many tracks."""
_MOST_UNUSED = 16
"""Near checkpoints lie so many times as far apart, at most, where nothing is late."""


class Saved(NamedTuple):
    """The picture when all before `key`, and nothing from there on, was folded."""

    key: Key
    picture: Checkpoint
    left_out: int
    size_bytes: int


class NearCheckpoints:
    """Checkpoints close to the present, between those that are kept: most of what is late is not so
    by much, and is put in without folding again all that came in half a second.

    They are made when about as much has been folded since the last as one costs to make and to go
    back to, lie further apart the older they are, and are never saved. While nothing that comes is
    late they are made less and less often.
    """

    def __init__(self, late: LateSettings) -> None:
        self._most = late.near_checkpoints
        self._most_bytes = late.near_checkpoint_mib * 2**20
        self._kept: list[tuple[int, Saved]] = []
        self._unused = 1  # doubled with each that nobody went back to, or behind
        self.passed = 0
        """Observations folded so far, those of a rewind again."""

    def save(self, key: Key, picture: Picture, left_out: int) -> None:
        """Keep the picture as it is, all before `key` being folded, if it is time for that."""
        last = self._kept[-1][0] if self._kept else 0
        apart = self._unused * (_LEAST_APART + picture.size // _SIZE_AS_ONE)
        if not self._most or self.passed - last < apart:
            return
        self._unused = min(2 * self._unused, _MOST_UNUSED)
        one = picture.near_checkpoint()
        size = one.size_bytes
        most = min(self._most, int(self._most_bytes // size))
        if most:
            self._kept.append((self.passed, Saved(key, one, left_out, size)))
        while len(self._kept) > most:
            ages = [self.passed - passed + 1 for passed, _ in self._kept]
            gaps = [
                (ages[at - 1] - ages[at + 1]) / ages[at] for at in range(1, len(self._kept) - 1)
            ]
            del self._kept[1 + int(np.argmin(gaps)) if gaps else 0]

    def until(self, key: Key) -> list[Saved]:
        """The last one by a moment, if there is one; what is after it holds no more."""
        self._unused = 1
        while self._kept and self._kept[-1][1].key > key:
            self._kept.pop()
        return [saved for _, saved in self._kept[-1:]]

    def drop(self, before: Key | None = None) -> None:
        """Those before a moment, or all."""
        self._kept = [one for one in self._kept if before is not None and one[1].key >= before]


class RewindState(NamedTuple):
    """All that a `RewindablePicture` is, to go on from elsewhere.

    `now`: as far as it is folded. `cells`: number, plots, tracklets, marks.
    """

    reach_ns: int
    cells: tuple[tuple[int, Rows, Rows, tuple[int, ...]], ...]
    saved: tuple[Saved, ...]
    now: Saved
    changed: Key | None
    older_than: int | None
    first_ns: dict[str, int]


class RewindablePicture:
    """A picture, what it is folded from, and checkpoints to go back to.

    What is added goes into its place at once; `fold` then makes the picture what it would be had
    all come in order, bit for bit: back to the last checkpoint before the first change, and on
    from there. `older_than`: numbers below it are of tracks that no rewind since it was last
    set to None has touched. `first_ns`: earliest observation of each nation.

    Radars of partners are taken into the picture in the order in which the fold meets them, and
    going back forgets them: so states are as long, and in that order, as the data say.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        tracking: TrackingSettings | None = None,
        late: LateSettings | None = None,
        partners: list[PartnerRadar] | None = None,
    ) -> None:
        self._late = late or LateSettings()
        self.picture = Picture(radars, tracking)
        self.kept = KeptObservations(
            radars,
            scan_spans_ns(radars, self._late),
            round(self._late.checkpoint_s * S),
            [] if partners is None else partners,
            batch_span_ns(self.picture.settings),
        )
        self.first_ns: dict[str, int] = {}
        self._saved = [Saved(START, self.picture.checkpoint(), 0, 0)]
        self._near = NearCheckpoints(self._late)
        self._position = START  # all before it is folded
        self._changed: Key | None = None
        self.left_out = 0
        self.older_than: int | None = None

    @property
    def reach_ns(self) -> int:
        """Nothing before it can be put in any more."""
        return max(self.kept.reach_ns, self._saved[0].key[0])

    @property
    def checkpoints(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        return len(self._saved), sum(saved.size_bytes for saved in self._saved)

    def add(self, rows: Rows) -> None:
        """Put plots of one scan, or tracklets of one batch, or a part of it, in their place."""
        nation, first_ns = self.kept.name(rows)[0], part_of(rows).first_ns
        self.first_ns[nation] = min(first_ns, self.first_ns.get(nation, first_ns))
        self._note(self.kept.add(rows))

    def add_mark(self, time_ns: int) -> None:
        """Put a clock mark in its place."""
        self._note(self.kept.add_mark(time_ns))

    def fold(self, observations: int | None = None, before_ns: int | None = None) -> bool:
        """Fold what is not yet; whether that is now done.

        At most some `observations` at once, to the end of the cell where they are reached; only
        cells that end by `before_ns`.
        """
        changed = self._changed
        self._go_back()
        if observations is None and before_ns is None and self._position != START:
            # What is late next is most likely late by as much: it will go back to here.
            if changed is not None:
                self._fold_cells(until=changed)
            self._near.save(self._position, self.picture, self.left_out)
        return self._fold_cells(observations, before_ns)

    def _fold_cells(
        self,
        observations: int | None = None,
        before_ns: int | None = None,
        until: Key | None = None,
    ) -> bool:
        """`fold`, nothing being late; all before `until` alone."""
        cell_ns = self.kept.cell_ns
        folded = 0
        for cell in self.kept.cells_from(self._position[0]):
            if observations is not None and folded >= observations:
                return False
            if before_ns is not None and (cell + 1) * cell_ns > before_ns:
                break
            if until is not None and until <= (cell * cell_ns,):
                break
            if self._position < (cell * cell_ns,):
                self._position = (cell * cell_ns,)
                self._save(self._position)
            rows = self._fold_cell(cell, until)
            self._near.passed += rows
            folded += rows
        return True

    def fork(
        self, from_ns: int, without: Collection[str] = (), contents: Collection[bytes] = ()
    ) -> "RewindablePicture":
        """Another of the same observations, gone back to the last checkpoint by `from_ns`.

        `without`: nations whose observations are left out, `contents`: hashes of arrivals that are;
        none of them is before `from_ns`.
        """
        self._go_back()
        other = self._empty()
        other.kept = self.kept.fork(without, contents)
        other.first_ns = {n: t for n, t in self.first_ns.items() if n not in without}
        last = max(1, sum(saved.key <= (from_ns,) for saved in self._saved))
        other._saved = self._saved[:last]
        other._changed = other._saved[-1].key
        other._go_back()
        return other

    def at(self, time_ns: int) -> Picture:
        """The picture of what is kept up to a time, as though nothing had come after it.

        Raises SkypactError where that is further back than anything that is kept.
        """
        self._go_back()
        if self._saved[0].key > (time_ns, 1):
            raise SkypactError(
                f"the picture goes back to {self._saved[0].key[0]} ns since 1970 and no further"
            )
        other = self._empty()
        other.kept = self.kept.until(time_ns)
        last = max(1, sum(saved.key <= (time_ns,) for saved in self._saved))
        other._saved = self._saved[:last]
        other._changed = other._saved[-1].key
        other.fold()
        return other.picture

    def knows_without(self, nations: Collection[str], contents: Collection[bytes] = ()) -> bool:
        """Whether there is a checkpoint from before all that is to be left out."""
        first_ns = self._first_of(nations, contents)
        return first_ns is None or self._saved[0].key <= (first_ns,)

    def without(
        self, nations: Collection[str], contents: Collection[bytes] = ()
    ) -> "RewindablePicture | None":
        """Another that is as though these nations had never sent, nor these arrivals come.

        None: nothing of them is here. Where it is older than all checkpoints, it is begun anew from
        what is kept.
        """
        first_ns = self._first_of(nations, contents)
        if first_ns is None:
            return None
        if self.knows_without(nations, contents):
            return self.fork(first_ns, nations, contents)
        other = self.fork(START[0], nations, contents)
        fresh = self._empty().picture.checkpoint()
        begin = self._saved[0].key
        other._saved = [Saved(begin, fresh, 0, fresh.size_bytes)]
        other._changed = begin
        other._go_back()
        other.first_ns = {n: max(t, begin[0]) for n, t in other.first_ns.items()}
        return other

    def state(self) -> RewindState:
        """All that it is; what is in it is never written to."""
        cells = ((number, *cell) for number, cell in self.kept.cells.items())
        picture = self.picture.checkpoint()
        return RewindState(
            self.kept.reach_ns,
            tuple(cells),
            _within(self._saved, self._late.saved_checkpoint_mib, self._late.checkpoint_share),
            Saved(self._position, picture, self.left_out, picture.size_bytes),
            self._changed,
            self.older_than,
            dict(self.first_ns),
        )

    def restore(self, state: RewindState) -> None:
        """Be what another of the same radars, settings and partners was."""
        self.kept.restore(
            state.reach_ns, {number: Cell(p, t, m) for number, p, t, m in state.cells}
        )
        self._saved = list(state.saved)
        self._near.drop()
        self.picture.restore(state.now.picture)
        self._position, self.left_out = state.now.key, state.now.left_out
        self._changed, self.older_than = state.changed, state.older_than
        self.first_ns = dict(state.first_ns)

    def forget(self, needed_ns: int | None = None) -> None:
        """Drop checkpoints, and the observations before them, that lie before what is to be kept.

        The last one by then stays, and by `needed_ns`. Where checkpoints lie so far apart that it
        would keep twice as many observations as a setting, it goes too.
        """
        most = self._late.greatest_kept_plots, self._late.greatest_kept_tracklets
        self.kept.limit(self._position[0] - round(self._late.kept_s * S), most)
        keep_ns = self.kept.reach_ns if needed_ns is None else min(needed_ns, self.kept.reach_ns)
        while len(self._saved) > 1 and (
            self._saved[1].key[0] <= keep_ns
            or any(self.kept.total[kind] > 2 * most[kind] for kind in KINDS)
        ):
            del self._saved[0]
            self._near.drop(before=self._saved[0].key)
            self.kept.forget_before(self._saved[0].key[0])

    def keep_older_than(self, number: int | None) -> None:
        """Tracks of this number and above may have been numbered anew."""
        if number is not None:
            self.older_than = min(number, self.older_than or number)

    def _note(self, changed: Key | None) -> None:
        if changed is not None and changed < self._position:
            self._changed = min(changed, self._changed or changed)

    def _go_back(self) -> None:
        if self._changed is None:
            return
        while len(self._saved) > 1 and self._saved[-1].key > self._changed:
            self._saved.pop()
        near = self._near.until(self._changed)
        then = max([self._saved[-1], *near], key=lambda one: one.key)
        self.picture.restore(then.picture)
        self._position, self.left_out, self._changed = then.key, then.left_out, None
        self.keep_older_than(then.picture.next_id)

    def _empty(self) -> "RewindablePicture":
        """Another of the same radars, settings and partners, with nothing in it."""
        picture, partners = self.picture, self.kept.partners
        return RewindablePicture(picture.radars, picture.settings, self._late, partners)

    def _first_of(self, nations: Collection[str], contents: Collection[bytes] = ()) -> int | None:
        """Earliest scan or batch with an observation of any of these; None: there is none."""
        first_ns = [t for n, t in self.first_ns.items() if n in nations]
        if contents:
            for kind in KINDS:
                first_ns += self.kept.of_contents(kind, contents)["scan_ns"].tolist()
        return min(first_ns, default=None)

    def _fold_cell(self, number: int, until: Key | None = None) -> int:
        """Fold of a cell what is not yet; returns how many observations and marks, at most."""
        cell = self.kept.cell(number)
        runs = [self.kept.scans(number, kind) for kind in KINDS]
        at = [bisect_left(run.keys, self._position) for run in runs]
        last = [len(run.keys) if until is None else bisect_left(run.keys, until) for run in runs]
        rows = sum(
            int(run.starts[max(begin, end)] - run.starts[begin])
            for run, begin, end in zip(runs, at, last, strict=True)
        )
        marks = [
            mark
            for mark in cell.marks
            if self._position <= (mark, 0) and (until is None or (mark, 0) < until)
        ]
        for mark in marks:
            end = [bisect_left(run.keys, (mark,)) for run in runs]
            self._observe(cell, runs, at, end)
            at = end
            self.picture.advance(mark)
            self._position = (mark, 0, 0)
        self._observe(cell, runs, at, last)
        if until is not None:
            self._position = max(self._position, min(until, ((number + 1) * self.kept.cell_ns,)))
        return rows + len(marks)

    def _observe(
        self, cell: Cell, runs: Sequence[Scans], first: Sequence[int], end: Sequence[int]
    ) -> None:
        """Fold whole scans and batches; what there is no room for among the tracks is left out."""
        if first == end:
            return
        starts = [runs[kind].starts[first[kind] : end[kind] + 1] for kind in KINDS]
        if self._is_room(starts):
            self._observe_at(cell, *starts)
        else:
            few = [(runs[k].keys[i], k, i) for k in KINDS for i in range(first[k], end[k])]
            for _, kind, i in sorted(few):
                one = runs[kind].starts[i : i + 2]
                self._observe_at(cell, *((one[:0], one) if kind else (one, one[:0])))
        last = [runs[kind].keys[end[kind] - 1] for kind in KINDS if end[kind] > first[kind]]
        self._position = (*max(last), 0)

    def _observe_at(self, cell: Cell, scans: NDArray[np.int64], batches: NDArray[np.int64]) -> None:
        """Fold the scans and batches that begin at these rows, and end where the last one says."""
        partners = self.kept.partners
        whole = batches_of(cell.tracklets, batches, partners) if len(batches) > 1 else []
        try:
            self.left_out += len(self.picture.observe_checked(scans_of(cell.plots, scans), whole))
        except SkypactError:
            self.left_out += 1

    def _is_room(self, starts: Sequence[NDArray[np.int64]]) -> bool:
        """Whether all find room for sure: no more can begin than there are observations."""
        status = self.picture._tracks.number[:, tables.STATUS]
        more = sum(int(one[-1] - one[0]) for one in starts)
        # Room grows by doubling, so that half of the setting is there at least.
        most = self.picture.settings.greatest_tracks // 2
        if len(status) + more <= most:
            return True
        return int(np.count_nonzero(status != tables.FREE_ROW)) + more <= most

    def _save(self, key: Key) -> None:
        last = self._saved[-1].key
        age_ns = self.kept.newest_ns - key[0]
        if key[0] - last[0] >= max(1.0, 0.5 * self._late.checkpoint_share * age_ns):
            picture = self.picture.checkpoint()
            self._saved.append(Saved(key, picture, self.left_out, picture.size_bytes))
            self._thin_out()

    def _thin_out(self) -> None:
        """Drop checkpoints that lie closer than their age calls for, or need too much memory."""
        share = self._late.checkpoint_share
        for at in range(len(self._saved) - 2, 0, -1):
            if _closeness(self._saved, at, share) <= 1.0:
                del self._saved[at]
        self._saved = list(_within(self._saved, self._late.greatest_checkpoint_mib, share))


def _closeness(saved: Sequence[Saved], at: int, share: float) -> float:
    """The gap without one checkpoint over the one allowed at its age."""
    gap_ns = saved[at + 1].key[0] - saved[at - 1].key[0]
    return float(gap_ns / (share * (saved[-1].key[0] - saved[at].key[0])))


def _within(saved: Sequence[Saved], mib: float, share: float) -> tuple[Saved, ...]:
    """The same without the ones that are closest for their age, as far as memory calls for."""
    left = list(saved)
    size = sum(one.size_bytes for one in left)
    while size > mib * 2**20 and len(left) > 2:
        closest = min(range(1, len(left) - 1), key=lambda at: _closeness(left, at, share))
        size -= left.pop(closest).size_bytes
    return tuple(left)


def scan_spans_ns(radars: Sequence[Radar], late: LateSettings) -> list[int]:
    """How far apart plots of one scan may be, of each radar."""
    return [round((1.5 * r.period_s if r.period_s else late.scan_s) * S) for r in radars]


def batch_span_ns(tracking: TrackingSettings) -> int:
    """How far apart tracklets of one batch may be."""
    return round(tracking.greatest_tracklet_s * S)
