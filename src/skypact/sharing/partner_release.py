"""Own plots to what leaves for one partner, under the policy in force."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.model import (
    Arrival,
    FlightKind,
    Followed,
    Level,
    Openness,
    Payload,
    Plots,
    Radar,
    ScanPlots,
    Tracklet,
    TrackletBatch,
    Use,
)
from skypact.model.budget import Budget
from skypact.model.plots import radar_of_scan
from skypact.settings import SharingSettings
from skypact.sharing import codec
from skypact.sharing.policy import Decision, Policy, Subject, decide, use_bits, uses_of
from skypact.sharing.policy_rows import feet_deg, granted_uses
from skypact.sharing.tracklets import TrackletMaker

Observed = ScanPlots | TrackletBatch
"""What leaves as observations."""
_NOTHING = Decision(Level.NOTHING, Openness.HIDDEN, (), "", "", 0.0)


class _Way(NamedTuple):
    """How a tracklet leaves: as openly, for such uses."""

    openness: Openness
    use: tuple[Use, ...]


class PartnerRelease:
    """Makes one partner's payloads from the plots that its release picture folds.

    >>> release = PartnerRelease(policy, "KOR", radars, secret=secret, epoch=epoch, exercise=False)
    >>> rows = released_rows(policy, "KOR", plots, radars, exercise=False, least=Level.TRACKLETS)
    >>> picture.observe(plots.at(np.flatnonzero(rows)), more_to_come=True, on_followed=take)
    >>> payloads = release.ready()

    with `take = lambda followed: release.take(followed, kinds)`, where `kinds` says of the tracks
    of that same picture what they are taken for (without: unknown).

    Where rules grant different uses there is a release picture for each set of uses, folded from
    the plots that are granted for all of it (`granted_uses`), and `take` is told of which one the
    plots come: only those granted for just that set leave by it. So what a payload is granted for
    holds for everything that shaped it.

    `epoch`: raised at every start, for the numbers of what leaves. `counts`: plots by level and
    rule; `left_out`: payloads over their rule's rate, by rule. A batch of tracklets is one payload.
    """

    def __init__(
        self,
        policy: Policy,
        partner: str,
        radars: Sequence[Radar],
        *,
        secret: bytes,
        epoch: int,
        exercise: bool,
        settings: SharingSettings | None = None,
    ) -> None:
        self.policy, self.partner = policy, partner
        chosen = policy.partners.get(partner)
        self._use_sets = chosen.use_sets(Level.TRACKLETS) if chosen else ()
        self.radars, self.exercise = tuple(radars), exercise
        self._secret, self._epoch, self._settings = secret, epoch, settings
        self._makers: dict[_Way, TrackletMaker] = {}
        self._sequence: Counter[str] = Counter()
        self._numbers: Counter[tuple[str, Use]] = Counter()
        self._plots: list[tuple[Observed, Decision, int]] = []
        self._rates: dict[tuple[str, tuple[Use, ...]], Budget] = {}
        self._last: dict[_Way, Decision] = {}
        self._alike: dict[int, Decision] = {}
        self.counts: Counter[tuple[Level, str]] = Counter()
        self.left_out: Counter[str] = Counter()

    @property
    def withheld(self) -> int:
        """Plots that could not be hidden and did not leave."""
        return sum(maker.withheld for maker in self._makers.values())

    def decision_on(
        self,
        kind: FlightKind,
        radars: Sequence[str],
        time_ns: int,
        place_rad: tuple[float, float] | None = None,
    ) -> Decision:
        """How a flight of the release picture leaves, of a kind, as seen by these radars.

        `place_rad`: latitude and longitude below where it is now.
        """
        latitude, longitude = place_rad or (None, None)
        subject = Subject(time_ns, tuple(radars), self.exercise, kind, latitude, longitude)
        return decide(self.policy, self.partner, subject)

    def take(
        self,
        followed: Followed,
        kinds: Mapping[int, FlightKind] | None = None,
        use: tuple[Use, ...] | None = None,
    ) -> None:
        """Take plots as the release picture folded them; `use`: the set that it is for."""
        alike = self._decision_on_all(followed.plots)
        if alike is not None:
            self._take_alike(followed, alike, use)
            return
        followed, granted = self._of_set(followed, use)
        decisions = [
            decision._replace(use=uses_of(bits)) if decision.level >= Level.TRACKLETS else decision
            for decision, bits in zip(
                self._decisions(followed, kinds or {}), granted.tolist(), strict=True
            )
        ]
        for decision in decisions:
            self.counts[decision.level, decision.rule] += 1
        self._take_plots(followed.plots, decisions)
        ways = [
            _Way(one.openness, one.use) if one.level == Level.TRACKLETS else None
            for one in decisions
        ]
        for way in dict.fromkeys(ways):
            if way is not None:
                rows = np.array([k for k, one in enumerate(ways) if one == way])
                self._last[way] = decisions[rows[-1]]
                self._maker(way).take(_at(followed, rows))

    def _decision_on_all(self, plots: Plots) -> Decision | None:
        """The decision on plots of one scan, where it depends on their radar alone; else None."""
        chosen = self.policy.partners.get(self.partner)
        alike = chosen is not None and chosen.asks_no_more and not chosen.asks_kind
        number = radar_of_scan(plots) if alike else None
        if number is None:
            return None
        if number not in self._alike:
            self._alike[number] = self._decision_on_radar(number, int(plots.time_ns[0]))
        return self._alike[number]

    def _decision_on_radar(self, number: int, time_ns: int) -> Decision:
        """The decision on all plots of a radar, at whatever time."""
        radar = self.radars[number]
        if radar.nation != self.policy.nation:  # what is another's never leaves
            return _NOTHING
        decision = decide(self.policy, self.partner, Subject(time_ns, (radar.id,), self.exercise))
        if decision.level >= Level.TRACKLETS:
            decision = decision._replace(use=uses_of(use_bits(decision.use)))
        return decision

    def _take_alike(
        self, followed: Followed, decision: Decision, use: tuple[Use, ...] | None
    ) -> None:
        """Take plots of one scan that all go alike, where they go by the picture of this set."""
        if decision.level >= Level.TRACKLETS and use is not None and decision.use != use:
            return
        self.counts[decision.level, decision.rule] += len(followed.plots.scan)
        if decision.level == Level.PLOTS:
            self._pack(followed.plots, decision)
        elif decision.level == Level.TRACKLETS:
            way = _Way(decision.openness, decision.use)
            self._last[way] = decision
            self._maker(way).take(followed)

    def _of_set(
        self, followed: Followed, use: tuple[Use, ...] | None
    ) -> tuple[Followed, NDArray[np.uint8]]:
        """The plots that are granted for just these uses (None: any), and for which each is."""
        if len(self._use_sets) == 1:  # all that leaves is for the same
            one = np.full(len(followed.plots.time_ns), use_bits(self._use_sets[0]), np.uint8)
            return followed, one
        granted = granted_uses(
            self.policy,
            self.partner,
            followed.plots,
            self.radars,
            exercise=self.exercise,
            least=Level.TRACKLETS,
        )
        if use is None:
            return followed, granted
        rows = np.flatnonzero(granted == use_bits(use))
        return _at(followed, rows), granted[rows]

    def ready(self, *, no_more: bool = False) -> list[tuple[Payload, str]]:
        """What is to be sent now, in order, each with its rule; `no_more`: what is open too."""
        out = self._plots
        self._plots = []
        for way, maker in self._makers.items():
            made: list[Tracklet] = maker.ready(no_more=no_more)
            if made:
                batch = codec.pack_tracklets(made, way.use)
                out.append((batch, self._last[way], max(one.time_ns for one in made)))
        return [
            (self._numbered(payload), decision.rule)
            for payload, decision, at_ns in out
            if self._within_rate(decision, at_ns)
        ]

    def _numbered(self, payload: Observed) -> Observed:
        """With its numbers: of its radar, and for each use among what is granted for that."""
        of = payload.radar if isinstance(payload, ScanPlots) else ""
        for one in payload.use:
            self._numbers[of, one] += 1
        numbers = tuple(self._numbers[of, one] for one in payload.use)
        if isinstance(payload, TrackletBatch):
            return msgspec.structs.replace(payload, epoch=self._epoch, numbers=numbers)
        self._sequence[of] += 1
        return msgspec.structs.replace(payload, sequence=self._sequence[of], numbers=numbers)

    def _decisions(self, followed: Followed, kinds: Mapping[int, FlightKind]) -> list[Decision]:
        plots = followed.plots
        chosen = self.policy.partners.get(self.partner)
        if chosen is None:
            return [_NOTHING] * len(plots.time_ns)
        feet = np.full((2, len(plots.time_ns)), np.nan)
        if chosen.asks_place:
            feet = np.radians(feet_deg(plots, self.radars))
        out: list[Decision] = []
        known: dict[tuple[int, FlightKind], Decision] = {}
        for time_ns, number, track, latitude, longitude in zip(
            plots.time_ns.tolist(),
            plots.radar.tolist(),
            followed.track.tolist(),
            *feet.tolist(),
            strict=True,
        ):
            radar = self.radars[number]
            if radar.nation != self.policy.nation:  # what is another's never leaves
                out.append(_NOTHING)
                continue
            kind = kinds.get(track, FlightKind.UNKNOWN)
            if chosen.asks_no_more and (number, kind) in known:
                out.append(known[number, kind])
                continue
            place = (latitude, longitude) if chosen.asks_place else (None, None)
            subject = Subject(time_ns, (radar.id,), self.exercise, kind, *place)
            known[number, kind] = decide(self.policy, self.partner, subject)
            out.append(known[number, kind])
        return out

    def _take_plots(self, plots: Plots, decisions: Sequence[Decision]) -> None:
        """Those that go as plots, scan by scan, and within one by use."""
        scans: dict[tuple[int, int, tuple[Use, ...]], list[int]] = {}
        for k, one in enumerate(decisions):
            if one.level == Level.PLOTS:
                key = int(plots.radar[k]), int(plots.scan[k]), one.use
                scans.setdefault(key, []).append(k)
        for rows in scans.values():
            self._pack(plots.at(np.array(rows)), decisions[rows[-1]])

    def _pack(self, scan: Plots, decision: Decision) -> None:
        """Plots of one scan, to go as plots for the same uses."""
        number = int(scan.radar[0])
        radar = self.radars[number]
        arrival = Arrival(
            nation=radar.nation,
            radar=radar.id,
            epoch=self._epoch,
            sequence=0,  # counted once it leaves
            received_ns=0,
            plots=scan,
        )
        packed = codec.pack_plots(arrival, decision.use)
        self._plots.append((packed, decision, int(scan.time_ns.max())))

    def _maker(self, way: _Way) -> TrackletMaker:
        if way not in self._makers:
            self._makers[way] = TrackletMaker(
                self.radars,
                partner=self.partner,
                secret=self._secret,
                openness=way.openness,
                settings=self._settings,
            )
        return self._makers[way]

    def _within_rate(self, decision: Decision, at_ns: int) -> bool:
        """Whether the rule's rate allows one more; a new rate is a new budget."""
        of = decision.rule, decision.use
        budget = self._rates.get(of)
        if budget is None or budget.per_s != decision.per_s:
            budget = self._rates[of] = Budget(decision.per_s, max(1.0, decision.per_s))
        within = budget.take(at_ns)
        self.left_out[decision.rule] += not within
        return within


def _at(followed: Followed, rows: np.ndarray) -> Followed:
    """Some of the plots that were followed."""
    return Followed(
        followed.plots.at(rows),
        followed.track[rows],
        followed.state[rows],
        followed.speed_sigma_m_s[rows],
        followed.phase[rows],
    )
