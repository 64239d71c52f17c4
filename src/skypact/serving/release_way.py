"""The way of own plots to one partner: its release picture, what leaves of it, numbered and signed.

A release picture is folded from own plots alone, of the radars released to this partner, so what
leaves cannot hold what another nation sent (design, rule 2).
"""

from collections.abc import Iterator

import numpy as np

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    AreaWarning,
    Arrival,
    Flight,
    FlightKind,
    Followed,
    Launch,
    Level,
    Plots,
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
LAUNCH_SOUGHT_NS = 60 * S
"""A launch rests on the plots of the first minute."""


class ReleaseWay:
    """One partner's release pictures and everything that goes to it.

    Of two pictures one is folded from the plots that may leave as tracklets or plots, the other
    from those that may shape an assessment or a warning: a radar may be released for one of them.
    `epoch`: raised at every start, for the numbers of released scans.
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
        self._radars, self._settings = radars, settings
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
        self._observed = Picture(radars, settings.tracking)
        self._assessed = Picture(radars, settings.tracking)
        self._kinds: dict[int, FlightKind] = {}
        self._stated_ns: dict[int, int] = {}
        self._launches: dict[int, Launch] = {}
        self.late_plots = 0
        """In no release picture, as what followed them is folded already: sent by themselves."""

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
                if picture is self._observed:
                    self._follow(_untaken(plots.at(rows)))
                continue
            take = self._follow if picture is self._observed else None
            picture.observe(plots.at(rows), on_followed=take)
        if dry:
            self.release.ready()
        else:
            yield from self._sent(sent_ns, no_more=False)

    def _follow(self, followed: Followed) -> None:
        self.release.take(followed, self._kinds)

    def due(self) -> list[Track]:
        """Tracks of the release picture of which something is to be said again by now."""
        every_ns = round(self._settings.release.state_every_s * S)
        return [
            track
            for track in self._assessed.tracks()
            if track.status == TrackStatus.CONFIRMED
            and track.time_ns - self._stated_ns.get(track.id, -every_ns) >= every_ns
        ]

    def launch_of(self, track: Track) -> Launch | None:
        """Its launch, once that no longer changes."""
        return self._launches.get(track.id)

    def state(self, track: Track, flight: Flight, now_ns: int) -> Iterator[Sent]:
        """Say what a track of `due` means, as far as this partner is to know."""
        self._stated_ns[track.id] = track.time_ns
        self._kinds[track.id] = flight.kind
        if flight.launch and track.time_ns - track.first_plot_ns > LAUNCH_SOUGHT_NS:
            self._launches.setdefault(track.id, flight.launch)
        latitude, longitude, _ = geodetic_from_ecef(*track.state[:3])
        decision = self.release.decision_on(
            flight.kind, tuple(sorted(track.plots_by_radar)), track.time_ns, (latitude, longitude)
        )
        if decision.level >= Level.ASSESSMENT:
            assessment = codec.pack_flight(flight, track.time_ns, decision.use)
            yield self.outgoing.message(assessment, now_ns)
        elif decision.level == Level.WARNING and flight.impact is not None:
            impact = flight.impact
            about_ns = round(NORMAL_95 * impact.time_sigma_s * S)
            warning = AreaWarning(
                warning=track.id,
                as_of_ns=track.time_ns,
                from_ns=impact.time_ns - about_ns,
                until_ns=impact.time_ns + about_ns,
                area=impact.region_95,
                use=decision.use,
            )
            yield self.outgoing.message(warning, now_ns)

    def ready(self, sent_ns: int, *, no_more: bool = False) -> Iterator[Sent]:
        """What was gathered meanwhile; with `no_more` also what is still open."""
        yield from self._sent(sent_ns, no_more=no_more)

    def _sent(self, sent_ns: int, *, no_more: bool) -> Iterator[Sent]:
        for payload, _ in self.release.ready(no_more=no_more):
            yield self.outgoing.message(payload, sent_ns)


def _untaken(plots: Plots) -> Followed:
    """Plots that no track of a release picture took."""
    n = len(plots.time_ns)
    nowhere = np.full((n, 6), np.nan)
    return Followed(plots, np.zeros(n, np.int64), nowhere, nowhere[:, 0], np.full(n, -1))
