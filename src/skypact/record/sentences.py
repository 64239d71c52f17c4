"""What the articles of 2022 said of launches, beside what the record says, by each definition.

Counts differ because "launch" means a missile to one and a day of tests to another, because cruise
missiles and failures count or not, and because a day in Korea is not a day of UTC. What is known
of the public database is said of its entries alone; of anybody else's, whose they are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from skypact.model import PART, LaunchEntry
from skypact.record.exports import day_text
from skypact.record.launch_record import LaunchRecord, Query
from skypact.record.lines import Line, falls_near
from skypact.record.public_database import SOURCE

_HYPERSONIC = ("hypersonic", "glide vehicle", "maneuvering re-entry", "marv")
_JANUARY, _SINCE_MAY = (20220101, 20220131), (20220501, 20221113)
_BUSIEST = 20221102
_DAY_NS = 86_400_000_000_000


class Counted(NamedTuple):
    """A count, and what was counted."""

    definition: str
    number: int


class Answer(NamedTuple):
    """An article's sentence, what the record counts, and why they differ."""

    said: str
    counts: tuple[Counted, ...]
    because: str
    entries: tuple[tuple[int, LaunchEntry], ...]


def answers(
    record: LaunchRecord, query: Query, lines: Sequence[Line] = (), within_km: float = 50.0
) -> list[Answer]:
    """The three sentences, answered from the entries of one origin.

    `lines`: without any, what the source says of the Northern Limit Line answers alone.
    """
    return [
        _in_january(record, query),
        _since_may(record, query),
        _near_the_line(record, query, lines, within_km),
    ]


def definitions(entries: Sequence[LaunchEntry], utc_offset_h: float) -> tuple[Counted, ...]:
    """The ways to count some launches."""
    cruise = [one for one in entries if one.type == "cruise"]
    counts = [
        Counted("missiles", len(entries)),
        Counted("days with launches", len({one.day for one in entries})),
        Counted("days with launches, by UTC", len({_utc_day(one) for one in entries})),
        Counted("cruise missiles among them", len(cruise)),
        Counted("ballistic missiles", len(entries) - len(cruise)),
        Counted("said to have succeeded", _of(entries, "success")),
        Counted("said to have failed", _of(entries, "failure")),
        Counted("whose outcome is not known", _of(entries, "unknown")),
    ]
    return tuple(counts) if utc_offset_h else (*counts[:2], *counts[3:])


def _in_january(record: LaunchRecord, query: Query) -> Answer:
    entries = _between(record, query, _JANUARY)
    fast = [one for _, one in entries if _says(one, _HYPERSONIC)]
    counts = (
        *definitions([one for _, one in entries], record.settings.utc_offset_h),
        Counted("called hypersonic, gliding or manoeuvring in the source", len(fast)),
    )
    days = len({one.day for _, one in public_ones(entries)})
    because = _because(
        record,
        query,
        _JANUARY,
        entries,
        f"{days} days with ballistic launches; the articles count tests, not missiles, and with "
        "them the cruise missiles of 25 January, which a database of ballistic missiles leaves "
        "out.",
    )
    return Answer("Seven in January 2022, one believed hypersonic", counts, because, entries)


def _since_may(record: LaunchRecord, query: Query) -> Answer:
    entries = _between(record, query, _SINCE_MAY)
    busiest = sum(one.day == _BUSIEST for _, one in public_ones(entries))
    counts = definitions([one for _, one in entries], record.settings.utc_offset_h)
    because = _because(
        record,
        query,
        _SINCE_MAY,
        entries,
        "the articles count up to the summit of 13 November, and include what it leaves out: "
        "failures that were not identified, cruise missiles, and the smaller ones of 2 November, "
        f"of which it says that there were at least 23 and lists {busiest}.",
    )
    return Answer("Some 50 from May to November 2022", counts, because, entries)


def _near_the_line(
    record: LaunchRecord, query: Query, lines: Sequence[Line], within_km: float
) -> Answer:
    chosen = msgspec.structs.replace(
        query, from_day=_SINCE_MAY[0], to_day=_SINCE_MAY[1], text="Northern Limit Line"
    )
    named = list(record.entries(chosen))
    counts = [Counted('its text names the "Northern Limit Line"', len(named))]
    all_of_them = msgspec.structs.replace(chosen, text="")
    entries = {number: entry for number, entry in named}
    for fall in falls_near(record, all_of_them, lines, within_km):
        if fall.distance_km > within_km:
            continue  # deep inside of an area
        entries[fall.number] = fall.entry
        place = f"{fall.distance_km:g} km {fall.side} of it"
        if fall.side == "cannot tell":
            place = f"{fall.distance_km:g} km from it, on a side that cannot be told"
        what = f"{fall.line}: no. {fall.number}, {fall.entry.impact_from}, {place}"
        counts.append(Counted(what, 1))
    because = _because(
        record,
        query,
        _SINCE_MAY,
        tuple(entries.items()),
        "its texts tell of one that crossed the line; where each came down is only derived from "
        "site, bearing and range, and known of those that have all three.",
    )
    said = "One landing near the Northern Limit Line"
    return Answer(said, tuple(counts), because, tuple(sorted(entries.items())))


def _between(
    record: LaunchRecord, query: Query, days: tuple[int, int]
) -> tuple[tuple[int, LaunchEntry], ...]:
    """Launches, without what parted from them."""
    chosen = msgspec.structs.replace(query, from_day=days[0], to_day=days[1])
    return tuple(kept for kept in record.entries(chosen) if kept[1].type != PART)


def public_ones(entries: Iterable[tuple[int, LaunchEntry]]) -> list[tuple[int, LaunchEntry]]:
    """Those of the public database."""
    return [(number, one) for number, one in entries if one.source == SOURCE]


def _because(
    record: LaunchRecord,
    query: Query,
    days: tuple[int, int],
    entries: Sequence[tuple[int, LaunchEntry]],
    of_public: str,
) -> str:
    """Of what days and of whom was counted, how far the record goes, and what is known of it."""
    asked = f"{day_text(days[0])} to {day_text(days[1])}"
    held = record.days(query.origin)
    if held is None:
        return f"Asked: {asked}. The record has no entry of this origin."
    goes = f"the record's entries of this origin are of {day_text(held[0])} to {day_text(held[1])}"
    if held[1] < days[1]:
        goes += ", and say nothing of what came after"
    if not entries:
        return f"Counted: none of {asked}, which says nothing of what happened: {goes}."
    sources = Counter(one.source or str(one.origin) for _, one in entries)
    counted = ", ".join(f"{n} of {name}" for name, n in sorted(sources.items()))
    said = f"Counted: {counted}, {asked}; {goes}."
    return f"{said} Of {SOURCE}: {of_public}" if sources[SOURCE] else said


def _of(entries: Sequence[LaunchEntry], outcome: str) -> int:
    return sum(one.outcome == outcome for one in entries)


def _says(entry: LaunchEntry, words: Sequence[str]) -> bool:
    text = f"{entry.description} {entry.kind}".lower()
    return any(word in text for word in words)


def _utc_day(entry: LaunchEntry) -> int:
    return entry.day if entry.begin_ns is None else -(entry.begin_ns // _DAY_NS)
