"""A picture that goes back to a checkpoint and folds anew when something comes late."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skypact.errors import SkypactError
from skypact.model import Radar
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking import tables
from skypact.tracking.kept_plots import Cell, KeptPlots, Key, Rows, Scans, plots_of
from skypact.tracking.picture import Checkpoint, Picture

S = 1_000_000_000
START: Key = (-(2**63),)
"""Before everything."""


class _Saved(NamedTuple):
    """The picture when all before `key`, and nothing from there on, was folded."""

    key: Key
    picture: Checkpoint
    left_out: int
    size_bytes: int


class RewindablePicture:
    """A picture, the plots and clock marks it is folded from, and checkpoints to go back to.

    What is added goes into its place at once; `fold` then makes the picture what it would be had
    all come in order, bit for bit: back to the last checkpoint before the first change, and on
    from there. `older_than`: numbers below it are of tracks that no rewind since it was last
    set to None has touched.
    """

    def __init__(
        self,
        radars: Sequence[Radar],
        tracking: TrackingSettings | None = None,
        late: LateSettings | None = None,
    ) -> None:
        self._late = late or LateSettings()
        self.picture = Picture(radars, tracking)
        self.kept = KeptPlots(
            self.picture.rank(),
            scan_spans_ns(radars, self._late),
            round(self._late.checkpoint_s * S),
        )
        self._saved = [_Saved(START, self.picture.checkpoint(), 0, 0)]
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
        """Put plots of one scan, or a part of it, in their place."""
        self._note(self.kept.add(rows))

    def add_mark(self, time_ns: int) -> None:
        """Put a clock mark in its place."""
        self._note(self.kept.add_mark(time_ns))

    def fold(self, plots: int | None = None, before_ns: int | None = None) -> bool:
        """Fold what is not yet; whether that is now done.

        At most some `plots` at once, to the end of the cell where they are reached; only cells that
        end by `before_ns`.
        """
        self._go_back()
        cell_ns = self.kept.cell_ns
        folded = 0
        for cell in self.kept.cells_from(self._position[0]):
            if plots is not None and folded >= plots:
                return False
            if before_ns is not None and (cell + 1) * cell_ns > before_ns:
                break
            if self._position < (cell * cell_ns,):
                self._position = (cell * cell_ns,)
                self._save(self._position)
            folded += self._fold_cell(self.kept.cell(cell), self.kept.scans(cell))
        return True

    def fork(self, from_ns: int) -> "RewindablePicture":
        """Another with the same plots, gone back to the last checkpoint by `from_ns`."""
        late, picture = self._late, self.picture
        other = RewindablePicture(picture.radars, picture.settings, late)
        other.kept = self.kept.fork()
        last = max(1, sum(saved.key <= (from_ns,) for saved in self._saved))
        other._saved = self._saved[:last]
        other._changed = other._saved[-1].key
        other._go_back()
        return other

    def forget(self, needed_ns: int | None = None) -> None:
        """Drop checkpoints, and the plots before them, that lie before what is to be kept.

        The last one by then stays, and by `needed_ns`. Where checkpoints lie so far apart that it
        would keep twice as many plots as the setting, it goes too.
        """
        most = self._late.greatest_kept_plots
        self.kept.limit(self._position[0] - round(self._late.kept_s * S), most)
        keep_ns = self.kept.reach_ns if needed_ns is None else min(needed_ns, self.kept.reach_ns)
        while len(self._saved) > 1 and (
            self._saved[1].key[0] <= keep_ns or self.kept.total > 2 * most
        ):
            del self._saved[0]
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
        then = self._saved[-1]
        self.picture.restore(then.picture)
        self._position, self.left_out, self._changed = then.key, then.left_out, None
        self.keep_older_than(then.picture.next_id)

    def _fold_cell(self, cell: Cell, scans: Scans) -> int:
        """Fold of a cell what is not yet; returns how many plots and marks that were, at most."""
        begin = scan = bisect_left(scans.keys, self._position)
        for mark in cell.marks:
            if (mark, 0) < self._position:
                continue
            end = bisect_left(scans.keys, (mark,))
            self._observe(cell.rows, scans, scan, end)
            scan = end
            self.picture.advance(mark)
            self._position = (mark, 0, 0)
        self._observe(cell.rows, scans, scan, len(scans.keys))
        return int(scans.starts[-1] - scans.starts[begin]) + len(cell.marks)

    def _observe(self, rows: Rows, scans: Scans, first: int, end: int) -> None:
        """Fold whole scans; one for which there is no room among the tracks is left out."""
        if first == end:
            return
        starts = scans.starts[first : end + 1]
        for few in (
            [starts] if self._is_room(starts) else np.column_stack((starts[:-1], starts[1:]))
        ):
            try:
                self.picture.observe(plots_of(rows[few[0] : few[-1]], few))
            except SkypactError:
                self.left_out += 1
        self._position = (*scans.keys[end - 1], 0)

    def _is_room(self, starts: np.ndarray) -> bool:
        """Whether all find room for sure: no more can be confirmed than there are plots."""
        status = self.picture._tracks.number[:, tables.STATUS]
        confirmed = int(np.count_nonzero(status == tables.CONFIRMED))
        # Room grows by doubling, so that half of the setting is there at least.
        return confirmed + int(starts[-1] - starts[0]) <= self.picture.settings.greatest_tracks // 2

    def _save(self, key: Key) -> None:
        last = self._saved[-1].key
        age_ns = self.kept.newest_ns - key[0]
        if key[0] - last[0] >= max(1.0, 0.5 * self._late.checkpoint_share * age_ns):
            picture = self.picture.checkpoint()
            self._saved.append(_Saved(key, picture, self.left_out, picture.size_bytes))
            self._thin_out()

    def _thin_out(self) -> None:
        """Drop checkpoints that lie closer than their age calls for, or need too much memory."""
        now_ns = self._saved[-1].key[0]
        share = self._late.checkpoint_share

        def closeness(at: int) -> float:
            """The gap without this one over the one allowed at its age."""
            gap_ns = self._saved[at + 1].key[0] - self._saved[at - 1].key[0]
            return gap_ns / (share * (now_ns - self._saved[at].key[0]))

        for at in range(len(self._saved) - 2, 0, -1):
            if closeness(at) <= 1.0:
                del self._saved[at]
        room = self._late.greatest_checkpoint_mib * 2**20
        _, size = self.checkpoints
        while size > room and len(self._saved) > 2:
            closest = min(range(1, len(self._saved) - 1), key=closeness)
            size -= self._saved.pop(closest).size_bytes


def scan_spans_ns(radars: Sequence[Radar], late: LateSettings) -> np.ndarray:
    """(r,) int64: how far apart plots of one scan may be."""
    return np.array(
        [round((1.5 * r.period_s if r.period_s else late.scan_s) * S) for r in radars], np.int64
    )
