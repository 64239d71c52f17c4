"""The way of own plots to one partner: its release picture, what leaves of it, numbered and signed.

A release picture is folded from own plots alone, of the radars released to this partner, so what
leaves cannot hold what another nation sent (design, rule 2).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.flight import KnownLaunches
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    AreaWarning,
    Assessment,
    Flight,
    FlightKind,
    Followed,
    Launch,
    Level,
    Plots,
    Radar,
    Track,
    Use,
)
from skypact.model.plots import radar_of_scan
from skypact.serving.release_pictures import ReleasePictures, Rows, Who, is_present, untaken
from skypact.settings import Settings
from skypact.sharing import codec
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import Policy, Subject, granted_for, use_bits
from skypact.sharing.policy_rows import granted_uses

S = 1_000_000_000
NORMAL_95 = 1.96
_STATED_ANEW = 5.0
TRACKS = 100_000
"""Numbers of tracks of one picture, before they begin anew."""


Statement = Assessment | AreaWarning


class Due(NamedTuple):
    """A track of a release picture of which something is to be said, or its kind to be asked."""

    who: Who
    track: Track


class ReleaseWay:
    """Everything that goes to one partner, made from its release pictures, under one policy.

    There is a picture for what may leave as tracklets or plots (`observed`) and one for what may
    shape an assessment or a warning (`assessed`), as a radar may be released for one of them; and
    each for every set of uses that rules grant. `pictures` folds those that are the same as one.
    `epoch`: raised at every start and with every policy, for the numbers of what leaves.
    """

    def __init__(
        self,
        policy: Policy,
        radars: tuple[Radar, ...],
        outgoing: Outgoing,
        pictures: ReleasePictures,
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
        self.follows = chosen is not None and (
            chosen.asks_kind
            or any(one.level == Level.TRACKLETS for one in (*chosen.rules, chosen.otherwise))
        )
        """Whether what leaves of a plot depends on the track that took it."""
        self.observed, self.assessed = (
            [Who(self.partner, least, use) for use in (chosen.use_sets(least) if chosen else ())]
            for least in (Level.TRACKLETS, Level.WARNING)
        )
        self._who = [*self.observed, *self.assessed]
        for who in self._who if self.follows else self.assessed:
            pictures.join(who)
        by_radar = chosen is not None and chosen.asks_no_more
        self._granted_by_radar = self._granted(_one_of_each(radars)) if by_radar else {}
        """Where time and place are not asked for: for which uses a radar's plots may go."""
        self._who_of_radar: dict[int, list[Who]] = {}
        self._kinds: dict[Who, dict[int, FlightKind]] = {who: {} for who in self._who}
        self._asked_ns: dict[tuple[Who, int], int] = {}
        self._launches = {who: KnownLaunches() for who in self._who}
        self._stated: dict[tuple[Who, int], Statement] = {}
        self._stated_before: list[Statement] = []
        self._took_over_ns = 0

    def rows(self, plots: Plots) -> dict[Who, Rows]:
        """Which plots may shape each picture: granted for all that it is for; where there are any.

        Those of `observed` are the plots that may leave.
        """
        number = radar_of_scan(plots) if self._granted_by_radar else None
        if number is not None:
            return self._rows_of_radar(number, len(plots.radar))
        granted = {
            least: of[plots.radar] for least, of in self._granted_by_radar.items()
        } or self._granted(plots)
        out: dict[Who, Rows] = {}
        for who in self._who:
            bits = use_bits(who.use)
            chosen = np.flatnonzero(granted[who.least] & bits == bits)
            if len(chosen):
                out[who] = chosen
        return out

    def _rows_of_radar(self, number: int, n: int) -> dict[Who, Rows]:
        """`rows` of a scan of `n` plots of one radar: all or none may shape a picture."""
        if number not in self._who_of_radar:
            self._who_of_radar[number] = [
                who
                for who in self._who
                if not use_bits(who.use) & ~int(self._granted_by_radar[who.least][number])
            ]
        return dict.fromkeys(self._who_of_radar[number], np.arange(n))

    def _granted(self, plots: Plots) -> dict[int, NDArray[np.uint8]]:
        """For which uses each plot may go, by the least level."""
        return {
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

    def taking(self, who: Who) -> Callable[[Followed], None]:
        """Takes released plots as a picture of `observed` folds them."""
        return lambda followed: self.release.take(followed, self._kinds[who], who.use)

    def take_as_they_came(self, plots: Plots, rows: Mapping[Who, Rows]) -> None:
        """Released plots of which nothing depends on tracks: before any picture is folded."""
        for who in self.observed:
            if who in rows:
                every = len(rows[who]) == len(plots.time_ns)
                self.taking(who)(untaken(plots if every else plots.at(rows[who])))

    def due(self, tracks: Mapping[Who, Sequence[Track]]) -> list[Due]:
        """Of the pictures' tracks those that something is to be said of, or whose kind is asked."""
        out = []
        for who in self._who:
            stated = who.least == Level.WARNING
            if not stated and not self._asks_kind:
                continue
            of = self._settings.release
            every_ns = round((of.state_every_s if stated else of.assess_every_s) * S)
            out += [
                Due(who, track)
                for track in tracks.get(who, ())
                if is_present(track)
                and track.time_ns - self._asked_ns.get((who, track.id), -every_ns) >= every_ns
            ]
        return out

    def launch_of(self, due: Due) -> Launch | None:
        """What is known of its launch in that picture."""
        return self._launches[due.who].of(due.track)

    def state(self, due: Due, flight: Flight, now_ns: int) -> Iterator[Sent]:
        """Say what a track of `due` means, as far as this partner is to know."""
        who, track = due
        self._asked_ns[who, track.id] = track.time_ns
        self._kinds[who][track.id] = flight.kind
        self._launches[who].take(track, flight.launch)
        if who.least != Level.WARNING:
            return
        statement = self._statement(who, track, flight)
        before = self._stated.pop((who, track.id), None)
        if before is not None and type(before) is not type(statement):
            yield self.outgoing.message(_withdrawn(before), now_ns)
        if statement is not None:
            self._stated[who, track.id] = statement
            yield self.outgoing.message(statement, now_ns)

    @property
    def stated(self) -> list[Statement]:
        """What the partner was told and is to be withdrawn one day, as it will be withdrawn."""
        return [*map(_withdrawn, self._stated.values()), *self._stated_before]

    @property
    def stating(self) -> tuple[Statement, ...]:
        """What the partner was told of flights that there are."""
        return tuple(self._stated.values())

    @property
    def stated_numbers(self) -> frozenset[tuple[str, int]]:
        """Of `stated`: what each is, and its number."""
        return frozenset(
            (type(one).__name__, one.flight if isinstance(one, Assessment) else one.warning)
            for one in self.stated
        )

    def take_over(self, stated: Iterable[Statement], now_ns: int) -> None:
        """What was stated before this start, under other numbers: it goes when all is stated anew.

        After a few times `release.state_every_s`.
        """
        self._stated_before = list(stated)
        self._took_over_ns = now_ns

    def withdraw(self, tracks: Mapping[Who, Sequence[Track]], now_ns: int) -> Iterator[Sent]:
        """Take back what was stated of flights that are none any more."""
        present = {(who, track.id) for who in self.assessed for track in tracks.get(who, ())}
        for gone in self._stated.keys() - present:
            yield self.outgoing.message(_withdrawn(self._stated.pop(gone)), now_ns)
        for who in self._who:
            if who in tracks:
                self._forget_but(who, {track.id for track in tracks[who]})
        anew_ns = round(_STATED_ANEW * self._settings.release.state_every_s * S)
        if self._stated_before and now_ns - self._took_over_ns > anew_ns:
            for statement in self._stated_before:
                yield self.outgoing.message(statement, now_ns)
            self._stated_before.clear()

    def _forget_but(self, who: Who, present: Collection[int]) -> None:
        """Forget the tracks that a picture no longer has."""
        self._launches[who].keep_only(present)
        for gone in self._kinds[who].keys() - present:
            del self._kinds[who][gone]
        for one in [one for one in self._asked_ns if one[0] == who and one[1] not in present]:
            del self._asked_ns[one]

    def _statement(self, who: Who, track: Track, flight: Flight) -> Statement | None:
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

    def parts(self, sent_ns: int, *, after: int) -> Iterator[tuple[int, Sent]]:
        """What was gathered, part by part from 0; the first `after` are passed over."""
        for part, (payload, _) in enumerate(self.release.ready()):
            if part >= after:
                yield part, self.outgoing.message(payload, sent_ns)

    def end(self, sent_ns: int) -> Iterator[Sent]:
        """The last that goes under this policy: what is open, and what was stated is withdrawn."""
        yield from self._sent(sent_ns, no_more=True)
        for statement in self.stated:
            yield self.outgoing.message(statement, sent_ns)
        self._stated.clear()
        self._stated_before.clear()

    def _sent(self, sent_ns: int, *, no_more: bool) -> Iterator[Sent]:
        for payload, _ in self.release.ready(no_more=no_more):
            yield self.outgoing.message(payload, sent_ns)


def _withdrawn(statement: Statement) -> Statement:
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


def _one_of_each(radars: Sequence[Radar]) -> Plots:
    """A plot of each radar, in their order."""
    n = len(radars)
    nan, zero = np.full(n, np.nan), np.zeros(n, np.int64)
    return Plots(zero, np.arange(n, dtype=np.int32), nan, nan, nan, nan, nan, zero)
