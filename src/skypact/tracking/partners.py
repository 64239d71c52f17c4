"""Partners' radars whose tracklets are used: which, how many, and what of an arrival is no good."""

from collections.abc import Sequence

from skypact.model import Arrival, Cause, PartnerRadar, Refusal, Tracklet
from skypact.settings import LateSettings, TrackingSettings
from skypact.tracking.tracklet_input import partner_of, refusal_of, refused

S = 1_000_000_000
_GREATEST = 2**63 - 1

Faults = dict[int, tuple[Cause, Refusal]]
"""What is wrong with the tracklets of an arrival, by place in it."""


class Partners:
    """Partners' radars, numbered as they were accepted, and nations that are left out.

    A number stays that radar's: what is kept of it goes by it.
    """

    def __init__(self, tracking: TrackingSettings, late: LateSettings) -> None:
        self._tracking, self._late = tracking, late
        self.radars: list[PartnerRadar] = []
        self._number: dict[tuple[str, str], int] = {}
        self.left_out: set[str] = set()

    def number_of(self, tracklet: Tracklet) -> int | None:
        """The number of its radar; None where it has none yet."""
        return self._number.get((tracklet.nation, tracklet.radar))

    def take(self, radars: Sequence[PartnerRadar]) -> None:
        """Number those that are new."""
        for radar in radars:
            if (radar.nation, radar.label) not in self._number:
                self._number[radar.nation, radar.label] = len(self.radars)
                self.radars.append(radar)

    def faults_of(self, arrival: Arrival) -> Faults:
        """What is wrong with its tracklets, each looked at as though those before it were used."""
        faults: Faults = {}
        known = {name: self.radars[number] for name, number in self._number.items()}
        for place, tracklet in enumerate(arrival.tracklets):
            fault = self._fault_of(tracklet, arrival.received_ns, known)
            if fault is None:
                known.setdefault((tracklet.nation, tracklet.radar), partner_of(tracklet))
            else:
                cause, reason, remedy = fault
                faults[place] = cause, refused(tracklet, reason, remedy)
        return faults

    def room_for(self, nation: str) -> str:
        """Why the radars of a nation that was left out do not fit any more; empty: they do."""
        used = [radar for radar in self.radars if radar.nation not in self.left_out - {nation}]
        most = self._tracking.greatest_partner_radars
        if len(used) <= most:
            return ""
        return f"its radars would make {len(used)}, more than tracking.greatest_partner_radars"

    def _fault_of(
        self, tracklet: Tracklet, clock_ns: int, known: dict[tuple[str, str], PartnerRadar]
    ) -> tuple[Cause, str, str] | None:
        """Cause, reason and remedy."""
        numbers = (tracklet.first_ns, tracklet.time_ns, tracklet.last_ns, tracklet.plots)
        if not all(0 < number <= _GREATEST for number in numbers):
            return Cause.UNFIT, "a time before 1970, or no plots", _CORRECT
        if not -_GREATEST <= tracklet.batch <= _GREATEST:
            return Cause.UNFIT, f"its batch {tracklet.batch} is no int64", _CORRECT
        refusal = refusal_of(tracklet, self._tracking)
        if refusal is not None:
            return Cause.UNFIT, refusal.reason, refusal.remedy
        ahead_ns = tracklet.last_ns - clock_ns
        if ahead_ns > self._late.clock_tolerance_s * S:
            reason = f"{ahead_ns / S:,.3f} s ahead of the receiver's clock"
            return Cause.AHEAD, reason, "have the partner set its clock, or set the receiver's"
        there = known.get((tracklet.nation, tracklet.radar))
        if there is None:
            return self._no_room(tracklet.nation, list(known.values()))
        if there != partner_of(tracklet):
            reason = "the priors of its biases are not those of its earlier tracklets"
            return Cause.UNFIT, reason, "have the partner give a radar that changed a new label"
        return None

    def _no_room(self, nation: str, known: Sequence[PartnerRadar]) -> tuple[Cause, str, str] | None:
        """Why one more radar of a nation is too many."""
        used = [radar for radar in known if radar.nation not in self.left_out]
        most = self._tracking.greatest_partner_radars
        if len(used) >= most:
            reason = f"its radar would be one more than tracking.greatest_partner_radars = {most}"
            return Cause.UNKNOWN_RADAR, reason, "raise that setting"
        most = self._late.greatest_nation_labels
        if sum(radar.nation == nation for radar in used) >= most:
            reason = f"{nation} has more labels than late.greatest_nation_labels = {most}"
            return Cause.UNKNOWN_RADAR, reason, "have it keep to its labels, or raise that setting"
        return None


_CORRECT = "have the partner correct it"
