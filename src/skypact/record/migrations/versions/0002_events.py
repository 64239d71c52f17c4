"""Shared events, impacts of some days by cells, and tallies of all types together."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Forward."""
    op.drop_index("entries_cell", "entries")
    op.create_index("entries_cell", "entries", ["origin", "impact_cell", "day", "id"])
    op.create_table(
        "events",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("began_ns", sa.BigInteger, nullable=False),
        sa.Column("latest_ns", sa.BigInteger, nullable=False),
        sa.Column("agreed", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("events_name", "events", ["source", "name"], unique=True)
    op.create_index("events_began", "events", ["began_ns", "id"])
    op.create_table(
        "event_entries",
        sa.Column("event", _NUMBER, _whole("events"), primary_key=True),
        sa.Column("entry", _NUMBER, _whole("entries"), primary_key=True),
    )
    op.create_index("event_entries_entry", "event_entries", ["entry"])
    op.create_index("entries_begin", "entries", ["origin", "source", "begin_ns"])
    op.execute(
        'INSERT INTO tallies (origin, "by", value, type, kind, outcome, count) '
        """SELECT origin, "by" || ' alone', value, '', '', '', SUM(count) FROM tallies """
        'GROUP BY origin, "by", value'
    )


def downgrade() -> None:
    """Back."""
    op.execute("""DELETE FROM tallies WHERE "by" LIKE '% alone'""")
    op.drop_index("entries_begin", "entries")
    op.drop_table("event_entries")
    op.drop_table("events")
    op.drop_index("entries_cell", "entries")
    op.create_index("entries_cell", "entries", ["origin", "impact_cell"])


def _whole(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
