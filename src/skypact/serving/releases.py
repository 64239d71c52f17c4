"""What leaves a node of its own plots: all partners' ways, over pictures that they share."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np

from skypact.model import Arrival, EntryKind, Followed, Plots, Track
from skypact.record.journal import Journal
from skypact.serving.kept import KeptPlots, numbers_of
from skypact.serving.release_pictures import ReleasePictures, Rows, Who
from skypact.serving.release_way import ReleaseWay
from skypact.sharing.outgoing import Sent

ALL = 1 << 62
"""Of what is made from an arrival, all parts."""
_NOTHING: Mapping[str, int] = {}
_TOGETHER = 200
"""Scans that are folded at once, at most."""


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
            self.pictures.fold(*self._oldest(), {})

    def _oldest(self) -> tuple[Plots, dict[Who, Rows]]:
        """The scan that came first, and those after it that are folded with it as one by one.

        So are scans of which each begins after the one before has ended.
        """
        parts = [self._later.popleft()]
        names = {_name(parts[0][0])}
        while self._later and len(parts) < _TOGETHER:
            plots = self._later[0][0]
            in_order = parts[-1][0].time_ns.max() < plots.time_ns.min()
            if not in_order or _name(plots) in names:
                break
            names.add(_name(plots))
            parts.append(self._later.popleft())
        return parts[0] if len(parts) == 1 else _joined(parts)

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


def _name(plots: Plots) -> tuple[int, int]:
    """Radar and number of a scan."""
    return int(plots.radar[0]), int(plots.scan[0])


def _joined(parts: list[tuple[Plots, dict[Who, Rows]]]) -> tuple[Plots, dict[Who, Rows]]:
    """Scans as one after the other, and whose rows these are then."""
    plots = Plots._make(map(np.concatenate, zip(*(plots for plots, _ in parts), strict=True)))
    begins = np.cumsum([0, *(len(plots.time_ns) for plots, _ in parts[:-1])]).tolist()
    rows: dict[Who, list[Rows]] = {}
    for (_, of_scan), begin in zip(parts, begins, strict=True):
        for who, chosen in of_scan.items():
            rows.setdefault(who, []).append(chosen + begin)
    return plots, {who: np.concatenate(of) for who, of in rows.items()}


async def folded_again(
    journal: Journal,
    releases: Releases,
    *,
    from_ns: int,
    before: int,
    skip_last: int,
    most: int,
) -> None:
    """Fold own plots of the journal into new release pictures; nothing of it leaves again.

    From a time on, up to the entry `before`, the newest `most` arrivals; the last `skip_last` are
    still to leave.
    """
    total, numbers = 0, numbers_of(releases.pictures.radars)
    async for entry in journal.read(from_time_ns=from_ns):
        total += entry.kind is EntryKind.PLOTS_ACCEPTED and entry.number < before
    async for entry in journal.read(from_time_ns=from_ns):
        if entry.kind is EntryKind.PLOTS_ACCEPTED and total > skip_last:
            total -= 1
            if total >= most + skip_last:
                continue
            arrival = msgspec.msgpack.decode(entry.payload, type=KeptPlots).arrival(numbers)
            _ = list(releases.take(arrival, dict.fromkeys(releases.ways, ALL)))
            releases.catch_up()
            await asyncio.sleep(0)
