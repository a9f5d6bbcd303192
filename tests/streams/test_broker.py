"""Who may begin a turn, join it, cancel it, and what happens to all of them when the server stops."""

import asyncio

import pytest

from streams.stage import SESSION, WITHIN_SECONDS, Stage, settle
from warung.errors import NotFound, TooManyRequests
from warung.streams.event import Session, StreamStatus
from warung.streams.producer import Producer
from warung.streams.store import RequestDiffers, SessionBusy


async def test_the_same_request_joins_the_running_turn_and_the_ended_one() -> None:
    stage = Stage()
    await stage.request("hello")
    assert (await stage.request("hello")).running
    stage.producers[0].say("one")
    stage.producers[0].finish()
    await settle()
    joined = await stage.request("hello")
    assert (joined.status, joined.next_index) == (StreamStatus.FINISHED, 1)
    assert len(stage.producers) == 1


async def test_another_request_must_wait_for_the_end() -> None:
    stage = Stage()
    await stage.request("hello")
    with pytest.raises(SessionBusy) as caught:
        await stage.request("and now?")
    assert (caught.value.status, caught.value.code) == (409, "session_busy")
    assert len(stage.producers) == 1
    stage.producers[0].say("one", "two")
    stage.producers[0].finish()
    await settle()
    second = await stage.request("and now?")
    assert (second.turn_index, second.next_index, second.running) == (2, 2, True)
    stage.producers[1].say("three")
    stage.producers[1].finish()
    assert [(event.index, event.data) for event in await stage.events(2)] == [(2, "three")]
    assert await stage.read(0) == ["one", "two", "three"]


async def test_two_identical_requests_at_once_start_one_producer() -> None:
    stage = Stage()
    sessions = await asyncio.gather(*[stage.request() for _ in range(5)])
    assert len(stage.producers) == 1
    assert {session.request for session in sessions} == {"request"}


async def test_two_different_requests_at_once_start_one_and_refuse_the_other() -> None:
    stage = Stage()
    outcomes = await asyncio.gather(stage.request("a"), stage.request("b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Session, SessionBusy]
    assert len(stage.producers) == 1


async def test_a_session_for_one_answer_takes_no_other_request() -> None:
    stage = Stage()
    outcomes = await asyncio.gather(
        stage.request("a", once=True), stage.request("b", once=True), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Session, RequestDiffers]
    stage.producers[0].finish()
    await settle()
    with pytest.raises(RequestDiffers):
        await stage.request("b", once=True)
    assert (await stage.request("a", once=True)).status is StreamStatus.FINISHED
    assert len(stage.producers) == 1


@pytest.mark.parametrize("request_", ["a", "b"])
async def test_a_session_for_one_answer_is_free_again_when_that_broke_off(request_: str) -> None:
    stage = Stage()
    await stage.request("a", once=True)
    stage.producers[0].fail(TooManyRequests("no room after all"))
    await settle()
    assert (await stage.request(request_, once=True)).turn_index == 1
    assert len(stage.producers) == 2


async def test_another_owners_session_looks_like_none() -> None:
    stage = Stage()
    await stage.request(owner="owner")
    for use in (stage.broker.open, stage.broker.cancel):
        said: list[tuple[str, str, str | None, int]] = []
        for session_id in (SESSION, "session-z"):
            with pytest.raises(NotFound) as caught:
                await use(session_id, "thief")
            error = caught.value
            said.append((error.message.replace(session_id, "…"), error.code, error.field, error.status))
        assert said[0] == said[1]
    with pytest.raises(NotFound):
        await stage.request(owner="thief")
    assert (await stage.session()).running
    assert len(stage.producers) == 1


async def test_a_producer_that_cannot_be_opened_leaves_nothing_begun() -> None:
    stage = Stage()

    async def full() -> Producer:
        raise TooManyRequests("full")

    with pytest.raises(TooManyRequests):
        await stage.broker.request(SESSION, "owner", "request", full, once=True)
    assert await stage.broker.find(SESSION, "owner") is None
    assert (await stage.request("another", once=True)).running


async def test_closing_ends_every_turn_and_every_reader() -> None:
    stage = Stage()
    ids = ["session-a", "session-b", "session-c"]
    for session_id in ids:
        await stage.broker.request(session_id, "owner", "request", stage.open_producer)
    reading = asyncio.create_task(stage.read())
    await settle()
    await stage.broker.request("session-d", "owner", "request", stage.open_producer)  # has not run yet
    async with asyncio.timeout(WITHIN_SECONDS):
        await stage.broker.close()
        assert await reading == ["cancelled"]
    for session_id in [*ids, "session-d"]:
        assert (await stage.broker.open(session_id, "owner")).status is StreamStatus.CANCELLED
    assert all(producer.closed for producer in stage.producers)
