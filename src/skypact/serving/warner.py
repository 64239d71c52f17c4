"""From the picture for public alerts to messages that people get: decided, journalled, published.

A message counts once it is in the journal, and is published only then. What is about to be said is
on disk before that (`warnings/next`): a node that was killed finds there what it was saying, looks
into the journal whether it counts, and then publishes it again under its own identifier, or decides
anew. So none is lost, none gets a second name, and every event that was alerted has its end.
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skypact.errors import JournalError
from skypact.model import EntryKind, Flight, Launch, Radar, Track, Warning
from skypact.record.journal import Journal
from skypact.serving.assessor import Assessor
from skypact.serving.kept import encoded
from skypact.settings import Settings
from skypact.sharing.keys import write_private
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


def warning_subject(exercise: bool) -> str:
    """Where alerts are published on the nation's own server."""
    return "exercise.warning.public" if exercise else "warning.public"


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
        self.assessor = Assessor(radars, settings.flight, urgent=True)
        self.exercise = folder.exercise
        self._connection: Client
        self._journal: Journal
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
        self._flights: dict[int, Flight] = {}
        self._launches: dict[int, Launch] = {}
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

    async def begin(self, connection: Client, journal: Journal) -> None:
        """Be where it was, and publish again what counts and may not have gone out."""
        self._connection, self._journal = connection, journal
        try:
            last = msgspec.msgpack.decode((self._store / "next").read_bytes(), type=_Next)
        except FileNotFoundError:
            return
        counts = await self._is_journalled(last.kept)
        self._state = last.then if counts else last.was
        self.decider.take_up(self._state.decider)
        if counts:
            await self._publish(last.kept)

    async def _is_journalled(self, kept: KeptWarnings) -> bool:
        async for entry in self._journal.read(from_time_ns=kept.each[0].said.time_ns):
            if entry.kind is EntryKind.WARNING and entry.about == kept.about:
                return True
        return False

    # -- the way of the data -------------------------------------------------------------------

    async def keep_on(
        self, tracks: Callable[[], Sequence[Track]], clock: Callable[[], int]
    ) -> None:
        """Look at the tracks of the picture for public alerts, again and again."""
        while True:
            try:
                await self.look(tracks(), clock)
                self.faults.pop("look", None)
            except Exception as error:  # the next look may do; an officer is told
                self.faults["look"] = f"warnings: {error!r}; see the log, and report it"
                self._log.exception("warnings")
            await asyncio.sleep(self._settings.look_every_s)

    async def look(self, tracks: Sequence[Track], clock: Callable[[], int]) -> None:
        """Decide on tracks, and say what is to be said."""
        flights = [flight for track in tracks if (flight := await self._flight(track)) is not None]
        for gone in set(self._flights) - {track.id for track in tracks}:
            del self._flights[gone]
        await self.say(self.decider.look(clock(), flights))

    async def _flight(self, track: Track) -> Flight | None:
        """What a track means, asked once for each newest plot."""
        known = self._flights.get(track.id)
        if known is not None and known.last_plot_ns == track.last_plot_ns:
            return known
        flight = await self.assessor.flight(track, self._launches.get(track.id), with_descent=True)
        if flight is None:
            return known
        if flight.launch and track.time_ns - track.first_plot_ns > _LAUNCH_SOUGHT_NS:
            self._launches.setdefault(track.id, flight.launch)
        self._flights[track.id] = flight
        return flight

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
        faults = faults_of(alert, exercise=self.exercise)
        if faults:  # people are warned all the same; the operator is told
            self.faults["message"] = f"a message is not as CAP wants it: {faults[0]}"
            self._log.error("message", faults=faults)
        reference = reference_of(alert)
        text = signed(alert, self._key)
        references = {e: list(r) for e, r in was.before.items() if e != said.event}
        if said.areas:
            references[said.event] = [*before, reference]
        headline = alert.findtext(".//{*}headline") or ""
        entry = FeedEntry(reference.identifier, headline, said.time_ns)
        then = _State(was.decider, references, [*was.feed, entry][-_IN_FEED:])
        return then, KeptWarning(reference.identifier, said, zlib.compress(text))

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
        await asyncio.to_thread(self.assessor.stop)
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
