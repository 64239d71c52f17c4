"""What becomes of an arrival: accepted, refused or late, with the reason and what to do."""

import hashlib
import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.model import (
    Arrival,
    Cause,
    ClockMark,
    Outcome,
    PartnerRadar,
    Radar,
    Tracklet,
    Verdict,
)
from skypact.model.newest import of_newest
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking.partners import Faults, Partners
from skypact.tracking.rewind import batch_span_ns, scan_spans_ns
from skypact.tracking.sources import Epoch, EpochState, Source, watermark_ns
from skypact.tracking.tracklet_input import content_of as content_of_tracklet
from skypact.tracking.tracklet_input import partner_of, refused

S = 1_000_000_000
_GREATEST = 2**63 - 1
_HEARD = (None, Cause.EMPTY)
"""Causes after which a number has come and need not be missed."""


class Present(NamedTuple):
    """What is kept already. `kept`: this content; `fullest`: so many its scan or batch would have.

    `total`: of all of its kind; `reach_ns`: nothing before it can be put in any more; `far_ns`:
    what is before it would have more folded anew at once than `late.greatest_rewind`; `gathers`: a
    rebuild gathers what its source sends that was cut off.
    """

    kept: bool
    fullest: int
    total: int
    reach_ns: int
    far_ns: int
    gathers: bool


class JudgeState(NamedTuple):
    """All that a `Judge` knows. `partner_sources`: nation and name, by number after the radars'."""

    partners: tuple[PartnerRadar, ...]
    left_out: tuple[str, ...]
    partner_sources: tuple[tuple[str, str], ...]
    epochs: tuple[tuple[EpochState, ...], ...]


