"""Flights that ended, into the journal and from there into the record.

The journal is the truth: what ended is written there first, and the record follows it. A node that
is killed, or whose database is gone, has lost nothing: the record is caught up from the journal,
and takes each flight once, however often it is told.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from skypact.errors import JournalError, RecordError
from skypact.flight import KnownLaunches
from skypact.kernels.geodesic import geodesic_inverse
from skypact.model import (
    PART,
    Assessment,
    EntryKind,
    Flight,
    Impact,
    ImpactFrom,
    Launch,
    LaunchEntry,
    NationAssessment,
    Origin,
    Track,
    TrackStatus,
    Use,
    WarningSent,
)
from skypact.offline.flight_json import (
    apogee_as_json,
    flight_as_json,
    impact_as_json,
    launch_as_json,
)
from skypact.record.database import DEFAULT_FILE
from skypact.record.launch_record import LaunchRecord, day_of
from skypact.serving.assessor import Assessor
from skypact.serving.folded import Folded
from skypact.serving.kept import OpenJournal
from skypact.serving.pictures import OF_USE
from skypact.serving.recording_events import RecordingEvents
from skypact.settings import RecordSettings
from skypact.tracking import LivePicture

JOINT = ""
"""The nation of the assessment that all observations together give."""
_MOST_WAITING = 1000
"""Entries that wait for a record that is gone; beyond, they are read from the journal again."""
_NOTED_EVERY = 10_000
"""Entries of the journal without a flight, after which the record is told that it has all."""
_BESIDE = 3
"""Tracks of another picture that are asked whether they are the flight."""


class Write(Protocol):
    """Writes into the node's journal; the future gives the entry's number once it is on disk."""

    def __call__(
        self, kind: EntryKind, about: str, time_ns: int, entry: msgspec.Struct
    ) -> "asyncio.Future[int]":
        """As `Node` does."""
        ...


AreasAt = Callable[[float, float], tuple[str, ...]]
"""The areas that hold a place: latitude, longitude, rad."""


class Recording:
    """Keeps a node's record. `run` for as long as the node runs; `fault`: empty where all is well.

    `store`: the node's folder, where the record is unless a setting names another database.
    """

    def __init__(
        self,
        nation: str,
        folded: Folded,
        journal: OpenJournal,
        assessor: Assessor,
        settings: RecordSettings,
        store: Path,
        *,
        exercise: bool,
        write: Write,
        clock: Callable[[], int],
        areas_at: AreasAt | None = None,
    ) -> None:
        """`areas_at`: where the public is warned; None: it is not."""
        self._areas_at = areas_at
        self._events = RecordingEvents(nation, folded.settings.consultation)
        self._nation, self._folded = nation, folded
        self._journal, self._assessor = journal, assessor
        self._settings, self._exercise = settings, exercise
        self._where = settings.database or str(store / DEFAULT_FILE)
        self._write, self._clock = write, clock
        self._log = structlog.get_logger().bind(node=nation)
        self._record: LaunchRecord | None = None
        self._told: set[str] = set()
        self._launches = KnownLaunches()
        self._keys: dict[int, str] = {}
        """Of every flight there was, for what parts from it may end when it is gone."""
        self._caught_up = False
        self._waiting: list[LaunchEntry] = []
        self._last = 0
        self.followed = 0
        """The journal's entry up to which the record has all; 0: not known yet."""
        self.fault = ""

    @property
    def faults(self) -> list[str]:
        """What is wrong with the record, and what to do."""
        return [self.fault] if self.fault else []

    async def run(self) -> None:
        """Every few seconds what ended since, first into the journal, then into the record."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.look_s)

    async def look(self) -> None:
        """Once: what ended since, and what the record has not."""
        try:
            await self._tell_ended()
            await self._tell_outcomes()
            await self._follow()
            self.fault = ""
        except (RecordError, JournalError) as error:
            self.fault = f"record: {error.reason}; {error.remedy}"

    async def stop(self) -> None:
        """Give the database back."""
        if self._record is not None:
            await asyncio.to_thread(self._record.close)

    # -- into the journal ----------------------------------------------------------------------

    async def _tell_ended(self) -> None:
        """Write each flight that ended, once; a kill before it has it written by the next start."""
        tracks = self._folded.shared.shown()
        self._keys |= {track.id: key_of(track) for track in tracks}
        ended = {
            key_of(track): track
            for track in tracks
            if track.status == TrackStatus.ENDED and key_of(track) not in self._told
        }
        if not ended:
            return
        self._told |= await self._recorded(ended)
        own_alone = not any(track.plots_by_partner for track in tracks)
        parents = {track.parted_from for track in tracks if track.parted_from is not None}
        self._launches.keep_only({track.id for track in tracks} | parents)
        for key, track in ended.items():
            if key in self._told:
                continue
            launch = await self._launch(track, tracks, self._launches)
            flight = await self._assessor.flight(track, launch)
            if flight is None:
                continue  # its process died; the next round asks again
            self._launches.take(track, flight.launch)
            entry = await self._entry(key, track, flight, own_alone)
            try:
                number = await self._write(EntryKind.FLIGHT_ENDED, key, self._clock(), entry)
            except JournalError:
                return
            self._told.add(key)
            self._folded.warned.ended(entry)
            self._keep(number, entry)

    async def _launch(
        self, track: Track, tracks: Sequence[Track], known: KnownLaunches
    ) -> Launch | None:
        """Of a part the launch of what it parted from; None: its own is to be sought."""
        whole = next((one for one in tracks if one.id == track.parted_from), None)
        if whole is None or known.of(track) is not None:
            return known.of(track)
        flight = await self._assessor.flight(whole, await self._launch(whole, tracks, known))
        if flight is not None:
            known.take(whole, flight.launch)
        return known.of(track)

    async def _tell_outcomes(self) -> None:
        """Write flights again of which more was said to the public after they had ended."""
        for entry in self._folded.warned.changed():
            kind = EntryKind.FLIGHT_ENDED
            number = await self._write(kind, entry.key, self._clock(), entry)
            self._folded.warned.ended(entry)
            self._keep(number, entry)

    async def _recorded(self, keys: Iterable[str]) -> set[str]:
        """Which are in the record; none where it is gone: told again, they change nothing."""
        try:
            record = await self._opened()
            return await asyncio.to_thread(record.has, Origin.MEASURED, self._nation, list(keys))
        except RecordError:
            return set()

    async def _entry(self, key: str, track: Track, flight: Flight, own_alone: bool) -> LaunchEntry:
        first = 0
        async for one in self._journal.read(from_time_ns=track.first_plot_ns):
            first = one.number
            break
        said = [_joint(flight, track), *await self._national(track, flight)]
        said += self._of_partners(flight)
        warnings = await self._warnings(track, flight)
        parted = flight.parted_from
        return entry_of(
            key,
            self._nation,
            flight,
            utc_offset_h=self._settings.utc_offset_h,
            journal=(first, self._journal.last_number),
            said=tuple(said),
            warnings=warnings,
            exportable=own_alone,
            parted_from=None if parted is None else self._keys.get(parted, f"?-{parted}"),
        )

    async def _warnings(self, track: Track, flight: Flight) -> tuple[WarningSent, ...]:
        """What the public was told of it, and what became of that."""
        if self._areas_at is None:
            return ()
        public = self._folded.pictures[OF_USE[Use.PUBLIC_WARNING]]
        of_public = await self._same(public, track, flight)
        event = None if of_public is None else self._folded.warned.of_track(of_public[0])
        at = flight.impact
        within = None if at is None else self._areas_at(at.latitude_rad, at.longitude_rad)
        return self._folded.warned.rows(event, str(flight.kind), within)

    async def _national(self, track: Track, flight: Flight) -> list[NationAssessment]:
        """What own plots alone say of it; nothing where they do not show it."""
        found = await self._same(self._folded.national, track, flight)
        if found is None:
            return []
        one, own = found
        said = flight_as_json(own)
        return [NationAssessment(nation=self._nation, as_of_ns=one.time_ns, stated=said)]

    async def _same(
        self, picture: LivePicture, track: Track, flight: Flight
    ) -> tuple[Track, Flight] | None:
        """The track of another picture that is of the same flight, and what it means."""
        tracks, launches = picture.shown(), KnownLaunches()
        beside = [
            one
            for one in tracks
            if one.first_plot_ns <= track.last_plot_ns and track.first_plot_ns <= one.last_plot_ns
        ]
        beside.sort(key=lambda one: abs(one.first_plot_ns - track.first_plot_ns))
        for one in beside[:_BESIDE]:
            launch = await self._launch(one, tracks, launches)
            other = await self._assessor.flight(one, launch)
            if other is not None and is_same(other, flight, self._settings):
                return one, other
        return None

    def _of_partners(self, flight: Flight) -> list[NationAssessment]:
        """What partners last stated that is of this flight."""
        return [
            NationAssessment(nation=nation, as_of_ns=said.as_of_ns, stated=_stated(said))
            for (nation, _, _), said in self._folded.stated_last.items()
            if isinstance(said, Assessment) and is_same(said, flight, self._settings)
        ]

    # -- from the journal into the record ------------------------------------------------------

    async def _follow(self) -> None:
        """Put in what the journal has and the record has not."""
        record = await self._opened()
        if not self._caught_up:
            self.followed = await asyncio.to_thread(record.followed, self._nation)
            await self._read_from_journal()
        some = list(self._waiting)
        last = self._last if some else self._journal.last_number
        if some or last - self.followed > _NOTED_EVERY:
            await asyncio.to_thread(record.put, some, journal=(self._nation, last))
            self.followed = last
            self._waiting = self._waiting[len(some) :]
        await self._events.follow(self._folded.events, record, launches_came=bool(some))

    async def _read_from_journal(self) -> None:
        """Take up what was written before this node was started, or not kept for too long."""
        self._last, entries = self._journal.last_number, []
        if self._last > self.followed:
            async for entry in self._journal.read(self.followed + 1):
                if entry.number > self._last:
                    break
                if entry.kind is EntryKind.FLIGHT_ENDED:
                    entries.append(msgspec.msgpack.decode(entry.payload, type=LaunchEntry))
        self._waiting, self._caught_up = entries, True

    def _keep(self, number: int, entry: LaunchEntry) -> None:
        """What was just written into the journal waits for the record, up to a limit."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting, self._caught_up = [], False
        if self._caught_up:
            self._waiting.append(entry)
            self._last = number

    async def _opened(self) -> LaunchRecord:
        if self._record is None:
            self._record = await asyncio.to_thread(
                LaunchRecord, self._where, self._settings, exercise=self._exercise
            )
        return self._record


