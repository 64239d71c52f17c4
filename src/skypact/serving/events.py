"""What nations say about events, folded: a set of statements, the same in whatever order they came.

Every nation has names of its own for events: one that it tells nobody, and another for each partner
that it tells of the event. So none hears what a third one said, and what one partner is told hangs
on nothing that another said. A partner's name is tied to one of our events at most, by our own
word, else by the partner's: so no partner can make two of our events one.
"""

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from skypact.model import (
    Acknowledged,
    Assessed,
    Commented,
    Confirmed,
    Consultation,
    Event,
    EventAssessment,
    EventText,
    Joined,
    Proposed,
    SaidBy,
)
from skypact.settings import ConsultationSettings
from skypact.sharing import codec
from skypact.sharing.chain import Alarm
from skypact.sharing.entry import Accepted

S = 1_000_000_000
_ASSESSED_BEFORE = 8
"""So many of one nation about one event are kept: what is taken out again leaves those before."""
_PASSED_EVERY_NS = 60 * S
Place = tuple[int, int]
"""Epoch and number in a partner's chain; of one's own words (0, 0)."""


class KeptSaid(msgspec.Struct, array_like=True, frozen=True):
    """One's own word as it stands in the journal, of an event by the name that nobody is told.

    `told`: to each of these partners, by that name of the event (None: by a hash). `order`: the
    signed order of the person who said it, MessagePack; empty: the node itself.
    """

    said: Consultation
    told: tuple[tuple[str, str | None], ...] = ()
    order: bytes = b""

    def to(self, name: str | None) -> Consultation:
        """As it goes to a partner, who calls the event by that name."""
        return msgspec.structs.replace(self.said, event=name)


class KeptWord(msgspec.Struct, array_like=True, frozen=True):
    """One statement of the set: of whom, what, to whom; and where it came in the chain, each time.

    `to`: of one's own to whom it went, and by which name of the event (`KeptSaid.told`).
    """

    nation: str
    said: Consultation
    to: tuple[tuple[str, str | None], ...]
    places: tuple[Place, ...]

    @property
    def key(self) -> bytes:
        """The same for the same statement, whenever and however often it came."""
        return hashlib.sha256(
            msgspec.msgpack.encode((self.nation, self.said, self.to), order="sorted")
        ).digest()


