"""What leaves a node of its own plots: all partners' ways, over pictures that they share."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterator

from skypact.model import Arrival, Plots, Track
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
        for way in self.ways.values():
            for who in (way.observed, way.assessed):
                chosen = way.rows(plots, who)
                if len(chosen):
                    rows[who] = chosen
            if way.observed in rows and not way.follows:
                way.take_as_they_came(plots.at(rows[way.observed]))
                yield from self._made(way, arrival, dry)
        follow = {
            way.observed: way.take
            for way in self.ways.values()
            if way.observed in rows and way.follows
        }
        if not follow:
            self._later.append((plots, rows))
            return
        self.catch_up()
        self.pictures.fold(plots, rows, follow)
        for way in self.ways.values():
            if way.observed in follow:
                yield from self._made(way, arrival, dry)

    def catch_up(self) -> None:
        """Fold what is only assessed."""
        while self._later:
            self.pictures.fold(*self._later.popleft(), {})

    async def tracks(self) -> dict[Who, tuple[Track, ...]]:
        """The tracks of everybody's pictures; made in a thread, for it takes its time."""
        self.catch_up()
        return await asyncio.to_thread(self.pictures.snapshot())

    def _made(
        self, way: ReleaseWay, arrival: Arrival, dry: Collection[str]
    ) -> Iterator[tuple[str, Sent]]:
        if way.partner in dry:
            way.release.ready()
            return
        for sent in way.ready(arrival.received_ns):
            yield way.partner, sent
