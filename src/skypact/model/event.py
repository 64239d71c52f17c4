"""What nations have said about one event, as one of them has it."""

import msgspec

from skypact.model.message import AreaWarning, Assessment


class SaidBy(msgspec.Struct, frozen=True, kw_only=True):
    """Who said something, and when by their own clock; with `text` what they wrote."""

    nation: str
    by: str
    at_ns: int
    text: str = ""


class EventText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was proposed. `hash`: SHA-256, hexadecimal (`codec.text_hash`).

    `confirmed`: the first person of each nation that did, by nation. A person does not confirm for
    a nation what the same person proposed. `agreed_ns`: when the last of `nations` had; None: not
    yet.
    """

    hash: str
    proposed: SaidBy
    nations: tuple[str, ...]
    confirmed: tuple[SaidBy, ...]
    agreed_ns: int | None


class EventAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """The flights that a nation last counted to the event, as it stated them to `to`.

    `to` empty: to this nation, or its own and told to nobody. `name`: as what it was told.
    """

    nation: str
    to: str
    name: str
    at_ns: int
    flights: tuple[Assessment | AreaWarning, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event and all that was said about it, each list in the order of its times.

    `name`: this nation's own, or a partner's where it has none yet; it is told to nobody. `names`:
    that, and those of the partners for it. `told`: by partner by which name it is told of it.
    `latest_ns`: of what was said last.
    """

    name: str
    names: tuple[str, ...]
    began_ns: int
    latest_ns: int
    told: dict[str, str] = {}
    acknowledged: tuple[SaidBy, ...] = ()
    assessments: tuple[EventAssessment, ...] = ()
    comments: tuple[SaidBy, ...] = ()
    texts: tuple[EventText, ...] = ()