def key_of(track: Track) -> str:
    """What a flight is called in the record: its id, and the second of its first plot.

    Ids begin anew where a journal was lost; with the second they are never another's.
    """
    return f"{track.first_plot_ns // 1_000_000_000}-{track.id}"


def entry_of(
    key: str,
    nation: str,
    flight: Flight,
    *,
    utc_offset_h: float,
    journal: tuple[int, int],
    said: tuple[NationAssessment, ...],
    exportable: bool,
    warnings: tuple[WarningSent, ...] = (),
    parted_from: str | None = None,
) -> LaunchEntry:
    """A flight as the record keeps it. `journal`: first and last entry of its observations.

    `parted_from`: the key of the flight beside which it began, as a stage or a part does.
    """
    launch, impact = flight.launch, flight.impact
    begin_ns = launch.time_ns if launch else flight.first_plot_ns
    range_m = flight.ground_range_m
    return LaunchEntry(
        origin=Origin.MEASURED,
        source=nation,
        key=key,
        day=day_of(begin_ns, utc_offset_h),
        begin_ns=begin_ns,
        type=PART if parted_from else str(flight.range_class or "unknown"),
        kind=str(flight.kind),
        launch_latitude_deg=math.degrees(launch.latitude_rad) if launch else None,
        launch_longitude_deg=math.degrees(launch.longitude_rad) if launch else None,
        apogee_km=flight.apogee.height_m / 1e3 if flight.apogee else None,
        range_km=None if range_m is None else range_m / 1e3,
        bearing_deg=_bearing(launch, impact),
        impact_latitude_deg=math.degrees(impact.latitude_rad) if impact else None,
        impact_longitude_deg=math.degrees(impact.longitude_rad) if impact else None,
        impact_off_km=impact.ellipse_95.semi_major_m / 1e3 if impact else None,
        impact_from=ImpactFrom.MEASURED if impact else "",
        description=f"Parted from {parted_from}, as a stage or a part." if parted_from else "",
        words={"parted_from": parted_from} if parted_from else {},
        exportable=exportable,
        journal_first=journal[0],
        journal_last=journal[1],
        assessments=said,
        warnings=warnings,
    )


