"""What becomes of an arrival: accepted, refused or late, with the reason and what to do."""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skypact.model import Arrival, Cause, ClockMark, Outcome, Radar, Verdict
from skypact.settings import LateSettings
from skypact.tracking.rewind import scan_spans_ns
from skypact.tracking.sources import Epoch, Source, watermark_ns

S = 1_000_000_000
_GREATEST = 2**63 - 1
_HEARD = (None, Cause.EMPTY)
"""Causes after which a number has come and need not be missed."""


class Present(NamedTuple):
    """What is kept already. `kept`: this content; `scan_plots`: so many of the same scan.

    `plots`: of all; `reach_ns`: nothing before it can be put in any more.
    """

    kept: bool
    scan_plots: int
    plots: int
    reach_ns: int


class Judge:
    """Decides about arrivals by the receiver's clock, the watermark and the sources' numbers.

    `verdict_on…` decide and change nothing; `note` takes down what was decided, here or in the
    journal.
    """

    def __init__(self, radars: Sequence[Radar], late: LateSettings) -> None:
        self._late = late
        self._number = {(radar.nation, radar.id): at for at, radar in enumerate(radars)}
        self._sources = [Source() for _ in radars]
        self._span_ns = scan_spans_ns(radars, late)
        self._window_ns = round(late.window_s * S)
        self._ahead_ns = round(late.clock_tolerance_s * S)
        self._cut_ns = round(late.cut_s * S)

    def knows(self, arrival: Arrival) -> bool:
        """Whether the arrival's radar is in the table."""
        return (arrival.nation, arrival.radar) in self._number

    def radar(self, arrival: Arrival) -> int:
        """Its number in the table; KeyError where it has none."""
        return self._number[arrival.nation, arrival.radar]

    def watermark_ns(self, clock_ns: int) -> int:
        """The least newest accepted time over the live sources."""
        newest = (source.newest_ns for source in self._sources)
        return watermark_ns(newest, clock_ns, round(self._late.live_s * S), self._ahead_ns)

    def horizon_ns(self, clock_ns: int) -> int:
        """What is older is late."""
        return self.watermark_ns(clock_ns) - self._window_ns

    def catches_up(self, radar: int, clock_ns: int) -> bool:
        """Whether a source is still behind, or misses numbers since it was cut off."""
        source = self._sources[radar]
        behind = source.newest_ns is None or source.newest_ns < self.horizon_ns(clock_ns)
        return behind or any(gap.cut for epoch in source.epochs for gap in epoch.gaps)

    def needs_from_ns(self, arrival: Arrival) -> int:
        """From when on plots have to be kept to put these in: their scan may have begun before."""
        return int(arrival.plots.time_ns.min() - 2 * self._span_ns[self.radar(arrival)])

    def unfit(self, arrival: Arrival, content: str) -> Verdict | None:
        """A verdict that needs no look at what is kept: the arrival by itself is no good."""

        def refused(cause: Cause, reason: str, remedy: str) -> Verdict:
            return _verdict(Outcome.REFUSED, content, cause, reason, remedy)

        if not self.knows(arrival):
            return refused(
                Cause.UNKNOWN_RADAR,
                f"{arrival.nation} has no radar {arrival.radar} in the table",
                "add it to the radar table, or correct its name",
            )
        radar = self.radar(arrival)
        fault = _fault(arrival, radar)
        if fault:
            return refused(Cause.UNFIT, fault, "correct the feed")
        time_ns = arrival.plots.time_ns
        if not len(time_ns):
            return refused(Cause.EMPTY, "no plots", "send arrivals with plots only")
        most = self._late.greatest_scan_plots
        if len(time_ns) > most:
            reason = f"{len(time_ns):,} plots in one scan, more than {most:,}"
            return refused(Cause.TOO_MANY, reason, _FLOOD.format(most))
        first_ns, last_ns = int(time_ns.min()), int(time_ns.max())
        if last_ns - first_ns > self._span_ns[radar]:
            return refused(
                Cause.APART,
                f"plots of one scan {(last_ns - first_ns) / S:,.3f} s apart, more than "
                f"{self._span_ns[radar] / S:g} s",
                "send scan by scan, or correct the radar's period_s or late.scan_s",
            )
        ahead_ns = last_ns - arrival.received_ns
        if ahead_ns > self._ahead_ns:
            return refused(
                Cause.AHEAD,
                f"{ahead_ns / S:,.3f} s ahead of the receiver's clock",
                "set the radar's clock, or the receiver's",
            )
        return None

    def verdict_on(self, arrival: Arrival, content: str, present: Present) -> Verdict:
        """Decide about an arrival that is not unfit."""

        def verdict(outcome: Outcome, cause: Cause, reason: str, remedy: str) -> Verdict:
            return _verdict(outcome, content, cause, reason, remedy)

        radar = self.radar(arrival)
        source = self._sources[radar]
        first_ns = int(arrival.plots.time_ns.min())
        if present.kept:
            return verdict(Outcome.REFUSED, Cause.DUPLICATE, "came before", "none needed")
        ended_ns = source.ended_ns(arrival.epoch)
        if source.is_too_old(arrival.epoch) or (ended_ns is not None and first_ns > ended_ns):
            return verdict(
                Outcome.REFUSED,
                Cause.OLD_EPOCH,
                f"epoch {arrival.epoch} ended when epoch {source.epochs[-1].number} began",
                "raise the epoch at every start of the source",
            )
        epoch = source.epoch(arrival.epoch) or Epoch(arrival.epoch, source.newest_ns)
        if epoch.has_come(arrival.sequence):
            return verdict(
                Outcome.REFUSED,
                Cause.REPEATED,
                f"number {arrival.sequence} of epoch {arrival.epoch} came before with other plots",
                "count on with every arrival; begin a new epoch after a restart",
            )
        most = self._late.greatest_scan_plots
        if present.scan_plots + len(arrival.plots.time_ns) > most:
            reason = f"its scan would have more than {most:,} plots"
            return verdict(Outcome.REFUSED, Cause.TOO_MANY, reason, _FLOOD.format(most))
        if present.plots > self._late.greatest_kept_plots:
            return verdict(
                Outcome.REFUSED,
                Cause.TOO_MANY,
                f"{present.plots:,} plots are kept already",
                "raise late.greatest_kept_plots, or find the radar that floods",
            )
        horizon_ns = self.horizon_ns(arrival.received_ns)
        catching_up = first_ns < horizon_ns
        if catching_up and not self._fits_a_cut(arrival, epoch, ended_ns, radar):
            return verdict(
                Outcome.LATE,
                Cause.STRAY,
                f"{(horizon_ns - first_ns) / S + self._late.window_s:,.1f} s behind the watermark, "
                f"more than {self._late.window_s:g} s",
                "set the radar's clock, speed up its link, or raise late.window_s",
            )
        if self.needs_from_ns(arrival) < present.reach_ns:
            return verdict(Outcome.LATE, Cause.OUT_OF_REACH, *_OUT_OF_REACH)
        return Verdict(outcome=Outcome.ACCEPTED, content=content, catching_up=catching_up)

    def verdict_on_mark(
        self, mark: ClockMark, content: str, *, kept: bool, reach_ns: int
    ) -> Verdict:
        """Decide about a clock mark; `kept`: it came before."""
        ahead_ns = mark.time_ns - mark.received_ns
        behind_ns = self.horizon_ns(mark.received_ns) - mark.time_ns
        if not 0 < mark.time_ns <= _GREATEST or ahead_ns > self._ahead_ns:
            reason = f"a clock mark {ahead_ns / S:,.3f} s ahead of the clock"
            return _verdict(Outcome.REFUSED, content, Cause.AHEAD, reason, "set the clock")
        if kept:
            return _verdict(Outcome.REFUSED, content, Cause.DUPLICATE, "came before", "none needed")
        if behind_ns > 0:
            reason = f"a clock mark {behind_ns / S + self._late.window_s:,.1f} s behind"
            return _verdict(Outcome.LATE, content, Cause.STRAY, reason, "mark the time as it is")
        if mark.time_ns < reach_ns:
            return _verdict(Outcome.LATE, content, Cause.OUT_OF_REACH, *_OUT_OF_REACH)
        return Verdict(outcome=Outcome.ACCEPTED, content=content)

    def note(self, arrival: Arrival, verdict: Verdict) -> None:
        """Take down what the arrival says of its source."""
        if not self.knows(arrival) or verdict.cause not in _HEARD:
            return
        times_ns = None
        if verdict.outcome == Outcome.ACCEPTED:
            time_ns = arrival.plots.time_ns
            times_ns = int(time_ns.min()), int(time_ns.max())
        source = self._sources[self.radar(arrival)]
        if not source.is_too_old(arrival.epoch):
            epoch = source.begun(arrival.epoch)
            clock_ns, most = arrival.received_ns, self._late.greatest_gaps
            epoch.note(arrival.sequence, times_ns, clock_ns, self._cut_ns, most)

    def _fits_a_cut(self, arrival: Arrival, epoch: Epoch, ended_ns: int | None, radar: int) -> bool:
        """Whether number and times are of what a source could not send while it was cut off."""
        before_ns = arrival.received_ns if ended_ns is None else ended_ns
        gap = epoch.gap_of(arrival.sequence, before_ns, self._cut_ns)
        if not gap.cut or gap.after_ns is None:
            return False
        slack_ns = int(self._span_ns[radar])  # numbers of one scan need not follow its times
        first_ns, last_ns = int(arrival.plots.time_ns.min()), int(arrival.plots.time_ns.max())
        return gap.after_ns - slack_ns <= first_ns and last_ns <= gap.before_ns + slack_ns