class Events:
    """A nation's events. `say` one's own words, `hear` the partners'; then `all`, or `find`."""

    def __init__(
        self,
        nation: str,
        settings: ConsultationSettings,
        *,
        exercise: bool,
        state: Iterable[KeptWord] = (),
    ) -> None:
        self._nation, self._settings, self._exercise = nation, settings, exercise
        self._words: dict[bytes, KeptWord] = {}
        self._groups: dict[tuple[Any, ...], set[bytes]] = defaultdict(set)
        """Of each nation, and of what takes each other's place, the keys of all words."""
        for word in state:
            self._keep(word.key, word)
        self._folded: dict[str, Event] | None = None
        self._keys: dict[str | None, list[bytes]] = {None: []}
        self._passed_ns = 0

    def state(self) -> list[KeptWord]:
        """All that was said."""
        return list(self._words.values())

    def say(self, kept: KeptSaid) -> None:
        """One's own word."""
        self._add(KeptWord(self._nation, kept.said, kept.told, ((0, 0),)))

    def hear(self, accepted: Accepted, said: Consultation) -> None:
        """A partner's."""
        place = accepted.header.epoch, accepted.header.sequence
        self._add(KeptWord(accepted.partner, said, (), (place,)))

    def _add(self, word: KeptWord) -> None:
        key = word.key
        known = self._words.get(key)
        if known is not None:
            places = tuple(sorted({*known.places, *word.places}))
            self._words[key] = msgspec.structs.replace(known, places=places)
            return
        self._keep(key, word)
        for group in _groups_of(word):
            # The newest of some: what they are does not depend on the order in which they came.
            some = self._groups.get(group, set())
            most = _ASSESSED_BEFORE if len(group) > 1 else self._settings.greatest_statements
            for oldest in heapq.nsmallest(len(some) - most, some, key=self._order):
                self._drop(oldest)

    def _keep(self, key: bytes, word: KeptWord) -> None:
        self._words[key] = word
        self._folded = None
        for group in _groups_of(word):
            self._groups[group].add(key)

    def _drop(self, key: bytes) -> None:
        word = self._words.pop(key)
        self._folded = None
        for group in _groups_of(word):
            self._groups[group].discard(key)
            if not self._groups[group]:
                del self._groups[group]

    def _order(self, key: bytes) -> tuple[int, bytes]:
        """Of two the later one counts; at one time the one with the greater key."""
        return self._words[key].said.at_ns, key

    def take_out(self, partner: str, alarm: Alarm) -> None:
        """As though messages had never come that are in no chain."""
        for key, word in list(self._words.items()):
            if word.nation != partner:
                continue
            places = tuple(place for place in word.places if not alarm.takes_out(*place))
            if not places:
                self._drop(key)
            elif places != word.places:
                self._words[key] = msgspec.structs.replace(word, places=places)

    def forget(self, partner: str) -> None:
        """Whatever a partner said."""
        for key in list(self._groups.get((partner,), ())):
            self._drop(key)

    def pass_time(self, now_ns: int) -> None:
        """Forget events of which nothing was said for long; they are in the record."""
        if not self._words or now_ns - self._passed_ns < _PASSED_EVERY_NS:
            return
        self._passed_ns = now_ns
        oldest_ns = now_ns - round(self._settings.kept_h * 3600 * S)
        over = {
            key
            for event in self._by_name().values()
            if event.latest_ns < oldest_ns
            for key in self._keys[event.name]
        }
        alone = {key for key in self._keys[None] if self._words[key].said.at_ns < oldest_ns}
        for key in over | alone:
            self._drop(key)

    # -- what it comes to ----------------------------------------------------------------------

    def all(self) -> tuple[Event, ...]:
        """All events, that of which something was said last first."""
        newest = sorted(self._by_name().values(), key=lambda one: one.name)
        return tuple(sorted(newest, key=lambda one: one.latest_ns, reverse=True))

    def find(self, name: str) -> Event | None:
        """The event of a name, one's own or a partner's."""
        return next((one for one in self._by_name().values() if name in one.names), None)

    def _by_name(self) -> dict[str, Event]:
        """By its name each event: folded from nothing but the set of what was said."""
        if self._folded is None:
            keys = sorted(self._words, key=self._order)
            words = [self._words[key] for key in keys]
            roots = _Roots(words, self._nation)
            hashes = {self._hash(word): word for word in words if _is(word, Proposed)}
            of: dict[str | None, list[bytes]] = {None: []}
            for key, word in zip(keys, words, strict=True):
                about = word
                if isinstance(word.said.said, Confirmed):
                    about = hashes.get(word.said.said.hash, word)
                of.setdefault(roots.of(about), []).append(key)
            self._keys = of
            self._folded = {
                name: self._event(name, [self._words[key] for key in said], roots)
                for name, said in of.items()
                if name
            }
        return self._folded

    def _hash(self, word: KeptWord) -> bytes:
        assert isinstance(word.said.said, Proposed)
        return codec.text_hash(word.nation, self._exercise, word.said.at_ns, word.said.said)

    def has_acknowledged(self, name: str, who: str, partner: str) -> bool:
        """Whether one of our people has told a partner that they took note of an event."""
        self._by_name()
        words = (self._words[key] for key in self._keys.get(name, ()))
        return any(
            isinstance(word.said.said, Acknowledged)
            and (word.nation, word.said.said.by) == (self._nation, who)
            and partner in dict(word.to)
            for word in words
        )

    def _event(self, name: str, words: list[KeptWord], roots: "_Roots") -> Event:
        told = {
            partner: used
            for word in words
            for partner, used in sorted(word.to, reverse=True)
            if used is not None and nation_of(used) == self._nation
        }
        tied = {other for other, to in roots.ties.items() if to == name}
        return Event(
            name=name,
            names=(name, *sorted(tied)),
            began_ns=words[0].said.at_ns,
            latest_ns=words[-1].said.at_ns,
            told=told,
            acknowledged=_first_of_each(words, Acknowledged),
            assessments=_last_of_each(words),
            comments=tuple(_said_by(word) for word in words if _is(word, Commented)),
            texts=self._texts(words),
        )

    def _texts(self, words: list[KeptWord]) -> tuple[EventText, ...]:
        confirmed: dict[bytes, dict[str, list[SaidBy]]] = defaultdict(lambda: defaultdict(list))
        for word in words:
            if isinstance(word.said.said, Confirmed):
                confirmed[word.said.said.hash][word.nation].append(_said_by(word))
        out: dict[bytes, EventText] = {}
        for word in words:
            if isinstance(word.said.said, Proposed):
                digest = self._hash(word)
                out.setdefault(digest, _text(word, word.said.said, digest, confirmed[digest]))
        return tuple(out.values())


