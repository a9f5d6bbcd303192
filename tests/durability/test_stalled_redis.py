"""A connection to Redis that stalls: nothing is lost or told twice, one alone speaks, and /health says so."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from durability.proxy import Proxy
from durability.replica import LEASE_SECONDS, Replica
from durability.shop import is_degraded, open_shop
from durability.stories import asked, check
from streams.redis_server import RedisServer
from waiting import wait_until

BEFORE = 300


@pytest.fixture
def redis(tmp_path: Path) -> Generator[RedisServer]:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


def test_another_replica_goes_on_for_one_that_cannot_reach_redis(redis: RedisServer, folder: Path) -> None:
    with (
        Proxy(redis.url) as proxy,
        Replica(folder, folder / "log-1", REDIS_URL=proxy.url) as one,
        Replica(folder, folder / "log-2", REDIS_URL=redis.url) as two,
    ):
        reader = asked(1)
        reader.read(one.url, at={BEFORE: proxy.stall}, leave_at=BEFORE)
        reader.read(two.url)
        check(reader)
        assert two.takeovers == 1
        wait_until(lambda: is_degraded(one.url))
        refused = httpx.post(f"{one.url}{reader.route}", json=asked(2).body, timeout=60)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "sessions_unavailable")
        assert (refused.headers["Retry-After"], refused.headers["x-should-retry"]) == ("2", "true")
        proxy.go_on()  # what it said before the end reaches Redis now
        wait_until(lambda: not is_degraded(one.url))
        for replica in (one, two):
            again = asked(1)
            again.read(replica.url)
            assert again.events == reader.events
        assert one.takeovers == 0


def test_a_reader_stays_until_redis_can_be_reached_again(redis: RedisServer, folder: Path) -> None:
    with (
        Proxy(redis.url) as proxy,
        open_shop(folder, {"REDIS_URL": proxy.url}, lease_seconds=LEASE_SECONDS) as (url, valve),
        ThreadPoolExecutor() as threads,
    ):
        valve.give(BEFORE)
        reader = asked(1)
        reading = threads.submit(reader.read, url)
        wait_until(lambda: len(reader.events) > BEFORE / 2)
        proxy.stall()
        valve.open()
        wait_until(lambda: is_degraded(url))
        proxy.go_on()
        reading.result()
        while not reader.has_ended:  # the machine may be so slow that it was sent away
            reader.read(url)
        check(reader)
        wait_until(lambda: not is_degraded(url))


def test_redis_byte_by_byte(redis: RedisServer, folder: Path) -> None:
    with Proxy(redis.url) as proxy, open_shop(folder, {"REDIS_URL": proxy.url}) as (url, valve):
        valve.open()
        proxy.dribbles = True
        reader = asked(1, story="Kopi é 🙂 teh; ")
        reader.read(url)
    check(reader)
