"""From the picture for public alerts to messages that people get: decided, journalled, published.

A message counts once it is in the journal, and is published only then. What is about to be said is
on disk before that (`warnings/next`): a node that was killed finds there what it was saying, looks
into the journal whether it counts, and then publishes it again under its own identifier, or decides
anew. What the server or the disk did not take is given to it again, in order, until it does. So
none is lost, none gets a second name, and every event that was alerted has its end.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
import structlog
from lxml import etree
from nats.aio.client import Client
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skypact.errors import JournalError, SkypactError
from skypact.flight import KnownLaunches, Ways, brought_up, burnt_when_last_seen, unforetold
from skypact.model import (
    AreaChance,
    Danger,
    EntryKind,
    Flight,
    Radar,
    Reason,
    StandingAlert,
    Step,
    Track,
    WarnedArea,
    Warning,
)
from skypact.offline.warm import warm_flight
from skypact.serving.alert_channels import AlertChannels, KeptWarning
from skypact.serving.assessor import Assessor
from skypact.serving.kept import OpenJournal, encoded
from skypact.serving.operating import CANCEL_WARNING, RELEASE_WARNING, Order
from skypact.serving.policy_in_force import KeptAction
from skypact.settings import Settings
from skypact.sharing.keys import write_private
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.users import USERS, load_users
from skypact.tracking import LivePicture
from skypact.warning.agency import Agency, alert_key, load_agency
from skypact.warning.areas import read_areas
from skypact.warning.cap import Messages, Reference, faults_of, reference_of, signed
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider
from skypact.warning.feed import ATOM_TYPE, CAP_TYPE, Feed, FeedEntry

S = 1_000_000_000
_UNSEEN_AGAIN_NS = 2 * S
"""So often the ways down are carried of what burnt when it was last seen."""
_IN_FEED = 200
_AREAS_NAMED = 8
Log = structlog.typing.FilteringBoundLogger


class KeptWarnings(msgspec.Struct, array_like=True, frozen=True):
    """All that was said at one look: it counts together, or not at all."""

    each: tuple[KeptWarning, ...]

    @property
    def about(self) -> str:
        """What it is called in the journal."""
        return self.each[0].identifier


class Taken(NamedTuple):
    """The tracks of a picture, and as of when they are: until then it has taken in what came.

    `late_ns`: what came was up to so late: what was seen since may be on its way.
    """

    tracks: Sequence[Track]
    time_ns: int | None
    late_ns: int = 0


def taken_of(live: LivePicture, tracks: Sequence[Track], now_ns: int) -> Taken:
    """A picture's tracks, with how late what it is made of comes."""
    late_ns = max(live.lateness.late_ns(now_ns).values(), default=0)
    return Taken(tracks, live.picture.time_ns, late_ns)


