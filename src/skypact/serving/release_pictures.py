"""Release pictures, each folded once for all who may have the same of one's own plots.

What a partner may have decides the policy, plot by plot, for that partner alone. As long as two are
given the same rows of everything that came, their pictures are one; with the first row that only
one of them is given they part, each with a copy, and never meet again. So a picture holds what is
released to its partner and nothing else, as though each had been folded by itself: bit for bit.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skypact.model import Followed, Plots, Radar, Track, TrackStatus, Use
from skypact.settings import Settings
from skypact.tracking import Picture

S = 1_000_000_000
Rows = NDArray[np.int64]


class Who(NamedTuple):
    """Whose picture: of a partner, and made from what may leave at which least level.

    `use`: for what it is released; what shapes the picture is granted for all of it.
    """

    partner: str
    least: int
    use: tuple[Use, ...]


class _Shared:
    """A picture, and those whose it is."""

    def __init__(self, picture: Picture, who: list[Who]) -> None:
        self.picture, self.who = picture, who


class ReleasePictures:
    """The release pictures of all partners.

    `folds` counts how often plots were folded; `behind`: plots by whose they were that were older
    than what had been folded by more than `release.greatest_behind_s`, and were not.
    """

    def __init__(self, radars: Sequence[Radar], settings: Settings) -> None:
        self.radars, self._tracking = tuple(radars), settings.tracking
        self._behind_s = settings.release.greatest_behind_s
        self._shared: list[_Shared] = []
        self.folds = 0
        self.behind: dict[Who, int] = {}

    def join(self, who: Who) -> None:
        """A picture for one more, of what comes from now on."""
        self.behind[who] = 0
        for shared in self._shared:
            if shared.picture.time_ns is None:  # nothing is in it yet
                shared.who.append(who)
                return
        self._shared.append(_Shared(Picture(self.radars, self._tracking), [who]))

    def leave(self, partner: str) -> None:
        """A partner that is none any more."""
        for shared in self._shared:
            shared.who = [who for who in shared.who if who.partner != partner]
        self._shared = [shared for shared in self._shared if shared.who]

    def of(self, who: Who) -> Picture:
        """Whose picture; to be read."""
        return next(shared.picture for shared in self._shared if who in shared.who)

    def snapshot(self, now_ns: int) -> Callable[[], dict[Who, tuple[Track, ...]]]:
        """Gives the tracks of everybody's pictures as they are now, in any thread, at any time.

        Without those that have ended by `now_ns` for want of plots: that has no part in the fold.
        """
        then = [(shared.picture.near_checkpoint(), tuple(shared.who)) for shared in self._shared]

        def tracks() -> dict[Who, tuple[Track, ...]]:
            found: dict[Who, tuple[Track, ...]] = {}
            for checkpoint, whose in then:
                picture = Picture(self.radars, self._tracking)
                picture.restore(checkpoint)
                tracks = picture.tracks()
                picture.advance(now_ns)
                present = {one.id for one in picture.tracks() if is_present(one)}
                left = tuple(one for one in tracks if one.id in present)
                found |= dict.fromkeys(whose, left)
            return found

        return tracks

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Each once."""
        return tuple(shared.picture for shared in self._shared)

    def fold(
        self,
        plots: Plots,
        rows: Mapping[Who, Rows],
        tell: Mapping[Who, Callable[[Followed], None]],
    ) -> None:
        """Fold plots, of which each may have these rows; those in `tell` are told what took them.

        Who has no rows named gets none of them.
        """
        none = np.zeros(0, np.int64)
        for shared in list(self._shared):
            parts: dict[bytes, list[Who]] = {}
            for who in shared.who:
                parts.setdefault(rows.get(who, none).tobytes(), []).append(who)
            for one in self._parted(shared, list(parts.values())):
                chosen = rows.get(one.who[0], none)
                if len(chosen):
                    self._fold(one, plots.at(chosen), tell)

    def _parted(self, shared: _Shared, parts: list[list[Who]]) -> list[_Shared]:
        """The picture, and a copy for each further part of those whose it was."""
        shared.who = parts[0]
        copies = []
        for who in parts[1:]:
            copy = Picture(self.radars, self._tracking)
            copy.restore(shared.picture.checkpoint())
            copies.append(_Shared(copy, who))
        self._shared += copies
        return [shared, *copies]

    def _fold(
        self, shared: _Shared, plots: Plots, tell: Mapping[Who, Callable[[Followed], None]]
    ) -> None:
        oldest_ns = int(plots.time_ns.min())
        if ((shared.picture.time_ns or oldest_ns) - oldest_ns) / S > self._behind_s:
            for who in shared.who:
                self.behind[who] += len(plots.time_ns)
                if who in tell:  # they leave by themselves
                    tell[who](untaken(plots))
            return
        told = [tell[who] for who in shared.who if who in tell]

        def followed(what: Followed) -> None:
            for one in told:
                one(what)

        self.folds += 1
        shared.picture.observe(plots, on_followed=followed if told else None)


def is_present(track: Track) -> bool:
    """Whether a flight is stated: not before it is sure, and no more when it has ended."""
    return track.status == TrackStatus.CONFIRMED


def untaken(plots: Plots) -> Followed:
    """Plots that no release picture took, or that leave without one."""
    return Followed(plots, *_nowhere(len(plots.time_ns)))


@lru_cache(64)
def _nowhere(n: int) -> tuple[NDArray[Any], ...]:
    """What is known of `n` plots that no track took; never written to."""
    nowhere = np.full((n, 6), np.nan)
    return np.zeros(n, np.int64), nowhere, nowhere[:, 0], np.full(n, -1)
