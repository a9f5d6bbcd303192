"""When its file can't be used, the SQLite store says so in a line, keeps what it had, and recovers."""

# pyright: reportPrivateUsage=false

import asyncio
import os
import sqlite3
from collections.abc import Awaitable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streams.conformance import WITHIN_SECONDS, events, settle
from streams.sqlite_files import opened
from streams.troubles import move_away
from warung.streams.event import StreamStatus
from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.store import StoreUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "sessions.db"


async def refused(attempt: Awaitable[Any]) -> str:
    """What the store says that fails at this attempt."""
    with pytest.raises(StoreUnavailable) as caught:
        await attempt
    return caught.value.message


def refused_to_open(path: Path) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStreamStore(path)
    return caught.value.message


def limit_pages(count: int, connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA max_page_count = {count}")


def damage(path: Path) -> bytes:
    """All of the file but its first page; what it was."""
    good = path.read_bytes()
    path.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))
    return good


def restore(path: Path, good: bytes) -> None:
    path.write_bytes(good)


async def test_a_full_disk(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        small = await store.begin("session-b", "owner", "request")
        await store.append(lease, ["one"], "memo")
        await store._writer.perform(partial(limit_pages, 1))  # as many as there are
        outcomes = await asyncio.gather(
            store.append(lease, ["x" * 3000] * 30, "lost"),
            store.append(small, ["fits"]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, bool]
        message = await refused(store.end(lease, StreamStatus.FINISHED, ["x" * 90_000]))
        assert message == "SESSIONS_DB_PATH: the disk is full: free some space"
        assert store.problem == message
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one"])
        assert store.problem == message
        await store._writer.perform(partial(limit_pages, 100_000))
        await store.append(lease, ["two"])
        assert store.problem is None
        await store.release(lease)
        claim = await store.claim("session-a")
        assert claim
        assert claim.memos == ("memo",)
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])
        assert await store.read("session-b", 0, 9) == events("session-b", 0, ["fits"])


async def test_a_file_that_another_process_locks_can_still_be_read(path: Path) -> None:
    async with opened(path, lock_wait_seconds=0.05) as store:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one"])
        with closing(sqlite3.connect(path, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            message = await refused(store.append(lease, ["two"]))
            assert message == store.problem == "SESSIONS_DB_PATH: the file is locked by another process"
            session = await store.get("session-a")
            assert session
            assert session.next_index == 1
        await store.append(lease, ["two"])
        assert store.problem is None
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])


async def test_a_folder_that_is_gone(path: Path) -> None:
    async with opened(path) as store, opened(path) as other:
        lease = await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(other.wait("session-a", 0))
        await settle()
        path.parent.rename(path.parent.with_name("gone"))
        for attempt in (store.append(lease, ["one"]), store.begin("session-b", "owner", "request"), wait):
            async with asyncio.timeout(WITHIN_SECONDS):
                message = await refused(attempt)
            assert message.startswith("SESSIONS_DB_PATH: the file can't be ")  # opened; or read, if just gone
            assert str(path.parent) not in message
        assert store.problem
        path.parent.mkdir()
        await store.collect(60)
        assert store.problem is None
        lease = await store.begin("session-b", "owner", "request")
        await store.append(lease, ["one"])
        assert await other.read("session-b", 0, 9) == events("session-b", 0, ["one"])


async def test_a_damaged_file(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one"])
    good = damage(path)
    async with opened(path) as store:
        message = await refused(store.get("session-a"))
        assert message == (
            "SESSIONS_DB_PATH: the file is damaged: restore it or move it away, then a new one is made"
        )
        await refused(store.append(lease, ["two"]))
        restore(path, good)
        await store.append(lease, ["two"])
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])
        assert store.problem == message  # for all that is known
        await store.collect(60)
        assert store.problem is None


async def test_a_damage_is_told_until_the_file_is_another(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["x" * 90_000])
    async with opened(path) as store:
        with path.open("r+b") as file:
            file.seek(-8192, os.SEEK_END)
            file.write(b"\xff" * 8192)
        message = await refused(store.read("session-a", 0, 9))
        assert await store.get("session-a")  # which is somewhere else in the file
        assert store.problem == message
        for _ in range(2):
            with suppress(StoreUnavailable):
                await store.collect(60)
            assert store.problem == message
        move_away(path)
        await store.begin("session-a", "owner", "request")
        assert await store.read("session-a", 0, 9) == []
        await store.collect(60)
        assert store.problem is None


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a letter to somebody " * 99)
    assert refused_to_open(path) == (
        "SESSIONS_DB_PATH: not an SQLite file, or damaged: name another, restore it or move it away"
    )
    assert path.read_bytes() == b"a letter to somebody " * 99
    assert list(path.parent.iterdir()) == [path]


def test_another_programs_database_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE products (id)")
    before = path.read_bytes()
    assert refused_to_open(path) == "SESSIONS_DB_PATH: the file is another program's database: name another"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (1, "the file was made by an older warung (version 1): move it away"),
        (99, "the file was made by a newer warung (version 99): update, or name another"),
    ],
)
async def test_a_file_of_another_version_is_left_as_it_is(path: Path, version: int, reason: str) -> None:
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    assert refused_to_open(path) == f"SESSIONS_DB_PATH: {reason}"


def test_a_folder_that_can_not_be_made(path: Path) -> None:
    path.parent.write_text("a file")
    assert refused_to_open(path) == "SESSIONS_DB_PATH: the file can't be opened: File exists"
