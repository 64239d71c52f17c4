"""The shared event of made-up nations: each says and folds with the node's own code.

Only what their pictures show is made up, and no link is between them: what one says the other hears
at once. Nothing is said by itself but when somebody looks.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec

from skypact.errors import InputError
from skypact.model import Assessment, Consultation, Flight, Launch, Matter
from skypact.model.message import Header
from skypact.serving.consult_words import Act
from skypact.serving.consulting import Consulting
from skypact.serving.event_document import event_document, event_line
from skypact.serving.events import Events
from skypact.serving.operating import CONSULT, Order
from skypact.settings import ConsultationSettings
from skypact.sharing.chain import Delivery
from skypact.sharing.entry import Accepted

_TICK_NS = 1_000_000


class MadeTrack(NamedTuple):
    """As much of a track as events are made of, with what it means."""

    id: int
    time_ns: int
    first_plot_ns: int
    flight: Flight
    parted_from: int | None = None


class MadeNation:
    """One nation's part: `national`, `shared`: what it sees; `stating`: what it states to whom."""

    def __init__(
        self, nation: str, partners: Sequence[str], exercise: bool, clock: Callable[[], int]
    ) -> None:
        self.nation, self._exercise, self._clock = nation, exercise, clock
        settings = ConsultationSettings()
        self.events = Events(nation, settings, exercise=exercise)
        self.national: list[MadeTrack] = []
        self.shared: list[MadeTrack] = []
        self.ways = {partner: SimpleNamespace(stating=()) for partner in partners}
        self.others: dict[str, MadeNation] = {}
        self._heard = 0
        self.consulting = Consulting(
            *self._node(partners), settings, exercise=exercise, write=_written, clock=clock
        )

    def _node(self, partners: Sequence[str]) -> tuple[Any, Any, Any]:
        """What there is of a node: its pictures, its releases (of everything), its assessor."""
        folded = SimpleNamespace(
            nation=self.nation,
            events=self.events,
            national=SimpleNamespace(shown=lambda: self.national),
            shared=SimpleNamespace(shown=lambda: self.shared),
        )
        granted = SimpleNamespace(consultation=tuple(Matter))
        policy = SimpleNamespace(partners=dict.fromkeys(partners, granted))
        releasing = SimpleNamespace(
            ways=self.ways, in_force=SimpleNamespace(policy=policy), say=self._tell
        )
        return folded, releasing, SimpleNamespace(flight=_flight)

    async def _tell(self, partner: str, said: Consultation) -> None:
        self.others[partner].hear(self.nation, said)

    def hear(self, partner: str, said: Consultation) -> None:
        """Something of a partner, as though a link had brought it."""
        self._heard += 1
        accepted = accepted_of(partner, self.nation, said, self._heard, exercise=self._exercise)
        self.events.hear(accepted, said)

    async def obey(self, act: Act, who: str) -> str:
        """What one of its people orders. Raises SkypactError."""
        body = msgspec.msgpack.encode(act)
        order = Order(
            what=CONSULT, about=act.event, who=who, when_ns=self._clock(), body=body, signature=b""
        )
        return await self.consulting.obey(order)


class MadeConsultation:
    """The nations of a made-up node: `own` consults with `partners`."""

    def __init__(
        self, own: str, partners: Sequence[str], exercise: bool, clock: Callable[[], int]
    ) -> None:
        self._clock, self._now_ns = clock, 0
        self.own = MadeNation(own, partners, exercise, self._time)
        self.partners = {one: MadeNation(one, (own,), exercise, self._time) for one in partners}
        self.own.others = self.partners
        for partner in self.partners.values():
            partner.others = {own: self.own}

    def _time(self) -> int:
        """The same for all; it goes on although the clock of what is shown may stand."""
        self._now_ns = max(self._clock(), self._now_ns + _TICK_NS)
        return self._now_ns

    def show(
        self,
        national: list[MadeTrack],
        shared: list[MadeTrack],
        stating: Sequence[Assessment],
        stated: dict[str, list[Assessment]],
    ) -> None:
        """What is seen here, what of it is stated to each partner, and what each has stated."""
        self.own.national, self.own.shared = national, shared
        for way in self.own.ways.values():
            way.stating = tuple(stating)
        for name, partner in self.partners.items():
            partner.ways[self.own.nation].stating = tuple(stated.get(name, ()))

    async def look(self) -> None:
        """All nations look at what is stated, the partners first."""
        for one in (*self.partners.values(), self.own):
            await one.consulting.look()

    async def documents(self, name: str) -> tuple[dict[str, Any], ...]:
        """One event, or all in short. Raises InputError."""
        await self.look()
        if not name:
            return tuple(map(event_line, self.own.events.all()))
        event = self.own.events.find(name)
        if event is None:
            raise InputError("event", f'no event is called "{name}"', "name another")
        seen = await self.own.consulting.own_flights(event)
        return (event_document(event, self.own.nation, seen),)

    async def partner_says(self, nation: str, act: Act, who: str) -> str:
        """A person of a partner's. Raises SkypactError."""
        await self.look()
        return await self.partners[nation].obey(act, who)


async def _flight(track: MadeTrack, launch: Launch | None) -> Flight:
    return msgspec.structs.replace(track.flight, launch=launch or track.flight.launch)


async def _written(*entry: object) -> int:
    """No journal is kept of what is made up."""
    return 0


def accepted_of(
    partner: str, addressee: str, said: Consultation, sequence: int, *, exercise: bool = False
) -> Accepted:
    """What a partner said, as entry hands it on: by the live path, when it was said."""
    header = Header(
        version=1,
        originator=partner,
        addressee=addressee,
        exercise=exercise,
        epoch=1,
        sequence=sequence,
        previous=b"",
        sent_ns=said.at_ns,
    )
    return Accepted(
        partner=partner,
        delivery=Delivery.LIVE,
        received_ns=said.at_ns,
        header=header,
        content=said,
        use=(),
        body=b"",
        digest=b"",
    )
