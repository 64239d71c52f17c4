"""What the desk shows at present: documents of each picture, and events whenever they change."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
import numpy as np

from skypact.desk import as_json, beside
from skypact.desk import documents as d
from skypact.desk.alerts import AlertFeed
from skypact.desk.beside import partner_of
from skypact.desk.counterparts import Counterparts
from skypact.desk.node_client import NodeClient, PictureCopy
from skypact.desk.store import Noted, Store
from skypact.desk.streams import Stream
from skypact.errors import LinkError
from skypact.model import (
    Assessment,
    DeskState,
    PictureChange,
    ShownFlight,
    ShownPath,
    StandingAlert,
)
from skypact.settings import DeskSettings

S = 1_000_000_000
MS = 1_000_000
_MOST_WARNED = 1_000
"""Of so many warnings, the newest, it is known of what flights they were."""
NATIONAL, SHARED, PUBLIC = "national", "shared", "public_warning"
_ENCODE = msgspec.json.Encoder().encode
_TICK_S = 1.0


class _Beside(NamedTuple):
    """What stands beside a picture's flights, by their numbers.

    `stated`: what partners state of it; `shared_ids`: what it is called in the shared picture;
    `own`: what the national picture has of it.
    """

    stated: Mapping[int, list[tuple[str, Assessment]]]
    shared_ids: Mapping[int, int]
    own: Mapping[int, ShownFlight]


class _Made(NamedTuple):
    """A flight's document as last made, and what it was made of."""

    key: tuple[Any, ...]
    body: msgspec.Raw