class Judge:
    """Decides about arrivals by the receiver's clock, the watermark and the sources' numbers.

    `verdict_on…` decide and change nothing; `note` takes down what was decided, here or in the
    journal. Sources are the radars of the table, by their numbers there, then what tracklets came
    from, as they were first accepted.
    """

    def __init__(
        self, radars: Sequence[Radar], tracking: TrackingSettings, late: LateSettings
    ) -> None:
        self._late = late
        self._number = {(radar.nation, radar.id): at for at, radar in enumerate(radars)}
        self._partner_source: dict[tuple[str, str], int] = {}
        self._sources = [Source() for _ in radars]
        self._nations = [radar.nation for radar in radars]
        self._most_partner_sources = tracking.greatest_partner_radars
        self.partners = Partners(tracking, late)
        self._span_ns = scan_spans_ns(radars, late)
        self._batch_span_ns = batch_span_ns(tracking)
        self._window_ns = round(late.window_s * S)
        self._ahead_ns = round(late.clock_tolerance_s * S)
        self._cut_ns = round(late.cut_s * S)

    def source(self, arrival: Arrival) -> int | None:
        """Number of its source; None where it is not known."""
        name = arrival.nation, arrival.radar
        if arrival.tracklets or name not in self._number:
            return self._partner_source.get(name)
        return self._number[name]

    def number_of(self, arrival: Arrival) -> int:
        """Number of its source; KeyError where it is not known."""
        number = self.source(arrival)
        if number is None:
            raise KeyError((arrival.nation, arrival.radar))
        return number

    def state(self) -> JudgeState:
        """All that it knows."""
        return JudgeState(
            tuple(self.partners.radars),
            tuple(sorted(self.partners.left_out)),
            tuple(self._partner_source),
            tuple(source.state() for source in self._sources),
        )

    def restore(self, state: JudgeState) -> None:
        """Know what another of the same radars and settings knew."""
        self.partners.take(state.partners)
        self.partners.left_out |= set(state.left_out)
        for name in state.partner_sources:
            self._begin_source(name)
        for source, epochs in zip(self._sources, state.epochs, strict=True):
            source.restore(epochs)

    def watermark_ns(self, clock_ns: int) -> int:
        """The least newest accepted time over the live sources."""
        left_out = self.partners.left_out
        newest = [
            source.epochs[-1].newest_ns
            for source, nation in zip(self._sources, self._nations, strict=True)
            if source.epochs and nation not in left_out
        ]
        return watermark_ns(newest, clock_ns, round(self._late.live_s * S), self._ahead_ns)

    def horizon_ns(self, clock_ns: int) -> int:
        """What is older is late."""
        return self.watermark_ns(clock_ns) - self._window_ns

    def catches_up(self, number: int, clock_ns: int) -> bool:
        """Whether a source is still behind, or misses numbers since it was cut off."""
        source = self._sources[number]
        behind = source.newest_ns is None or source.newest_ns < self.horizon_ns(clock_ns)
        return behind or any(gap.cut for epoch in source.epochs for gap in epoch.gaps)

    def needs_from_ns(self, arrival: Arrival, unused: Collection[int] = ()) -> int:
        """From when on all has to be kept to put this in: its scan may have begun before."""
        return times_of(arrival, unused)[0] - 2 * self._span_of(arrival)

    def unfit(self, arrival: Arrival, content: str) -> Verdict | None:
        """A verdict that needs no look at what is kept: the arrival by itself is no good."""
        if arrival.nation in self.partners.left_out:
            return _verdict(
                Outcome.REFUSED,
                content,
                Cause.LEFT_OUT,
                f"{arrival.nation} is left out of the picture",
                "take it back when it is to be believed again",
            )
        if arrival.tracklets:
            return self._unfit_tracklets(arrival, content)
        return self._unfit_plots(arrival, content)

    def _unfit_tracklets(self, arrival: Arrival, content: str) -> Verdict | None:
        """`unfit` for tracklets as a whole; what is wrong with each: `faults_of`."""

        def refused(cause: Cause, reason: str, remedy: str) -> Verdict:
            return _verdict(Outcome.REFUSED, content, cause, reason, remedy)

        fault = _fault_of_numbers(arrival)
        if len(arrival.plots.time_ns):
            fault = fault or "plots and tracklets at once; send each in an arrival of its own"
        if any(tracklet.nation != arrival.nation for tracklet in arrival.tracklets):
            fault = fault or f"tracklets of another nation than {arrival.nation}"
        if fault:
            return refused(Cause.UNFIT, fault, "correct the feed")
        most = self._most_partner_sources
        if self.source(arrival) is None and len(self._partner_source) >= most:
            reason = f"{arrival.radar} would be one source more than {most}"
            return refused(Cause.UNKNOWN_RADAR, reason, "raise tracking.greatest_partner_radars")
        most = self._late.greatest_batch_tracklets
        if len(arrival.tracklets) > most:
            reason = f"{len(arrival.tracklets):,} tracklets at once, more than {most:,}"
            return refused(Cause.TOO_MANY, reason, _MANY_TRACKLETS.format(most))
        return None

    def none_usable(self, arrival: Arrival, content: str, faults: Faults) -> Verdict | None:
        """The verdict where something is wrong with each of the tracklets."""
        if not faults or len(faults) < len(arrival.tracklets):
            return None
        cause, first = faults[0]
        return Verdict(
            outcome=Outcome.REFUSED,
            content=content,
            cause=cause,
            reason=first.reason,
            remedy=first.remedy,
            unused=tuple(faults),
            refusals=tuple(refusal for _, refusal in faults.values()),
        )

    def _unfit_plots(self, arrival: Arrival, content: str) -> Verdict | None:
        """`unfit` for plots, and for what is empty."""

        def refused(cause: Cause, reason: str, remedy: str) -> Verdict:
            return _verdict(Outcome.REFUSED, content, cause, reason, remedy)

        radar = self.source(arrival)
        if radar is None or (radar >= len(self._number) and len(arrival.plots.time_ns)):
            return refused(
                Cause.UNKNOWN_RADAR,
                f"{arrival.nation} has no radar {arrival.radar} in the table",
                "add it to the radar table, or correct its name",
            )
        fault = _fault_of_numbers(arrival)
        if not fault and not _is_sound(arrival, radar):
            fault = _fault_of_plots(arrival, radar)
        if fault:
            return refused(Cause.UNFIT, fault, "correct the feed")
        time_ns = arrival.plots.time_ns
        if not len(time_ns):
            return refused(Cause.EMPTY, "no plots", "send arrivals with plots only")
        most = self._late.greatest_scan_plots
        if len(time_ns) > most:
            reason = f"{len(time_ns):,} plots in one scan, more than {most:,}"
            return refused(Cause.TOO_MANY, reason, _FLOOD.format(most))
        first_ns, last_ns = times_of(arrival)
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

    def verdict_on(
        self, arrival: Arrival, content: str, faults: Faults, present: Present
    ) -> Verdict:
        """Decide about an arrival that is not unfit; `faults`: of some of its tracklets."""

        def verdict(outcome: Outcome, cause: Cause, reason: str, remedy: str) -> Verdict:
            return _verdict(outcome, content, cause, reason, remedy)

        number = self.source(arrival)
        source = Source() if number is None else self._sources[number]
        first_ns, last_ns = times_of(arrival, faults)
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
                f"number {arrival.sequence} of epoch {arrival.epoch} came with other content",
                "count on with every arrival; begin a new epoch after a restart",
            )
        too_many = self._too_many(arrival, present)
        if too_many:
            return verdict(Outcome.REFUSED, Cause.TOO_MANY, *too_many)
        horizon_ns = self.horizon_ns(arrival.received_ns)
        if first_ns < horizon_ns and not self._fits_a_cut(
            arrival, (first_ns, last_ns), epoch, ended_ns
        ):
            faults = faults | _old(arrival, faults, horizon_ns, self._late.window_s)
            if not arrival.tracklets or len(faults) == len(arrival.tracklets):
                reason = _behind(horizon_ns - first_ns, self._late.window_s)
                return verdict(Outcome.LATE, Cause.STRAY, reason, _STRAY)
            first_ns, _ = times_of(arrival, faults)
        if self.needs_from_ns(arrival, faults) < present.reach_ns:
            return verdict(Outcome.LATE, Cause.OUT_OF_REACH, *_OUT_OF_REACH)
        return Verdict(
            outcome=Outcome.ACCEPTED,
            content=content,
            catching_up=first_ns < max(horizon_ns, present.far_ns)
            or (
                present.gathers
                and self._fits_a_cut(arrival, times_of(arrival, faults), epoch, ended_ns)
            ),
            unused=tuple(sorted(faults)),
            refusals=tuple(faults[place][1] for place in sorted(faults)),
        )

    def _too_many(self, arrival: Arrival, present: Present) -> tuple[str, str] | None:
        """Reason and remedy where there is no room for so much."""
        late = self._late
        if arrival.tracklets:
            most, kept = late.greatest_batch_tracklets, late.greatest_kept_tracklets
            what, remedy, setting = "batch", _MANY_TRACKLETS, "greatest_kept_tracklets"
        else:
            most, kept = late.greatest_scan_plots, late.greatest_kept_plots
            what, remedy, setting = "scan", _FLOOD, "greatest_kept_plots"
        if present.fullest > most:
            return f"its {what} would have more than {most:,}", remedy.format(most)
        if present.total > kept:
            reason = f"{present.total:,} are kept already"
            return reason, f"raise late.{setting}, or find the radar that floods"
        return None

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
        """Take down what the arrival says of its source, and of its tracklets' radars."""
        accepted = verdict.outcome == Outcome.ACCEPTED
        if accepted and arrival.tracklets:
            self.partners.take([partner_of(one) for _, one in used(arrival, verdict.unused)])
            if self.source(arrival) is None:
                self._begin_source((arrival.nation, arrival.radar))
        number = self.source(arrival)
        if number is None or verdict.cause not in _HEARD:
            return
        times_ns = times_of(arrival, verdict.unused) if accepted else None
        source = self._sources[number]
        if not source.is_too_old(arrival.epoch):
            epoch = source.begun(arrival.epoch)
            clock_ns, most = arrival.received_ns, self._late.greatest_gaps
            epoch.note(arrival.sequence, times_ns, clock_ns, self._cut_ns, most)

    def reopen(
        self, nation: str, radar: int | None, epoch: int, sequence: int, times_ns: tuple[int, int]
    ) -> None:
        """What came under a number, at these times, is taken out, so another may come.

        `radar`: of plots, by its number in the table; None: of tracklets.
        """
        after_ns, before_ns = times_ns[0] - self._window_ns, times_ns[1] + self._window_ns
        links = [at for name, at in self._partner_source.items() if name[0] == nation]
        for at in links if radar is None else [radar]:
            known = self._sources[at].epoch(epoch)
            if known is not None:
                known.reopen(sequence, after_ns, before_ns)

    def _begin_source(self, name: tuple[str, str]) -> None:
        self._partner_source[name] = len(self._sources)
        self._sources.append(Source())
        self._nations.append(name[0])

    def _span_of(self, arrival: Arrival) -> int:
        """How far apart observations of one scan or batch may be."""
        if arrival.tracklets:
            return self._batch_span_ns
        return self._span_ns[self._number[arrival.nation, arrival.radar]]

    def _fits_a_cut(
        self, arrival: Arrival, times_ns: tuple[int, int], epoch: Epoch, ended_ns: int | None
    ) -> bool:
        """Whether number and times are of what a source could not send while it was cut off."""
        before_ns = arrival.received_ns if ended_ns is None else ended_ns
        gap = epoch.gap_of(arrival.sequence, before_ns, self._cut_ns)
        if not gap.cut or gap.after_ns is None:
            return False
        slack_ns = self._span_of(arrival)  # numbers of one scan need not follow its times
        first_ns, last_ns = times_ns
        return gap.after_ns - slack_ns <= first_ns and last_ns <= gap.before_ns + slack_ns


