"""What a picture was at any moment, from the journal.

As now known: by all that was accepted since, whenever it came. As known at a time: by what had been
received by then alone, with the verdicts and under the ids of then.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import structlog

from skypact.errors import InputError, SkypactError
from skypact.kernels.geodesy import geodetic_from_ecef
from skypact.model import Entry, EntryKind, Track
from skypact.offline.text import iso_utc
from skypact.serving.folded import Folded
from skypact.serving.journal_source import Progress, Source
from skypact.serving.pictures import names_of
from skypact.settings import Settings
from skypact.sharing.tasks import Turns
from skypact.tracking import LivePicture, Picture

S = 1_000_000_000
THEN = "then"
_PROGRESS_EVERY = 500
_SLICE_S = 0.1


class Moment(NamedTuple):
    """A picture at `time_ns`, by what was known at `known_ns` (None: all that is known now).

    `entry`: number of the last entry of the journal that has a part in it. `digest`: of all its
    bits. `tracks`: under the ids that people saw; where nobody saw one, or the picture forgot its
    id before the replay begins, it stands under its number in the fold, as a negative one.
    """

    time_ns: int
    known_ns: int | None
    entry: int
    digest: str
    tracks: tuple[Track, ...]

    def as_json(self) -> dict[str, Any]:
        """As `skypact replay --json` gives it."""
        return {
            "time": iso_utc(self.time_ns),
            "known_at": None if self.known_ns is None else iso_utc(self.known_ns),
            "entry": self.entry,
            "digest": self.digest,
            "tracks": [track_as_json(track) for track in self.tracks],
        }


class Replayed(NamedTuple):
    """What a replay gave. `began_at`: the number of the checkpoint that it began at; 0: none.

    `passed_over`: entries that did not fit. `exact`: the bits and ids are those of then.
    """

    nation: str
    exercise: bool
    picture: str
    moments: tuple[Moment, ...]
    began_at: int
    entries: int
    passed_over: int
    exact: bool

    def as_json(self) -> dict[str, Any]:
        """The document of `skypact replay --json`."""
        return self._asdict() | {"moments": [moment.as_json() for moment in self.moments]}


async def replay(
    source: Source,
    settings: Settings,
    picture: str,
    times_ns: Sequence[int] | None = None,
    *,
    known: int | str | None = None,
    on_progress: Progress | None = None,
) -> Replayed:
    """The picture at these times, or at the journal's end.

    `known`: None: by all that is known now; a time: by what had been received by then; THEN: each
    moment by what had been received by it. Settings as the node's. Raises InputError where the
    journal does not go back so far, or holds nothing.
    """
    if not source.last:
        raise InputError(f"journal of {source.nation}", "is empty", "let the node run first")
    times = sorted(times_ns) if times_ns else []
    until_ns = known if isinstance(known, int) else None
    for_start_ns = min([*times[:1], until_ns] if until_ns else times[:1], default=None)
    one = Replaying(source, settings, (picture,), on_progress)
    begin_by_ns = None if known is None else for_start_ns
    await one.begin(begin_by_ns, reach_ns=for_start_ns)
    moments: list[Moment] = []
    if known == THEN and times:
        one.require(times[0])
        for time_ns in times:
            await one.fold_until(time_ns)
            moments.append(one.now(picture, time_ns))
    else:
        await one.fold_until(until_ns)
        moments = [one.at(picture, t, until_ns) for t in times] or [one.now(picture, until_ns)]
    await one.close()
    return Replayed(
        source.nation,
        source.exercise,
        picture,
        tuple(moments),
        one.began_at,
        one.entries,
        one.passed_over,
        one.exact,
    )


class Replaying:
    """A journal being folded, and of it these pictures: one pass gives all of them.

    >>> one = Replaying(source, settings, ("national", "shared"))
    >>> await one.begin(time_ns, time_ns)
    >>> await one.fold_until(time_ns)
    >>> one.tracks_now("shared"), one.folded.statements
    >>> await one.close()
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        names: Sequence[str],
        on_progress: Progress | None = None,
    ) -> None:
        self._source, self._settings, self._names = source, settings, tuple(names)
        self._on_progress = on_progress
        self._log = structlog.get_logger()
        self.folded = self._fresh()
        self._entries: AsyncIterator[Entry] | None = None
        self._held: Entry | None = None
        self.began_at = self.entries = self.passed_over = self._number = 0
        self._newest_ns = self._first_ns = 0
        self._ids: dict[str, dict[int, int]] = {name: {} for name in self._names}
        """By picture all that were given, of tracks too that it has forgotten since."""
        self._beside: tuple[Callable[[Entry], None], int] | None = None

    def _fresh(self) -> Folded:
        source = self._source
        return Folded(source.nation, source.radars, self._settings, exercise=source.exercise)

    @property
    def exact(self) -> bool:
        """Whether the journal was whole, and everything in it fitted."""
        return not self.passed_over and not self.folded.beheaded

    def fold_beside(self, fold: Callable[[Entry], None], from_ns: int) -> None:
        """Before `begin`: what else is to be given each entry from a time on, in the same pass."""
        self._beside = fold, from_ns

    async def begin(self, by_ns: int | None, reach_ns: int | None) -> None:
        """At the newest checkpoint by a time that goes back far enough, or at the first entry."""
        for number, time_ns in self._source.checkpoints():
            if number < self._source.first - 1 or (by_ns is not None and time_ns > by_ns):
                continue
            folded = self._fresh()
            try:
                folded.take_up(self._source.checkpoint(number).blob, f"checkpoint {number}")
            except (SkypactError, msgspec.MsgspecError) as fault:
                self._log.warning("checkpoint not used", reason=str(fault))
                continue
            reaches_ns = max(folded.pictures[name].reach_ns for name in self._names)
            if reach_ns is not None and reaches_ns > reach_ns:
                continue
            self.folded, self.began_at, self._number = folded, number, number
            self._newest_ns = time_ns
            self._ids = {name: folded.pictures[name].ids for name in self._names}
            break
        else:
            self.folded.beheaded = self._source.first > 1
        self._entries = self._source.read(min(self._number, self._before_beside()) + 1)
        if self.folded.beheaded and (entry := await self._next()) is not None:
            self._held, self._first_ns = entry, entry.time_ns

    def require(self, time_ns: int) -> None:
        """Raises InputError where what was known at a time is in the journal no more."""
        if time_ns < self._first_ns:
            raise _not_so_far(self._source.nation, time_ns)

    def resume(self, source: Source) -> None:
        """Go on after `close`, with the same journal as it is by now."""
        self._source = source
        self._entries = source.read(self._number + 1)

    def _before_beside(self) -> int:
        """The number of an entry that is before all that is folded beside."""
        if self._beside is None:
            return self._number
        kept, from_ns = self._source.checkpoints(), self._beside[1]
        return next((number for number, time_ns in kept if time_ns <= from_ns), 0)

    async def fold_until(self, time_ns: int | None) -> None:
        """Entries up to the first that is later than a time; None: all."""
        turns = Turns(_SLICE_S)  # a server closes a connection that does not answer its pings
        turns.begin()
        while (entry := await self._next()) is not None:
            if time_ns is not None and entry.time_ns > time_ns:
                self._held = entry
                break
            if self._beside is not None and entry.time_ns >= self._beside[1]:
                self._beside[0](entry)
            if entry.number > self.began_at:
                self._fold(entry)
            await turns.pass_on()

    def _fold(self, entry: Entry) -> None:
        try:
            self.folded.fold(entry)
        except SkypactError as fault:
            self.passed_over += 1
            self._log.warning("entry passed over", number=entry.number, reason=str(fault))
        if entry.kind is EntryKind.ID_RECORD:
            for name in self._ids.keys() & set(names_of(entry.about)):
                self._ids[name] |= self.folded.pictures[name].ids
        self.entries += 1
        self._number, self._newest_ns = entry.number, max(self._newest_ns, entry.time_ns)
        if self._on_progress and self.entries % _PROGRESS_EVERY == 0:
            self._on_progress(self.entries, self._source.last - self.began_at)

    async def _next(self) -> Entry | None:
        if self._held is not None:
            entry, self._held = self._held, None
            return entry
        assert self._entries is not None
        async for entry in self._entries:
            return entry if entry.number <= self._source.last else None
        return None

    async def close(self) -> None:
        """Read no more."""
        self._held = None
        close = getattr(self._entries, "aclose", None)
        if close is not None:
            await close()

    def now(self, name: str, time_ns: int | None) -> Moment:
        """A picture as people saw it after the entries folded so far."""
        known_ns = self._newest_ns if time_ns is None else time_ns
        digest = self.folded.pictures[name].picture.digest()
        return Moment(known_ns, known_ns, self._number, digest, self.tracks_now(name))

    def tracks_now(self, name: str) -> tuple[Track, ...]:
        """Its tracks then, under the ids that people saw."""
        return self.folded.pictures[name].shown()

    def at(self, name: str, time_ns: int, known_ns: int | None) -> Moment:
        """A picture at a time, by the entries folded so far."""
        picture = self._picture_at(name, time_ns)
        tracks = _under(self._ids[name], picture)
        return Moment(time_ns, known_ns, self._number, picture.digest(), tracks)

    def tracks_at(self, name: str, time_ns: int) -> tuple[Track, ...]:
        """Its tracks, under the ids that people saw. Raises InputError: it goes not so far back."""
        return _under(self._ids[name], self._picture_at(name, time_ns))

    def _picture_at(self, name: str, time_ns: int) -> Picture:
        return _picture_at(self.folded.pictures[name], self._source.nation, time_ns)