class Live:
    """All of it. `start`, then `stream(name)` for events, and the rest for answers."""

    def __init__(
        self, store: Store, settings: DeskSettings, version: str, alerts: AlertFeed
    ) -> None:
        self._store, self._settings, self._version = store, settings, version
        self._alerts = alerts
        self._begun = f"{time.time_ns() // MS:x}"
        self._streams: dict[str, Stream] = {}
        self._made: dict[str, dict[int, _Made]] = {}
        self._flights_told: dict[str, dict[int, msgspec.Raw]] = {}
        self._notes: dict[tuple[int, int], tuple[list[Noted], list[Noted]]] = {}
        self._told: dict[str, bytes] = {}
        self._of_partners: dict[str, beside.OfPartner] = {}
        self._counterparts: dict[str, Counterparts] = {}
        self._warned = store.warned()
        self._to_keep: set[tuple[str, int]] = set()
        self._ticking: asyncio.Future[tuple[None, None]] | None = None
        self.node: NodeClient

    async def start(self, node: NodeClient) -> None:
        """Tell from now on."""
        self.node = node
        self._ticking = asyncio.gather(self._tick(), self._follow_alerts())

    async def stop(self) -> None:
        """No more."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    # -- how the node is -----------------------------------------------------------------------

    @property
    def state(self) -> DeskState:
        """As the node last said. Raises LinkError before it said anything."""
        if self.node.state is None:
            raise LinkError("the node has not answered yet; see whether it runs")
        return self.node.state

    @property
    def now_ns(self) -> int:
        """The node's clock, gone on since it was last heard."""
        return self.state.time_ns + round((time.monotonic() - self.node.heard_s) * S)

    def status(self) -> d.Status:
        """How the node is."""
        of = self.state
        connected = self.node.connected
        silent = [] if connected else ["desk: the node does not answer; see whether it runs"]
        return {
            "nation": of.nation,
            "exercise": of.exercise,
            "mode": "EXERCISE" if of.exercise else "LIVE",
            "ready": of.ready and connected,
            "connected": connected,
            "heard_ms": of.time_ns // MS,
            "faults": [*silent, *of.faults],
            "notices": list(of.notices),
            "late_s": {nation: round(late_s, 1) for nation, late_s in of.late_s.items()},
            "behind_s": round(of.behind_s, 1),
            "alerts": [
                as_json.standing_alert(one, sorted(self._flights_of(one))) for one in of.alerts
            ],
            "release_policy": {
                "hash": of.policy_hash,
                "by": of.policy_by,
                "since": as_json.iso(of.policy_since_ns),
            },
            "journal_last": of.journal_last,
            "journal_waiting": of.journal_waiting,
            "version": self._version,
        }

    def clock(self, picture: PictureCopy | None) -> d.Clock:
        """What time it is, and when data last came."""
        newest_ns = picture.newest_ns if picture else 0
        return {
            "time_ms": self.now_ns // MS,
            "heard_ms": self.state.time_ns // MS,
            "connected": self.node.connected,
            "newest_ms": newest_ns // MS if newest_ns else None,
            "came_ms": {name: at // MS for name, at in self.state.came_ns.items()},
        }

    def partners(self) -> list[d.Partner]:
        """How it stands with each."""
        came = self.state.came_ns
        return [as_json.partner(one, came.get(one.nation)) for one in self.state.partners]

    def pictures(self) -> list[d.PictureName]:
        """Those that may be looked at."""
        everyone = [one.nation for one in self.state.partners]
        out: list[d.PictureName] = []
        for name in self.state.pictures:
            alone = partner_of(name)
            of = [alone] if alone else [] if name == NATIONAL else everyone
            out.append({"name": name, "own": not alone, "partners": of})
        return out

    def warnings(self, at_ns: int | None = None) -> d.Warnings:
        """What people are told, now or at another time, as the node's public feed has it."""
        said = self._alerts.warnings((self.now_ns if at_ns is None else at_ns) // MS)
        for one in said:
            one["flights"] = sorted(self._warned.get(one["event"], ()))
        return {"warns": self._alerts.warns, "fault": self._alerts.fault, "warnings": said}

    def _flights_of(self, alert: StandingAlert) -> set[int]:
        """The numbers in the shared picture of what an alert is of.

        Alerts are decided on the picture for them; which of its flights are which is seen here.
        """
        if PUBLIC not in self.state.pictures:
            return set()
        self.node.look_at(SHARED)
        ids = self.shared_ids(self.node.look_at(PUBLIC))
        return {ids[number] for number in alert.flights if number in ids}

    async def _note_warned(self) -> None:
        """Of what flights an event is, as long as it stands: its messages do not tell."""
        for alert in self.state.alerts:
            if alert.first:
                known = self._warned.setdefault(alert.first, set())
                new = self._flights_of(alert) - known
                known |= new
                self._to_keep |= {(alert.first, flight) for flight in new}
        while len(self._warned) > _MOST_WARNED:
            del self._warned[next(iter(self._warned))]  # the oldest
        if self._to_keep:
            with suppress(sqlite3.Error):  # a full disk may have room at the next tick
                kept = sorted(self._to_keep)
                await asyncio.to_thread(self._store.note_warned, kept, _MOST_WARNED)
                self._to_keep.difference_update(kept)

    def warning_messages(
        self, event: str, most: int, at_ns: int | None = None
    ) -> list[d.WarningMessage]:
        """What was said of a warning until now or another time, the newest first."""
        until_ns = self.now_ns if at_ns is None else at_ns
        return self._alerts.messages(event, until_ns // MS, most)

    # -- pictures ------------------------------------------------------------------------------

    async def picture(self, name: str) -> PictureCopy:
        """A picture, whole. Raises KeyError: there is no such; LinkError: no answer."""
        if name not in self.state.pictures:
            raise KeyError(name)
        if name == SHARED:
            self.node.look_at(NATIONAL)  # to stand beside it
        else:
            await self.node.whole(SHARED)  # which flight there is which here
        return await self.node.whole(name)

    def tracks(self, picture: PictureCopy) -> list[d.Track]:
        """All tracks, by id."""
        return [as_json.track(one) for _, one in sorted(picture.tracks.items())]

    def flights(self, picture: PictureCopy) -> list[msgspec.Raw]:
        """All flights, the most urgent first; without the paths flown."""
        now_ns = self.now_ns
        ordered = sorted(self._shown(picture).values(), key=lambda one: self._order(one, now_ns))
        of = self._beside(picture)
        return [self._flight_body(picture, one, of) for one in ordered]

    def flight(self, picture: PictureCopy, number: int) -> dict[str, Any] | None:
        """One flight with the path that it flew; None: there is no such."""
        shown = self._shown(picture).get(number)
        return None if shown is None else self._flown(picture, shown, self._beside(picture))

    def _flown(
        self, picture: PictureCopy, shown: ShownFlight, of: _Beside, most: int | None = None
    ) -> dict[str, Any]:
        """A flight's document with the path that it flew, at most so many points of it."""
        document: dict[str, Any] = msgspec.json.decode(self._flight_body(picture, shown, of))
        flown = picture.flown(shown.flight.id)
        if flown is not None:
            document["path_flown"] = as_json.path(thinned(flown, most) if most else flown)
        return document

    def snapshot(self, picture: PictureCopy, known: str | None = None) -> d.Snapshot:
        """All of a picture."""
        most, shown, of = self._most_points(picture), self._shown(picture), self._beside(picture)
        return {
            "picture": picture.name,
            "time_ms": picture.time_ns // MS,
            "known": known,
            "tracks": self.tracks(picture),
            "flights": [
                self._flown(picture, one, of, most)  # type: ignore[misc]
                for _, one in sorted(shown.items())
            ],
            "partners": self.partners(),
            "status": self.status(),
            "clock": self.clock(picture),
            "warnings": self.warnings(),
        }

    def _most_points(self, picture: PictureCopy) -> int:
        """Of each path flown, so that what is told at once stays small."""
        return max(2, self._settings.snapshot_points // max(1, len(picture.flights)))

    def past(
        self,
        picture: PictureCopy,
        own: PictureCopy,
        shared: PictureCopy,
        at_ns: int,
        known: str | None,
    ) -> d.Moment:
        """A picture of the past: flights as they were then, and nothing of the present in them.

        `own`: of own radars alone then; `shared`: of all together.
        """
        nation, shown_flights = self.state.nation, picture.flights
        of_shared = beside.stated_of(shared.flights, shared.stated)
        placed, of_own = _placed(of_shared), self._then(own, shared)
        if picture.name == SHARED:
            here = {number: number for number in picture.flights}
            of = _Beside(of_shared, here, _newest(of_own, own))
        else:
            found = of_own if picture.name == NATIONAL else self._then(picture, shared)
            stated: dict[int, list[tuple[str, Assessment]]] = {}
            if partner := partner_of(picture.name):
                alone = beside.OfPartner(partner, self._of_partner(partner).ids)
                is_whole = picture.tracks.keys() <= picture.flights.keys()
                same = _known(partner, found, placed)
                alone.take(picture.flights, picture.stated, is_whole=is_whole, known=same)
                shown_flights, stated = dict(alone.flights), alone.stated
            of = _Beside(stated, _with_stated(found, stated, placed), {})
        flights = []
        for number, one in sorted(shown_flights.items()):
            shared_id = of.shared_ids.get(number)
            acknowledged, comments = (
                [noted for noted in each if noted.time_ns <= at_ns]
                for each in self.notes(shared.flights.get(shared_id or 0))
            )
            document = as_json.flight(
                *(one, nation, at_ns, self._settings),
                shared_id=shared_id,
                beside=self._assessments(one, of),
                acknowledged=[acknowledgement(each) for each in acknowledged],
                comments=len(comments),
                flown=picture.flown(number),
            )
            flights.append(document)
        clock: d.Clock = {
            "time_ms": at_ns // MS,
            "heard_ms": at_ns // MS,
            "connected": self.node.connected,
            "newest_ms": picture.newest_ns // MS or None,
            "came_ms": {},
        }
        return {
            "picture": picture.name,
            "time_ms": at_ns // MS,
            "known": known,
            "tracks": self.tracks(picture),
            "flights": flights,
            "partners": self.partners(),
            "status": self.status(),
            "clock": clock,
            "warnings": self.warnings(at_ns),
            "consultations": [
                with_shared_ids(one, nation, of_own, placed)  # type: ignore[misc]
                for one in own.consulted
            ],
        }

    def _order(self, one: ShownFlight, now_ns: int) -> tuple[int, int]:
        impact = one.flight.impact
        return -as_json.urgency(one, now_ns, self._settings), impact.time_ns if impact else now_ns

    def _stated(self, picture: PictureCopy) -> dict[int, list[tuple[str, Assessment]]]:
        if partner := partner_of(picture.name):
            return self._of_partner(partner).stated
        if picture.name != SHARED:
            return {}
        return beside.stated_of(picture.flights, self.state.statements)

    def _shown(self, picture: PictureCopy) -> Mapping[int, ShownFlight]:
        """A picture's flights, by id; of a partner alone with what it states."""
        partner = partner_of(picture.name)
        if not partner:
            return picture.flights
        of = self._of_partner(partner)
        is_whole = picture.tracks.keys() <= picture.flights.keys()
        shared, known = self.node.pictures.get(SHARED), {}
        if shared is not None:
            found = self._tracks_of(picture, shared)
            known = _known(partner, found, _placed(self._stated(shared)))
        of.take(picture.flights, self.state.statements, is_whole=is_whole, known=known)
        return of.flights

    def _of_partner(self, partner: str) -> beside.OfPartner:
        return self._of_partners.setdefault(partner, beside.OfPartner(partner))

    def _flight_body(
        self,
        picture: PictureCopy,
        shown: ShownFlight,
        of: _Beside,
    ) -> msgspec.Raw:
        """A flight's document without the path flown; the same object for as long as it holds."""
        held, number = self._made.setdefault(picture.name, {}), shown.flight.id
        shared_id, own_shown = of.shared_ids.get(number), of.own.get(number)
        said = of.stated.get(number, [])
        now_ns = self.now_ns
        shared = self.node.pictures.get(SHARED)
        noted = None if shared is None else shared.flights.get(shared_id or 0)
        acknowledged, comments = self.notes(noted)
        sees_ns = now_ns - round(self._settings.sees_now_s * S)
        seen = tuple(s.last_ns is not None and s.last_ns > sees_ns for s in shown.sources)
        key = (
            *(shown, own_shown, seen, as_json.urgency(shown, now_ns, self._settings)),
            *(shared_id, len(acknowledged), len(comments), tuple(said)),
        )
        made = held.get(number)
        if made is not None and made.key == key:
            return made.body
        document = as_json.flight(
            *(shown, self.state.nation, now_ns, self._settings),
            shared_id=shared_id,
            beside=self._assessments(shown, of),
            acknowledged=[acknowledgement(one) for one in acknowledged],
            comments=len(comments),
        )
        held[number] = _Made(key, msgspec.Raw(_ENCODE(document)))
        return held[number].body

    def _assessments(self, shown: ShownFlight, of: _Beside) -> list[d.NationAssessment]:
        """What each nation says of a flight, beside it: our own first."""
        number = shown.flight.id
        said = of.stated.get(number, ())
        others = [as_json.assessment(name, one, shown.flight) for name, one in said]
        if number in of.own:
            own = as_json.own_assessment(self.state.nation, of.own[number], shown.flight)
            others.insert(0, own)
        return others

    # -- which flight is which -----------------------------------------------------------------

    def _beside(self, picture: PictureCopy) -> _Beside:
        """All that stands beside the flights of a picture."""
        stated, national = self._stated(picture), self.node.pictures.get(NATIONAL)
        own: dict[int, ShownFlight] = {}
        if picture.name == SHARED and national is not None:
            own = _newest(self.shared_ids(national), national)
        return _Beside(stated, self.shared_ids(picture), own)

    def shared_ids(self, picture: PictureCopy) -> Mapping[int, int]:
        """By the numbers of a picture's flights, those of the same flights in the shared one."""
        if picture.name == SHARED:
            return {number: number for number in picture.tracks}
        shared = self.node.pictures.get(SHARED)
        if shared is None:
            return {}
        found = self._tracks_of(picture, shared)
        return _with_stated(found, self._stated(picture), _placed(self._stated(shared)))

    def _tracks_of(self, picture: PictureCopy, shared: PictureCopy) -> Mapping[int, int]:
        return self._counterparts.setdefault(picture.name, Counterparts()).of(picture, shared)

    def _then(self, picture: PictureCopy, shared: PictureCopy) -> Mapping[int, int]:
        """The same of a moment of the past, where what is one now is one if both were there."""
        one, other = (self.node.pictures.get(name) for name in (picture.name, SHARED))
        known = None if one is None or other is None else self._tracks_of(one, other)
        return Counterparts(known).of(picture, shared)

    async def consulted(self, event: dict[str, Any]) -> dict[str, Any]:
        """A shared event, with what its flights are called in the shared picture. LinkError."""
        placed = _placed(self._stated(await self.picture(SHARED)))
        own = self.shared_ids(await self.picture(NATIONAL))
        return with_shared_ids(event, self.state.nation, own, placed)

    # -- what people noted ---------------------------------------------------------------------

    def notes(self, shown: ShownFlight | None) -> tuple[list[Noted], list[Noted]]:
        """Acknowledgements and comments of a flight of the shared picture, if it is one."""
        if shown is None:
            return [], []
        of = shown.flight.id, shown.flight.first_plot_ns
        if of not in self._notes:
            self._notes[of] = self._store.acknowledged(*of), self._store.comments(*of)
        return self._notes[of]

    def noted(self, shown: ShownFlight) -> None:
        """Somebody acknowledged or wrote something: tell it."""
        of = shown.flight.id, shown.flight.first_plot_ns
        self._notes[of] = acknowledged, comments = (
            self._store.acknowledged(*of),
            self._store.comments(*of),
        )
        document = {
            "flight": shown.flight.id,
            "acknowledged": [acknowledgement(one) for one in acknowledged],
            "comments": [comment(one) for one in comments],
        }
        for stream in self._streams.values():
            stream.tell("notes", document)

    # -- events --------------------------------------------------------------------------------

    def stream(self, name: str) -> Stream:
        """The events of a picture."""
        if name not in self._streams:
            self._streams[name] = Stream(name, self._begun, self._settings)
        return self._streams[name]

    def changed(self, picture: PictureCopy, change: PictureChange | None) -> None:
        """What the node told: to all who look."""
        stream = self._streams.get(picture.name)
        if stream is None:
            return
        if change is None:
            stream.tell("snapshot", self.snapshot(picture))
        elif change.tracks or change.gone:
            document = {
                "time_ms": change.time_ns // MS,
                "changed": [as_json.track(one) for one in change.tracks],
                "gone": list(change.gone),
            }
            stream.tell("tracks", document)

    async def _follow_alerts(self) -> None:
        """Look at the feed of alerts again and again; what changed is told with the next tick."""
        while True:
            await self._alerts.look()
            await asyncio.sleep(self._settings.alerts_s)

    async def _tick(self) -> None:
        """Each second: the clock, and what became other of flights, partners and the node."""
        while True:
            began_s = time.monotonic()
            if self.node.state is not None:
                await self._note_warned()
                self._tell_all()
            await asyncio.sleep(max(0.0, began_s + _TICK_S - time.monotonic()))

    def _tell_all(self) -> None:
        watched = {name: one for name, one in self._streams.items() if one.viewers}
        self._tell_changed("partners", {"partners": self.partners()}, watched.values())
        self._tell_changed("warnings", self.warnings(), watched.values())
        status = self.status()
        steady = status | {"heard_ms": 0, "journal_last": 0, "journal_waiting": 0}
        self._tell_changed("status", status, watched.values(), of=steady)
        for name, stream in watched.items():
            picture = self.node.look_at(name)
            if name == SHARED:
                self.node.look_at(NATIONAL)
            else:
                self.node.look_at(SHARED)
            stream.tell("clock", self.clock(picture))
            if picture.whole.is_set():
                self._tell_flights(stream, picture)

    def _tell_changed(
        self, event: str, document: Any, streams: Iterable[Stream], of: Any = None
    ) -> None:
        body = _ENCODE(document if of is None else of)
        if self._told.get(event) != body:
            self._told[event] = body
            for stream in streams:
                stream.tell(event, document)

    def _tell_flights(self, stream: Stream, picture: PictureCopy) -> None:
        """Those that are others than when they were last told; a new one with the path it flew.

        What a snapshot told its viewer the others have not heard, and that viewer is to hear when
        it is gone.
        """
        flights = self._shown(picture)
        of, most = self._beside(picture), self._most_points(picture)
        told = self._flights_told.setdefault(picture.name, {})
        changed: list[Any] = []
        for number, one in flights.items():
            body = self._flight_body(picture, one, of)
            if told.get(number) is not body:
                changed.append(body if number in told else self._flown(picture, one, of, most))
                told[number] = body
        made = self._made.setdefault(picture.name, {})
        gone = sorted((told.keys() | made.keys()) - flights.keys())
        for number in gone:
            told.pop(number, None)
            made.pop(number, None)
        if changed or gone:
            stream.tell("flights", {"time_ms": self.now_ns // MS, "changed": changed, "gone": gone})


def _placed(stated: Mapping[int, list[tuple[str, Assessment]]]) -> dict[tuple[str, int], int]:
    """By nation and its number of what it states, the flight that it stands beside."""
    return {(name, one.flight): n for n, said in stated.items() for name, one in said}


def with_shared_ids(
    event: dict[str, Any],
    nation: str,
    own: Mapping[int, int],
    placed: Mapping[tuple[str, int], int],
) -> dict[str, Any]:
    """An event's document, each flight with the number of the same in the shared picture.

    `own`: numbers of the national picture's; `placed`: of what partners state.
    """
    known = dict(placed)
    if event["alone"]:
        known |= {(nation, number): to for number, to in own.items()}
    assessments = {
        name: [one | {"shared_id": known.get((name, one.get("flight", 0)))} for one in flights]
        for name, flights in event["assessments"].items()
    }
    return event | {"assessments": assessments}


def _known(
    partner: str, found: Mapping[int, int], placed: Mapping[tuple[str, int], int]
) -> dict[int, int]:
    """By its number of what a partner states, the track of its picture of the same object."""
    tracks = {other: number for number, other in found.items()}
    stated = (
        (flight, tracks.get(n)) for (nation, flight), n in placed.items() if nation == partner
    )
    return {flight: number for flight, number in stated if number is not None}


def _with_stated(
    found: Mapping[int, int],
    stated: Mapping[int, list[tuple[str, Assessment]]],
    placed: Mapping[tuple[str, int], int],
) -> dict[int, int]:
    """Numbers in the shared picture, with those of flights of which no track was sent."""
    alone = {n: placed.get((said[0][0], said[0][1].flight)) for n, said in stated.items() if n < 0}
    return {n: to for n, to in alone.items() if to is not None} | dict(found)


def _newest(found: Mapping[int, int], picture: PictureCopy) -> dict[int, ShownFlight]:
    """By the number in the shared picture, what another has of it: of several the newest."""
    out: dict[int, ShownFlight] = {}
    for number, other in found.items():
        shown, before = picture.flights.get(number), out.get(other)
        if shown is not None and (
            before is None or shown.flight.last_plot_ns > before.flight.last_plot_ns
        ):
            out[other] = shown
    return out


def thinned(path: ShownPath, most: int) -> ShownPath:
    """At most so many points of a path, the last among them."""
    count = len(path.time_ns) // 8
    if count <= most:
        return path
    rows = np.unique(np.linspace(0, count - 1, most).round().astype(int))

    def part(column: bytes) -> bytes:
        return np.frombuffer(column, np.int64)[rows].tobytes()

    return ShownPath(
        part(path.time_ns),
        part(path.latitude_rad),
        part(path.longitude_rad),
        part(path.height_m),
        part(path.speed_m_s),
    )


def acknowledgement(one: Noted) -> d.Acknowledgement:
    """As JSON says it."""
    return {"id": one.id, "flight": one.flight, "who": one.who, "time": as_json.iso(one.time_ns)}


def comment(one: Noted) -> d.Comment:
    """As JSON says it."""
    return {
        "id": one.id,
        "flight": one.flight,
        "who": one.who,
        "time": as_json.iso(one.time_ns),
        "text": one.text,
    }