def used(arrival: Arrival, unused: Collection[int] = ()) -> list[tuple[int, Tracklet]]:
    """Its tracklets with their places, without those at some places."""
    return [(at, one) for at, one in enumerate(arrival.tracklets) if at not in unused]


def times_of(arrival: Arrival, unused: Collection[int] = ()) -> tuple[int, int]:
    """First and last time of what is used of it."""
    if arrival.tracklets:
        times_ns = [one.time_ns for _, one in used(arrival, unused)]
        return min(times_ns), max(times_ns)
    return _times_of_plots(arrival)


@of_newest
def _times_of_plots(arrival: Arrival) -> tuple[int, int]:
    times_ns = arrival.plots.time_ns.tolist()
    return min(times_ns), max(times_ns)


def _old(arrival: Arrival, faults: Faults, horizon_ns: int, window_s: float) -> Faults:
    """Tracklets that are late, where others of the arrival are not."""
    return {
        at: (
            Cause.STRAY,
            refused(one, _behind(horizon_ns - one.time_ns, window_s), _STRAY),
        )
        for at, one in used(arrival, faults)
        if one.time_ns < horizon_ns
    }


def _behind(by_ns: int, window_s: float) -> str:
    return f"{by_ns / S + window_s:,.1f} s behind the watermark, more than {window_s:g} s"


