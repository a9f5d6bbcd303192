"""Readers get every event once and in order, or are told why not."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.stage import SESSION, WITHIN_SECONDS, Stage, settle
from streams.travelling import TravelLoop, travelling
from warung.errors import InvalidInput, NotFound
from warung.streams.event import Event
from warung.streams.store import CursorTooOld


async def test_a_reader_that_leaves_does_not_end_the_turn() -> None:
    stage = Stage()
    session = await stage.request()
    stage.producers[0].say("one")
    async with aclosing(stage.broker.follow(session, 0)) as batches:
        async for _batch in batches:
            break
    stage.producers[0].say("two")
    stage.producers[0].finish()
    assert await stage.read(1) == ["two"]


async def test_a_reader_in_mid_stream_gets_what_was_and_what_comes() -> None:
    stage = Stage()
    await stage.request()
    stage.producers[0].say("one", "two")
    await settle()
    reading = asyncio.create_task(stage.read(1))
    await settle()
    assert not reading.done()
    stage.producers[0].say("three")
    stage.producers[0].finish()
    assert await reading == ["two", "three"]


async def test_all_readers_see_one_order() -> None:
    stage = Stage()
    await stage.request()
    readings: list[asyncio.Task[list[Event]]] = []
    for number in range(10):
        readings.append(asyncio.create_task(stage.events()))
        stage.producers[0].say(f"{number}")
        await asyncio.sleep(0)
    stage.producers[0].finish()
    expected = [Event(SESSION, number, f"{number}") for number in range(10)]
    assert await asyncio.gather(*readings) == [expected] * 10


def test_silence_comes_as_empty_batches() -> None:
    async def test(loop: TravelLoop) -> None:
        stage = Stage()
        batches = stage.broker.follow(await stage.request(), 0, idle_seconds=10)

        async def next_batch(*pauses_seconds: int) -> list[Event]:
            reading = asyncio.create_task(anext(batches))
            for seconds in pauses_seconds:
                await settle()
                assert not reading.done()
                loop.skipped_seconds += seconds
            return await reading

        assert await next_batch(9, 2) == []
        assert await next_batch(11) == []
        stage.producers[0].say("one")
        assert await next_batch() == [Event(SESSION, 0, "one")]
        await batches.aclose()
        await stage.broker.close()

    travelling(test)


async def test_a_cursor_that_is_too_old_names_what_is_left() -> None:
    stage = Stage(events_per_session=3)
    await stage.request()
    stage.producers[0].say(*"abcdef")
    stage.producers[0].finish()
    await settle()
    session = await stage.session()
    with pytest.raises(CursorTooOld) as caught:
        stage.broker.follow(session, 2)
    assert caught.value.first_id == f"{SESSION}:3"
    assert await stage.read(3) == ["d", "e", "f"]


async def test_a_cursor_ahead_of_the_stream_is_refused() -> None:
    stage = Stage()
    await stage.request()
    stage.producers[0].say("one")
    stage.producers[0].finish()
    await settle()
    with pytest.raises(InvalidInput, match=f"{SESSION}:0") as caught:
        stage.broker.follow(await stage.session(), 2)
    assert caught.value.field == "Last-Event-ID"
    assert await stage.read(1) == []


async def test_a_slow_reader_is_told_when_the_ring_overtakes_it() -> None:
    stage = Stage(events_per_session=3)
    session = await stage.request()
    stage.producers[0].say("a")
    batches = stage.broker.follow(session, 0)
    assert [event.data for event in await anext(batches)] == ["a"]
    stage.producers[0].say(*"bcdef")
    await settle()
    with pytest.raises(CursorTooOld, match=f"{SESSION}:3"):
        await anext(batches)


async def test_a_reader_is_told_when_its_session_is_forgotten() -> None:
    stage = Stage()
    session = await stage.request()
    stage.producers[0].say("one")
    batches = stage.broker.follow(session, 0)
    await anext(batches)
    stage.producers[0].say("two")
    stage.producers[0].finish()
    await settle()
    assert await stage.store.collect(0) == 1
    with pytest.raises(NotFound):
        await anext(batches)


BATCHES = st.lists(st.lists(st.text("ab", max_size=2), max_size=4), max_size=12)
PAUSES = st.lists(st.integers(0, 6), max_size=12)


async def perform(stage: Stage, batches: Sequence[Sequence[str]], pauses: Sequence[int]) -> None:
    """Say all batches, letting the readers go on for the given number of turns of the loop between them."""
    await stage.request()
    for number, batch in enumerate(batches):
        stage.producers[0].say(*batch)
        for _ in range(pauses[number % len(pauses)] if pauses else 0):
            await asyncio.sleep(0)
    stage.producers[0].finish()


@settings(deadline=None)
@given(batches=BATCHES, pauses=PAUSES, patience=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_a_reader_that_keeps_losing_its_connection_misses_nothing(
    batches: list[list[str]], pauses: list[int], patience: list[int]
) -> None:
    """It reads a few events, drops the rest of their batch, and comes back with the last one's index."""

    async def read(stage: Stage, received: list[Event]) -> None:
        for connection in range(1000):
            session = await stage.session()
            few = patience[connection % len(patience)]
            async with aclosing(stage.broker.follow(session, len(received))) as following:
                async for event in (event async for batch in following for event in batch):
                    received.append(event)
                    few -= 1
                    if not few:
                        break
                else:
                    return

    async def play() -> list[Event]:
        stage = Stage()
        received: list[Event] = []
        performing = asyncio.create_task(perform(stage, batches, pauses))
        await settle()
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(performing, read(stage, received))
        return received

    said = [text for batch in batches for text in batch]
    assert asyncio.run(play()) == [Event(SESSION, index, text) for index, text in enumerate(said)]


@settings(deadline=None)
@given(batches=BATCHES, pauses=PAUSES, size=st.integers(1, 6), slowness=st.integers(0, 6))
def test_a_reader_sees_no_gap_however_slow_it_is(
    batches: list[list[str]], pauses: list[int], size: int, slowness: int
) -> None:
    async def play() -> tuple[list[Event], bool]:
        stage = Stage(events_per_session=size)
        performing = asyncio.create_task(perform(stage, batches, pauses))
        await asyncio.sleep(0)
        await stage.request()  # the same: it joins
        received: list[Event] = []
        try:
            async for batch in stage.broker.follow(await stage.session(), 0):
                received += batch
                for _ in range(slowness):
                    await asyncio.sleep(0)
        except CursorTooOld:
            return received, False
        finally:
            await performing
            await stage.broker.close()
        return received, True

    received, whole = asyncio.run(play())
    said = [text for batch in batches for text in batch]
    assert received == [Event(SESSION, index, text) for index, text in enumerate(said)][: len(received)]
    assert not whole or len(received) == len(said)
