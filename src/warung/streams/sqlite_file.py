"""The SQLite file that keeps streams: its tables, version and troubles; knows no operation."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from warung.streams.store import StoreUnavailable

Synchronous = Literal["NORMAL", "FULL"]

_APPLICATION_ID = 0x77727374  # "wrst": tells this file from any other SQLite database
_VERSION = 2
_SCHEMA = (
    # AUTOINCREMENT: a number is never given twice, so neither is an epoch, which is made from it.
    """CREATE TABLE sessions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        request TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL,
        turn_index INTEGER NOT NULL DEFAULT 0,
        first_index INTEGER NOT NULL DEFAULT 0,
        dropped_bytes INTEGER NOT NULL DEFAULT 0,
        epoch INTEGER NOT NULL DEFAULT 0,
        leased_until REAL NOT NULL DEFAULT 0,
        read_at REAL NOT NULL DEFAULT 0,
        ended_at REAL NOT NULL DEFAULT 0,
        cancelling INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX running ON sessions (id) WHERE status = 'running'",
    "CREATE INDEX ended ON sessions (ended_at) WHERE status <> 'running'",
    # In the order of their coming, whatever the session: the tokens of one step share a page or two. Kept
    # apart by session, 8 streams took 30 pages a step. `written` are the bytes of the session up to this
    # event's end; `memo` came with it.
    """CREATE TABLE events (
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        position INTEGER NOT NULL,
        written INTEGER NOT NULL,
        data TEXT NOT NULL,
        memo TEXT
    ) STRICT""",
    "CREATE UNIQUE INDEX places ON events (session, position)",
    # Not kept with the session, whose row would be rewritten with every event.
    """CREATE VIEW counted AS SELECT *,
    (SELECT coalesce(max(position) + 1, 0) FROM events WHERE session = number) AS next_index FROM sessions""",
    # What a takeover needs beside the memos of the events that are kept: the turn's plan at position -1, the
    # memos of events that are not, at their positions, and behind them, from place 1 on, memos without any.
    """CREATE TABLE notes (
        session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
        position INTEGER NOT NULL,
        place INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (session, position, place)
    ) STRICT, WITHOUT ROWID""",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_WAL_PAGES = 4096  # when the log is as long as this, its writer copies it to the file at last
_PAUSE_SECONDS = 0.02
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_BUSY: "the file is locked by another process",
    sqlite3.SQLITE_LOCKED: "the file is locked by another process",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it or move it away, then a new one is made",
    sqlite3.SQLITE_NOTADB: "not an SQLite file, or damaged: name another, restore it or move it away",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened: check its folder and the right to write there",
    sqlite3.SQLITE_IOERR: "the file can't be read or written: check its folder and its disk",
    sqlite3.SQLITE_READONLY: "the file may not be written: check its owner and mode",
    sqlite3.SQLITE_PERM: "the file may not be written: check its owner and mode",
}
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def unavailable(error: sqlite3.Error | OSError) -> StoreUnavailable:
    """The error that tells people what is wrong, in one line without the file's path or content."""
    if isinstance(error, OSError):
        return _unusable(f"the file can't be opened: {error.strerror}")
    code = primary_code(error)
    return _unusable(_REASONS.get(code, f"SQLite failed: {getattr(error, 'sqlite_errorname', 'unknown')}"))


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its details; 0 when the error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unusable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"SESSIONS_DB_PATH: {reason}")


@dataclass(frozen=True, slots=True)
class SqliteFile:
    path: Path
    synchronous: Synchronous
    lock_wait_seconds: float

    def prepare(self) -> None:
        """Make the file and its folder when there are none. Raises StoreUnavailable when it can't be used."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.connect().close()
        except (sqlite3.Error, OSError) as error:
            raise unavailable(error) from None

    def connect(self) -> sqlite3.Connection:
        """A connection for the calling thread, which begins and commits its own transactions. Makes the file,
        not its folder. Raises StoreUnavailable for another program's or a newer file, sqlite3.Error, OSError.
        """
        self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, timeout=self.lock_wait_seconds, isolation_level=None)
        try:
            connection.execute("BEGIN")
            version = _version(connection)
            connection.execute("COMMIT")
            if not version:
                _create(connection)
            self._configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _configure(self, connection: sqlite3.Connection) -> None:
        self._use_wal(connection)
        connection.execute(f"PRAGMA synchronous = {self.synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_PAGES * 4096}")

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite itself doesn't wait here while others open the same new file."""
        until = time.monotonic() + self.lock_wait_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def identity(self) -> tuple[int, int] | None:
        """Which file is at the path now: a connection goes on writing to a deleted one without an error."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _version(connection: sqlite3.Connection) -> int:
    """The file's version, 0 when it is empty; in a transaction, for another process may be making the file.
    Raises StoreUnavailable when it can't be used here."""
    application, version, objects = (
        connection.execute(question).fetchone()[0]
        for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if application == _APPLICATION_ID and version > _VERSION:
        raise _unusable(f"the file was made by a newer warung (version {version}): update, or name another")
    if application == _APPLICATION_ID and version < _VERSION:
        raise _unusable(f"the file was made by an older warung (version {version}): move it away")
    if application != _APPLICATION_ID and (application or version or objects):
        raise _unusable("the file is another program's database: name another")
    return version


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table
    connection.execute("BEGIN IMMEDIATE")
    if not _version(connection):  # nobody was quicker
        for statement in _SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")
