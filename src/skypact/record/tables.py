"""The record's tables: the same for SQLite and PostgreSQL.

`tallies` counts entries by month, site and place of landing, each by type, kind and outcome and
all together, so that a count over a million entries reads some thousand rows at most: kept in the
transaction that writes the entries.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only what it knows as INTEGER."""

entries = Table(
    "entries",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("origin", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("begin_ns", BigInteger),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("launch_latitude_deg", Float(53)),
    Column("launch_longitude_deg", Float(53)),
    Column("apogee_km", Float(53)),
    Column("range_km", Float(53)),
    Column("bearing_deg", Float(53)),
    Column("landing", Text, nullable=False),
    Column("impact_latitude_deg", Float(53)),
    Column("impact_longitude_deg", Float(53)),
    Column("impact_off_km", Float(53)),
    Column("impact_from", Text, nullable=False),
    Column("impact_cell", Integer),
    Column("outcome", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("exportable", Boolean, nullable=False),
    Column("journal_first", BigInteger),
    Column("journal_last", BigInteger),
    Column("words", JSON, nullable=False),
    Column("cleaned", JSON, nullable=False),
    Index("entries_key", "origin", "source", "key", unique=True),
    Index("entries_day", "origin", "day", "id"),
    Index("entries_type", "origin", "type", "day", "id"),
    Index("entries_kind", "origin", "kind", "day", "id"),
    Index("entries_site", "origin", "site", "day", "id"),
    Index("entries_name", "origin", "name", "day", "id"),
    Index("entries_apogee", "origin", "apogee_km"),
    Index("entries_cell", "origin", "impact_cell", "day", "id"),
    Index("entries_begin", "origin", "source", "begin_ns"),
)


def _of_entry() -> Column[int]:
    whole = ForeignKey("entries.id", ondelete="CASCADE")
    return Column("entry", _NUMBER, whole, nullable=False, index=True)


def _number() -> Column[int]:
    return Column("id", _NUMBER, primary_key=True, autoincrement=True)


assessments = Table(
    "assessments",
    metadata,
    _number(),
    _of_entry(),
    Column("nation", Text, nullable=False),
    Column("as_of_ns", BigInteger, nullable=False),
    Column("stated", JSON, nullable=False),
)

warnings = Table(
    "warnings",
    metadata,
    _number(),
    _of_entry(),
    Column("identifier", Text, nullable=False),
    Column("sent_ns", BigInteger, nullable=False),
    Column("area", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    _number(),
    _of_entry(),
    Column("by", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    _number(),
    _of_entry(),
    Column("nation", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    _number(),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("began_ns", BigInteger, nullable=False),
    Column("latest_ns", BigInteger, nullable=False),
    Column("agreed", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index("events_name", "source", "name", unique=True),
    Index("events_began", "began_ns", "id"),
)

event_entries = Table(
    "event_entries",
    metadata,
    Column("event", _NUMBER, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("entry", _NUMBER, ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Index("event_entries_entry", "entry"),
)

followed = Table(
    "followed",
    metadata,
    Column("journal", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""How far the record has followed each journal."""

facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is fixed for the whole record: the clock by which days are counted."""
