"""The connections to the database and the bounds of a transaction; knows no table."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from warung.errors import InvalidInput, Unavailable

log = structlog.get_logger(__name__)

_LOCK_WAIT_SECONDS = 15
_WRITES = "warung_writes"
_IDLE_SINCE = "warung_idle_since"
_TRUSTED_SECONDS = 1
_READERS_AT_ONCE = 2
_PATIENCE_SECONDS = 0.05
_POSTGRESQL = "postgresql+psycopg"
_POSTGRESQL_NAMES = {"postgres", "postgresql"}


class Database:
    """One database of an SQLAlchemy `url`; safe to share between threads. Makes an SQLite file's folder.

    At most `connections` are open at a time, with PostgreSQL: who needs another waits for it.
    Raises InvalidInput when the URL can't be used.
    """

    def __init__(self, url: str, *, connections: int = 20) -> None:
        self._engine = make_engine(url, connections=connections)
        self._problem: str | None = None
        # On SQLite a transaction that reads first and writes later can fail with "database is locked"
        # however long it waits; one that takes the write lock at its beginning waits its turn instead.
        self._writing = self._engine.execution_options(**{_WRITES: True})
        self._reading = self._engine
        sqlite = self._engine.dialect.name == "sqlite"
        self._turn = Lock() if sqlite else None
        self._readers = BoundedSemaphore(_READERS_AT_ONCE) if sqlite else None
        if self._engine.dialect.name == "postgresql":  # whose default shows each statement another state
            self._reading = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """A session for writing: committed at the end, rolled back on any exception."""
        with (
            self._my_turn(),
            self._reachable(),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A session for reading one consistent state; whatever it writes is thrown away."""
        with self._few(), self._reachable(), Session(self._reading, autoflush=False) as session:
            yield session

    @contextmanager
    def _my_turn(self) -> Generator[None]:
        """Writers of this process queue here for SQLite's one lock: its own way of waiting is to sleep ever
        longer, without any order. Raises Unavailable."""
        if self._turn is None:
            yield
        elif self._turn.acquire(timeout=_LOCK_WAIT_SECONDS):
            try:
                yield
            finally:
                self._turn.release()
        else:
            raise _unavailable()

    @contextmanager
    def _few(self) -> Generator[None]:
        """SQLite gives Python's lock away at every row, and many threads spend more time on taking it back
        than on reading. Nobody waits long: a reader may stay, and read within a reading."""
        entered = self._readers is not None and self._readers.acquire(timeout=_PATIENCE_SECONDS)
        try:
            yield
        finally:
            if self._readers is not None and entered:
                self._readers.release()

    @contextmanager
    def _reachable(self) -> Generator[None]:
        """Raises Unavailable for what is the database's state and no error of ours: gone, locked, or full."""
        try:
            yield
        except (OperationalError, PoolTimeout) as error:
            self._problem = str(error).splitlines()[0]
            log.warning("the database can't be used", error=self._problem)
            raise _unavailable() from error
        else:
            self._problem = None

    @property
    def problem(self) -> str | None:
        """What went wrong when it was used last, None when nothing did."""
        return self._problem and "the database can't be used; the server's log has the details"

    def close(self) -> None:
        self._engine.dispose()


def _unavailable() -> Unavailable:
    return Unavailable(
        "the database can't be used at the moment; the server's log has the details",
        code="database_unavailable",
        retry_after_seconds=2,
    )


def parse_url(url: str) -> URL:
    """Raises InvalidInput when it is none."""
    try:
        parsed = make_url(url)
        # What hosts hand out, and what the driver that warung is tested with is called.
        return parsed.set(drivername=_POSTGRESQL) if parsed.drivername in _POSTGRESQL_NAMES else parsed
    except (ArgumentError, ValueError):  # their words may repeat a password
        raise _unusable("not an SQLAlchemy URL, such as postgresql+psycopg://user@host/name") from None


def make_engine(url: str, *, foreign_keys: bool = True, connections: int = 1) -> Engine:
    """An engine that begins and commits SQLite transactions exactly where SQLAlchemy says so.

    Raises InvalidInput when the URL can't be used.
    """
    parsed = parse_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    try:
        if sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # Values would bring what shoppers write into the log.
        options = _sqlite_options if sqlite else _pool_options
        engine = create_engine(parsed, hide_parameters=True, **options(connections))
    except ModuleNotFoundError as error:
        fix = ": pip install 'warung[postgresql]'" if error.name == "psycopg" else ""
        raise _unusable(f"its driver, the Python package {error.name}, is not installed{fix}") from None
    except ArgumentError as error:
        raise _unusable(str(error)) from None
    except OSError as error:
        raise _unusable(f"the folder of {parsed.database} can't be made: {error.strerror}") from None
    if sqlite:
        _prepare_sqlite(engine, foreign_keys=foreign_keys)
    else:
        _try_idle_connections(engine)
    return engine


def _sqlite_options(connections: int) -> dict[str, Any]:
    """So many connections are kept; more are opened as they are needed."""
    return {
        "connect_args": {"timeout": _LOCK_WAIT_SECONDS},
        "poolclass": QueuePool,
        "pool_size": connections,
        "max_overflow": -1,
    }


def _pool_options(connections: int) -> dict[str, Any]:
    return {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": _LOCK_WAIT_SECONDS,
    }


def _try_idle_connections(engine: Engine) -> None:
    """Before they are used: a database that was restarted fails no request. One that was used just now is
    not asked once more."""

    def checked_out(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        idle_since = record.info.get(_IDLE_SINCE)
        if idle_since is None or time.monotonic() < idle_since + _TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # all of them are opened anew

    def checked_in(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    event.listen(engine, "checkout", checked_out)
    event.listen(engine, "checkin", checked_in)


@contextmanager
def connected(engine: Engine) -> Generator[Connection]:
    """A connection. Raises InvalidInput when there is no database to connect to."""
    try:
        connection = engine.connect()
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise _unusable(f"can't connect: {cause}".splitlines()[0]) from None
    with connection:
        yield connection


def _unusable(reason: str) -> InvalidInput:
    return InvalidInput(f"DATABASE_URL: {reason}", field="DATABASE_URL")


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions leave out SELECT and DDL; ours, begun below, do not.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_SECONDS * 1000}")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    def began(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES, False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock and so can't fail, which spares it SQLAlchemy's care
            connection.connection.cursor().execute("BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", began)