def _text(
    word: KeptWord, text: Proposed, digest: bytes, by_nation: Mapping[str, list[SaidBy]]
) -> EventText:
    confirmed = []
    for nation in text.nations:
        others = (
            one for one in by_nation.get(nation, ()) if nation != word.nation or one.by != text.by
        )
        confirmed += list(others)[:1]
    agreed = len(confirmed) == len(text.nations)
    return EventText(
        hash=digest.hex(),
        proposed=_said_by(word),
        nations=text.nations,
        confirmed=tuple(confirmed),
        agreed_ns=max(one.at_ns for one in confirmed) if agreed else None,
    )


class _Roots:
    """By which name the event of a word stands here.

    `told`: the names that partners were told, by partner and name; `ties`: of partners' names the
    own name that each is tied to, by the last word on it, ours before theirs.
    """

    def __init__(self, words: Iterable[KeptWord], own: str) -> None:
        self._own = own
        self.told: dict[tuple[str, str], str] = {}
        self.ties: dict[str, str] = {}
        joined: list[KeptWord] = []
        for word in words:
            if isinstance(word.said.said, Joined):
                joined.append(word)
            for partner, used in word.to:
                if used is not None and nation_of(used) == own and word.said.event:
                    self.told[partner, used] = word.said.event
        for word in joined:
            if word.nation != own:
                self._tie_of_partner(word)
        for word in joined:
            if word.nation == own and isinstance(word.said.said, Joined) and word.said.event:
                self.ties[word.said.said.other] = word.said.event

    def _tie_of_partner(self, word: KeptWord) -> None:
        """Only a name of its own is a partner's to tie, and only to what we told it."""
        assert isinstance(word.said.said, Joined)
        names = (word.said.event or "", word.said.said.other)
        for theirs, ours in (names, names[::-1]):
            to = self.told.get((word.nation, ours))
            if to is not None and nation_of(theirs) == word.nation:
                self.ties[theirs] = to

    def of(self, word: KeptWord) -> str | None:
        """None: of none that there is."""
        name = word.said.event
        if name is None or word.nation == self._own:
            return name
        if nation_of(name) == self._own:
            return self.told.get((word.nation, name))
        return self.ties.get(name, name)


def _groups_of(word: KeptWord) -> tuple[tuple[Any, ...], ...]:
    """Its nation's words; and those in whose place it stands, if any."""
    nation = (word.nation,)
    return (nation, (*nation, word.to, word.said.event)) if _is(word, Assessed) else (nation,)


def nation_of(name: str) -> str:
    """Whose name of an event it is."""
    return name.partition("-")[0]


def _is(word: KeptWord, kind: type) -> bool:
    return isinstance(word.said.said, kind)


def _said_by(word: KeptWord) -> SaidBy:
    said = word.said.said
    return SaidBy(
        nation=word.nation,
        by=getattr(said, "by", ""),
        at_ns=word.said.at_ns,
        text=getattr(said, "text", ""),
    )


def _first_of_each(words: Iterable[KeptWord], kind: type) -> tuple[SaidBy, ...]:
    """The first word of each person."""
    out: dict[tuple[str, str], SaidBy] = {}
    for word in words:
        if _is(word, kind):
            one = _said_by(word)
            out.setdefault((one.nation, one.by), one)
    return tuple(out.values())


def _last_of_each(words: Iterable[KeptWord]) -> tuple[EventAssessment, ...]:
    """The last that each nation counted to each of its names of the event."""
    out: dict[tuple[str, str, str], EventAssessment] = {}
    for word in words:
        if isinstance(word.said.said, Assessed):
            ((to, name),) = word.to or (("", word.said.event),)
            out[word.nation, to, name or ""] = EventAssessment(
                nation=word.nation,
                to=to,
                name=name or "",
                at_ns=word.said.at_ns,
                flights=word.said.said.flights,
            )
    return tuple(out[key] for key in sorted(out))