class _State(msgspec.Struct, array_like=True):
    """What is kept between messages: the decider's, each open event's messages, the feed."""

    decider: bytes
    before: dict[int, list[Reference]]
    feed: list[FeedEntry]
    out_from_ns: int = 0
    """Since when messages may not be out; 0: all are."""


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
        self._folder = folder.folder
        self._deciding = asyncio.Lock()
        self._state = _State(self.decider.save(), {}, [])
        self._tracks: dict[int, Track] = {}
        self._ways: dict[int, Ways] = {}
        self._to_carry: dict[int, bool] = {}
        """Tracks whose ways down are to be carried, and whether that was seen since which they do
        not know of; who waits longest is first."""
        self._carried_ns: dict[int, int] = {}
        """By track, the newest plot that all its ways down know of."""
        self._flights: dict[int, tuple[Ways, Flight, int]] = {}
        self._launches = KnownLaunches()
        self._news = asyncio.Event()
        self.faults: dict[str, str] = {}
        self._channels = AlertChannels(
            *(agency, self._store, settings.warning, self.faults, log),
            exercise=self.exercise,
        )
        self.told: Callable[[KeptWarnings], None] = lambda whole: None
        """Gets what is in the journal."""
        self.decided_ns: int | None = None
        """As of when it last decided; None: not since it was started."""
        self.lag_s = 0.0
        """So long ago is that, or by so much are any ways down older than the newest plot."""
        self._watched_ns = self._taken_ns = 0
        self.looking: Callable[[], None] = lambda: None
        """Is told that a look at tracks begins."""

    @classmethod
    def of(
        cls, folder: NodeFolder, radars: Sequence[Radar], settings: Settings, log: Log
    ) -> "Warner | None":
        """None where the folder has no `warning.toml`. Raises InputError."""
        agency = load_agency(folder.folder)
        return None if agency is None else cls(folder, agency, radars, settings, log)

    # -- coming back ---------------------------------------------------------------------------

    async def begin(
        self, connection: Client, journal: OpenJournal, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Be where it was, and publish again what counts and may not have gone out."""
        self._journal = journal
        await asyncio.to_thread(self._rehearse)
        out = await self._channels.begin(connection)
        await self._take_up_releases(clock())
        try:
            last = msgspec.msgpack.decode((self._store / "next").read_bytes(), type=_Next)
        except FileNotFoundError:
            return
        since_ns = last.then.out_from_ns or last.kept.each[0].said.time_ns
        journalled = [one async for one in self._journalled(since_ns)]
        counts = any(one.about == last.kept.about for one in journalled)
        self._state = last.then if counts else last.was
        self.decider.take_up(self._state.decider)
        self._watched_ns = self.decider.watched_ns
        each = [one for whole in journalled for one in whole.each]
        names = [one.identifier for one in each]
        await self._publish(each[names.index(out) + 1 if out in names else 0 :])

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

    async def _journalled(self, since_ns: int) -> AsyncIterator[KeptWarnings]:
        """What was said since then, and counts."""
        async for entry in self._journal.read(from_time_ns=since_ns):
            if entry.kind is EntryKind.WARNING:
                yield msgspec.msgpack.decode(entry.payload, type=KeptWarnings)

    async def _take_up_releases(self, now_ns: int) -> None:
        """What persons released before the node was killed, and may still count."""
        since_ns = now_ns - round(self._settings.expires_s * S)
        async for entry in self._journal.read(from_time_ns=since_ns):
            if entry.kind is EntryKind.OPERATOR_ACTION:
                with suppress(msgspec.ValidationError):  # a checkpoint's mark is no action
                    action = msgspec.msgpack.decode(entry.payload, type=KeptAction)
                    if action.what == RELEASE_WARNING:
                        self.decider.release(int(action.about), action.who, entry.time_ns)

    # -- the way of the data -------------------------------------------------------------------

    def news(self) -> None:
        """Something was taken that the picture for public alerts may be made of."""
        self._news.set()

    async def keep_on(self, taken: Callable[[], Taken], clock: Callable[[], int]) -> None:
        """Look at the tracks of the picture for public alerts, again and again."""
        begun_ns = clock()
        async with asyncio.TaskGroup() as tasks:
            for assessor in (self.first, self.anew):
                tasks.create_task(assessor.begin())
            tasks.create_task(self._again("ways down", self._carry_anew))
            tasks.create_task(self._again("publish", self._channels.put_out_again))
            tasks.create_task(self._again("look", lambda: self._look_and_rest(taken, clock)))
            tasks.create_task(self._again("lag", lambda: self._note_lag(begun_ns, clock)))

    async def _again(self, what: str, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await do()
                self.faults.pop(what, None)
            except Exception as error:  # the next may do; an officer is told
                self.faults[what] = f"warnings, {what}: {error!r}; see the log, and report it"
                self._log.exception("warnings")
                await asyncio.sleep(self._settings.look_every_s)

    async def _look_and_rest(self, taken: Callable[[], Taken], clock: Callable[[], int]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._settings.look_every_s)
        self._news.clear()
        began_s = time.thread_time()
        await self.look(taken(), clock)
        await asyncio.sleep(max(self._settings.rest_s, time.thread_time() - began_s))

    async def _note_lag(self, begun_ns: int, clock: Callable[[], int]) -> None:
        """Once a second, how far behind the decisions are; people are told where it is too far."""
        as_of_ns = begun_ns if self.decided_ns is None else min(self.decided_ns, self._taken_ns)
        late_ns = clock() - as_of_ns
        of = self._ways.items()
        ages_ns = [self._tracks[i].last_plot_ns - w.time_ns for i, w in of if i in self._tracks]
        self.lag_s = max([0, late_ns, *ages_ns]) / S
        most_s = self._settings.greatest_lag_s
        if self.lag_s <= most_s:
            self.faults.pop("lag", None)
        else:
            what = "what was seen" if late_ns / S > most_s else "where flights were expected"
            self.faults["lag"] = (
                f"warnings lag: they go by {what} {self.lag_s:,.0f} s ago; the machine is too "
                "busy: leave the node a processor, or give warnings a process of their own "
                "(docs/node.md)"
            )
        await asyncio.sleep(1.0)

    @property
    def uncarried(self) -> set[int]:
        """Tracks whose ways down do not know yet of what was seen of them last."""
        return {track for track, since_a_plot in self._to_carry.items() if since_a_plot}

    def _behind(self) -> set[int]:
        """Tracks whose ways down lag, or are the first few, as of a node just started."""
        most_ns = round(self._settings.greatest_lag_s * S)
        newest = ((track, self._tracks[track].last_plot_ns) for track in self._ways)
        return {i for i, at_ns in newest if at_ns - self._carried_ns.get(i, 0) > most_ns}

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """As `/metrics` gives them."""
        return {"skypact_warnings_lag_seconds": {(): self.lag_s}}

    def _watched(self, taken_ns: int) -> int:
        """The clock that tracks are lost by: the picture's time, but of one wait not too much.

        Where the node itself had waited, its clock mark may be taken in before the plots that
        waited with it.
        """
        most_ns = round(0.5 * self._settings.lost_after_s * S)
        if self._taken_ns:
            self._watched_ns += min(max(taken_ns - self._taken_ns, 0), most_ns)
        self._taken_ns = max(taken_ns, self._taken_ns)
        return self._watched_ns

    async def look(self, taken: Taken, clock: Callable[[], int]) -> None:
        """Decide on tracks, and say what is to be said.

        As of when they were handed in: what they mean may take long to work out, as after a start,
        and nothing is over because of that.
        """
        self.looking()
        now_ns = clock()
        tracks, taken_ns, late_ns = taken
        watched_ns = self._watched(now_ns if taken_ns is None else taken_ns)
        self._tracks = {track.id: track for track in tracks}
        for of in (self._flights, self._ways, self._to_carry, self._carried_ns):
            for gone in of.keys() - self._tracks.keys():
                del of[gone]
        self._launches.keep_only(self._tracks)
        flights = [await self._flight(track) for track in tracks]
        async with self._deciding:
            await self.say(
                self.decider.look(
                    *(now_ns, flights),
                    watched_ns=watched_ns,
                    late_ns=late_ns,
                    uncarried=self.uncarried,
                    behind=self._behind(),
                )
            )
        self.decided_ns = now_ns

    async def _flight(self, track: Track) -> Flight:
        """What a track means: by the ways that were carried last, or by a few that are now.

        Where none can be carried it is as known before: a track that is there is not withdrawn.
        What burnt when it was last seen is carried as its track grows older, for the more time is
        past the surer its boost has ended, and the less it is known where.
        """
        ways = self._ways.get(track.id)
        made, known, at_ns = self._flights.get(track.id, (None, None, 0))
        is_known = known is not None and known.last_plot_ns == track.last_plot_ns
        burns_unseen = burnt_when_last_seen(track, self._of_flight)
        if known and is_known and made is ways and (at_ns == track.time_ns or not burns_unseen):
            return known
        is_old = ways is not None and track.time_ns - ways.time_ns > _UNSEEN_AGAIN_NS
        if not is_known or (burns_unseen and is_old):
            self._to_carry[track.id] = not is_known or self._to_carry.get(track.id, False)
        flight = ways and brought_up(ways, track, self._radars, self._of_flight)
        if flight is None:
            ways = await self.first.ways(track, self._launches.of(track), seek_launch=False)
            if ways is not None:
                self._ways[track.id] = ways
                flight = brought_up(ways, track, self._radars, self._of_flight)
        if ways is None or flight is None:
            return known or unforetold(track, self._radars)
        self._flights[track.id] = ways, flight, track.time_ns
        return flight

    async def _carry_anew(self) -> None:
        """The ways down of the track that has waited for it longest, and its launch."""
        track = next((self._tracks[i] for i in self._to_carry if i in self._tracks), None)
        if track is None:
            await asyncio.sleep(self._settings.look_every_s)
            return
        # Behind the others, where it stays if its process dies of it.
        self._to_carry[track.id] = self._to_carry.pop(track.id)
        ways = await self.anew.ways(track, self._launches.of(track))
        newest = self._tracks.get(track.id)
        if ways is None or newest is None:
            return
        if newest.last_plot_ns == track.last_plot_ns:
            self._to_carry.pop(track.id, None)
        self._ways[track.id], self._carried_ns[track.id] = ways, track.last_plot_ns
        self._launches.take(track, ways.flight.launch)
        self._news.set()

    async def say(self, all_said: Sequence[Warning]) -> None:
        """Journal what is said at one look, then publish it; where that cannot be, decide anew."""
        if not all_said:
            return
        out_from_ns = self._channels.oldest_ns or all_said[0].time_ns
        decider = self.decider.save()
        then = msgspec.structs.replace(self._state, decider=decider, out_from_ns=out_from_ns)
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
        await self._publish(whole.each)

    def _prepared(self, said: Warning, was: _State) -> tuple[_State, KeptWarning]:
        """A decision's message, checked and signed, and what is known after it."""
        before = was.before.get(said.event, [])
        alert = self.messages.made(said, before)
        reference = reference_of(alert)
        text = signed(alert, self._key)
        references = {e: list(r) for e, r in was.before.items() if e != said.event}
        if said.areas:
            references[said.event] = [*before, reference]
        titles = {name: self.messages.title(said, name) for name in self._agency.languages}
        first = titles.pop(self._agency.languages[0])
        entry = FeedEntry(reference.identifier, first, said.time_ns, titles)
        then = _State(was.decider, references, [*was.feed, entry][-_IN_FEED:], was.out_from_ns)
        return then, KeptWarning(reference.identifier, said, zlib.compress(text, 1))

    async def _publish(self, messages: Iterable[KeptWarning]) -> None:
        """By all channels; a receiver knows a message by its identifier."""
        each = tuple(messages)
        await self._channels.put_out(each)
        for kept in each:
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

    async def stop(self) -> None:
        """Let hooks that run come to their end."""
        await self._channels.stop()
        for assessor in (self.first, self.anew):
            await asyncio.to_thread(assessor.stop)

    # -- what persons order ---------------------------------------------------------------------

    @property
    def notices(self) -> list[str]:
        """Alerts that wait for persons to release them."""
        return [
            f"warning: event {event} waits for a release: {_named(areas)}; skypact warning "
            f"release DIR {event}"
            for event, areas in sorted(self.decider.waiting.items())
        ]

    def alerts(self, now_ns: int) -> tuple[StandingAlert, ...]:
        """Those that wait, and those in force by the message that each began with."""
        standing = self.decider.standing(now_ns)
        under = self.decider.under_alert
        first = {e: self._state.before[e][0].identifier for e in under if self._state.before.get(e)}
        return tuple(
            msgspec.structs.replace(one, first=first.get(one.event, "")) for one in standing
        )

    async def obey(self, order: Order, now_ns: int) -> str:
        """Release what waits, or cancel what is under alert; what was done. Raises SkypactError."""
        do = {RELEASE_WARNING: self._release, CANCEL_WARNING: self._cancel}[order.what]
        of = self.decider.waiting if order.what == RELEASE_WARNING else self.decider.under_alert
        if order.about not in map(str, of):
            known = "; ".join(f"event {event}: {_named(areas)}" for event, areas in of.items())
            raise SkypactError(f"event {order.about}: {_NOTHING[order.what]}; {known or 'none is'}")
        async with self._deciding:
            return await do(order, int(order.about), now_ns)

    async def _release(self, order: Order, event: int, now_ns: int) -> str:
        if not load_users(self._folder):
            raise SkypactError(
                f"{self._folder / USERS}: names nobody; persons release with keys of their own: "
                "skypact coalition user add"
            )
        await self._note(order, now_ns)
        self.decider.release(event, order.who, now_ns)
        self.news()
        missing = self.decider.missing(event, now_ns)
        more = f"{missing} more to release it" if missing > 0 else "it goes out"
        return f"event {event}: released by {order.who}; {more}"

    async def _cancel(self, order: Order, event: int, now_ns: int) -> str:
        await self._note(order, now_ns)
        said = self.decider.cancel(event, now_ns)
        if said is None:
            raise SkypactError(f"event {event}: {_NOTHING[CANCEL_WARNING]}")
        await self.say((said,))
        return f"event {event}: cancelled; nothing more is said of it unless it is released"

    async def _note(self, order: Order, now_ns: int) -> None:
        """The signed order, into the journal."""
        body = msgspec.msgpack.encode(order)
        action = KeptAction(order.what, order.who, order.when_ns, order.about, body=body)
        kind = EntryKind.OPERATOR_ACTION
        await self._journal.append(kind, order.who, now_ns, encoded(action))

    # -- the feed ------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the feed stands."""
        return "/exercise/alerts" if self.exercise else "/alerts"

    def areas_at(self, latitude_rad: float, longitude_rad: float) -> tuple[str, ...]:
        """The areas that hold a place."""
        return self.decider.index.within(latitude_rad, longitude_rad)

    def routes(self, clock: Callable[[], int]) -> list[Route]:
        """The Atom feed in each language, and each message."""
        title = "Exercise alerts" if self.exercise else "Alerts"
        of = Feed(title, self.path, self._agency.sender, self._agency.languages)

        def feed(language: str) -> Route:
            async def answer(request: Request) -> Response:
                text = of.atom(language, self._state.feed, clock())
                return Response(text, media_type=ATOM_TYPE)

            return Route(of.path_in(language), answer)

        async def message(request: Request) -> Response:
            name = request.path_params["name"]
            if name not in {one.identifier for one in self._state.feed}:
                return Response(status_code=404)
            return Response(self._channels.message(name), media_type=CAP_TYPE)

        feeds = [feed(language) for language in of.languages]
        return [*feeds, Route(f"{self.path}/{{name}}.xml", message)]


_NOTHING = {
    RELEASE_WARNING: "no alert of it waits for a release",
    CANCEL_WARNING: "no alert of it is in force",
}


_WHAT = {Danger.FALL: "may fall", Danger.NEIGHBOUR: "may fall near", Danger.PASS: "may pass over"}


def _named(areas: Sequence[WarnedArea]) -> str:
    """What areas would be told, or are, in a line."""
    out = []
    for danger, what in _WHAT.items():
        names = [one.chance.area for one in areas if one.danger == danger]
        more = f" and {len(names) - _AREAS_NAMED} more" if len(names) > _AREAS_NAMED else ""
        if names:
            out.append(f"{what} {', '.join(names[:_AREAS_NAMED])}{more}")
    return ", ".join(out)
