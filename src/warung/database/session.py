"""The connections to the database and the bounds of a transaction; knows no table."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

_LOCK_WAIT_SECONDS = 15
_WRITES = "warung_writes"


class Database:
    """One database of an SQLAlchemy `url`; safe to share between threads. Makes an SQLite file's folder."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(make_url(url))
        # On SQLite a transaction that reads first and writes later can fail with "database is locked"
        # however long it waits; one that takes the write lock at its beginning waits its turn instead.
        self._writing = self._engine.execution_options(**{_WRITES: True})

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """A session for writing: committed at the end, rolled back on any exception."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A session for reading one consistent state; whatever it writes is thrown away."""
        with Session(self._engine, autoflush=False) as session:
            yield session

    def close(self) -> None:
        self._engine.dispose()


def make_engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    """An engine that begins and commits SQLite transactions exactly where SQLAlchemy says so."""
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _LOCK_WAIT_SECONDS} if sqlite else {})
    if sqlite:
        _prepare_sqlite(engine, foreign_keys=foreign_keys)
    return engine


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions leave out SELECT and DDL; ours, begun below, do not.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_SECONDS * 1000}")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    def began(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
