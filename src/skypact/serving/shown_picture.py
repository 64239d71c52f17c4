"""A picture as a desk follows it: what changed since it was last told, numbered.

It also takes note, whether somebody looks or not, of where each track went and which radar saw it
when: a track itself knows its last plot alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from skypact.flight import KnownLaunches
from skypact.flight.paths import path_of
from skypact.model import (
    Flight,
    FlightKind,
    Launch,
    PictureChange,
    ShownFlight,
    ShownPath,
    ShownTrack,
    Source,
    Track,
    TrackStatus,
)
from skypact.serving.shown import shown_path, shown_tracks
from skypact.settings import DeskSettings

S = 1_000_000_000
_PART_BYTES = 500_000
"""An answer goes in parts of about so much: below the server's longest payload."""
_IDLE_TIMES = 10
"""What does not go on, or is no missile, is assessed so many times as seldom."""


Point = tuple[int, NDArray[np.float64]]
"""UTC ns, and a track's state."""


class _Path:
    """Where a track went: thinned as it grows."""

    def __init__(self, every_ns: int) -> None:
        self.every_ns = every_ns
        self.points: list[Point] = []

    def note(self, track: Track, most: int) -> None:
        """Keep a point if the last one is long enough ago."""
        if self.points and track.time_ns - self.points[-1][0] < self.every_ns:
            return
        self.points.append((track.time_ns, track.state.copy()))
        if len(self.points) > most:
            self.points = self.points[::2]
            self.every_ns *= 2

    def go_on_from(self, before: Sequence[Point], most: int) -> None:
        """Have the points of one that was kept until this one was begun."""
        begun_ns = self.points[0][0] if self.points else None
        earlier = [one for one in before if begun_ns is None or one[0] < begun_ns]
        self.points = earlier + self.points
        while len(self.points) > most:
            self.points = self.points[::2]
            self.every_ns *= 2

    def shown(self) -> ShownPath:
        """Its columns."""
        return shown_path(path_of(self.points))


Eyes = tuple[str, str]
"""A nation, and its radar."""
_POINTS_TOLD = 100
"""So many points of a path are told at most to who looks at the past."""
_SIGHTINGS = 50
"""So many of a radar's sightings of a track are kept, the newest."""


class Sighting(NamedTuple):
    """A radar saw a track from then to then with no pause, ns; `first_ns`: when it saw it at all.

    `first_ns` None: before anybody took note.
    """

    first_ns: int | None
    since_ns: int
    until_ns: int


class Noted(NamedTuple):
    """What was noted of a track until a time: its last sightings, and where it went, in short."""

    sightings: Mapping[Eyes, Sighting]
    points: Sequence[Point]


