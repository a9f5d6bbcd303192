"""One suite on every store."""

import secrets
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from streams.conformance import Clock, OpenStore, StreamStoreConformance
from streams.redis_server import RedisServer
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.redis_store import RedisStreamStore
from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.store import StreamStore


@pytest.fixture
def memory() -> OpenStore:
    kept: dict[int, MemoryStreamStore] = {}

    def open_store(events_per_session: int, clock: Clock) -> StreamStore:
        if events_per_session not in kept:
            kept[events_per_session] = MemoryStreamStore(events_per_session=events_per_session, clock=clock)
        return kept[events_per_session]

    return open_store


class TestMemory(StreamStoreConformance):
    @pytest.fixture
    def open_store(self, memory: OpenStore) -> OpenStore:
        return memory


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncGenerator[OpenStore]:
    opened: list[RedisStreamStore] = []
    prefix = f"warung-{secrets.token_hex(8)}:"

    def open_store(events_per_session: int, clock: Clock) -> StreamStore:
        opened.append(
            RedisStreamStore(
                redis_server.url, events_per_session=events_per_session, clock=clock, prefix=prefix
            )
        )
        return opened[-1]

    yield open_store
    for store in opened:
        await store.close()


class TestRedis(StreamStoreConformance):
    @pytest.fixture
    def open_store(self, redis: OpenStore) -> OpenStore:
        return redis


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncGenerator[OpenStore]:
    opened: list[SqliteStreamStore] = []

    def open_store(events_per_session: int, clock: Clock) -> StreamStore:
        path = tmp_path / "sessions.db"
        opened.append(SqliteStreamStore(path, events_per_session=events_per_session, clock=clock))
        return opened[-1]

    yield open_store
    for store in opened:
        await store.close()


class TestSqlite(StreamStoreConformance):
    @pytest.fixture
    def open_store(self, sqlite: OpenStore) -> OpenStore:
        return sqlite
