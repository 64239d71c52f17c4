"""What leaves a node of its own plots: all partners' ways, over pictures that they share."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator

from skypact.model import Arrival, Followed, Plots, Track
from skypact.serving.release_pictures import ReleasePictures, Rows, Who
from skypact.serving.release_way import ReleaseWay
from skypact.sharing.outgoing import Sent


class Releases:
    """Own plots to what goes to each partner.

    Plots that leave as plots go first, before any picture is folded; tracklets as soon as theirs
    is. Where nothing but assessments is made from pictures, these are folded by `catch_up`.
    """

    def __init__(self, pictures: ReleasePictures, ways: dict[str, ReleaseWay]) -> None:
        self.pictures, self.ways = pictures, ways
        self._later: deque[tuple[Plots, dict[Who, Rows]]] = deque()

    def take(self, arrival: Arrival, *, dry: Collection[str] = ()) -> Iterator[tuple[str, Sent]]:
        """Own plots as they came; to whom what is to be sent at once, but to none in `dry`.

        These were sent it before.
        """
        plots = arrival.plots
        rows: dict[Who, Rows] = {}
        follow: dict[Who, Callable[[Followed], None]] = {}
        for way in self.ways.values():
            released = way.rows(plots)
            leaving = [who for who in way.observed if who in released]
            if way.follows:
                rows |= released
                follow |= {who: way.taking(who) for who in leaving}
                continue
            rows |= {who: released[who] for who in way.assessed if who in released}
            if leaving:
                way.take_as_they_came(plots, released)
                yield from self._made(way, arrival, dry)
        if not follow:
            self._later.append((plots, rows))
            return
        self.catch_up()
        self.pictures.fold(plots, rows, follow)
        for way in self.ways.values():
            if any(who in follow for who in way.observed):
                yield from self._made(way, arrival, dry)

    def catch_up(self) -> None:
        """Fold what is only assessed."""
        while self._later:
            self.pictures.fold(*self._later.popleft(), {})

    async def tracks(self, now_ns: int) -> dict[Who, tuple[Track, ...]]:
        """The tracks of everybody's pictures now; made in a thread, for it takes its time."""
        self.catch_up()
        return await asyncio.to_thread(self.pictures.snapshot(now_ns))

    def leave(self, partner: str) -> None:
        """A partner that is none any more."""
        del self.ways[partner]
        self.pictures.leave(partner)

    def _made(
        self, way: ReleaseWay, arrival: Arrival, dry: Collection[str]
    ) -> Iterator[tuple[str, Sent]]:
        if way.partner in dry:
            way.release.ready()
            return
        for sent in way.ready(arrival.received_ns):
            yield way.partner, sent
