"""Sources of plots: which of their numbers have come, which are missing, and since when."""

from collections.abc import Iterable
from typing import NamedTuple

EPOCHS = 2
"""Epochs of a source that are remembered: of the one before the newest some may still come."""


class Gap(NamedTuple):
    """Numbers `first` to `last` are missing; they belong between two times.

    `after_ns` None: nothing came before them. `cut`: for so long nothing came that the source had
    been cut off.
    """

    first: int
    last: int
    after_ns: int | None
    before_ns: int
    cut: bool


class EpochState(NamedTuple):
    """All that an `Epoch` is; fields as there."""

    number: int
    top: int
    begin_ns: int | None
    newest_ns: int | None
    gaps: tuple[Gap, ...]


class Epoch:
    """The numbers of one epoch of a source. `begin_ns`: the earliest accepted time."""

    def __init__(self, number: int, after_ns: int | None) -> None:
        self.number = number
        self.top = 0
        self.begin_ns: int | None = None
        self.newest_ns = after_ns
        self.gaps: list[Gap] = []

    def state(self) -> EpochState:
        """All that it is."""
        return EpochState(self.number, self.top, self.begin_ns, self.newest_ns, tuple(self.gaps))

    def has_come(self, sequence: int) -> bool:
        """Whether this number was there before."""
        return sequence <= self.top and self._gap(sequence) is None

    def gap_of(self, sequence: int, before_ns: int, cut_ns: int) -> Gap:
        """The gap that a number falls in which has not come; the last one ends at `before_ns`."""
        gap = self._gap(sequence)
        if gap is not None:
            return gap
        after_ns = self.newest_ns
        cut = after_ns is not None and before_ns - after_ns > cut_ns
        return Gap(self.top + 1, sequence, after_ns, before_ns, cut)

    def note(
        self,
        sequence: int,
        times_ns: tuple[int, int] | None,
        clock_ns: int,
        cut_ns: int,
        greatest_gaps: int,
    ) -> None:
        """A number has come at a time, with plots of these times if they are believed."""
        gap = self._gap(sequence)
        if gap is not None:
            at = self.gaps.index(gap)
            self.gaps[at : at + 1] = _without(gap, sequence, times_ns)
        elif sequence > self.top:
            if sequence > self.top + 1:
                whole = self.gap_of(sequence, clock_ns, cut_ns)
                self.gaps += _without(whole, sequence, times_ns)
            self.top = sequence
        del self.gaps[: max(0, len(self.gaps) - greatest_gaps)]
        if times_ns:
            self.newest_ns = max(times_ns[1], self.newest_ns or times_ns[1])
            self.begin_ns = min(times_ns[0], self.begin_ns or times_ns[0])

    def reopen(self, sequence: int, after_ns: int, before_ns: int) -> None:
        """What came under this number is taken out: another may come, of between these times."""
        if self.has_come(sequence):
            again = Gap(sequence, sequence, after_ns, before_ns, True)
            self.gaps = sorted([*self.gaps, again], key=lambda gap: gap.first)

    def _gap(self, sequence: int) -> Gap | None:
        for gap in reversed(self.gaps):
            if gap.first <= sequence <= gap.last:
                return gap
            if gap.last < sequence:
                return None
        return None


def _without(gap: Gap, sequence: int, times_ns: tuple[int, int] | None) -> list[Gap]:
    """What is left of a gap when one number of it has come."""
    first_ns, last_ns = times_ns or (gap.before_ns, gap.after_ns)
    parts = (
        gap._replace(last=sequence - 1, before_ns=first_ns),
        gap._replace(first=sequence + 1, after_ns=last_ns),
    )
    return [part for part in parts if part.first <= part.last]


class Source:
    """One radar as a source: its newest epochs."""

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []

    def state(self) -> tuple[EpochState, ...]:
        """Its epochs."""
        return tuple(epoch.state() for epoch in self.epochs)

    def restore(self, epochs: Iterable[EpochState]) -> None:
        """Remember these epochs."""
        self.epochs = []
        for state in epochs:
            epoch = Epoch(state.number, state.newest_ns)
            epoch.top, epoch.begin_ns, epoch.gaps = state.top, state.begin_ns, list(state.gaps)
            self.epochs.append(epoch)

    @property
    def newest_ns(self) -> int | None:
        """Newest accepted time."""
        return self.epochs[-1].newest_ns if self.epochs else None

    def epoch(self, number: int) -> Epoch | None:
        """One that is remembered."""
        return next((epoch for epoch in self.epochs if epoch.number == number), None)

    def ended_ns(self, number: int) -> int | None:
        """When a newer epoch began."""
        begins = [e.begin_ns for e in self.epochs if e.number > number and e.begin_ns is not None]
        return min(begins, default=None)

    def is_too_old(self, number: int) -> bool:
        """Whether an epoch is older than those remembered."""
        return bool(self.epochs) and number < self.epochs[0].number

    def begun(self, number: int) -> Epoch:
        """The epoch of this number, a new one where there is none."""
        epoch = self.epoch(number)
        if epoch is None:
            epoch = Epoch(number, self.newest_ns)
            self.epochs = sorted([*self.epochs, epoch], key=lambda e: e.number)[-EPOCHS:]
        return epoch


def watermark_ns(
    newest_ns: Iterable[int | None], clock_ns: int, live_ns: int, ahead_ns: int
) -> int:
    """The least newest accepted time over the live sources; no less than the clock less `live_ns`.

    Live is a source whose newest time is within `live_ns` of the receiver's clock: one that has
    fallen silent, is stuck, or lags, does not hold the watermark. Nor does one that is ahead of the
    clock by more than `ahead_ns`, as after the receiver's clock was put back.
    """
    floor_ns = clock_ns - live_ns
    live = [t for t in newest_ns if t is not None and floor_ns <= t <= clock_ns + ahead_ns]
    return min(live, default=floor_ns)
