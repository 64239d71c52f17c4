"""What the record keeps of a launch. Degrees and km: the record is read by people, and by SQL."""

import enum
from typing import Any

import msgspec


class Origin(enum.StrEnum):
    """Where an entry comes from; a question is about one of them, never both."""

    MEASURED = "measured"
    """By this nation's node, from observations in its journal."""
    ELSEWHERE = "elsewhere"
    """From a public database or file."""


class ImpactFrom(enum.StrEnum):
    """How it is known where it fell."""

    MEASURED = "measured"
    STATED = "stated"
    """By the source."""
    DERIVED = "derived"
    """From launch site, bearing and distance, as the source gives them."""


class NationAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """What one nation said of the launch. `nation` empty: all together. `stated`: its words."""

    nation: str
    as_of_ns: int
    stated: dict[str, Any]


class WarningSent(msgspec.Struct, frozen=True, kw_only=True):
    """One area's warning of this launch, and what became of it.

    `identifier`: of the CAP message that put the area under alert, sent at `sent_ns`. `status`:
    what was said of the area last. `outcome`: `fell in`, `passed over`, `fell outside`, or empty
    while that is not known; `missed`, with no identifier: it fell in an area that was never warned.
    """

    identifier: str
    sent_ns: int
    area: str
    status: str
    outcome: str = ""


PART = "part"
"""The type of what parted from a launch, as a stage does: an entry of its own, and no launch."""


class LaunchEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One launch. What is not known is None, or an empty text.

    `source`, `key`: who says it, and its own number there; together one entry. `day`: 20221103,
    of the record's time zone; 20221100 or 20220000 where only the month or year is known.
    `begin_ns`: UTC, where the time is known. `type`: as people count (srbm, icbm, slv, cruise, …),
    or PART; `kind`: how it flew (ballistic, glide, …). `impact_off_km`: how far off the impact may
    be by what is known of it: the semi-major axis of the 95 % area where measured, the rounding of
    the source's numbers where derived. `exportable`: whether it may leave in exports: not where
    partners' observations have a part in it (design, rule 2). `journal_first`, `journal_last`:
    entries of the journal that hold its observations. `words`: the source's own, untouched; of a
    measured part the key of what it `parted_from`. `cleaned`: what was made of them otherwise than
    they say.
    """

    origin: Origin
    source: str
    key: str
    day: int
    begin_ns: int | None = None
    name: str = ""
    type: str = "unknown"
    kind: str = "unknown"
    site: str = ""
    launch_latitude_deg: float | None = None
    launch_longitude_deg: float | None = None
    apogee_km: float | None = None
    range_km: float | None = None
    bearing_deg: float | None = None
    landing: str = "unknown"
    impact_latitude_deg: float | None = None
    impact_longitude_deg: float | None = None
    impact_off_km: float | None = None
    impact_from: str = ""
    outcome: str = "unknown"
    description: str = ""
    exportable: bool = True
    journal_first: int | None = None
    journal_last: int | None = None
    words: dict[str, Any] = {}
    cleaned: tuple[str, ...] = ()
    assessments: tuple[NationAssessment, ...] = ()
    warnings: tuple[WarningSent, ...] = ()


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote about an entry."""

    by: str
    at_ns: int
    text: str


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody has seen an entry."""

    nation: str
    by: str
    at_ns: int


class KeptEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry under its number in the record, with what people added to it."""

    id: int
    entry: LaunchEntry
    notes: tuple[Note, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A shared event, as the nation `source` has it under its own `name`.

    `agreed`: the newest text that all whom it names have confirmed; empty: none. `document`: all of
    it, as `skypact consult show --json` gives it.
    """

    source: str
    name: str
    began_ns: int
    latest_ns: int
    agreed: str
    document: dict[str, Any]
