"""The way of own plots to one partner: its release picture, what leaves of it, numbered and signed.

A release picture is folded from own plots alone, of the radars released to this partner, so what
leaves cannot hold what another nation sent (design, rule 2).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skypact.flight import assess
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    AreaWarning,
    Arrival,
    FlightKind,
    Followed,
    Level,
    Payload,
    Radar,
    Track,
    TrackStatus,
)
from skypact.settings import Settings
from skypact.sharing import codec
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import Policy, released_rows
from skypact.tracking import Picture

S = 1_000_000_000
NORMAL_95 = 1.96


class _Stated(NamedTuple):
    """A flight as it was stated last: when, and under which decision's level."""

    as_of_ns: int
    level: Level


class ReleaseWay:
    """One partner's release pictures and everything that goes to it.

    Of two pictures one is folded from the plots that may leave as tracklets or plots, the other
    from those that may shape an assessment or a warning: a radar may be released for one of them.
    """

    def __init__(
        self,
        policy: Policy,
        radars: tuple[Radar, ...],
        outgoing: Outgoing,
        *,
        secret: bytes,
        settings: Settings,
    ) -> None:
        self.partner, self.outgoing = outgoing.partner, outgoing
        self._radars, self._settings = radars, settings
        self.policy = policy
        self.release = PartnerRelease(
            policy,
            self.partner,
            radars,
            secret=secret,
            epoch=outgoing.chain.epoch,
            exercise=outgoing.exercise,
            settings=settings.sharing,
        )
        self._observed = Picture(radars, settings.tracking)
        self._assessed = Picture(radars, settings.tracking)
        self._kinds: dict[int, FlightKind] = {}
        self._stated: dict[int, _Stated] = {}
        self.late_plots = 0
        """Not released, as what followed them is folded already."""

    def take(self, arrival: Arrival, sent_ns: int, *, dry: bool = False) -> Iterator[Sent]:
        """Own plots as they came; what is to be sent at once, unless it was sent before (`dry`)."""
        plots = arrival.plots
        for picture, least in (
            (self._observed, Level.TRACKLETS),
            (self._assessed, Level.WARNING),
        ):
            rows = np.flatnonzero(
                released_rows(
                    self.policy,
                    self.partner,
                    plots,
                    self._radars,
                    exercise=self.outgoing.exercise,
                    least=least,
                )
            )
            if not len(rows):
                continue
            oldest_ns = int(plots.time_ns[rows].min())
            behind_s = ((picture.time_ns or oldest_ns) - oldest_ns) / S
            if behind_s > self._settings.release.greatest_behind_s:
                self.late_plots += len(rows)
                continue
            take = self._follow if picture is self._observed else None
            picture.observe(plots.at(rows), on_followed=take)
        if dry:
            self.release.ready()
        else:
            yield from self._sent(sent_ns, no_more=False)

    def _follow(self, followed: Followed) -> None:
        self.release.take(followed, self._kinds)

    def state(self, now_ns: int) -> Iterator[Sent]:
        """What is to be said of the flights of the release picture by now."""
        for track in self._assessed.tracks():
            if track.status != TrackStatus.CONFIRMED or not self._is_due(track):
                continue
            flight = assess(track, self._radars, self._settings.flight)
            self._kinds[track.id] = flight.kind
            radars = tuple(sorted(track.plots_by_radar))
            latitude, longitude, _ = geodetic_from_ecef(*track.state[:3])
            decision = self.release.decision_on(
                flight.kind, radars, track.time_ns, (latitude, longitude)
            )
            self._stated[track.id] = _Stated(track.time_ns, decision.level)
            payload: Payload | None = None
            if decision.level >= Level.ASSESSMENT:
                payload = codec.pack_flight(flight, track.time_ns, decision.use)
            elif decision.level == Level.WARNING and flight.impact is not None:
                impact = flight.impact
                payload = AreaWarning(
                    warning=track.id,
                    as_of_ns=track.time_ns,
                    from_ns=impact.time_ns - round(NORMAL_95 * impact.time_sigma_s * S),
                    until_ns=impact.time_ns + round(NORMAL_95 * impact.time_sigma_s * S),
                    area=impact.region_95,
                    use=decision.use,
                )
            if payload is not None:
                yield self.outgoing.message(payload, now_ns)

    def _is_due(self, track: Track) -> bool:
        last = self._stated.get(track.id)
        every_ns = round(self._settings.release.state_every_s * S)
        return last is None or track.time_ns - last.as_of_ns >= every_ns

    def ready(self, sent_ns: int, *, no_more: bool = False) -> Iterator[Sent]:
        """What was gathered meanwhile; with `no_more` also what is still open."""
        yield from self._sent(sent_ns, no_more=no_more)

    def _sent(self, sent_ns: int, *, no_more: bool) -> Iterator[Sent]:
        for payload, _ in self.release.ready(no_more=no_more):
            yield self.outgoing.message(payload, sent_ns)
