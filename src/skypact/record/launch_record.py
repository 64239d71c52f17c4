"""The launch record: entries put in, each once, and found again."""

import datetime
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from skypact.errors import RecordError
from skypact.model import (
    Acknowledgement,
    KeptEntry,
    LaunchEntry,
    NationAssessment,
    Note,
    Origin,
    WarningSent,
)
from skypact.record.cells import cell_of
from skypact.record.database import Database
from skypact.record.event_record import EventRecord
from skypact.record.tables import (
    acknowledgements,
    assessments,
    entries,
    facts,
    followed,
    notes,
    tallies,
    warnings,
)
from skypact.settings import RecordSettings

TALLIED = ("month", "site", "landing")
"""By which `tallies` counts; the rest is summed from them."""
COUNTED = ("month", "year", "day", "type", "kind", "site", "landing", "outcome", "name", "source")
"""By which entries can be counted."""
_SHARED = ("type", "kind", "outcome")
_ALONE = " alone"
"""After what is counted by: the tally of all types, kinds and outcomes together."""
_PLAIN = [
    field
    for field in LaunchEntry.__struct_fields__
    if field not in ("assessments", "warnings", "words", "cleaned")
]
_OFFSET = "utc_offset_h"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: of one origin, and of these values where they are given.

    `from_day`, `to_day`: 20221101, both included. `name`, `text`: a part of it, in any case.
    `cells`: runs of cells (`record.cells`), first and last, that the impact lies in.
    """

    origin: Origin = Origin.ELSEWHERE
    from_day: int | None = None
    to_day: int | None = None
    type: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    not_outcome: tuple[str, ...] = ()
    landing: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    name: str = ""
    text: str = ""
    exportable: bool | None = None
    least_apogee_km: float | None = None
    cells: tuple[tuple[int, int], ...] | None = None


class Put(NamedTuple):
    """What became of entries that were put in."""

    added: int
    changed: int
    unchanged: int


class LaunchRecord:
    """All launches, measured and from elsewhere, under numbers of their own.

    Blocks: a node calls it in a thread. Everything raises RecordError where the database does not
    answer.

    >>> record = LaunchRecord("record.db")
    >>> record.put(entries)
    >>> record.count(Query(from_day=20220101, to_day=20220131), "type")
    """

    def __init__(
        self,
        where: str = "",
        settings: RecordSettings | None = None,
        *,
        exercise: bool = False,
        begin: bool = True,
    ) -> None:
        self.settings = settings or RecordSettings()
        self._database = Database(where, self.settings, exercise=exercise, begin=begin)
        self.place = self._database.place
        self.events = EventRecord(self._database)
        insert = postgresql.insert if self._database.is_postgresql else sqlite.insert
        self._insert: Any = insert

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def day_of(self, time_ns: int) -> int:
        """The record's day of a UTC time, as 20221103."""
        return day_of(time_ns, self.settings.utc_offset_h)

    # -- putting in ----------------------------------------------------------------------------

    def put(
        self, launches: Iterable[LaunchEntry], *, journal: tuple[str, int] | None = None
    ) -> Put:
        """Entries, each under its origin, source and key: new, or in the place of what it was.

        What people added to an entry stays. `journal`: a journal's name and how far it has been
        followed, kept in one transaction with the last of the entries.
        """
        counts = [0, 0, 0]
        remaining = iter(launches)
        while True:
            some = list(islice(remaining, self.settings.rows_at_once))
            done = len(some) < self.settings.rows_at_once
            with self._database.writing() as connection:
                self._require_offset(connection)
                for at, count in enumerate(self._put_some(connection, some)):
                    counts[at] += count
                if done and journal is not None:
                    self._note_followed(connection, *journal)
            if done:
                return Put(*counts)

    def tidy(self) -> None:
        """Have the database look how many entries there are of what: after a large import."""
        self._database.tidy()

    def _put_some(self, connection: Connection, some: Sequence[LaunchEntry]) -> Put:
        launches = {(one.origin, one.source, one.key): one for one in some}
        known = self._known(connection, launches)
        digests = {key: _digest(one) for key, one in launches.items()}
        new = [key for key in launches if key not in known]
        other = [key for key in launches if key in known and known[key].digest != digests[key]]
        change: Counter[tuple[str, ...]] = Counter()
        for key in other:
            change.subtract(_tallied(known[key]))
            connection.execute(
                entries.update()
                .where(entries.c.id == known[key].id)
                .values(_row(launches[key], digests[key]))
            )
            for table in (assessments, warnings):
                connection.execute(table.delete().where(table.c.entry == known[key].id))
        if new:
            connection.execute(entries.insert(), [_row(launches[k], digests[k]) for k in new])
        for key in (*new, *other):
            change.update(_tallied(launches[key]))
        self._put_parts(connection, [launches[key] for key in (*new, *other)])
        self._tally(connection, change)
        return Put(len(new), len(other), len(some) - len(new) - len(other))

    def _known(
        self, connection: Connection, launches: Iterable[tuple[Origin, str, str]]
    ) -> dict[tuple[str, str, str], Row[Any]]:
        """Rows that are there already, by their keys."""
        found: dict[tuple[str, str, str], Row[Any]] = {}
        for origin, source in {(origin, source) for origin, source, _ in launches}:
            keys = [key for o, s, key in launches if (o, s) == (origin, source)]
            columns = entries.c
            chosen = sa.select(
                columns.id,
                columns.origin,
                columns.source,
                columns.key,
                columns.digest,
                columns.day,
                columns.site,
                columns.landing,
                columns.type,
                columns.kind,
                columns.outcome,
            ).where(columns.origin == origin, columns.source == source, columns.key.in_(keys))
            for row in connection.execute(chosen):
                found[row.origin, row.source, row.key] = row  # type: ignore[assignment]
        return found

    def _put_parts(self, connection: Connection, launches: Sequence[LaunchEntry]) -> None:
        """What nations said, and warnings, of entries that are there."""
        with_parts = [one for one in launches if one.assessments or one.warnings]
        known = self._known(connection, [(one.origin, one.source, one.key) for one in with_parts])
        said, warned = [], []
        for one in with_parts:
            number = {"entry": known[one.origin, one.source, one.key].id}
            said += [number | msgspec.structs.asdict(part) for part in one.assessments]
            warned += [number | msgspec.structs.asdict(part) for part in one.warnings]
        for table, rows in ((assessments, said), (warnings, warned)):
            if rows:
                connection.execute(table.insert(), rows)

    def _tally(self, connection: Connection, change: Counter[tuple[str, ...]]) -> None:
        columns = ("origin", "by", "value", *_SHARED)
        rows = [
            dict(zip(columns, key, strict=True)) | {"count": n} for key, n in change.items() if n
        ]
        if rows:
            insert = self._insert(tallies)
            added = insert.on_conflict_do_update(
                index_elements=columns, set_={"count": tallies.c.count + insert.excluded.count}
            )
            connection.execute(added, sorted(rows, key=lambda row: [row[c] for c in columns]))

    def _require_offset(self, connection: Connection) -> None:
        """Days are counted by one clock in the whole record."""
        wanted = f"{self.settings.utc_offset_h:g}"
        kept = connection.execute(sa.select(facts.c.value).where(facts.c.name == _OFFSET)).scalar()
        if kept is None:
            connection.execute(facts.insert().values(name=_OFFSET, value=wanted))
        elif kept != wanted:
            raise RecordError(
                self.place,
                f"counts days {kept} h ahead of UTC, and [record] {_OFFSET} is {wanted}",
                f"set it to {kept}, or import into another database",
            )

    def has(self, origin: Origin, source: str, keys: Iterable[str]) -> set[str]:
        """Which of some keys there are entries of."""
        with self._database.reading() as connection:
            known = self._known(connection, [(origin, source, key) for key in keys])
        return {key for _, _, key in known}

    # -- following a journal -------------------------------------------------------------------

    def followed(self, journal: str) -> int:
        """How far a journal has been followed; 0: not yet."""
        with self._database.reading() as connection:
            chosen = sa.select(followed.c.number).where(followed.c.journal == journal)
            return connection.execute(chosen).scalar() or 0

    def _note_followed(self, connection: Connection, journal: str, number: int) -> None:
        insert = self._insert(followed).values(journal=journal, number=number)
        at = {"number": insert.excluded.number}
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["journal"], set_=at, where=followed.c.number < at["number"]
            )
        )

    # -- what people add -----------------------------------------------------------------------

    def note(self, number: int, note: Note) -> None:
        """Add a note to an entry."""
        self._add(number, notes, note)

    def acknowledge(self, number: int, acknowledgement: Acknowledgement) -> None:
        """Add that somebody has seen an entry."""
        self._add(number, acknowledgements, acknowledgement)

    def _add(self, number: int, table: sa.Table, what: Note | Acknowledgement) -> None:
        with self._database.writing() as connection:
            self._require(connection, number)
            row = msgspec.structs.asdict(what) | {"entry": number}
            connection.execute(table.insert().values(row))

    # -- finding -------------------------------------------------------------------------------

    def origins(self) -> dict[Origin, int]:
        """How many entries there are of each origin that has any."""
        with self._database.reading() as connection:
            chosen = (
                sa.select(tallies.c.origin, sa.func.sum(tallies.c.count))
                .where(tallies.c.by == "landing" + _ALONE)
                .group_by(tallies.c.origin)
            )
            found = {Origin(origin): int(n) for origin, n in connection.execute(chosen) if n}
        return {origin: found[origin] for origin in Origin if origin in found}

    def entry(self, number: int) -> KeptEntry:
        """An entry with everything about it. Raises RecordError where there is none."""
        with self._database.reading() as connection:
            row = self._require(connection, number)
            parts = [
                [
                    {name: value for name, value in one._mapping.items() if name in wanted}
                    for one in connection.execute(
                        table.select().where(table.c.entry == number).order_by(table.c.id)
                    )
                ]
                for table, wanted in _PARTS
            ]
        entry = msgspec.structs.replace(
            _entry(row),
            assessments=tuple(NationAssessment(**one) for one in parts[0]),
            warnings=tuple(WarningSent(**one) for one in parts[1]),
        )
        return KeptEntry(
            id=number,
            entry=entry,
            notes=tuple(Note(**one) for one in parts[2]),
            acknowledgements=tuple(Acknowledgement(**one) for one in parts[3]),
        )

    def entries(
        self, query: Query, *, limit: int | None = None, newest_first: bool = False
    ) -> Iterator[tuple[int, LaunchEntry]]:
        """Numbers and entries in the order of their days; without assessments and warnings."""
        order = (entries.c.day, entries.c.id)
        chosen = entries.select().where(*_conditions(query))
        chosen = chosen.order_by(*(one.desc() if newest_first else one for one in order))
        if limit is not None:
            chosen = chosen.limit(limit)
        with self._database.reading() as connection:
            streamed = connection.execution_options(yield_per=self.settings.rows_at_once)
            for row in streamed.execute(chosen):
                yield row.id, _entry(row)

    def count(self, query: Query, by: str | None = None) -> dict[str, int]:
        """How many entries, by one of COUNTED; None: all, under an empty text."""
        if by is not None and by not in COUNTED:
            raise RecordError(self.place, f"counts nothing by {by}", f"one of {', '.join(COUNTED)}")
        tally = _from_tallies(query, by)
        chosen = _counted(query, by) if tally is None else tally
        with self._database.reading() as connection:
            rows = [(str(value), int(n)) for value, n in connection.execute(chosen) if n]
        return dict(sorted(rows))

    def days(self, origin: Origin) -> tuple[int, int] | None:
        """The first and the last day of an origin's entries, 20221103; None where it has none."""
        day = entries.c.day
        chosen = sa.select(day).where(entries.c.origin == origin).limit(1)
        with self._database.reading() as connection:
            ends = [connection.scalar(chosen.order_by(one)) for one in (day, day.desc())]
        return None if ends[0] is None or ends[1] is None else (int(ends[0]), int(ends[1]))

    def _require(self, connection: Connection, number: int) -> Row[Any]:
        row = connection.execute(entries.select().where(entries.c.id == number)).first()
        if row is None:
            raise RecordError(self.place, f"has no entry {number}", "skypact record list has them")
        return row


