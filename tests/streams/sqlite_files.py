"""SQLite stores for tests: opened and closed, and watched from within."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.sqlite_thread import SqliteThread


@asynccontextmanager
async def opened(path: Path, **how: Any) -> AsyncGenerator[SqliteStreamStore]:
    store = SqliteStreamStore(path, **how)
    try:
        yield store
    finally:
        await store.close()


async def statements(thread: SqliteThread) -> list[str]:
    """Grows with what the thread's connection is asked from now on."""
    seen: list[str] = []

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(seen.append)

    await thread.perform(watch)
    seen.clear()
    return seen
