"""A turn runs to its end, whether that is its own, a failure or a cancellation."""

import asyncio

import pytest

from streams.stage import SESSION, Stage, settle
from warung.errors import WarungError
from warung.streams.event import StreamStatus


async def test_a_turn_without_any_reader_goes_on_to_its_end() -> None:
    stage = Stage()
    begun = await stage.request()
    assert (begun.status, begun.next_index) == (StreamStatus.RUNNING, 0)
    stage.producers[0].say("one", "two")
    stage.producers[0].say("three")
    stage.producers[0].finish()
    await settle()
    session = await stage.session()
    assert (session.status, session.next_index) == (StreamStatus.FINISHED, 3)
    assert await stage.read() == ["one", "two", "three"]
    assert stage.producers[0].closed
    assert stage.producers[0].heard == []


async def test_a_cancelled_turn_ends_with_its_last_words() -> None:
    stage = Stage()
    await stage.request()
    stage.producers[0].say("one")
    reading = asyncio.create_task(stage.read())
    await settle()
    for _ in range(3):
        await stage.broker.cancel(SESSION, "owner")
    assert await reading == ["one", "cancelled"]
    await stage.broker.cancel(SESSION, "owner")
    assert (await stage.session()).status is StreamStatus.CANCELLED
    assert stage.producers[0].closed
    assert stage.producers[0].heard == [None]


async def test_a_turn_cancelled_before_its_first_step_ends_too() -> None:
    stage = Stage()
    await stage.request()
    await stage.broker.cancel(SESSION, "owner")  # nothing has let the producer run yet
    assert await stage.read() == ["cancelled"]
    assert (await stage.session()).status is StreamStatus.CANCELLED
    assert stage.producers[0].closed
    await stage.request("next")
    assert len(stage.producers) == 2


@pytest.mark.parametrize("error", [WarungError("no memory"), ValueError("a bug")])
async def test_a_failure_is_stored(error: Exception) -> None:
    stage = Stage()
    await stage.request()
    stage.producers[0].say("one")
    stage.producers[0].fail(error)
    assert await stage.read() == ["one", f"failed: {error}"]
    session = await stage.session()
    assert (session.status, session.next_index) == (StreamStatus.FAILED, 2)
    assert stage.producers[0].heard == [error]
    await stage.broker.cancel(SESSION, "owner")
    assert (await stage.session()).status is StreamStatus.FAILED


async def test_a_cancel_does_not_cut_off_the_last_words_of_a_failure() -> None:
    stage = Stage()
    await stage.request()
    producer = stage.producers[0]
    producer.may_speak_last.clear()
    producer.fail(ValueError("a bug"))
    await settle()
    await stage.broker.cancel(SESSION, "owner")
    await settle()
    producer.may_speak_last.set()
    assert await stage.read() == ["failed: a bug"]
    assert (await stage.session()).status is StreamStatus.FAILED


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_producer_without_last_words_still_ends(cancelled: bool) -> None:
    stage = Stage()
    await stage.request()
    producer = stage.producers[0]
    producer.last_words_error = RuntimeError("speechless")
    if cancelled:
        await stage.broker.cancel(SESSION, "owner")
    else:
        producer.fail(ValueError("a bug"))
    assert await stage.read() == []
    assert (await stage.session()).status is (StreamStatus.CANCELLED if cancelled else StreamStatus.FAILED)


async def test_who_has_read_the_last_event_may_ask_again() -> None:
    stage = Stage()
    await stage.request()
    stage.producers[0].say("one")
    stage.producers[0].say_last("two")
    async for batch in stage.broker.follow(await stage.session(), 0):
        if batch[-1].data == "two":
            break
    assert not (await stage.session()).running
    await stage.request("another")
    assert [producer.heard for producer in stage.producers] == [[], []]
    await stage.broker.close()
