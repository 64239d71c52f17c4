"""A real desk beside a made-up node: for tests in a browser, the bench of the page, and pictures.

The desk is the whole of it: accounts, rights, streams, store. Only the node it follows is made up,
so that a flight of ten minutes can be shown in seconds, with as many tracks as are wanted.
"""

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluate.made_consultation import MadeConsultation, MadeTrack
from skypact.desk.accounts import Accounts
from skypact.desk.app import Parts, application, desk_of, following
from skypact.desk.node_client import NodeClient, PictureCopy
from skypact.desk.oidc import Provider
from skypact.desk.orders import PolicyChange, PolicyProposal
from skypact.errors import InputError, SkypactError
from skypact.model import Apogee, Assessment, Ellipse, Flight, FlightKind, Impact, Launch, Radar
from skypact.model.desk import (
    DeskState,
    PartnerState,
    PictureChange,
    RefusedMessage,
    ShownFlight,
    ShownPath,
    ShownRadar,
    ShownTrack,
    Source,
    StandingAlert,
    Statement,
)
from skypact.model.flight import RangeClass
from skypact.model.message import FlightPath, Use
from skypact.model.track import Phase, TrackStatus
from skypact.sensing.feeds.http_feed import QuietServer, bound
from skypact.sensing.scenario import demo_radars
from skypact.serving.consult_words import Act
from skypact.serving.shown import shown_radars
from skypact.settings import DeskSettings
from skypact.sharing.codec import pack_flight

S = 1_000_000_000
PASSWORD = "correct horse battery"
PEOPLE = {"Sato": ("act", "release", "administer"), "Ito": ("act",), "Mori": (), "Abe": ("act",)}
KEYED = ("Abe",)
"""Who has a key of their own."""
NATIONS = ("JPN", "KOR", "USA")
PICTURES = ("national", "shared", "public_warning", "from:KOR", "from:USA")
_LEVELS = ("nothing", "warning", "assessment", "tracklets", "plots")
_EARTH_M = 6_371_000.0
_CODES = {"JP": "JPN", "KR": "KOR", "US": "USA"}


def radars() -> list[Radar]:
    """The demo's radars, under the nations' codes."""
    return [msgspec.structs.replace(radar, nation=_CODES[radar.nation]) for radar in demo_radars()]


class MadeFlight(NamedTuple):
    """A flight along a great circle, its height a parabola in time; deg, m, s."""

    id: int = 1
    launch_deg: tuple[float, float] = (126.4, 40.6)
    impact_deg: tuple[float, float] = (148.0, 38.5)
    apogee_m: float = 480_000.0
    lasts_s: float = 620.0

    def place(self, since_s: float) -> tuple[float, float, float]:
        """Longitude and latitude in rad, height in m."""
        share = min(1.0, max(0.0, since_s / self.lasts_s))
        a, b = map(math.radians, self.launch_deg)
        c, d = map(math.radians, self.impact_deg)
        return a + share * (c - a), b + share * (d - b), 4 * self.apogee_m * share * (1 - share)

    def velocity(self, since_s: float) -> tuple[float, float, float]:
        """East, north, up in m/s."""
        (a, b, c), (d, e, f) = self.place(since_s - 0.5), self.place(since_s + 0.5)
        return (d - a) * math.cos(b) * _EARTH_M, (e - b) * _EARTH_M, f - c

    def path(self, begin_ns: int, from_s: float, until_s: float, points: int = 60) -> ShownPath:
        """Its columns between two times."""
        seconds = np.linspace(from_s, max(from_s, until_s), points)
        columns = np.array([self.place(float(second)) for second in seconds])
        speeds = [float(np.linalg.norm(self.velocity(float(second)))) for second in seconds]
        times = (begin_ns + (seconds * S).astype(np.int64)).astype("<i8").tobytes()
        longitude, latitude, height = (column.astype("<f8").tobytes() for column in columns.T)
        return ShownPath(times, latitude, longitude, height, np.array(speeds, "<f8").tobytes())