_PARTS = [
    (assessments, NationAssessment.__struct_fields__),
    (warnings, WarningSent.__struct_fields__),
    (notes, Note.__struct_fields__),
    (acknowledgements, Acknowledgement.__struct_fields__),
]


def day_of(time_ns: int, utc_offset_h: float) -> int:
    """The day of a UTC time by the clock that is so much ahead of it, as 20221103."""
    seconds = time_ns // 1_000_000_000 + round(utc_offset_h * 3600)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return moment.year * 10_000 + moment.month * 100 + moment.day


def _digest(entry: LaunchEntry) -> str:
    return hashlib.sha256(msgspec.json.encode(entry, order="sorted")).hexdigest()


def _row(entry: LaunchEntry, digest: str) -> dict[str, Any]:
    row: dict[str, Any] = {field: getattr(entry, field) for field in _PLAIN}
    latitude, longitude = entry.impact_latitude_deg, entry.impact_longitude_deg
    known = latitude is not None and longitude is not None
    cell = cell_of(latitude, longitude) if known else None  # type: ignore[arg-type]
    return row | {
        "digest": digest,
        "impact_cell": cell,
        "words": entry.words,
        "cleaned": list(entry.cleaned),
    }


def _entry(row: Row[Any]) -> LaunchEntry:
    values = {field: getattr(row, field) for field in _PLAIN}
    values["origin"] = Origin(values["origin"])
    return LaunchEntry(**values, words=row.words, cleaned=tuple(row.cleaned))


