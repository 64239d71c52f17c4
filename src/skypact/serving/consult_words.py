"""What a node and those who consult through it say to each other: `skypact consult`, the desk."""

from typing import Any

import msgspec

ACKNOWLEDGE, COMMENT, OPEN = "acknowledge", "comment", "open"
PROPOSE, CONFIRM, JOIN = "propose", "confirm", "join"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does about an event; the body of an order.

    `event`: any name of it, or its beginning; `flight`: or a flight of the shared picture. `to`:
    these partners alone (empty: all that may hear it); of a text those who are to confirm it.
    `text`: words; to confirm, the hash of a text or its beginning; to join, the partner's name.
    """

    do: str
    event: str = ""
    flight: int | None = None
    to: tuple[str, ...] = ()
    text: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What is to be shown: one event, or with an empty name all of them in short."""

    event: str = ""


class Shown(msgspec.Struct, frozen=True):
    """The answer: documents of events, or why there are none."""

    events: tuple[dict[str, Any], ...] = ()
    fault: str = ""


def subject_of(exercise: bool) -> str:
    """Where a nation's own applications ask for its events."""
    return f"consult.{'exercise' if exercise else 'live'}"
