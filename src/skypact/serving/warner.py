"""From the picture for public alerts to messages that people get: decided, journalled, published.

A message counts once it is in the journal, and is published only then. What is about to be said is
on disk before that (`warnings/next`): a node that was killed finds there what it was saying, looks
into the journal whether it counts, and then publishes it again under its own identifier, or decides
anew. So none is lost, none gets a second name, and every event that was alerted has its end.
"""

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import nats.errors
import structlog
from lxml import etree
from nats.aio.client import Client
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skypact.errors import JournalError
from skypact.flight import Ways, brought_up
from skypact.model import (
    AreaChance,
    Danger,
    EntryKind,
    Flight,
    Launch,
    Radar,
    Reason,
    Step,
    Track,
    WarnedArea,
    Warning,
)
from skypact.offline.warm import warm_flight
from skypact.serving.assessor import Assessor
from skypact.serving.kept import OpenJournal, encoded
from skypact.settings import Settings
from skypact.sharing.keys import write_private
from skypact.sharing.nats_config import warning_subject
from skypact.sharing.node_folder import NodeFolder
from skypact.warning.agency import Agency, alert_key, load_agency
from skypact.warning.areas import read_areas
from skypact.warning.cap import Messages, Reference, faults_of, reference_of, signed
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider
from skypact.warning.feed import FeedEntry, atom_feed

S = 1_000_000_000
_LAUNCH_SOUGHT_NS = 60 * S
_IN_FEED = 200
_FLUSH_S = 5
Log = structlog.typing.FilteringBoundLogger


class KeptWarning(msgspec.Struct, array_like=True, frozen=True):
    """A message that counts: the decision, and what was published (zlib)."""

    identifier: str
    said: Warning
    packed: bytes

    @property
    def message(self) -> bytes:
        """The bytes that were published."""
        return zlib.decompress(self.packed)


class KeptWarnings(msgspec.Struct, array_like=True, frozen=True):
    """All that was said at one look: it counts together, or not at all."""

    each: tuple[KeptWarning, ...]

    @property
    def about(self) -> str:
        """What it is called in the journal."""
        return self.each[0].identifier


class _State(msgspec.Struct, array_like=True):
    """What is kept between messages: the decider's, each open event's messages, the feed."""

    decider: bytes
    before: dict[int, list[Reference]]
    feed: list[FeedEntry]


class _Next(msgspec.Struct, array_like=True, frozen=True):
    """What is being said: how it was before, how it is after, and the message."""

    was: _State
    then: _State
    kept: KeptWarnings