_OUT_OF_REACH = (
    "older than all that is kept to fold anew",
    "raise late.kept_s or late.greatest_kept_plots, or rebuild from the journal",
)
_FLOOD = "find what makes so many, or raise late.greatest_scan_plots above {:,}"


def content_of(what: Arrival | ClockMark) -> bytes:
    """blake2b, 16 bytes, of radar and plots; of a clock mark its time. Not of when it came."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(what, ClockMark):
        digest.update(f"mark {what.time_ns}".encode())
        return digest.digest()
    digest.update(f"{what.nation}\0{what.radar}\0".encode())
    for column in what.plots:
        digest.update(f"{column.dtype.str} {column.shape} ".encode())
        digest.update(column.tobytes())
    return digest.digest()


def _verdict(outcome: Outcome, content: str, cause: Cause, reason: str, remedy: str) -> Verdict:
    return Verdict(outcome=outcome, content=content, cause=cause, reason=reason, remedy=remedy)


def _fault(arrival: Arrival, radar: int) -> str:
    """What is wrong with the numbers of an arrival; empty: nothing."""
    plots = arrival.plots
    for name, number, least in (("epoch", arrival.epoch, 0), ("sequence", arrival.sequence, 1)):
        if not least <= number <= _GREATEST:
            return f"{name} {number} is not between {least} and {_GREATEST}"
    if any(column.shape != plots.time_ns.shape or column.ndim != 1 for column in plots):
        return "columns of different lengths"
    if any(plots[at].dtype.kind != kind for at, kind in enumerate(_KINDS)):
        return "times, radars and scans are whole numbers, the other columns are float64"
    if not len(plots.time_ns):
        return ""
    if (plots.radar != radar).any():
        return f"plots of another radar than {arrival.radar}"
    if (plots.scan != plots.scan[0]).any():
        return "plots of several scans; send each in an arrival of its own"
    if plots.time_ns.min() <= 0:
        return "a time before 1970"
    for name in ("range_m", "azimuth_rad", "elevation_rad"):
        if not np.isfinite(getattr(plots, name)).all():
            return f"{name} that is not a finite number"
    if (plots.range_m <= 0.0).any() or (abs(plots.elevation_rad) > math.pi / 2).any():
        return "a range of 0 or less, or an elevation beyond 90°"
    if np.isinf(plots.range_rate_m_s).any():
        return "range_rate_m_s that is infinite"
    return ""


_KINDS = "iifffffi"
"""Kinds of the columns of `Plots`."""
