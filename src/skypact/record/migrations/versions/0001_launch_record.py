"""The launch record's first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_REAL = sa.Float(53)


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "entries",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        *_texts("origin", "source", "key", "digest"),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("begin_ns", sa.BigInteger),
        *_texts("name", "type", "kind", "site"),
        sa.Column("launch_latitude_deg", _REAL),
        sa.Column("launch_longitude_deg", _REAL),
        sa.Column("apogee_km", _REAL),
        sa.Column("range_km", _REAL),
        sa.Column("bearing_deg", _REAL),
        *_texts("landing"),
        sa.Column("impact_latitude_deg", _REAL),
        sa.Column("impact_longitude_deg", _REAL),
        sa.Column("impact_off_km", _REAL),
        *_texts("impact_from"),
        sa.Column("impact_cell", sa.Integer),
        *_texts("outcome", "description"),
        sa.Column("exportable", sa.Boolean, nullable=False),
        sa.Column("journal_first", sa.BigInteger),
        sa.Column("journal_last", sa.BigInteger),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("cleaned", sa.JSON, nullable=False),
    )
    op.create_index("entries_key", "entries", ["origin", "source", "key"], unique=True)
    op.create_index("entries_day", "entries", ["origin", "day", "id"])
    for column in ("type", "kind", "site", "name"):
        op.create_index(f"entries_{column}", "entries", ["origin", column, "day", "id"])
    op.create_index("entries_apogee", "entries", ["origin", "apogee_km"])
    op.create_index("entries_cell", "entries", ["origin", "impact_cell"])
    _about_an_entry(
        "assessments",
        *_texts("nation"),
        sa.Column("as_of_ns", sa.BigInteger, nullable=False),
        sa.Column("stated", sa.JSON, nullable=False),
    )
    _about_an_entry(
        "warnings",
        *_texts("identifier"),
        sa.Column("sent_ns", sa.BigInteger, nullable=False),
        *_texts("area", "status", "outcome"),
    )
    at = ("at_ns", sa.BigInteger)
    _about_an_entry("notes", *_texts("by"), sa.Column(*at, nullable=False), *_texts("text"))
    _about_an_entry("acknowledgements", *_texts("nation", "by"), sa.Column(*at, nullable=False))
    op.create_table(
        "tallies",
        *(
            sa.Column(name, sa.Text, primary_key=True)
            for name in ("origin", "by", "value", "type", "kind", "outcome")
        ),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "followed",
        sa.Column("journal", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.create_table("facts", sa.Column("name", sa.Text, primary_key=True), *_texts("value"))


def downgrade() -> None:
    """Back."""
    for table in ("facts", "followed", "tallies", *_ABOUT, "entries"):
        op.drop_table(table)


_ABOUT = ("acknowledgements", "notes", "warnings", "assessments")


def _texts(*names: str) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _about_an_entry(name: str, *columns: "sa.Column") -> None:
    whole = sa.ForeignKey("entries.id", ondelete="CASCADE")
    op.create_table(
        name,
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("entry", _NUMBER, whole, nullable=False),
        *columns,
    )
    op.create_index(f"ix_{name}_entry", name, ["entry"])
