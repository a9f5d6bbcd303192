"""A turn whose file can't be used for a while goes on when it can, and its readers miss nothing."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from streams.conformance import Clock
from streams.counting import LENGTH, STORY, WITHIN_SECONDS, Replica
from streams.sqlite_files import opened
from streams.troubles import away, full_beyond, full_disk, locked
from warung.streams.store import StoreUnavailable

Trouble = Callable[[Path], AbstractContextManager[None]]


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not is_so():  # noqa: ASYNC110  another thread makes it so
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("trouble", [full_disk, locked, away])
async def test_it_goes_on_when_the_trouble_is_over(tmp_path: Path, trouble: Trouble) -> None:
    path, clock = tmp_path / "kept" / "sessions.db", Clock()
    impatient = {"clock": clock, "lock_wait_seconds": 0.05, "lease_seconds": 0.5}
    async with opened(path, **impatient) as store, opened(path, **impatient) as other:
        one, two = Replica(store), Replica(other)
        await one.begin()
        readings = [one.reading(), two.reading()]
        await one.say(3)
        await eventually(lambda: one.producers[0].told == 3)
        with trouble(path):
            await one.say(1)
            await eventually(lambda: one.broker.running == 0)
            assert (store.problem or "").startswith("SESSIONS_DB_PATH: ")
            clock.now += store.lease_seconds
            with suppress(StoreUnavailable):
                await two.broker.tend()
            assert two.producers == []
        await two.broker.tend()
        await two.say(LENGTH)
        assert await asyncio.gather(*readings) == [STORY, STORY]
        await store.collect(60)
        assert (store.problem, other.problem) == (None, None)


async def test_a_disk_that_is_full_when_the_log_is_copied_to_the_file(tmp_path: Path) -> None:
    path, text = tmp_path / "sessions.db", "x" * 3000
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, [text] * 700)
    assert path.stat().st_size > 2**21
    async with opened(path) as store:
        with full_beyond(2**20):  # which the log doesn't reach
            await store.append(lease, ["one"])
            await store.collect(60)
            assert (store.problem or "").startswith("SESSIONS_DB_PATH: ")
            await store.append(lease, ["two"])
            assert store.problem
        await store.collect(60)
        assert store.problem is None
    async with opened(path) as store:
        assert [event.data for event in await store.read("session-a", 699, 9)] == [text, "one", "two"]
