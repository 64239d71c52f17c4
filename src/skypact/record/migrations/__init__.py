"""Alembic's migrations of the record's tables."""
