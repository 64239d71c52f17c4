"""A release policy tried on recorded plots: what each partner would have got, by which rule."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from skypact.errors import InputError
from skypact.flight import KnownLaunches, assess
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import (
    Flight,
    FlightKind,
    Followed,
    Level,
    Plots,
    Radar,
    ScanPlots,
    Track,
    TrackletBatch,
    TrackStatus,
)
from skypact.sensing import read_plots
from skypact.settings import Settings
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import Policy
from skypact.sharing.policy_rows import released_rows
from skypact.tracking import Picture

FilePath = str | PathLike[str]
S = 1_000_000_000


class RuleCount(NamedTuple):
    """What would have gone to one partner by one rule; `seen`: plots that it decided about."""

    partner: str
    rule: str
    level: Level
    seen: int
    plots: int
    tracklets: int
    assessments: int
    warnings: int
    left_out: int


class ReleaseTest(NamedTuple):
    """What a policy would have released of recorded plots.

    `plots`: one's own; `of_others`: those that are not, and never leave. `not_hidden` by partner:
    plots that could not be hidden.
    """

    policy: Policy
    plots: int
    of_others: int
    first_ns: int
    last_ns: int
    counts: tuple[RuleCount, ...]
    not_hidden: dict[str, int]
    not_fed: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact release test --json`."""
        return {
            "nation": self.policy.nation,
            "policy": self.policy.hash,
            "plots": self.plots,
            "of_others": self.of_others,
            "partners": {
                partner: {
                    "not_in_its_pictures": self.not_fed[partner],
                    "not_hidden": self.not_hidden[partner],
                    "rules": [
                        row._asdict() | {"level": row.level.name.lower()}
                        for row in self.counts
                        if row.partner == partner
                    ],
                }
                for partner in sorted(self.policy.partners)
            },
        }