def is_same(one: Flight | Assessment, other: Flight, settings: RecordSettings) -> bool:
    """Whether two statements are of one flight: launched or come down at one place and time."""
    ends = [(one.impact, other.impact), (one.launch, other.launch)]
    for a, b in ends:
        if a is not None and b is not None:
            return _apart_km(a, b) <= settings.same_flight_km and _apart_s(a, b) <= (
                settings.same_flight_s
            )
    return False


def _apart_km(a: Launch | Impact, b: Launch | Impact) -> float:
    places = (a.latitude_rad, a.longitude_rad, b.latitude_rad, b.longitude_rad)
    return float(geodesic_inverse(*places)[0]) / 1e3


def _apart_s(a: Launch | Impact, b: Launch | Impact) -> float:
    return abs(a.time_ns - b.time_ns) / 1e9


def _bearing(launch: Launch | None, impact: Impact | None) -> float | None:
    if launch is None or impact is None:
        return None
    ends = (launch.latitude_rad, launch.longitude_rad, impact.latitude_rad, impact.longitude_rad)
    return math.degrees(geodesic_inverse(*ends)[1]) % 360.0


def _joint(flight: Flight, track: Track) -> NationAssessment:
    return NationAssessment(nation=JOINT, as_of_ns=track.time_ns, stated=flight_as_json(flight))


def _stated(said: Assessment) -> dict[str, Any]:
    """A partner's assessment in the words of `flight_as_json`."""
    return {
        "kind": str(said.kind),
        "range_class": None if said.range_class is None else str(said.range_class),
        "launch": launch_as_json(said.launch),
        "apogee": apogee_as_json(said.apogee),
        "ground_range_km": None if said.ground_range_m is None else said.ground_range_m / 1e3,
        "impact": impact_as_json(said.impact),
    }
