"""What people did at the desk: sessions, acknowledgements, comments, and the audit of all.

And of what flights warnings were, which only who sees both pictures then can tell. SQLite in the
node's store: what was answered is on disk, whatever is killed. The audit is appended to and never
changed; each entry names the hash of the one before.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

FILE = "desk.sqlite"
_SCHEMA = """
create table if not exists session (
  token_hash text primary key, who text not null, csrf text not null, began_ns integer not null,
  used_ns integer not null, ends_ns integer not null, account_ns integer not null);
create table if not exists acknowledgement (
  id integer primary key, flight integer not null, first_ns integer not null, who text not null,
  time_ns integer not null, unique (flight, first_ns, who));
create table if not exists comment (
  id integer primary key, flight integer not null, first_ns integer not null, who text not null,
  time_ns integer not null, text text not null);
create table if not exists audit (
  id integer primary key, time_ns integer not null, who text not null, what text not null,
  about text not null, outcome text not null, hash text not null);
create table if not exists warned (
  event text not null, flight integer not null, unique (event, flight));
create trigger if not exists audit_stays before update on audit
  begin select raise(abort, 'the audit is never changed'); end;
create trigger if not exists audit_is_kept before delete on audit
  begin select raise(abort, 'the audit is never shortened'); end;
"""


class Session(NamedTuple):
    """Somebody logged in; `account_ns`: of the account that it was with."""

    token_hash: str
    who: str
    csrf: str
    began_ns: int
    used_ns: int
    ends_ns: int
    account_ns: int


class Noted(NamedTuple):
    """An acknowledgement, or with `text` a comment."""

    id: int
    flight: int
    who: str
    time_ns: int
    text: str = ""


class Audited(NamedTuple):
    """One entry of the audit."""

    id: int
    time_ns: int
    who: str
    what: str
    about: str
    outcome: str
    hash: str


class Store:
    """One file; each call is a transaction of its own.

    What writes waits for the disk and belongs into a thread; what reads never waits for that.
    """

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._file, self._reader = (
            sqlite3.connect(
                folder / FILE, isolation_level=None, check_same_thread=False, timeout=10.0
            )
            for _ in range(2)
        )
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = full")
        self._file.executescript(_SCHEMA)

    def close(self) -> None:
        """Nothing more."""
        with self._lock, self._reading:
            self._file.close()
            self._reader.close()

    def _rows(self, what: str, *given: Any) -> list[Any]:
        with self._reading:
            return self._reader.execute(what, given).fetchall()

    def _do(self, *steps: tuple[str, tuple[Any, ...]]) -> int:
        """All of them or none; the row id of the last."""
        with self._lock:
            self._file.execute("begin immediate")
            try:
                for what, given in steps:
                    last = self._file.execute(what, given).lastrowid
                self._file.execute("commit")
            except BaseException:
                self._file.execute("rollback")
                raise
        return last or 0

    # -- sessions ------------------------------------------------------------------------------

    def begin_session(self, session: Session) -> None:
        """Keep it; those that are over go."""
        self._do(
            ("delete from session where ends_ns < ?", (self._clock(),)),
            ("insert into session values (?,?,?,?,?,?,?)", tuple(session)),
        )

    def session(self, token_hash: str) -> Session | None:
        """The one of a token, if there is one."""
        rows = self._rows("select * from session where token_hash = ?", token_hash)
        return Session(*rows[0]) if rows else None

    def use_session(self, token_hash: str, now_ns: int) -> None:
        """It was used."""
        self._do(("update session set used_ns = ? where token_hash = ?", (now_ns, token_hash)))

    def end_session(self, token_hash: str) -> None:
        """It is no more."""
        self._do(("delete from session where token_hash = ?", (token_hash,)))

    # -- flights -------------------------------------------------------------------------------

    def acknowledge(self, flight: int, first_ns: int, who: str) -> Noted:
        """That somebody took note of a flight; once, whatever often it is said."""
        self._do(
            (
                "insert or ignore into acknowledgement (flight, first_ns, who, time_ns) "
                "values (?,?,?,?)",
                (flight, first_ns, who, self._clock()),
            )
        )
        return next(one for one in self.acknowledged(flight, first_ns) if one.who == who)

    def acknowledged(self, flight: int, first_ns: int) -> list[Noted]:
        """Who took note of a flight, the first first. `first_ns`: of its first plot."""
        rows = self._rows(
            "select id, flight, who, time_ns from acknowledgement where flight = ? and first_ns = ?"
            " order by id",
            flight,
            first_ns,
        )
        return [Noted(*row) for row in rows]

    def comment(self, flight: int, first_ns: int, who: str, text: str) -> Noted:
        """Something that somebody wrote."""
        now_ns = self._clock()
        number = self._do(
            (
                "insert into comment (flight, first_ns, who, time_ns, text) values (?,?,?,?,?)",
                (flight, first_ns, who, now_ns, text),
            )
        )
        return Noted(number, flight, who, now_ns, text)

    def comments(self, flight: int, first_ns: int) -> list[Noted]:
        """The first first."""
        rows = self._rows(
            "select id, flight, who, time_ns, text from comment where flight = ? and first_ns = ?"
            " order by id",
            flight,
            first_ns,
        )
        return [Noted(*row) for row in rows]

    # -- warnings ------------------------------------------------------------------------------

    def note_warned(self, of: Iterable[tuple[str, int]], most: int) -> None:
        """Warnings were of these flights, by their numbers; kept of so many, the newest."""
        self._do(
            *(("insert or ignore into warned values (?,?)", one) for one in of),
            (
                "delete from warned where event not in (select event from warned group by event "
                "order by max(rowid) desc limit ?)",
                (most,),
            ),
        )

    def warned(self) -> dict[str, set[int]]:
        """By warning the flights that it was of, the oldest first."""
        out: dict[str, set[int]] = {}
        for event, flight in self._rows("select event, flight from warned order by rowid"):
            out.setdefault(event, set()).add(flight)
        return out

    # -- audit ---------------------------------------------------------------------------------

    def audit(self, who: str, what: str, about: str, outcome: str) -> None:
        """Append an entry."""
        now_ns = self._clock()
        with self._lock:
            self._file.execute("begin immediate")
            try:
                row = self._file.execute("select hash from audit order by id desc limit 1")
                before = (row.fetchone() or ("",))[0]
                hashed = entry_hash(before, now_ns, who, what, about, outcome)
                self._file.execute(
                    "insert into audit (time_ns, who, what, about, outcome, hash) "
                    "values (?,?,?,?,?,?)",
                    (now_ns, who, what, about, outcome, hashed),
                )
                self._file.execute("commit")
            except BaseException:
                self._file.execute("rollback")
                raise

    def audited(self, limit: int) -> list[Audited]:
        """The newest first."""
        rows = self._rows("select * from audit order by id desc limit ?", limit)
        return [Audited(*row) for row in rows]


def entry_hash(before: str, time_ns: int, who: str, what: str, about: str, outcome: str) -> str:
    """SHA-256 over an entry and the hash of the one before, hexadecimal."""
    said = json.dumps([before, time_ns, who, what, about, outcome], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()