def _tallied(one: Any) -> Iterator[tuple[str, ...]]:
    """Where an entry, or its row, counts."""
    values = (str(one.day // 100), one.site, one.landing)
    for by, value in zip(TALLIED, values, strict=True):
        yield (str(one.origin), by, value, one.type, one.kind, one.outcome)
        yield (str(one.origin), by + _ALONE, value, "", "", "")


def _conditions(query: Query) -> list[Any]:
    """What entries have to be."""
    columns = entries.c
    out = [columns.origin == query.origin]
    # Where cells are asked for, their index is the short way, and holds the days as well; SQLite
    # would rather read all entries of the days, unless these cannot be looked up.
    day: Any = columns.day if query.cells is None else columns.day + 0
    if query.from_day is not None:
        out.append(day >= query.from_day)
    if query.to_day is not None:
        out.append(day <= query.to_day)
    for name in ("type", "kind", "site", "outcome", "landing", "source"):
        if values := getattr(query, name):
            out.append(columns[name].in_(values))
    if query.not_outcome:
        out.append(columns.outcome.not_in(query.not_outcome))
    if query.name:
        out.append(columns.name.icontains(query.name, autoescape=True))
    if query.text:
        out.append(columns.description.icontains(query.text, autoescape=True))
    if query.exportable is not None:
        out.append(columns.exportable == query.exportable)
    if query.least_apogee_km is not None:
        out.append(columns.apogee_km >= query.least_apogee_km)
    if query.cells is not None:
        runs = [columns.impact_cell.between(*run) for run in query.cells]
        out.append(sa.or_(*runs) if runs else sa.false())
    return out


def _counted(query: Query, by: str | None) -> sa.Select[Any]:
    """The count by reading entries."""
    value: Any = {
        None: sa.literal(""),
        "month": entries.c.day // 100,
        "year": entries.c.day // 10_000,
    }.get(by)
    if value is None and by is not None:
        value = entries.c[by]
    counted = sa.select(value.label("value"), sa.func.count()).where(*_conditions(query))
    return counted if by is None else counted.group_by(sa.text("1"))


def _from_tallies(query: Query, by: str | None) -> sa.Select[Any] | None:
    """The count by reading tallies, where they know enough."""
    plain = msgspec.structs.replace(
        query,
        origin=Origin.ELSEWHERE,
        **{name: () for name in (*_SHARED, "not_outcome")},
    )
    if plain != Query() or (by is not None and by not in (*TALLIED, *_SHARED, "year")):
        return None
    columns = tallies.c
    dimension = "month" if by == "year" else by if by in TALLIED else "landing"
    value: Any = sa.literal("")
    if by == "year":
        value = sa.func.substr(columns.value, 1, 4)
    elif by is not None:
        value = columns.value if by in TALLIED else columns[by]
    asked = (by in _SHARED, query.not_outcome, *(getattr(query, name) for name in _SHARED))
    dimension += "" if any(asked) else _ALONE
    where = [columns.origin == query.origin, columns.by == dimension]
    for name in _SHARED:
        if values := getattr(query, name):
            where.append(columns[name].in_(values))
    if query.not_outcome:
        where.append(columns.outcome.not_in(query.not_outcome))
    counted = sa.select(value.label("value"), sa.func.coalesce(sa.func.sum(columns.count), 0))
    counted = counted.where(*where)
    return counted if by is None else counted.group_by(sa.text("1"))
