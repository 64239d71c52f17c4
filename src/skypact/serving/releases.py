"""What leaves a node of its own plots: all partners' ways, over pictures that they share."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from skypact.model import Arrival, Followed, Plots, Track
from skypact.serving.release_pictures import ReleasePictures, Rows, Who
from skypact.serving.release_way import ReleaseWay
from skypact.sharing.outgoing import Sent

ALL = 1 << 62
"""Of what is made from an arrival, all parts."""
_NOTHING: Mapping[str, int] = {}


class Releases:
    """Own plots to what goes to each partner.

    Plots that leave as plots go first, before any picture is folded; tracklets as soon as theirs
    is. Where nothing but assessments is made from pictures, these are folded by `catch_up`.
    """

    def __init__(self, pictures: ReleasePictures, ways: dict[str, ReleaseWay]) -> None:
        self.pictures, self.ways = pictures, ways
        self._later: deque[tuple[Plots, dict[Who, Rows]]] = deque()

    def take(
        self, arrival: Arrival, gone: Mapping[str, int] = _NOTHING
    ) -> Iterator[tuple[str, int, Sent]]:
        """Own plots as they came; to whom what is to be sent at once, and which of its parts it is.

        `gone`: so many of the parts for a partner were sent before, and are not made again.
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
                yield from self._made(way, arrival, gone)
        if not follow:
            self._later.append((plots, rows))
            return
        self.catch_up()
        self.pictures.fold(plots, rows, follow)
        for way in self.ways.values():
            if any(who in follow for who in way.observed):
                yield from self._made(way, arrival, gone)

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
        self, way: ReleaseWay, arrival: Arrival, gone: Mapping[str, int]
    ) -> Iterator[tuple[str, int, Sent]]:
        before = gone.get(way.partner, 0)
        for part, sent in way.parts(arrival.received_ns, after=before):
            yield way.partner, part, sent
