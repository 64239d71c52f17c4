"""The record's database: opened, and brought to the newest tables."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from skypact.errors import RecordError
from skypact.settings import RecordSettings

NEWEST = "0002"
"""The revision of `migrations/versions` that this Skypact works with."""
DEFAULT_FILE = "record.db"
_SCHEMAS = {False: "skypact", True: "skypact_exercise"}
"""PostgreSQL: live and exercise lie in schemas of their own; with SQLite, in files."""
_MIGRATING = threading.Lock()
"""Alembic has one connection for the whole process: of two at once one got the other's tables."""


class Database:
    """The record's database, open; blocks: a node calls it in a thread.

    >>> database = Database("record.db", RecordSettings())
    >>> with database.writing() as connection: ...
    """

    def __init__(
        self, where: str, settings: RecordSettings, *, exercise: bool = False, begin: bool = True
    ) -> None:
        """`where`: SQLite's file, or an URL. `begin`: a file that is not there is made.

        Raises RecordError.
        """
        url = _url(where or settings.database or DEFAULT_FILE)
        is_file = url.get_backend_name() == "sqlite" and url.database
        self.place = f"record ({url.database if is_file else url.render_as_string()})"
        if is_file and not begin and not Path(str(url.database)).exists():
            remedy = "name it with --database, or begin one: skypact record import"
            raise RecordError(self.place, "is not there", remedy)
        self.is_postgresql = url.get_backend_name() == "postgresql"
        self._engine = _engine(url, settings, exercise)
        try:
            self._prepare(_SCHEMAS[exercise])
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the record."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; one writer at a time."""
        with self._told(), self._engine.execution_options(writes=True).begin() as connection:
            if self.is_postgresql:
                connection.execute(sa.text("LOCK TABLE followed IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def tidy(self) -> None:
        """Statistics for the planner of queries, and room for it to read indices alone."""
        with self._told(), self._engine.connect() as connection:
            if self.is_postgresql:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(sa.text("VACUUM ANALYZE"))
            else:
                connection.execute(sa.text("ANALYZE"))
                connection.commit()

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _prepare(self, schema: str) -> None:
        with self._told(), self._engine.execution_options(writes=True).begin() as connection:
            if self.is_postgresql:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(8242)"))
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
            revision = _revision(connection)
            if revision == NEWEST:
                return
            if revision is not None and revision > NEWEST:
                reason = f"its tables are of a newer Skypact (revision {revision})"
                raise RecordError(self.place, reason, "use that one")
            _migrate(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as one sentence."""
        try:
            yield
        except DBAPIError as error:
            reason = " ".join(str(error.orig or error).split())
            raise RecordError(self.place, reason, self._remedy(error)) from error
        except SQLAlchemyError as error:
            raise RecordError(self.place, str(error), "name another database") from error

    def _remedy(self, error: DBAPIError) -> str:
        if "not a database" in str(error.orig):
            return "name a file that skypact record made, or one that is not there"
        if self.is_postgresql:
            return "start PostgreSQL, and see that user, password and database are right"
        return "see that the folder is there and can be written, and no other program holds it"


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite+pysqlite", database=str(Path(where).expanduser()))
    try:
        url = make_url(where)
    except ArgumentError:
        raise RecordError(where, "is no address of a database", _WANTED) from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise RecordError(
            url.render_as_string(hide_password=True), "is of another kind of database", _WANTED
        )
    return url


def _engine(url: URL, settings: RecordSettings, exercise: bool) -> Engine:
    if url.get_backend_name() == "postgresql":
        timeout = {"connect_timeout": max(2, round(settings.answer_s))}
        options = {"options": f"-csearch_path={_SCHEMAS[exercise]}"}
        return sa.create_engine(
            url, connect_args=timeout | options, pool_pre_ping=True, pool_size=2
        )
    engine = sa.create_engine(url, connect_args={"timeout": settings.answer_s})
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a commit outlives a loss of power
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    with _MIGRATING:
        command.upgrade(config, "head")


_WANTED = "name SQLite's file, or postgresql://user@host/name"
