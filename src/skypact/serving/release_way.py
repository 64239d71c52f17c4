"""The way of own plots to one partner: its release picture, what leaves of it, numbered and signed.

A release picture is folded from own plots alone, of the radars released to this partner, so what
leaves cannot hold what another nation sent (design, rule 2).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    AreaWarning,
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
from skypact.serving.release_pictures import ReleasePictures, Who
from skypact.settings import Settings
from skypact.sharing import codec
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import Policy, released_rows

S = 1_000_000_000
NORMAL_95 = 1.96
LAUNCH_SOUGHT_NS = 60 * S
"""A launch rests on the plots of the first minute."""


class ReleaseWay:
    """Everything that goes to one partner, made from its release pictures.

    Of two pictures one is folded from the plots that may leave as tracklets or plots, the other
    from those that may shape an assessment or a warning: a radar may be released for one of them.
    `epoch`: raised at every start, for the numbers of released scans.
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
        self.observed = Who(self.partner, Level.TRACKLETS)
        self.assessed = Who(self.partner, Level.WARNING)
        for who in (self.observed, self.assessed):
            pictures.join(who)
        self._by_radar: dict[Who, NDArray[np.bool_]] = {}
        """Where time and place are not asked for: whether a radar's plots may shape a picture."""
        self._by_radar_of: Policy | None = None
        self._kinds: dict[int, FlightKind] = {}
        self._stated_ns: dict[int, int] = {}
        self._launches: dict[int, Launch] = {}

    @property
    def follows(self) -> bool:
        """Whether what leaves of a plot depends on the track that took it."""
        chosen = self.policy.partners.get(self.partner)
        return chosen is not None and (
            chosen.asks_kind
            or any(one.level == Level.TRACKLETS for one in (*chosen.rules, chosen.otherwise))
        )

    def rows(self, plots: Plots, who: Who) -> NDArray[np.int64]:
        """Which plots may shape a picture."""
        chosen = self.policy.partners.get(self.partner)
        if chosen is None or not chosen.asks_no_more:
            return np.flatnonzero(self._released(plots, who))
        if self._by_radar_of is not self.policy:
            self._by_radar.clear()
            self._by_radar_of = self.policy
        if who not in self._by_radar:
            n = len(self._radars)
            of_each = np.arange(n, dtype=np.int32)
            nan = np.full(n, np.nan)
            zero = np.zeros(n, np.int64)
            one_each = Plots(zero, of_each, nan, nan, nan, nan, nan, zero)
            self._by_radar[who] = self._released(one_each, who)
        return np.flatnonzero(self._by_radar[who][plots.radar])

    def _released(self, plots: Plots, who: Who) -> NDArray[np.bool_]:
        return released_rows(
            self.policy,
            self.partner,
            plots,
            self._radars,
            exercise=self.outgoing.exercise,
            least=Level(who.least),
        )

    def take(self, followed: Followed) -> None:
        """Released plots, as the picture of them was folded."""
        self.release.take(followed, self._kinds)

    def take_as_they_came(self, plots: Plots) -> None:
        """Released plots of which nothing depends on tracks: before any picture is folded."""
        n = len(plots.time_ns)
        nowhere = np.full((n, 6), np.nan)
        self.release.take(
            Followed(plots, np.zeros(n, np.int64), nowhere, nowhere[:, 0], np.full(n, -1))
        )

    def due(self, tracks: Sequence[Track]) -> list[Track]:
        """Those of the release picture's tracks of which something is to be said again by now."""
        every_ns = round(self._settings.release.state_every_s * S)
        return [
            track
            for track in tracks
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
        for payload, _ in self.release.ready(no_more=no_more):
            yield self.outgoing.message(payload, sent_ns)