class Followed:
    """What is known of one track besides itself."""

    def __init__(self, every_ns: int, pause_ns: int) -> None:
        self.counts: dict[Eyes, int] = {}
        self.first_ns: dict[Eyes, int | None] = {}
        self.last_ns: dict[Eyes, int | None] = {}
        self._pause_ns = pause_ns
        self._sightings: dict[Eyes, list[tuple[int, int]]] = {}
        self.path = _Path(every_ns)
        self.key: tuple[int, int, TrackStatus] = (0, 0, TrackStatus.CONFIRMED)
        self.track: Track | None = None
        self.assessed_ns = self.assessed_plots = 0
        self.flight: ShownFlight | None = None

    def note_sources(
        self,
        track: Track,
        nations: Mapping[str, str],
        first: bool,
        newest_ns: Mapping[Eyes, int],
    ) -> None:
        """Which radars have seen it since the last look: by the plots that each has by now.

        None saw it later than its own newest plot, though another did.
        """
        counts = {(nations.get(name, ""), name): n for name, n in track.plots_by_radar.items()}
        for nation, labels in track.plots_by_partner.items():
            counts |= {(nation, label): n for label, n in labels.items()}
        # Of several at the first look the one with most plots began it, as far as can be told.
        earliest = None if self.counts else max(counts, key=counts.__getitem__, default=None)
        for source, count in counts.items():
            last_ns = min(track.last_plot_ns, newest_ns.get(source, track.last_plot_ns))
            begins_ns = track.first_plot_ns if source == earliest else last_ns
            if source not in self.first_ns:
                self.first_ns[source] = None if first else begins_ns
            if self.counts.get(source) != count:
                last = track.last_seen_by in (source[1], f"{source[0]} {source[1]}")
                fresh = not first or last
                self.last_ns[source] = last_ns if fresh else None
                if fresh:
                    begins = begins_ns if source not in self.counts else last_ns
                    self._sighted(source, begins, last_ns)
        self.counts = counts

    def _sighted(self, source: Eyes, since_ns: int, until_ns: int) -> None:
        """Take note of a look, or of several that were one sighting."""
        seen = self._sightings.setdefault(source, [])
        if seen and since_ns - seen[-1][1] <= self._pause_ns:
            since_ns = seen.pop()[0]
        seen.append((since_ns, until_ns))
        del seen[:-_SIGHTINGS]

    def sightings(self, at_ns: int) -> dict[Eyes, Sighting]:
        """By radar, its last sighting as of a time; without those that began later."""
        out = {}
        for source, seen in self._sightings.items():
            begun = [one for one in seen if one[0] <= at_ns]
            if begun:
                since_ns, until_ns = begun[-1]
                out[source] = Sighting(self.first_ns[source], since_ns, min(until_ns, at_ns))
        return out

    def noted(self, at_ns: int) -> Noted:
        """What was noted until then."""
        until = [one for one in self.path.points if one[0] <= at_ns]
        return Noted(self.sightings(at_ns), until[:: len(until) // _POINTS_TOLD + 1])

    def take(self, noted: Noted, most: int) -> None:
        """What was noted when it was now: a replay looks less often, and not so far back."""
        self.path.go_on_from(noted.points, most)
        for source in self.first_ns.keys() & noted.sightings.keys():
            first_ns, since_ns, until_ns = noted.sightings[source]
            if first_ns is not None:
                self.first_ns[source] = first_ns
            last_ns = self.last_ns[source]
            known_ns = until_ns if last_ns is None else min(last_ns, until_ns)
            self.last_ns[source] = max(since_ns, known_ns)

    def go_on_from(self, before: "Followed", most: int) -> None:
        """Know what another took note of until this one was begun; `most` points of the path."""
        self.path.go_on_from(before.path.points, most)
        for source, first_ns in before.first_ns.items():
            known_ns = self.first_ns.get(source)
            self.first_ns[source] = (
                known_ns if first_ns is None else min(known_ns or first_ns, first_ns)
            )
            if self.last_ns.get(source) is None:
                self.last_ns[source] = before.last_ns[source]
        for source, earlier in before._sightings.items():
            later = self._sightings.pop(source, [])
            for since_ns, until_ns in [*earlier, *later]:
                self._sighted(source, since_ns, until_ns)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that have a part in it."""
        return tuple(
            Source(*source, count, self.first_ns.get(source), self.last_ns.get(source))
            for source, count in self.counts.items()
        )


class ShownPicture:
    """One picture. `look` at it whenever it may have changed; `change` gives what to tell."""

    def __init__(
        self, name: str, epoch: int, nations: Mapping[str, str], settings: DeskSettings
    ) -> None:
        """`nations`: of the radars of the table, by id."""
        self.name, self.epoch, self.number = name, epoch, 0
        self._nations, self._settings = nations, settings
        self._followed: dict[int, Followed] = {}
        self._launches = KnownLaunches()
        self._changed: set[int] = set()
        self._flights_changed: set[int] = set()
        self._gone: set[int] = set()
        self._begun = False

    def look(
        self, tracks: Sequence[Track], newest_ns: Mapping[Eyes, int] = MappingProxyType({})
    ) -> None:
        """Take note of the tracks as they are now; `newest_ns`: of each source, as far as known."""
        every_ns = round(self._settings.path_every_s * S)
        pause_ns = round(self._settings.sees_now_s * S)
        for track in tracks:
            one = self._followed.get(track.id)
            first = one is None
            if one is None:
                one = self._followed[track.id] = Followed(every_ns, pause_ns)
                self._gone.discard(track.id)
            key = track.time_ns, track.plots, track.status
            if one.key == key:
                continue
            one.key, one.track = key, track
            # Of a track that is older than the first look it is not known who saw it before.
            one.note_sources(track, self._nations, first and not self._begun, newest_ns)
            one.path.note(track, self._settings.path_points)
            self._changed.add(track.id)
        gone = self._followed.keys() - {track.id for track in tracks}
        for number in gone:
            del self._followed[number]
        self._launches.keep_only(self._followed)
        self._gone |= gone
        self._changed -= gone
        self._flights_changed -= gone
        self._begun = True

    @property
    def tracks(self) -> list[Track]:
        """As they were last looked at."""
        return [one.track for one in self._followed.values() if one.track is not None]

    @property
    def flights(self) -> list[Flight]:
        """What of them is assessed means."""
        return [one.flight.flight for one in self._followed.values() if one.flight is not None]

    def noted(self, at_ns: int) -> dict[int, Noted]:
        """By track, what was noted of it until a time."""
        return {number: one.noted(at_ns) for number, one in self._followed.items()}

    def take(self, noted: Mapping[int, Noted]) -> None:
        """The same into a picture of the past."""
        for number in self._followed.keys() & noted.keys():
            self._followed[number].take(noted[number], self._settings.path_points)

    @property
    def followed(self) -> Mapping[int, Followed]:
        """What was taken note of, by track."""
        return self._followed

    def go_on_from(self, before: Mapping[int, Followed]) -> None:
        """Know what was taken note of before; the next change is one that all ask whole for."""
        for number in self._followed.keys() & before.keys():
            one = self._followed[number]
            one.go_on_from(before[number], self._settings.path_points)
            self._changed.add(number)
            if one.flight is not None:
                self._flights_changed.add(number)
        self.number += 1

    @property
    def waiting(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._changed or self._gone or self._flights_changed)

    def change(self, now_ns: int) -> PictureChange | None:
        """What changed since the last one; None: nothing did."""
        if not self.waiting:
            return None
        self.number += 1
        told = self._told(
            now_ns,
            tracks=self._tracks(self._changed),
            gone=tuple(sorted(self._gone)),
            flights=self._flights(self._flights_changed),
        )
        for one in (self._changed, self._gone, self._flights_changed):
            one.clear()
        return told

    def whole(self, now_ns: int) -> list[PictureChange]:
        """All of it, in parts that a message can hold."""
        parts = [self._told(now_ns, tracks=self._tracks(self._followed))]
        parts += [self._told(now_ns, flights=f) for f in cut(self._flights(self._followed))]
        flown = ((number, one.path.shown()) for number, one in self._followed.items())
        parts += [self._told(now_ns, flown=dict(f)) for f in cut(flown)]
        return [msgspec.structs.replace(one, more=True) for one in parts[:-1]] + parts[-1:]

    def _told(self, now_ns: int, **what: object) -> PictureChange:
        newest_ns = max(
            (f.track.last_plot_ns for f in self._followed.values() if f.track), default=0
        )
        return PictureChange(
            self.name,
            self.epoch,
            self.number,
            now_ns,
            newest_ns,
            **what,  # type: ignore[arg-type]
        )

    def _tracks(self, ids: "set[int] | dict[int, Followed]") -> tuple[ShownTrack, ...]:
        of = (self._followed[number].track for number in sorted(ids))
        return shown_tracks([track for track in of if track is not None])

    def _flights(self, ids: "set[int] | dict[int, Followed]") -> tuple[ShownFlight, ...]:
        """Flights as last assessed, with who sees them by now."""
        return tuple(
            msgspec.structs.replace(one.flight, sources=one.sources)
            for number in sorted(ids)
            if (one := self._followed[number]).flight is not None
        )

    # -- what tracks mean ----------------------------------------------------------------------

    def due(self, now_ns: int) -> tuple[float, Track] | None:
        """The track that most needs to be assessed, and how overdue that is; None: none is.

        Before what parted, what it parted from: it has the launch of that.
        """
        most, chosen = 1.0, None
        for one in self._followed.values():
            overdue = self._overdue(one, now_ns)
            if overdue >= most:
                most, chosen = overdue, one.track
        if chosen is None:
            return None
        while (parent := self._followed.get(chosen.parted_from or 0)) and parent.flight is None:
            if parent.track is None:
                break
            chosen = parent.track
        return most, chosen

    def _overdue(self, one: Followed, now_ns: int) -> float:
        if one.track is None:
            return 0.0
        if one.flight is None:
            return float("inf")
        ended = one.track.status is TrackStatus.ENDED
        if ended and one.flight.status is TrackStatus.ENDED:
            return 0.0
        going_on = one.track.plots != one.assessed_plots or ended
        kind = one.flight.flight.kind
        idle = not going_on or kind in (FlightKind.AIRCRAFT, FlightKind.ORBITAL)
        every_s = self._settings.assess_every_s * (_IDLE_TIMES if idle else 1)
        return (now_ns - one.assessed_ns) / (every_s * S)

    def launch_of(self, track: Track) -> Launch | None:
        """What is known of its launch."""
        return self._launches.of(track)

    def assessed(self, track: Track, flight: Flight, expected: ShownPath, now_ns: int) -> None:
        """Take what a track means."""
        one = self._followed.get(track.id)
        if one is None:
            return
        # What was known stays known, though no boost is found any more that fits all of it.
        before = None if one.flight is None else one.flight.flight.launch
        self._launches.take(track, flight.launch or before)
        flight = msgspec.structs.replace(flight, launch=self._launches.of(track) or flight.launch)
        one.assessed_ns, one.assessed_plots = now_ns, track.plots
        one.flight = ShownFlight(
            flight, track.time_ns, track.status, track.ended_because, one.sources, expected
        )
        self._flights_changed.add(track.id)


def cut(items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Items together up to the size of a part."""
    held: list[Any] = []
    size = 0
    for item in items:
        octets = len(msgspec.msgpack.encode(item))
        if held and size + octets > _PART_BYTES:
            yield tuple(held)
            held, size = [], 0
        held.append(item)
        size += octets
    if held:
        yield tuple(held)
