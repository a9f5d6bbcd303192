from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from streams.redis_server import OpenRedis, RedisServer
from warung.streams.redis_store import RedisStreamStore

pytest.register_assert_rewrite("streams.conformance")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[RedisServer]:
    """One for all tests that don't stop it; each keeps to a prefix of its own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Generator[RedisServer]:
    """A Redis to break."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def open_redis(server: RedisServer) -> AsyncGenerator[OpenRedis]:
    opened: list[RedisStreamStore] = []

    def open_redis(url: str = server.url, **options: Any) -> RedisStreamStore:
        opened.append(RedisStreamStore(url, **options))
        return opened[-1]

    yield open_redis
    for store in opened:
        await store.close()