class Warner:
    """Everything that becomes of flights for the public, of one channel: live, or exercise."""

    def __init__(
        self,
        folder: NodeFolder,
        agency: Agency,
        radars: Sequence[Radar],
        settings: Settings,
        log: Log,
    ) -> None:
        """Raises InputError where areas or keys cannot be used."""
        self._settings, self._agency, self._log = settings.warning, agency, log
        self._radars, self._of_flight = tuple(radars), settings.flight
        self.first = Assessor(radars, settings.warning.first(settings.flight), urgent=True)
        self.anew = Assessor(radars, settings.flight)
        self.exercise = folder.exercise
        self._connection: Client
        self._journal: OpenJournal
        read = read_areas(
            agency.areas_file(folder.folder, exercise=self.exercise), exercise=self.exercise
        )
        for repair in read.repairs:
            log.warning("area", repaired=repair)
        self.decider = Decider(AreaIndex(read.areas), settings.warning)
        self.messages = Messages(
            read.areas,
            sender=agency.sender,
            nation=folder.nation,
            exercise=self.exercise,
            languages=agency.languages,
            expires_s=settings.warning.expires_s,
        )
        self._key = alert_key(folder.folder / "keys", folder.nation, exercise=self.exercise)
        self._store = folder.store / "warnings"
        self._store.mkdir(parents=True, exist_ok=True)
        self._state = _State(self.decider.save(), {}, [])
        self._tracks: dict[int, Track] = {}
        self._ways: dict[int, Ways] = {}
        self._to_carry: dict[int, None] = {}
        self._flights: dict[int, tuple[Ways, Flight]] = {}
        self._launches: dict[int, Launch] = {}
        self._news = asyncio.Event()
        self._hooks: set[asyncio.Task[None]] = set()
        self.faults: dict[str, str] = {}
        self.told: Callable[[KeptWarnings], None] = lambda whole: None
        """Gets what is in the journal."""

    @classmethod
    def of(
        cls, folder: NodeFolder, radars: Sequence[Radar], settings: Settings, log: Log
    ) -> "Warner | None":
        """None where the folder has no `warning.toml`. Raises InputError."""
        agency = load_agency(folder.folder)
        return None if agency is None else cls(folder, agency, radars, settings, log)

    # -- coming back ---------------------------------------------------------------------------

    async def begin(self, connection: Client, journal: OpenJournal) -> None:
        """Be where it was, and publish again what counts and may not have gone out."""
        self._connection, self._journal = connection, journal
        await asyncio.to_thread(self._rehearse)
        try:
            last = msgspec.msgpack.decode((self._store / "next").read_bytes(), type=_Next)
        except FileNotFoundError:
            return
        counts = await self._is_journalled(last.kept)
        self._state = last.then if counts else last.was
        self.decider.take_up(self._state.decider)
        if counts:
            await self._publish(last.kept)

    def _rehearse(self) -> None:
        """Do once, for nobody, all that an alert takes: what it loads is there from then on."""
        warm_flight()
        chance = AreaChance(area=next(iter(self.decider.index.by_id)), falls=1.0, passes=0.0)
        said = Warning(
            event=0,
            number=0,
            step=Step.ALERT,
            time_ns=0,
            reason=Reason.THRESHOLD,
            areas=(WarnedArea(danger=Danger.FALL, chance=chance, since_ns=0),),
            gone=(),
            basis=(),
        )
        alert = self.messages.made(said, ())
        faults_of(alert, exercise=self.exercise)
        signed(alert, self._key)

    async def _is_journalled(self, kept: KeptWarnings) -> bool:
        async for entry in self._journal.read(from_time_ns=kept.each[0].said.time_ns):
            if entry.kind is EntryKind.WARNING and entry.about == kept.about:
                return True
        return False

    # -- the way of the data -------------------------------------------------------------------

    def news(self) -> None:
        """Something was taken that the picture for public alerts may be made of."""
        self._news.set()

    async def keep_on(
        self, tracks: Callable[[], Sequence[Track]], clock: Callable[[], int]
    ) -> None:
        """Look at the tracks of the picture for public alerts, again and again."""
        async with asyncio.TaskGroup() as tasks:
            for assessor in (self.first, self.anew):
                tasks.create_task(assessor.begin())
            tasks.create_task(self._again("ways down", self._carry_anew))
            tasks.create_task(self._again("look", lambda: self._look_and_rest(tracks, clock)))

    async def _again(self, what: str, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await do()
                self.faults.pop(what, None)
            except Exception as error:  # the next may do; an officer is told
                self.faults[what] = f"warnings, {what}: {error!r}; see the log, and report it"
                self._log.exception("warnings")
                await asyncio.sleep(self._settings.look_every_s)

    async def _look_and_rest(
        self, tracks: Callable[[], Sequence[Track]], clock: Callable[[], int]
    ) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._settings.look_every_s)
        self._news.clear()
        began_s = time.thread_time()
        await self.look(tracks(), clock)
        await asyncio.sleep(max(self._settings.rest_s, time.thread_time() - began_s))

    async def look(self, tracks: Sequence[Track], clock: Callable[[], int]) -> None:
        """Decide on tracks, and say what is to be said."""
        self._tracks = {track.id: track for track in tracks}
        for of in (self._flights, self._ways, self._to_carry, self._launches):
            for gone in of.keys() - self._tracks.keys():
                del of[gone]
        flights = [flight for track in tracks if (flight := await self._flight(track)) is not None]
        await self.say(self.decider.look(clock(), flights))

    async def _flight(self, track: Track) -> Flight | None:
        """What a track means: by the ways that were carried last, or by a few that are now."""
        ways = self._ways.get(track.id)
        made, known = self._flights.get(track.id, (None, None))
        if known and made is ways and known.last_plot_ns == track.last_plot_ns:
            return known
        if known is None or known.last_plot_ns != track.last_plot_ns:
            self._to_carry[track.id] = None
        flight = ways and brought_up(ways, track, self._radars, self._of_flight)
        if flight is None:
            launch = self._launches.get(track.id)
            ways = await self.first.ways(track, launch, seek_launch=False)
            if ways is None:
                return known
            self._ways[track.id] = ways
            flight = brought_up(ways, track, self._radars, self._of_flight)
        if ways is not None and flight is not None:
            self._flights[track.id] = ways, flight
        return flight

    async def _carry_anew(self) -> None:
        """The ways down of the track that has waited for it longest, and its launch."""
        track = next((self._tracks[i] for i in self._to_carry if i in self._tracks), None)
        if track is None:
            await asyncio.sleep(self._settings.look_every_s)
            return
        del self._to_carry[track.id]
        ways = await self.anew.ways(track, self._launches.get(track.id))
        if ways is None or track.id not in self._tracks:
            return
        self._ways[track.id] = ways
        if ways.flight.launch and track.time_ns - track.first_plot_ns > _LAUNCH_SOUGHT_NS:
            self._launches.setdefault(track.id, ways.flight.launch)
        self._news.set()

    async def say(self, all_said: Sequence[Warning]) -> None:
        """Journal what is said at one look, then publish it; where that cannot be, decide anew."""
        if not all_said:
            return
        then = msgspec.structs.replace(self._state, decider=self.decider.save())
        each = []
        for said in all_said:
            then, kept = self._prepared(said, then)
            each.append(kept)
        whole = KeptWarnings(tuple(each))
        following = _Next(self._state, then, whole)
        try:
            write_private(self._store / "next", msgspec.msgpack.encode(following))
            time_ns = all_said[0].time_ns
            await self._journal.append(EntryKind.WARNING, whole.about, time_ns, encoded(whole))
        except (JournalError, OSError) as error:
            self.faults["journal"] = f"an alert waits: {error}"
            self._log.error("alert not journalled", reason=str(error))
            self.decider.take_up(self._state.decider)
            return
        self.faults.pop("journal", None)
        self._state = then
        self.told(whole)
        await self._publish(whole)

    def _prepared(self, said: Warning, was: _State) -> tuple[_State, KeptWarning]:
        """A decision's message, checked and signed, and what is known after it."""
        before = was.before.get(said.event, [])
        alert = self.messages.made(said, before)
        reference = reference_of(alert)
        text = signed(alert, self._key)
        references = {e: list(r) for e, r in was.before.items() if e != said.event}
        if said.areas:
            references[said.event] = [*before, reference]
        headline = alert.findtext(".//{*}headline") or ""
        entry = FeedEntry(reference.identifier, headline, said.time_ns)
        then = _State(was.decider, references, [*was.feed, entry][-_IN_FEED:])
        return then, KeptWarning(reference.identifier, said, zlib.compress(text, 1))

    async def _publish(self, whole: KeptWarnings) -> None:
        """To the feed, over NATS and by the hook; a receiver knows a message by its identifier."""
        for kept in whole.each:
            self._file(kept.identifier).write_bytes(kept.message)
        try:
            for kept in whole.each:
                headers = {"Nats-Msg-Id": kept.identifier}
                subject = warning_subject(self.exercise)
                await self._connection.publish(subject, kept.message, headers=headers)
            await self._connection.flush(_FLUSH_S)
            self.faults.pop("nats", None)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            self.faults["nats"] = f"an alert is in the feed, and not yet on the server: {error}"
            self._log.error("alert not published", reason=str(error))
        for kept in whole.each:
            if self._agency.hook:
                task = asyncio.create_task(self._hook(kept))
                self._hooks.add(task)
                task.add_done_callback(self._hooks.discard)
            self._log.warning(
                "alert",
                identifier=kept.identifier,
                step=str(kept.said.step),
                reason=str(kept.said.reason),
                areas=[one.chance.area for one in kept.said.areas],
            )
            self._check(kept)

    def _check(self, kept: KeptWarning) -> None:
        """By schema and by sense, once it is out: people are warned all the same."""
        faults = faults_of(etree.fromstring(kept.message), exercise=self.exercise)
        if faults:
            self.faults["message"] = f"a message is not as CAP wants it: {faults[0]}"
            self._log.error("message", faults=faults)

    async def _hook(self, kept: KeptWarning) -> None:
        """The agency's own command, with the message on its standard input."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._agency.hook, stdin=asyncio.subprocess.PIPE
            )
            try:
                await asyncio.wait_for(process.communicate(kept.message), self._agency.hook_s)
            finally:
                if process.returncode is None:
                    process.kill()
            if process.returncode:
                raise OSError(f"it ended with {process.returncode}")
            self.faults.pop("hook", None)
        except (OSError, TimeoutError) as error:
            self.faults["hook"] = f"the hook did not take {kept.identifier}: {error}"
            self._log.error("hook", reason=str(error))

    async def stop(self) -> None:
        """Let hooks that run come to their end."""
        for assessor in (self.first, self.anew):
            await asyncio.to_thread(assessor.stop)
        with suppress(Exception):
            await asyncio.gather(*self._hooks)

    # -- the feed ------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the feed stands."""
        return "/exercise/alerts" if self.exercise else "/alerts"

    def areas_at(self, latitude_rad: float, longitude_rad: float) -> tuple[str, ...]:
        """The areas that hold a place."""
        return self.decider.index.within(latitude_rad, longitude_rad)

    def routes(self, clock: Callable[[], int]) -> list[Route]:
        """The Atom feed, and each message."""

        async def feed(request: Request) -> Response:
            title = "Exercise alerts" if self.exercise else "Alerts"
            text = atom_feed(title, self.path, self._agency.sender, self._state.feed, clock())
            return Response(text, media_type="application/atom+xml")

        async def message(request: Request) -> Response:
            name = request.path_params["name"]
            if name not in {one.identifier for one in self._state.feed}:
                return Response(status_code=404)
            return Response(self._file(name).read_bytes(), media_type="application/cap+xml")

        return [Route(self.path, feed), Route(f"{self.path}/{{name}}.xml", message)]

    def _file(self, identifier: str) -> Path:
        return self._store / f"{identifier}.xml"