def try_policy(
    policy: Policy,
    files: FilePath | Iterable[FilePath] | Plots,
    radars: Sequence[Radar],
    *,
    exercise: bool = False,
    settings: Settings | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ReleaseTest:
    """Run recorded plots through each partner's release picture and the policy.

    `files`: recordings, or the plots of a journal in the order of the fold.
    `on_progress` gets the partners done and their number. Raises InputError where there are no
    plots of the policy's nation.
    """
    settings = settings or Settings()
    if isinstance(files, Plots):
        plots, named = files, "the journal"
    else:
        files = [files] if isinstance(files, str | PathLike) else list(files)
        plots, _ = read_plots(files, radars, settings=settings.sensing)
        named = ", ".join(map(str, files))
    own = np.array([radar.nation == policy.nation for radar in radars], dtype=bool)[plots.radar]
    mine = plots.at(np.flatnonzero(own))
    if not len(mine.time_ns):
        said = f"no plots of {policy.nation}'s radars"
        raise InputError(named, said, "name recordings of the nation whose policy it is")
    counts: list[RuleCount] = []
    not_hidden, not_fed = {}, {}
    for done, partner in enumerate(sorted(policy.partners)):
        tried = _Tried(policy, partner, radars, exercise, settings)
        tried.run(mine)
        counts += tried.rows()
        not_hidden[partner], not_fed[partner] = tried.not_hidden, tried.not_fed
        if on_progress:
            on_progress(done + 1, len(policy.partners))
    first_ns, last_ns = int(mine.time_ns[0]), int(mine.time_ns[-1])
    others = int(np.sum(~own))
    return ReleaseTest(
        policy, len(mine.time_ns), others, first_ns, last_ns, tuple(counts), not_hidden, not_fed
    )


class _Tried:
    """One partner's part of it: a picture for what goes as observations, and one for flights."""

    def __init__(
        self,
        policy: Policy,
        partner: str,
        radars: Sequence[Radar],
        exercise: bool,
        settings: Settings,
    ) -> None:
        self.policy, self.partner, self.radars = policy, partner, radars
        self.exercise, self.settings = exercise, settings
        self.asks_kind = policy.partners[partner].asks_kind
        self.release = self._new_release()
        self.sent: Counter[tuple[str, str]] = Counter()
        self.levels: dict[str, Level] = {"": Level.NOTHING}
        self.not_fed = self.not_hidden = 0
        for rule in (*policy.partners[partner].rules, policy.partners[partner].otherwise):
            self.levels[rule.name] = rule.level

    def _new_release(self) -> PartnerRelease:
        return PartnerRelease(
            self.policy,
            self.partner,
            self.radars,
            secret=b"a trial; what leaves is counted alone",
            epoch=1,
            exercise=self.exercise,
            settings=self.settings.sharing,
        )

    def run(self, plots: Plots) -> None:
        """Fold a picture for each level, or one where the same plots are in them."""
        pictures: dict[bytes, tuple[np.ndarray, set[Level]]] = {}
        for least in (Level.WARNING, Level.ASSESSMENT, Level.TRACKLETS):
            fed = self._fed(plots, least)
            pictures.setdefault(fed.tobytes(), (np.flatnonzero(fed), set()))[1].add(least)
            if least == Level.WARNING:
                self.not_fed = len(plots.time_ns) - int(np.sum(fed))
        for rows, levels in pictures.values():
            self._fold(plots.at(rows), levels)
        for sent in self.release.ready(no_more=True):
            self._count(sent)
        self.not_hidden = self.release.withheld

    def _fed(self, plots: Plots, least: Level) -> np.ndarray:
        return released_rows(
            self.policy, self.partner, plots, self.radars, exercise=self.exercise, least=least
        )

    def _fold(self, plots: Plots, levels: set[Level]) -> None:
        picture = Picture(self.radars, self.settings.tracking)
        kinds: dict[int, FlightKind] = {}
        launches = KnownLaunches()

        def take(followed: Followed) -> None:
            if Level.TRACKLETS in levels:
                self.release.take(followed, kinds)

        for part in _slices(plots, round(self.settings.release.assess_every_s * S)):
            picture.observe(part, more_to_come=True, on_followed=take)
            for sent in self.release.ready():
                self._count(sent)
            last_ns = int(part.time_ns[-1])
            for track in picture.tracks():
                if track.status == TrackStatus.CONFIRMED:
                    flight = self._flight(track, kinds, launches)
                    self._state(track, flight, last_ns, levels)
        picture.observe(plots.at(np.zeros(0, np.int64)), on_followed=take)

    def _flight(
        self, track: Track, kinds: dict[int, FlightKind], launches: KnownLaunches
    ) -> tuple[FlightKind, tuple[str, ...]]:
        """Kind, where a rule asks for it, and radars of a track's flight."""
        if self.asks_kind:
            launch = launches.of(track)
            flight: Flight = assess(track, self.radars, self.settings.flight, launch=launch)
            launches.take(track, flight.launch)
            kinds[track.id] = flight.kind
        return kinds.get(track.id, FlightKind.UNKNOWN), tuple(sorted(track.plots_by_radar))

    def _state(
        self,
        track: Track,
        flight: tuple[FlightKind, tuple[str, ...]],
        now_ns: int,
        levels: set[Level],
    ) -> None:
        place = geodetic_from_ecef(*track.state[:3])[:2]
        kind, radars = flight
        decision = self.release.decision_on(kind, radars, now_ns, place)
        for what, level in (("assessments", Level.ASSESSMENT), ("warnings", Level.WARNING)):
            self.sent[decision.rule, what] += level in levels and decision.level >= level

    def _count(self, sent: tuple[Any, str]) -> None:
        payload, rule = sent
        if isinstance(payload, ScanPlots):
            self.sent[rule, "plots"] += len(payload.time_ns) // 8
        elif isinstance(payload, TrackletBatch):
            self.sent[rule, "tracklets"] += len(payload.tracklets)

    def rows(self) -> Iterator[RuleCount]:
        """By rule, in the order of the policy."""
        seen: Counter[str] = Counter()
        for (_, rule), count in self.release.counts.items():
            seen[rule] += count
        for rule, level in self.levels.items():
            if rule or seen[rule]:
                yield RuleCount(
                    partner=self.partner,
                    rule=rule,
                    level=level,
                    seen=seen[rule],
                    plots=self.sent[rule, "plots"],
                    tracklets=self.sent[rule, "tracklets"],
                    assessments=self.sent[rule, "assessments"],
                    warnings=self.sent[rule, "warnings"],
                    left_out=self.release.left_out[rule],
                )


def _slices(plots: Plots, step_ns: int) -> Iterator[Plots]:
    """Plots, at most so long at a time."""
    at, n = 0, len(plots.time_ns)
    while at < n:
        end = int(np.searchsorted(plots.time_ns, plots.time_ns[at] + step_ns, side="left"))
        end = max(end, at + 1)
        yield plots.at(np.arange(at, end))
        at = end