class MadeNode(NodeClient):
    """What a desk follows, told by whoever holds it: `tell` a change, `say` how it is."""

    def __init__(
        self, nation: str, radars: Sequence[Radar], exercise: bool, settings: DeskSettings
    ) -> None:
        self.nation, self.exercise = nation, exercise
        self._shown = shown_radars(radars)
        self.silent = False
        self.levels = dict.fromkeys((one for one in NATIONS if one != nation), "tracklets")
        self.down: set[str] = set()
        self.statements: tuple[Statement, ...] = ()
        self.late_s: dict[str, float] = {}
        self.behind_s = 0.0
        self.alerts: tuple[StandingAlert, ...] = ()
        self.time_ns = time.time_ns()
        self.epoch = self.time_ns
        self.came_ns = dict.fromkeys(NATIONS, self.time_ns)
        self.past: dict[str, list[tuple[int, PictureCopy]]] = {}
        self.changed: Any = None
        self._settings = settings
        self.pictures = {name: self._empty(name) for name in PICTURES}
        self.heard_s = time.monotonic()
        self._beat: asyncio.Task[None] | None = None
        self.forget_said()

    def _empty(self, name: str) -> PictureCopy:
        picture = PictureCopy(name, self._settings)
        picture.epoch, picture.time_ns = self.epoch, self.time_ns
        picture.whole.set()
        return picture

    # -- what the desk asks ----------------------------------------------------------------------

    async def start(self) -> None:
        """Be heard each half second."""
        self._beat = asyncio.create_task(self._beats())

    async def stop(self) -> None:
        """Be heard no more."""
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)

    async def _beats(self) -> None:
        while True:
            if not self.silent:
                self.heard_s = time.monotonic()
            await asyncio.sleep(0.5)

    @property
    def state(self) -> DeskState:  # type: ignore[override]
        """How the node is, now."""
        return DeskState(
            nation=self.nation,
            exercise=self.exercise,
            epoch=self.epoch,
            since_ns=self.epoch,
            time_ns=self.time_ns,
            ready=True,
            faults=(),
            notices=(),
            policy_hash="5d41f0c2ab",
            policy_by="Sato",
            policy_since_ns=self.epoch - 7200 * S,
            journal_last=48_211,
            journal_waiting=0,
            numbers={},
            came_ns=self.came_ns,
            pictures=PICTURES,
            partners=tuple(self._partner(name, level) for name, level in self.levels.items()),
            statements=self.statements,
            alerts=self.alerts,
            late_s=self.late_s,
            behind_s=self.behind_s,
        )

    def _partner(self, nation: str, level: str) -> PartnerState:
        up = nation not in self.down
        refused = RefusedMessage(
            self.epoch - 240 * S,
            "replay",
            "header.sequence",
            "number 12 came before",
            "nothing; it was passed over",
        )
        return PartnerState(
            nation=nation,
            up=up,
            since_ns=self.epoch - 3600 * S,
            delay_s=0.012 if up else None,
            round_trip_s=0.003 if up else None,
            backlog_batches=0 if up else 3,
            backlog_bytes=0 if up else 41_000,
            waiting_messages=0 if up else 37,
            alarms=(),
            left_out=False,
            level=level,
            openness="hidden",
            use=("picture",),
            rules=(),
            sent=812,
            shed=0,
            received={"accepted": 790, "replay": 1},
            refused=(refused,),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return PICTURES

    def look_at(self, name: str) -> PictureCopy:
        """Always whole."""
        return self.pictures[name]

    async def whole(self, name: str) -> PictureCopy:
        """Always whole."""
        return self.pictures[name]

    async def radars(self) -> list[ShownRadar]:
        """The table that it was given."""
        return self._shown

    async def moment(self, name: str, at_ns: int, known_ns: int | None) -> PictureCopy:
        """The newest that was told until then; as known then and now are the same here."""
        told = [copy for time_ns, copy in self.past.get(name, []) if time_ns <= at_ns]
        if not told:
            raise InputError(f"moment {name}", "the journal begins later", "name a later one")
        return told[-1]

    # -- what nations say to each other ----------------------------------------------------------

    def forget_said(self) -> None:
        """No nation has said anything of any event."""
        partners = tuple(self.levels)
        self.consultation = MadeConsultation(
            self.nation, partners, self.exercise, lambda: self.time_ns
        )

    def consulting(self) -> MadeConsultation:
        """The nations, with what the pictures show now."""
        national, shared = (self._tracks(name) for name in ("national", "shared"))
        stating = [pack_flight(one.flight, one.time_ns, (Use.PICTURE,)) for one in national]
        stated: dict[str, list[Assessment]] = {}
        for one in self.statements:
            if isinstance(one.said, Assessment):
                stated.setdefault(one.nation, []).append(one.said)
        self.consultation.show(national, shared, stating, stated)
        return self.consultation

    def _tracks(self, name: str) -> list[MadeTrack]:
        shown = self.pictures[name].flights.values()
        return [
            MadeTrack(
                *(one.flight.id, one.as_of_ns, one.flight.first_plot_ns, one.flight),
                one.flight.parted_from,
            )
            for one in shown
        ]

    # -- what is told ----------------------------------------------------------------------------

    def tell(
        self,
        name: str,
        tracks: Sequence[ShownTrack] = (),
        flights: Sequence[ShownFlight] = (),
        gone: Sequence[int] = (),
        flown: dict[int, ShownPath] | None = None,
    ) -> None:
        """A picture changed, as of `time_ns`."""
        picture = self.pictures[name]
        change = PictureChange(
            name,
            self.epoch,
            picture.number + 1,
            self.time_ns,
            self.time_ns,
            tuple(tracks),
            tuple(gone),
            tuple(flights),
            tuple(gone),
            flown or {},
        )
        picture.apply(change)
        if self.changed is not None:
            self.changed(picture, change)

    def remember(self, name: str) -> None:
        """The picture as it is now can be gone back to."""
        now, kept = self.pictures[name], self._empty(name)
        paths = {number: path for number in now.tracks if (path := now.flown(number))}
        tracks, flights = tuple(now.tracks.values()), tuple(now.flights.values())
        whole = (name, self.epoch, now.number, now.time_ns, now.newest_ns)
        kept.apply(PictureChange(*whole, tracks, (), flights, (), paths))
        self.past.setdefault(name, []).append((self.time_ns, kept))


class MadeOrders:
    """Orders of a made-up node: a level for each partner; shared events by a node's own code."""

    def __init__(self, node: MadeNode) -> None:
        self._node = node

    async def events(self, event: str = "") -> tuple[dict[str, Any], ...]:
        """One event, or all in short. Raises InputError."""
        return await self._node.consulting().documents(event)

    async def say(
        self,
        do: str,
        who: str,
        key: Ed25519PrivateKey | None,
        *,
        event: str = "",
        flight: int | None = None,
        to: tuple[str, ...] = (),
        text: str = "",
    ) -> str:
        """Something about an event. Raises InputError: who has a key is to use it; SkypactError."""
        if who in KEYED and key is None:
            raise InputError("password", f"{who} has a key of their own", "give the password")
        act = Act(do=do, event=event, flight=flight, to=to, text=text)
        consulting = self._node.consulting()
        await consulting.look()
        return await consulting.own.obey(act, who)

    async def of_warning(self, do: str, event: int, who: str, key: Ed25519PrivateKey | None) -> str:
        """Count a release; nothing goes out. Raises SkypactError: nothing of it waits."""
        alerts = {one.event: one for one in self._node.alerts if not one.first}
        if do != "release" or event not in alerts:
            raise SkypactError(f"event {event}: no alert of it waits for a release; none is")
        one = alerts[event]
        by = tuple(sorted({*one.released_by, who}))
        alerts[event] = msgspec.structs.replace(one, released_by=by)
        self._node.alerts = tuple(alerts.values())
        return f"event {event}: released by {who}; {one.persons - len(by)} more to release it"

    def text(self) -> str:
        """The levels as TOML."""
        levels = self._node.levels.items()
        return "\n".join(f'[partner.{nation}]\nlevel = "{level}"' for nation, level in levels)

    def propose(self, text: str) -> PolicyProposal:
        """What the levels of a text would change."""
        changes = []
        for nation, level in _levels_of(text).items():
            before = self._node.levels[nation]
            said = (f"what any radar sees: {before} → {level}",)
            if level != before:
                more = _LEVELS.index(level) > _LEVELS.index(before)
                changes.append(
                    PolicyChange(
                        partner=nation,
                        more=said if more else (),
                        less=() if more else said,
                        other=(),
                    )
                )
        name = hashlib.sha256(text.encode()).hexdigest()
        return PolicyProposal(text=text, hash=name, replaces="5d41f0c2ab", changes=tuple(changes))

    def with_level(self, partner: str, level: str, openness: str, use: tuple[str, ...]) -> str:
        """The text with another level."""
        levels = self._node.levels | {partner: level}
        return "\n".join(f'[partner.{nation}]\nlevel = "{one}"' for nation, one in levels.items())

    async def apply(self, proposal: PolicyProposal, who: str, key: Ed25519PrivateKey | None) -> str:
        """Put it in force."""
        self._node.levels = _levels_of(proposal.text)
        return f"in force since now: release.toml {proposal.hash[:8]}, by {who}"


def _levels_of(text: str) -> dict[str, str]:
    found = msgspec.toml.decode(text)["partner"]
    return {nation: entry["level"] for nation, entry in found.items()}


class MadeDesk:
    """A desk on a free port of this machine beside a made-up node, in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        radars: Sequence[Radar],
        *,
        exercise: bool = False,
        nation: str = "JPN",
        port: int = 0,
        provider: Provider | None = None,
    ) -> None:
        self.folder = folder
        self.provider = provider
        self.ahead_ns = 0
        """So far ahead is the desk's clock."""
        self.settings = DeskSettings(requests_s=10_000, requests_burst=10_000)
        self.node = MadeNode(nation, radars, exercise, self.settings)
        self._nation, self._exercise = nation, exercise
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        accounts = Accounts(folder)
        for name, roles in PEOPLE.items():
            if name not in accounts.all():
                key = Ed25519PrivateKey.generate() if name in KEYED else None
                accounts.add(name, roles, PASSWORD, time.time_ns(), key)
        self.serving = False
        self.alerts: dict[str, bytes] = {}
        """What stands at the made-up node's own address."""

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the desk's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60.0)

    def run(self, work: Any) -> Any:
        """Call something in the desk's loop."""

        async def called() -> Any:
            return work()

        return self.do(called())

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}/"

    def open(self) -> None:
        """Listen; again on the same port after `shut`."""
        self.do(self._open())
        self.serving = True

    async def _open(self) -> None:
        listening = bound(f"127.0.0.1:{self.port}", "made-up desk")
        self.port = listening.getsockname()[1]
        desk = desk_of(
            Parts(
                folder=self.folder,
                store=self.folder,
                orders=MadeOrders(self.node),
                settings=self.settings,
                nation=self._nation,
                exercise=self._exercise,
                secure=False,
                port=self.port,
                version="0.1.0",
                clock=lambda: time.time_ns() + self.ahead_ns,
                read_node=self._read_node,
                provider=self.provider,
            )
        )
        self.node.changed = desk.live.changed
        self._following = following(desk, self.node)
        await self._following.__aenter__()
        config = uvicorn.Config(
            application(desk, ()),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = QuietServer(config)
        await self._server.begin(listening, "made-up desk")

    def shut(self) -> None:
        """Listen no more, as though the desk had been killed."""
        self.do(self._shut())
        self.serving = False

    async def _read_node(self, path: str) -> bytes | None:
        return self.alerts.get(path)

    async def _shut(self) -> None:
        await self._server.finish()
        await self._following.__aexit__(None, None, None)

    def close(self) -> None:
        """End."""
        if self.serving:
            self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


# -- what is shown -----------------------------------------------------------------------------


def made_track(
    flight: MadeFlight,
    time_ns: int,
    since_s: float,
    *,
    sigma_m: float = 30.0,
    sources: int = 4,
    ended: bool = False,
) -> ShownTrack:
    """A flight's track."""
    longitude, latitude, height = flight.place(since_s)
    phase = (
        Phase.BOOST
        if since_s < 90
        else Phase.REENTRY
        if since_s > flight.lasts_s - 40
        else Phase.COAST
    )
    upper = tuple(one * sigma_m**2 for one in (1.0, 0.4, 0.0, 0.5, 0.1, 0.7))
    return ShownTrack(
        flight.id,
        TrackStatus.ENDED if ended else TrackStatus.CONFIRMED,
        phase,
        time_ns,
        latitude,
        longitude,
        height,
        *flight.velocity(since_s),
        upper,
        0.4,
        time_ns,
        40 + int(8 * since_s),
        sources,
    )


def made_flight(
    flight: MadeFlight,
    begin_ns: int,
    since_s: float,
    sources: Sequence[Source],
    *,
    ended: bool = False,
    off_deg: float = 0.0,
) -> ShownFlight:
    """What it means then: its areas shrink as it goes on. `off_deg`: impact so far east."""
    now_ns = begin_ns + round(since_s * S)
    share = min(1.0, since_s / flight.lasts_s)
    launch, impact = np.radians(flight.launch_deg), np.radians(flight.impact_deg)
    spread_m = 4_000.0 + 90_000.0 * (1 - share) ** 2
    place = {
        "latitude_rad": float(impact[1]),
        "longitude_rad": float(impact[0]) + math.radians(off_deg),
    }
    ellipse = Ellipse(semi_major_m=spread_m, semi_minor_m=spread_m / 4, azimuth_rad=1.7)
    told = Flight(
        id=flight.id,
        kind=FlightKind.BALLISTIC,
        kind_probability=0.97,
        kind_probabilities={"ballistic": 0.97, "quasi_ballistic": 0.02, "glide": 0.01},
        range_class=RangeClass.MRBM,
        range_class_probability=0.96,
        nations=tuple(dict.fromkeys(one.nation for one in sources)),
        radars=tuple(one.radar for one in sources),
        first_plot_ns=begin_ns + 20 * S,
        last_plot_ns=now_ns,
        last_seen_by=sources[-1].radar,
        plots=40 + int(8 * since_s),
        launch=Launch(
            time_ns=begin_ns,
            time_sigma_s=2.0,
            latitude_rad=float(launch[1]),
            longitude_rad=float(launch[0]),
            ellipse_95=Ellipse(semi_major_m=9_000.0, semi_minor_m=3_000.0, azimuth_rad=1.5),
        ),
        apogee=Apogee(
            time_ns=begin_ns + round(flight.lasts_s / 2 * S),
            height_m=flight.apogee_m,
            height_sigma_m=200.0,
        ),
        ground_range_m=1_850_000.0,
        impact=Impact(
            time_ns=begin_ns + round(flight.lasts_s * S),
            time_sigma_s=2.0 + 30.0 * (1 - share),
            ellipse_95=ellipse,
            region_95=_ring(place, ellipse),
            **place,
        ),
    )
    return ShownFlight(
        told,
        now_ns,
        TrackStatus.ENDED if ended else TrackStatus.CONFIRMED,
        "came down" if ended else None,
        tuple(sources),
        flight.path(begin_ns, since_s, flight.lasts_s),
    )


def _ring(place: dict[str, float], ellipse: Ellipse) -> tuple[tuple[float, float], ...]:
    turns = np.linspace(0.0, 2 * math.pi, 33)
    along, across = ellipse.semi_major_m * np.cos(turns), ellipse.semi_minor_m * np.sin(turns)
    sine, cosine = math.sin(ellipse.azimuth_rad), math.cos(ellipse.azimuth_rad)
    east = (along * sine + across * cosine) / (_EARTH_M * math.cos(place["latitude_rad"]))
    north = (along * cosine - across * sine) / _EARTH_M
    return tuple(
        zip(
            (place["longitude_rad"] + east).tolist(),
            (place["latitude_rad"] + north).tolist(),
            strict=True,
        )
    )


def made_statement(nation: str, shown: ShownFlight, off_deg: float) -> Statement:
    """A partner's statement of a flight, its impact so far to the east of ours."""
    told = shown.flight
    assert told.impact is not None
    impact = msgspec.structs.replace(
        told.impact, longitude_rad=told.impact.longitude_rad + math.radians(off_deg)
    )
    path = shown.expected
    return Statement(
        nation,
        Assessment(
            flight=told.id,
            as_of_ns=shown.as_of_ns,
            kind=told.kind,
            kind_probabilities={FlightKind.BALLISTIC: 1.0},
            use=(Use.PICTURE,),
            range_class=told.range_class,
            range_class_probability=0.9,
            launch=told.launch,
            path=FlightPath(
                time_ns=path.time_ns,
                latitude_rad=path.latitude_rad,
                longitude_rad=path.longitude_rad,
                height_m=path.height_m,
            ),
            apogee=told.apogee,
            ground_range_m=told.ground_range_m,
            impact=impact,
        ),
    )
