"""Two replicas whose clocks jump by hours, each by itself, at every word of a turn."""

import asyncio
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from streams.conformance import WITHIN_SECONDS, Clock
from streams.counting import LENGTH, SESSION, STORY, Replica
from streams.redis_server import RedisServer
from warung.streams.event import StreamStatus
from warung.streams.redis_store import RedisStreamStore
from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.store import StreamStore

HOURS = [sign * hours * 3600 for hours in (1, 5, 24) for sign in (1, -1)]


@pytest.fixture
def clocks() -> list[Clock]:
    return [Clock(), Clock()]


@pytest.fixture(params=["sqlite", "redis"])
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, clocks: list[Clock]
) -> AsyncGenerator[list[StreamStore]]:
    path, prefix = tmp_path / "sessions.db", f"{tmp_path}:"
    stores: list[StreamStore] = [
        SqliteStreamStore(path, clock=clock)
        if request.param == "sqlite"
        else RedisStreamStore(redis_server.url, clock=clock, prefix=prefix)
        for clock in clocks
    ]
    yield stores
    for store in stores:
        await store.close()


@pytest.mark.parametrize("seed", range(6))
async def test_one_alone_speaks_at_a_time_and_nothing_is_lost(
    stores: list[StreamStore], clocks: list[Clock], seed: int
) -> None:
    dice = random.Random(seed)
    replicas = [Replica(store) for store in stores]
    await replicas[0].begin()
    readings = [replica.reading() for replica in replicas]
    async with asyncio.timeout(WITHIN_SECONDS):
        while (await replicas[0].broker.open(SESSION, "owner")).running:
            dice.choice(clocks).now += dice.choice(HOURS)
            await asyncio.gather(*(replica.broker.tend() for replica in replicas))
            for producer in [producer for replica in replicas for producer in replica.producers]:
                producer.tickets.release()  # also of those who lost their turn and may not know it yet
        for clock in clocks:
            clock.now = 10**9
        assert await asyncio.gather(*readings) == [STORY, STORY]
    session = await replicas[1].broker.open(SESSION, "owner")
    assert (session.status, session.next_index) == (StreamStatus.FINISHED, LENGTH)
    assert sum(len(replica.producers) for replica in replicas) > 1
    assert [replica.broker.running for replica in replicas] == [0, 0]
