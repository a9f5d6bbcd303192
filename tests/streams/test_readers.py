"""A turn is cancelled when nobody has read it for long enough, here or at another replica."""

import asyncio

from streams.counting import SESSION
from streams.house import House, played
from streams.stage import Stage, settle
from streams.travelling import TravelLoop, travelling
from warung.streams.event import StreamStatus


def test_the_turn_is_cancelled_when_nobody_has_read_for_long_enough() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage(patience_seconds=100)
        await stage.request()
        loop.skipped_seconds += 99
        await settle()
        assert (await stage.session()).running
        loop.skipped_seconds += 2
        await settle()
        assert (await stage.session()).status is StreamStatus.CANCELLED
        assert await stage.read() == ["cancelled"]

    travelling(test)


def test_patience_begins_when_the_last_reader_has_left() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage(patience_seconds=100)
        await stage.request()
        readers = [asyncio.create_task(stage.linger()) for _ in range(2)]
        await settle()
        loop.skipped_seconds += 1000
        await settle()
        assert (await stage.session()).running
        for reader in readers:
            reader.cancel()
            await settle()
            loop.skipped_seconds += 90
            await settle()
            assert (await stage.session()).running
        back = asyncio.create_task(stage.linger())
        await settle()
        loop.skipped_seconds += 1000
        await settle()
        assert (await stage.session()).running
        back.cancel()
        await settle()
        loop.skipped_seconds += 101
        await settle()
        assert (await stage.session()).status is StreamStatus.CANCELLED

    travelling(test)


def test_a_reader_of_the_last_turn_counts_for_the_next() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage(patience_seconds=100)
        session = await stage.request("first")
        stage.producers[0].say("one")
        batches = stage.broker.follow(session, 0)
        await anext(batches)
        stage.producers[0].finish()
        await settle()
        await stage.request("second")  # before the reader saw the end of the first
        loop.skipped_seconds += 1000
        await settle()
        assert (await stage.session()).running
        await batches.aclose()
        loop.skipped_seconds += 101
        await settle()
        assert (await stage.session()).status is StreamStatus.CANCELLED

    travelling(test)


def test_without_a_limit_nobody_needs_to_read() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage(patience_seconds=0)
        await stage.request()
        reader = asyncio.create_task(stage.linger())
        await settle()
        reader.cancel()
        loop.skipped_seconds += 10**9
        await settle()
        assert (await stage.session()).running
        await stage.broker.close()

    travelling(test)


def test_the_end_of_a_turn_ends_its_patience() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage(patience_seconds=100)
        await stage.request("first")
        stage.producers[0].finish()
        await settle()
        loop.skipped_seconds += 60
        await stage.request("second")
        loop.skipped_seconds += 60  # the first turn's time would be over
        await settle()
        assert (await stage.session()).running
        await stage.broker.close()

    travelling(test)


def test_a_reader_of_another_replica_keeps_the_turn_alive() -> None:
    async def test(house: House) -> None:
        session = await house.one.begin()

        async def linger() -> None:
            async for _batch in house.two.broker.follow(session, 0):
                pass

        reading = asyncio.create_task(linger())
        for _ in range(12):
            await house.pass_time(26)
            await house.one.broker.tend()
            await house.two.broker.tend()
        assert (await house.one.broker.open(SESSION, "owner")).running
        reading.cancel()
        await settle()
        for _ in range(6):
            await house.pass_time(26)
            await house.one.broker.tend()
        assert (await house.one.broker.open(SESSION, "owner")).status is StreamStatus.CANCELLED

    played(test, patience_seconds=100, lease_seconds=1000)