_STRAY = "set the radar's clock, speed up its link, or raise late.window_s"
_OUT_OF_REACH = (
    "older than all that is kept to fold anew",
    "raise late.kept_s or late.greatest_kept_plots, or rebuild from the journal",
)
_MANY_TRACKLETS = "have the partner send fewer, or raise late.greatest_batch_tracklets above {:,}"
_FLOOD = "find what makes so many, or raise late.greatest_scan_plots above {:,}"


@of_newest
def content_of(what: Arrival | ClockMark) -> bytes:
    """blake2b, 16 bytes, of radar and observations, not of when they came; of a mark its time.

    The radar by its id: its number is another when the radar table is changed.
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(what, ClockMark):
        digest.update(f"mark {what.time_ns}".encode())
        return digest.digest()
    plots = what.plots
    parts = [f"{what.nation}\0{what.radar}\0".encode()]
    for column in (one for one in plots if one is not plots.radar):
        parts += _column_head(column.dtype, column.shape), column.tobytes()
    digest.update(b"".join(parts))
    for one in what.tracklets:
        name = f"{one.nation}\0{one.radar}\0{one.batch} {one.time_ns} {one.correlation_time_s}"
        digest.update(name.encode())
        digest.update(one.bias_sigma.tobytes())
        for part in content_of_tracklet(one):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


@lru_cache(256)
def _column_head(kind: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What stands before a column's bytes where they are hashed."""
    return f"{kind.str} {shape} ".encode()