def tracks_at(live: LivePicture, nation: str, time_ns: int) -> tuple[Track, ...]:
    """A picture's tracks as of a time, under the ids it gave. Raises InputError: too far back."""
    return _under(live.ids, _picture_at(live, nation, time_ns))


def _picture_at(live: LivePicture, nation: str, time_ns: int) -> Picture:
    try:
        return live.at(time_ns)
    except SkypactError:
        raise _not_so_far(nation, time_ns) from None


def _not_so_far(nation: str, time_ns: int) -> InputError:
    return InputError(
        f"journal of {nation}",
        f"does not go back to {iso_utc(time_ns, 0)}, or its pictures did not then",
        "ask for a later time, or with --known-at as of a time when it was kept",
    )


def _under(ids: dict[int, int], picture: Picture) -> tuple[Track, ...]:
    """Tracks of the fold under the ids that people saw."""
    return tuple(_named(ids, track) for track in picture.tracks())


def _named(ids: dict[int, int], track: Track) -> Track:
    """A track of the fold under the id that people saw."""
    parted = track.parted_from
    return msgspec.structs.replace(
        track,
        id=ids.get(track.id, -track.id),
        parted_from=None if parted is None else ids.get(parted, -parted),
    )


def track_as_json(track: Track) -> dict[str, Any]:
    """A track for people and programs: degrees, km, m/s; standard deviations, root of the trace."""
    latitude, longitude, height_m = geodetic_from_ecef(*track.state[:3])
    variance = np.diag(track.covariance)
    return {
        "id": track.id,
        "status": str(track.status),
        "time": iso_utc(track.time_ns),
        "latitude_deg": float(np.degrees(latitude)),
        "longitude_deg": float(np.degrees(longitude)),
        "height_km": float(height_m) / 1e3,
        "position_ecef_m": [float(one) for one in track.state[:3]],
        "velocity_ecef_m_s": [float(one) for one in track.state[3:6]],
        "position_sigma_m": float(np.sqrt(variance[:3].sum())),
        "velocity_sigma_m_s": float(np.sqrt(variance[3:6].sum())),
        "first_plot": iso_utc(track.first_plot_ns),
        "last_plot": iso_utc(track.last_plot_ns),
        "plots": track.plots,
        "plots_by_radar": track.plots_by_radar,
        "plots_by_partner": track.plots_by_partner,
        "ended_because": track.ended_because,
    }
