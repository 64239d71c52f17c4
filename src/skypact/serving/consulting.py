"""The shared event: what this nation says about it to whom, and what its people say.

Nothing goes to a partner about an event of which that partner knows nothing: it is told of one with
flights that are stated to it anyway, or with words that a person addresses to it, under a name that
is for this partner alone. To who has named the event itself one may speak by that name. What the
node tells a partner by itself hangs on what is stated to that partner, and on what it said, alone;
what was said before a partner was told of an event stays untold to it.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from skypact.errors import SkypactError
from skypact.flight import KnownLaunches
from skypact.model import (
    Acknowledged,
    Assessed,
    Commented,
    Confirmed,
    Consultation,
    EntryKind,
    Event,
    EventAssessment,
    EventText,
    Flight,
    Joined,
    Matter,
    Proposed,
    Said,
    Track,
    Use,
)
from skypact.serving.assessor import Assessor
from skypact.serving.consult_words import (
    ACKNOWLEDGE,
    COMMENT,
    CONFIRM,
    JOIN,
    OPEN,
    PROPOSE,
    Act,
    Asked,
    Shown,
    subject_of,
)
from skypact.serving.event_document import event_document, event_line
from skypact.serving.event_fit import Stated, counted, flights_of, is_of, is_placed, number_of
from skypact.serving.events import KeptSaid, nation_of
from skypact.serving.folded import Folded
from skypact.serving.operating import Order
from skypact.serving.releasing import Releasing
from skypact.settings import ConsultationSettings
from skypact.sharing import codec

S = 1_000_000_000
LISTED = 200
_MOST_FLIGHTS = 64
_MATTER: dict[type, Matter] = {
    Assessed: Matter.ASSESSMENT,
    Acknowledged: Matter.ACKNOWLEDGEMENT,
    Commented: Matter.COMMENT,
    Proposed: Matter.TEXT,
    Confirmed: Matter.TEXT,
}
"""What of the release policy a word goes by; a tie of names goes wherever the name went."""

Write = Callable[[EntryKind, str, int, msgspec.Struct], "asyncio.Future[int]"]


class Consulting:
    """A node's part in events. `run` for as long as it runs; `obey` what its people order."""

    def __init__(
        self,
        folded: Folded,
        releasing: Releasing,
        assessor: Assessor,
        settings: ConsultationSettings,
        *,
        exercise: bool,
        write: Write,
        clock: Callable[[], int],
    ) -> None:
        self._folded, self._releasing, self._assessor = folded, releasing, assessor
        self._settings, self._exercise = settings, exercise
        self._write, self._clock = write, clock
        self._nation = folded.nation
        self._said_ns = 0
        self.fault = ""
        self._launches = KnownLaunches()
        """Of own tracks, once they no longer change: to seek one takes longer than all else."""
        self._lock = asyncio.Lock()
        self._log = structlog.get_logger().bind(node=folded.nation)

    async def begin(self, connection: Client, unsure: Iterable[KeptSaid]) -> None:
        """Answer who asks; say again what may not have gone: who has it already is told nothing."""
        for kept in unsure:
            for partner, name in kept.told:
                await self._releasing.say(partner, kept.to(name))

        async def asked(message: Msg) -> None:
            await message.respond(msgspec.json.encode(await self._shown(message.data)))

        await connection.subscribe(subject_of(self._exercise), cb=asked)

    async def run(self) -> None:
        """Every so often what the release pictures show, and what partners began to speak of."""
        while True:
            try:
                await self.look()
                self.fault = ""
            except Exception as error:  # the next look may do; an officer is told
                self.fault = f"consultation: {error!r}; see the log, and report it"
                self._log.exception("consultation")
            await asyncio.sleep(self._settings.look_s)

    async def look(self) -> None:
        """Once."""
        async with self._lock:
            await self._name_partners_events()
            for partner in sorted(self._releasing.ways):
                if self._may(partner, Matter.ASSESSMENT):
                    await self._count_for(partner)

    # -- what the node says by itself ----------------------------------------------------------

    async def _count_for(self, partner: str) -> None:
        """Tell a partner which of the flights that are stated to it are of one event.

        By what is stated to this partner alone.
        """
        way = self._releasing.ways.get(partner)
        if way is None:
            return  # it is no partner any more
        told = dict(sorted(self._told_to(partner).items()))
        flights = {name: list(one.flights) for name, (_, one) in told.items()}
        names = {number_of(one): name for name, some in flights.items() for one in some}
        now: dict[str, list[Stated]] = {name: [] for name in told}
        for stated in way.stating:
            name = names.get(number_of(stated)) or self._told_with(stated, flights)
            if name is None and not is_placed(stated):
                continue  # neither launch nor impact is known yet
            name = name or self._new_name()
            flights.setdefault(name, []).append(stated)
            now.setdefault(name, []).append(stated)
        for name, present in now.items():
            before = told[name][1] if name in told else None
            counted_now = counted(before.flights if before else (), present)[-_MOST_FLIGHTS:]
            if self._is_news(before, counted_now):
                event = told[name][0] if name in told else self._event_of(counted_now)
                said = Assessed(flights=counted_now)
                await self._say(event or self._new_name(), said, ((partner, name),))

    def _told_to(self, partner: str) -> dict[str, tuple[str, EventAssessment]]:
        """By the name that a partner was told: our own name, and the flights it was told of."""
        return {
            one.name: (event.name, one)
            for event in self._folded.events.all()
            for one in event.assessments
            if (one.nation, one.to) == (self._nation, partner)
        }

    def _told_with(self, stated: Stated, flights: Mapping[str, Sequence[Stated]]) -> str | None:
        """As what those were told that a new flight belongs to."""
        return next(
            (name for name, some in flights.items() if is_of(stated, some, self._settings)), None
        )

    def _is_news(self, before: EventAssessment | None, flights: tuple[Stated, ...]) -> bool:
        if before is None or len(flights) != len(before.flights):
            return True
        since_ns = self._clock() - before.at_ns
        return flights != before.flights and since_ns >= self._settings.assess_s * S

    def _event_of(self, flights: Sequence[Stated | Flight]) -> str | None:
        """The own event that some flights are of, by all that is known here."""
        for event in self._folded.events.all():
            known = flights_of(event)
            if nation_of(event.name) == self._nation and any(
                is_of(one, known, self._settings) for one in flights
            ):
                return event.name
        return None

    async def _name_partners_events(self) -> None:
        """Tie each event that only partners have named to one of ours, or to a new one."""
        for event in self._folded.events.all():
            partner, theirs = nation_of(event.name), flights_of(event)
            if partner == self._nation:
                continue
            name = self._event_of(theirs) or self._new_name()
            told = [
                (partner, as_name)
                for as_name, (_, one) in self._told_to(partner).items()
                if any(is_of(flight, theirs, self._settings) for flight in one.flights)
            ]
            await self._say(name, Joined(other=event.name), tuple(told[:1]))

    # -- what its people say -------------------------------------------------------------------

    async def obey(self, order: Order) -> str:
        """What a person orders; told in a sentence. Raises SkypactError."""
        try:
            act = msgspec.msgpack.decode(order.body, type=Act)
        except msgspec.MsgspecError as error:
            raise SkypactError(f"this is nothing to be said ({error})") from None
        async with self._lock:
            if act.do == OPEN:
                return await self._open(act, order)
            if act.do == CONFIRM:
                return await self._confirm(act, order)
            event = await self._meant(act)
            if act.do == ACKNOWLEDGE:
                heard = {
                    partner
                    for partner, _ in self._hearers(event, Matter.ACKNOWLEDGEMENT, act.to)
                    if self._acknowledged_to(event, order.who, partner)
                }
                return await self._person_says(
                    event, Acknowledged(by=order.who), act.to, order, but=heard
                )
            if act.do == COMMENT:
                return await self._person_says(event, _commented(act, order), act.to, order)
            if act.do == PROPOSE:
                return await self._propose(event, act, order)
            if act.do == JOIN:
                return await self._join(event, act, order)
        raise SkypactError(f'"{act.do}" is nothing that can be done about an event')

    async def _open(self, act: Act, order: Order) -> str:
        """Begin an event with words: it is told to those that they are addressed to."""
        allowed = [one for one in self._addressed(act.to) if self._may(one, Matter.COMMENT)]
        self._require_all(act.to, allowed, "the release policy grants no comments")
        name = self._new_name()
        told = tuple((partner, self._new_name()) for partner in allowed)
        await self._say(name, _commented(act, order), told, order)
        return f"{name}: {_told(allowed)}"

    async def _person_says(
        self,
        event: Event,
        said: Said,
        to: Sequence[str],
        order: Order,
        but: Collection[str] = (),
    ) -> str:
        hearers = self._hearers(event, _MATTER[type(said)], to)
        self._require_all(to, [partner for partner, _ in hearers], "it may not hear of it")
        told = tuple(one for one in hearers if one[0] not in but)
        await self._say(event.name, said, told, order)
        others = set(self._releasing.ways) - {partner for partner, _ in hearers}
        kept = f"; not to {', '.join(sorted(others))}" if others and not to else ""
        return f"{event.name}: {_told([partner for partner, _ in told])}{kept}"

    async def _propose(self, event: Event, act: Act, order: Order) -> str:
        hearers = self._hearers(event, Matter.TEXT, act.to)
        partners = [partner for partner, _ in hearers]
        self._require_all(act.to, partners, "it may not hear of it")
        if not partners:
            raise SkypactError(
                f"{event.name}: no partner may get a text about it; see release.toml, consultation"
            )
        _require_words(act.text)
        nations = tuple(sorted((self._nation, *partners)))
        text = Proposed(by=order.who, text=act.text, nations=nations)
        at_ns = await self._say(event.name, text, hearers, order)
        digest = codec.text_hash(self._nation, self._exercise, at_ns, text).hex()
        return f"{digest} to be confirmed by {', '.join(nations)}, here by another person"

    async def _confirm(self, act: Act, order: Order) -> str:
        text = self._text_meant(act.text)
        if self._nation not in text.nations:
            raise SkypactError(f"{self._nation} is not asked to confirm it")
        if (text.proposed.nation, text.proposed.by) == (self._nation, order.who):
            raise SkypactError("another person than proposed it has to confirm it")
        if any(one.nation == self._nation for one in text.confirmed):
            raise SkypactError("it is confirmed already")
        asked = [name for name in text.nations if name in self._releasing.ways]
        allowed = [partner for partner in asked if self._may(partner, Matter.TEXT)]
        self._require_all(asked, allowed, "the release policy grants no texts")
        said = Confirmed(by=order.who, hash=bytes.fromhex(text.hash))
        await self._say(None, said, tuple((partner, None) for partner in allowed), order)
        return f"{text.hash}: confirmed for {self._nation}; {_told(allowed)}"

    async def _join(self, event: Event, act: Act, order: Order) -> str:
        """That a partner's event is one of ours, where the node did not see it by itself."""
        other = self._found(act.text)
        theirs = [name for name in other.names if nation_of(name) != self._nation]
        if nation_of(event.name) != self._nation or not theirs or other.name == event.name:
            raise SkypactError("name one of our events, and one that a partner has named")
        for name in theirs:
            partner = nation_of(name)
            told = ((partner, event.told[partner]),) if partner in event.told else ()
            await self._say(event.name, Joined(other=name), told, order)
        return f"{', '.join(theirs)} are {event.name}"

    async def _meant(self, act: Act) -> Event:
        """The event of an act; that of a flight is begun where there is none yet."""
        if act.flight is None:
            return self._found(act.event)
        track = next((t for t in self._folded.shared.shown() if t.id == act.flight), None)
        flight = None if track is None else await self._assessor.flight(track, None)
        if track is None or flight is None:
            raise SkypactError(f"there is no flight {act.flight} in the shared picture")
        name = self._event_of([flight]) or self._new_name()
        if self._folded.events.find(name) is None:
            own = codec.pack_flight(flight, track.time_ns, (Use.PICTURE,))
            await self._say(name, Assessed(flights=(own,)), ())
        return self._found(name)

    def _found(self, name: str) -> Event:
        """The event of a name, or of the beginning of one. Raises SkypactError."""
        events = self._folded.events.all()
        found = [one for one in events if any(n.startswith(name) for n in one.names)]
        if len(found) != 1 or not name:
            many = "several events are" if len(found) > 1 and name else "no event is"
            raise SkypactError(f'{many} called "{name}"')
        return found[0]

    def _text_meant(self, beginning: str) -> EventText:
        texts = [text for event in self._folded.events.all() for text in event.texts]
        found = [text for text in texts if beginning and text.hash.startswith(beginning)]
        if len(found) != 1:
            many = "several texts have" if found else "no text has"
            raise SkypactError(f'{many} the hash "{beginning}"; skypact consult show has them')
        return found[0]

    # -- who may hear what ---------------------------------------------------------------------

    def _may(self, partner: str, matter: Matter) -> bool:
        of = self._releasing.in_force.policy.partners.get(partner)
        return of is not None and matter in of.consultation

    def _addressed(self, to: Sequence[str]) -> list[str]:
        for partner in to:
            if partner not in self._releasing.ways:
                raise SkypactError(f"{partner} is no partner")
        return sorted(to or self._releasing.ways)

    def _name_for(self, partner: str, event: Event) -> str | None:
        """By what name one speaks of an event to a partner; None: not at all."""
        theirs = [name for name in event.names if nation_of(name) == partner]
        return event.told.get(partner) or next(iter(theirs), None)

    def _hearers(
        self, event: Event, matter: Matter, to: Sequence[str]
    ) -> tuple[tuple[str, str], ...]:
        """Partners that may hear something of an event now, and by which name."""
        names = ((one, self._name_for(one, event)) for one in self._addressed(to))
        return tuple((one, name) for one, name in names if name and self._may(one, matter))

    def _require_all(self, asked: Collection[str], able: Collection[str], why: str) -> None:
        missing = sorted(set(asked) - set(able))
        if missing:
            raise SkypactError(f"not to {', '.join(missing)}: {why}; nothing was said")

    def _acknowledged_to(self, event: Event, who: str, partner: str) -> bool:
        """Whether a partner has heard already that this person has taken note."""
        return self._folded.events.has_acknowledged(event.name, who, partner)

    # -- said ----------------------------------------------------------------------------------

    async def _say(
        self,
        event: str | None,
        said: Said,
        told: tuple[tuple[str, str | None], ...],
        order: Order | None = None,
    ) -> int:
        """On disk first, then into the set, then to those who are told; its time."""
        self._said_ns = at_ns = max(self._clock(), self._said_ns + 1)
        body = b"" if order is None else msgspec.msgpack.encode(order)
        kept = KeptSaid(Consultation(event=event, at_ns=at_ns, said=said), told, body)
        about = self._nation if order is None else order.who
        await self._write(EntryKind.CONSULTATION, about, at_ns, kept)
        self._folded.events.say(kept)
        for partner, name in told:
            await self._releasing.say(partner, kept.to(name))
        return at_ns

    def _new_name(self) -> str:
        """Tells nothing but whose it is: no time, and not how many there were before."""
        return f"{self._nation}-{secrets.token_hex(6)}"

    # -- shown ---------------------------------------------------------------------------------

    async def _shown(self, data: bytes) -> Shown:
        try:
            asked = msgspec.json.decode(data, type=Asked)
            if not asked.event:
                events = self._folded.events.all()[:LISTED]
                return Shown(tuple(map(event_line, events)))
            event = self._found(asked.event)
        except (msgspec.MsgspecError, SkypactError) as error:
            return Shown(fault=str(error))
        return Shown((event_document(event, self._nation, await self.own_flights(event)),))

    async def own_flights(self, event: Event) -> list[Flight]:
        """What own plots alone say now of the event's flights."""
        others = flights_of(event)
        if not others:
            return []
        about_ns = min(one.as_of_ns for one in others)
        tracks = {one.id: one for one in self._folded.national.shown()}
        nearest = sorted(tracks.values(), key=lambda one: abs(one.first_plot_ns - about_ns))
        meant: dict[int, Flight | None] = {}
        self._launches.keep_only(tracks)

        async def flight_of(track: Track) -> Flight | None:
            """With the launch of what it parted from, as everywhere."""
            if track.id not in meant:
                parent = tracks.get(track.parted_from) if track.parted_from is not None else None
                launch = self._launches.of(track)
                if launch is None and parent is not None:
                    known = await flight_of(parent)
                    launch = None if known is None else known.launch
                meant[track.id] = made = await self._assessor.flight(track, launch)
                self._launches.take(track, None if made is None else made.launch)
            return meant[track.id]

        # In the order in which they were first seen: which are nearest changes with what is stated.
        chosen = sorted(nearest[: self._settings.shown_flights], key=_first_seen)
        of_near = [await flight_of(one) for one in chosen]
        return [one for one in of_near if one is not None and is_of(one, others, self._settings)]


def _first_seen(track: Track) -> tuple[int, int]:
    return track.first_plot_ns, track.id


def _commented(act: Act, order: Order) -> Commented:
    _require_words(act.text)
    return Commented(by=order.who, text=act.text)


def _require_words(text: str) -> None:
    if not text.strip() or not text.replace("\n", "").isprintable():
        raise SkypactError("the text is empty, or holds letters that cannot be shown")
    if len(text) > 20_000:
        raise SkypactError(f"the text has {len(text):,} letters; at most 20,000 can be sent")


def _told(partners: Sequence[str]) -> str:
    return f"told to {', '.join(partners)}" if partners else "kept here, and told to nobody"
