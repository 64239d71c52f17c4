"""Shared events in the record: what nations said of them, beside the launches they are of."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from skypact.errors import RecordError
from skypact.model import Origin, RecordedEvent
from skypact.record.database import Database
from skypact.record.tables import entries, event_entries, events

_FIELDS = RecordedEvent.__struct_fields__


class EventRecord:
    """The events of a record; everything raises RecordError where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, event: RecordedEvent, launches: Sequence[int]) -> None:
        """An event as it stands now, and the numbers of the entries that it is of."""
        row = {name: getattr(event, name) for name in _FIELDS}
        named = (events.c.source == event.source) & (events.c.name == event.name)
        with self._database.writing() as connection:
            number = connection.execute(sa.select(events.c.id).where(named)).scalar()
            if number is None:
                made = connection.execute(events.insert().values(row))
                number = made.inserted_primary_key[0]  # type: ignore[index]
            else:
                connection.execute(events.update().where(events.c.id == number).values(row))
                ties = event_entries.delete().where(event_entries.c.event == number)
                connection.execute(ties)
            if launches:
                rows = [{"event": number, "entry": entry} for entry in sorted(set(launches))]
                connection.execute(event_entries.insert(), rows)

    def begun_between(
        self, source: str, from_ns: int, to_ns: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """A nation's measured launches of some time: their numbers, and when and where."""
        columns = entries.c
        wanted = [
            columns.begin_ns,
            columns.launch_latitude_deg,
            columns.launch_longitude_deg,
            columns.impact_latitude_deg,
            columns.impact_longitude_deg,
        ]
        chosen = sa.select(columns.id, *wanted).where(
            columns.origin == Origin.MEASURED,
            columns.source == source,
            columns.begin_ns.between(from_ns, to_ns),
        )
        with self._database.reading() as connection:
            rows = connection.execute(chosen)
            return [(row.id, {one.name: row._mapping[one] for one in wanted}) for row in rows]

    def of_entry(self, entry: int) -> list[RecordedEvent]:
        """The events that an entry is of."""
        tied = events.select().join(event_entries, event_entries.c.event == events.c.id)
        return self._read(tied.where(event_entries.c.entry == entry).order_by(events.c.began_ns))

    def newest(self, limit: int) -> list[RecordedEvent]:
        """The newest first."""
        order = (events.c.began_ns.desc(), events.c.id.desc())
        return self._read(events.select().order_by(*order).limit(limit))

    def find(self, name: str) -> RecordedEvent:
        """The event of a name, or of the beginning of one. Raises RecordError."""
        like = events.c.name.startswith(name, autoescape=True)
        found = self._read(events.select().where(like).limit(2))
        if len(found) != 1:
            many = "several events begin" if found else "no event begins"
            remedy = "skypact record events has them"
            raise RecordError("record", f'{many} with "{name}"', remedy)
        return found[0]

    def launches_of(self, event: RecordedEvent) -> list[int]:
        """Numbers of the entries that an event is of."""
        chosen = (
            sa.select(event_entries.c.entry)
            .join(events, events.c.id == event_entries.c.event)
            .where(events.c.source == event.source, events.c.name == event.name)
        )
        with self._database.reading() as connection:
            return sorted(connection.execute(chosen).scalars())

    def _read(self, chosen: sa.Select[Any]) -> list[RecordedEvent]:
        with self._database.reading() as connection:
            rows = connection.execute(chosen)
            return [RecordedEvent(**{name: row._mapping[name] for name in _FIELDS}) for row in rows]
