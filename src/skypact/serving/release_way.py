"""The way of own plots to one partner: its release picture, what leaves of it, numbered and signed.

A release picture is folded from own plots alone, of the radars released to this partner, so what
leaves cannot hold what another nation sent (design, rule 2).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    Flight,
    FlightKind,
    Followed,
    Launch,
    Level,
    Plots,
    Radar,
    Track,
    TrackStatus,
    Use,
)
from skypact.serving.release_pictures import ReleasePictures, Who
from skypact.settings import Settings
from skypact.sharing import codec
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import Policy, Subject, granted_for, granted_uses, use_bits

S = 1_000_000_000
NORMAL_95 = 1.96
LAUNCH_SOUGHT_NS = 60 * S
"""A launch rests on the plots of the first minute."""
TRACKS = 100_000
"""Numbers of tracks of one picture, before they begin anew."""


class Due(NamedTuple):
    """A track of a release picture of which something is to be said, or its kind to be asked."""

    who: Who
    track: Track


class ReleaseWay:
    """One partner's release pictures and everything that goes to it, under one policy.

    There is a picture for what may leave as tracklets or plots and one for what may shape an
    assessment or a warning, as a radar may be released for one of them; and each for every set of
    uses that rules grant. `epoch`: raised at every start and with every policy, for the numbers of
    what leaves.
    """

    def __init__(
        self,
        policy: Policy,
        radars: tuple[Radar, ...],
        outgoing: Outgoing,
        *,
        secret: bytes,
        epoch: int,
        settings: Settings,
    ) -> None:
        self.partner, self.outgoing = outgoing.partner, outgoing
        self._radars, self._settings, self._epoch = radars, settings, epoch
        self.policy = policy
        self.release = PartnerRelease(
            policy,
            self.partner,
            radars,
            secret=secret,
            epoch=epoch,
            exercise=outgoing.exercise,
            settings=settings.sharing,
        )
        chosen = policy.partners.get(self.partner)
        self._asks_kind = chosen is not None and chosen.asks_kind
        self._pictures = ReleasePictures(
            radars, settings.tracking, settings.release.greatest_behind_s
        )
        self._who = [
            Who(self.partner, least, use)
            for least in (Level.TRACKLETS, Level.WARNING)
            for use in (chosen.use_sets(least) if chosen else ())
        ]
        for who in self._who:
            self._pictures.join(who)
        self._kinds: dict[Who, dict[int, FlightKind]] = {who: {} for who in self._who}
        self._asked_ns: dict[tuple[Who, int], int] = {}
        self._launches: dict[tuple[Who, int], Launch] = {}
        self._stated: dict[int, Assessment | AreaWarning] = {}

    @property
    def late_plots(self) -> int:
        """In no release picture, as what followed them is folded already: sent by themselves."""
        return max(self._pictures.behind.values(), default=0)

    def take(self, arrival: Arrival, sent_ns: int, *, dry: bool = False) -> Iterator[Sent]:
        """Own plots as they came; what is to be sent at once, unless it was sent before (`dry`)."""
        plots = arrival.plots
        rows = {who: part for who, part in self._rows(plots) if len(part)}
        self._pictures.fold(
            plots, rows, {who: self._taking(who) for who in rows if who.least == Level.TRACKLETS}
        )
        if dry:
            self.release.ready()
        else:
            yield from self._sent(sent_ns, no_more=False)

    def _rows(self, plots: Plots) -> Iterator[tuple[Who, NDArray[np.int64]]]:
        """Which plots each picture is folded from: granted for all that it is for."""
        granted = {
            least: granted_uses(
                self.policy,
                self.partner,
                plots,
                self._radars,
                exercise=self.outgoing.exercise,
                least=Level(least),
            )
            for least in {who.least for who in self._who}
        }
        for who in self._who:
            bits = use_bits(who.use)
            yield who, np.flatnonzero(granted[who.least] & bits == bits)

    def _taking(self, who: Who) -> Callable[[Followed], None]:
        return lambda followed: self.release.take(followed, self._kinds[who], who.use)

    def due(self) -> list[Due]:
        """Tracks of which something is to be said again by now, or whose kind rules ask for."""
        out = []
        for who in self._who:
            stated = who.least == Level.WARNING
            if not stated and not self._asks_kind:
                continue
            of = self._settings.release
            every_ns = round((of.state_every_s if stated else of.assess_every_s) * S)
            out += [
                Due(who, track)
                for track in self._pictures.of(who).tracks()
                if track.status == TrackStatus.CONFIRMED
                and track.time_ns - self._asked_ns.get((who, track.id), -every_ns) >= every_ns
            ]
        return out

    def launch_of(self, due: Due) -> Launch | None:
        """Its launch, once that no longer changes."""
        return self._launches.get((due.who, due.track.id))

    def state(self, due: Due, flight: Flight, now_ns: int) -> Iterator[Sent]:
        """Say what a track of `due` means, as far as this partner is to know."""
        who, track = due
        self._asked_ns[who, track.id] = track.time_ns
        self._kinds[who][track.id] = flight.kind
        if flight.launch and track.time_ns - track.first_plot_ns > LAUNCH_SOUGHT_NS:
            self._launches.setdefault((who, track.id), flight.launch)
        statement = self._statement(who, track, flight) if who.least == Level.WARNING else None
        if statement is not None:
            number = statement.warning if isinstance(statement, AreaWarning) else statement.flight
            self._stated[number] = statement
            yield self.outgoing.message(statement, now_ns)

    def _statement(self, who: Who, track: Track, flight: Flight) -> Assessment | AreaWarning | None:
        place = geodetic_from_ecef(*track.state[:3])[:2]
        radars = tuple(sorted(track.plots_by_radar))
        subject = Subject(track.time_ns, radars, self.outgoing.exercise, flight.kind, *place)
        if granted_for(self.policy, self.partner, subject, Level.WARNING) != who.use:
            return None  # the picture of just what it is granted for tells of it
        level = self.release.decision_on(flight.kind, radars, track.time_ns, place).level
        number = self._number(who.use, track.id)
        if level >= Level.ASSESSMENT:
            parted = flight.parted_from
            own = msgspec.structs.replace(
                flight,
                id=number,
                parted_from=None if parted is None else self._number(who.use, parted),
            )
            return codec.pack_flight(own, track.time_ns, who.use)
        if level < Level.WARNING or flight.impact is None:
            return None
        about_ns = round(NORMAL_95 * flight.impact.time_sigma_s * S)
        return AreaWarning(
            warning=number,
            as_of_ns=track.time_ns,
            from_ns=flight.impact.time_ns - about_ns,
            until_ns=flight.impact.time_ns + about_ns,
            area=flight.impact.region_95,
            use=who.use,
        )

    def _number(self, use: tuple[Use, ...], track: int) -> int:
        """A track's number for this partner: another for each start, policy and set of uses.

        Below 2^53, so that any program can hold it.
        """
        return (self._epoch * 8 + use_bits(use)) * TRACKS + track % TRACKS

    def ready(self, sent_ns: int, *, no_more: bool = False) -> Iterator[Sent]:
        """What was gathered meanwhile; with `no_more` also what is still open."""
        yield from self._sent(sent_ns, no_more=no_more)

    def end(self, sent_ns: int) -> Iterator[Sent]:
        """The last that goes under this policy: what is open, and what was stated is withdrawn."""
        yield from self._sent(sent_ns, no_more=True)
        for statement in self._stated.values():
            yield self.outgoing.message(_withdrawn(statement), sent_ns)
        self._stated.clear()

    def _sent(self, sent_ns: int, *, no_more: bool) -> Iterator[Sent]:
        for payload, _ in self.release.ready(no_more=no_more):
            yield self.outgoing.message(payload, sent_ns)


def _withdrawn(statement: Assessment | AreaWarning) -> Assessment | AreaWarning:
    """That it holds no more; nothing of it is said again that need not be."""
    if isinstance(statement, AreaWarning):
        return msgspec.structs.replace(statement, withdrawn=True)
    return Assessment(
        flight=statement.flight,
        as_of_ns=statement.as_of_ns,
        kind=statement.kind,
        kind_probabilities=statement.kind_probabilities,
        use=statement.use,
        withdrawn=True,
    )