def _verdict(outcome: Outcome, content: str, cause: Cause, reason: str, remedy: str) -> Verdict:
    return Verdict(outcome=outcome, content=content, cause=cause, reason=reason, remedy=remedy)


def _fault_of_numbers(arrival: Arrival) -> str:
    """What is wrong with epoch and sequence; empty: nothing."""
    for name, number, least in (("epoch", arrival.epoch, 0), ("sequence", arrival.sequence, 1)):
        if not least <= number <= _GREATEST:
            return f"{name} {number} is not between {least} and {_GREATEST}"
    return ""


_FEW = 100
"""Plots of which lists are looked at faster than arrays."""


@of_newest
def _is_sound(arrival: Arrival, radar: int) -> bool:
    """Whether nothing is wrong with its plots for sure: as it is with the few of most arrivals."""
    plots = arrival.plots
    n = len(plots.time_ns)
    if not 0 < n <= _FEW or "".join([column.dtype.kind for column in plots]) != _KINDS:
        return False
    if any([column.shape != (n,) for column in plots]):
        return False
    ranges, azimuths, elevations = (
        column.tolist() for column in (plots.range_m, plots.azimuth_rad, plots.elevation_rad)
    )
    radars, scans, rates = (
        column.tolist() for column in (plots.radar, plots.scan, plots.range_rate_m_s)
    )
    return (
        radars.count(radar) == n
        and scans.count(scans[0]) == n
        and times_of(arrival)[0] > 0
        # A sum is finite only where each is.
        and math.isfinite(sum(ranges) + sum(azimuths) + sum(elevations))
        and min(ranges) > 0.0
        and -math.pi / 2 <= min(elevations)
        and max(elevations) <= math.pi / 2
        and math.inf not in rates
        and -math.inf not in rates
    )


def _fault_of_plots(arrival: Arrival, radar: int) -> str:
    """What is wrong with its plots; empty: nothing."""
    plots = arrival.plots
    if any(column.shape != plots.time_ns.shape or column.ndim != 1 for column in plots):
        return "columns of different lengths"
    if "".join([column.dtype.kind for column in plots]) != _KINDS:
        return "times, radars and scans are whole numbers, the other columns are float64"
    if not len(plots.time_ns):
        return ""
    if not (plots.radar == radar).all():
        return f"plots of another radar than {arrival.radar}"
    if not (plots.scan == plots.scan[0]).all():
        return "plots of several scans; send each in an arrival of its own"
    if _times_of_plots(arrival)[0] <= 0:
        return "a time before 1970"
    measured = np.array((plots.range_m, plots.azimuth_rad, plots.elevation_rad))
    least = np.minimum.reduce(measured, axis=1).tolist()  # NaN where there is one
    most = np.maximum.reduce(measured, axis=1).tolist()
    for name, low, high in zip(_FINITE, least, most, strict=True):
        if not (math.isfinite(low) and math.isfinite(high)):
            return f"{name} that is not a finite number"
    if least[0] <= 0.0 or max(-least[2], most[2]) > math.pi / 2:
        return "a range of 0 or less, or an elevation beyond 90°"
    if np.isinf(plots.range_rate_m_s).any():
        return "range_rate_m_s that is infinite"
    return ""


def _ends(values: NDArray[Any]) -> tuple[Any, Any]:
    """Least and greatest; NaN where there is one."""
    return np.minimum.reduce(values).item(), np.maximum.reduce(values).item()


_FINITE = ("range_m", "azimuth_rad", "elevation_rad")
_KINDS = "iifffffi"
"""Kinds of the columns of `Plots`."""
