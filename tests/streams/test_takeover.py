"""Two replicas over one store: turns go on when the one that began them is gone, paused or stopped."""

import asyncio

import pytest

from streams.counting import LENGTH, SESSION, STORY, settle
from streams.house import House, played
from warung.errors import WarungError
from warung.streams.errors import HandedOver
from warung.streams.event import StreamStatus
from warung.streams.producer import Producer
from warung.streams.store import RequestDiffers


@pytest.mark.parametrize("said", range(LENGTH))
def test_a_turn_goes_on_where_it_was_left(said: int) -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        readings = [house.one.reading(), house.two.reading()]
        await house.one.say(said)
        await house.two.broker.tend()
        assert house.two.producers == []
        await house.lapse()
        await house.two.broker.tend()
        await house.two.say(LENGTH)
        assert await asyncio.gather(*readings) == [STORY, STORY]
        session = await house.one.broker.open(SESSION, "owner")
        assert (session.status, session.next_index) == (StreamStatus.FINISHED, LENGTH)

    played(test)


def test_a_paused_producer_that_wakes_up_cannot_say_a_word() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(3)
        await house.lapse()
        await house.two.broker.tend()
        await house.two.say(1)
        await house.one.say(2)
        assert house.one.producers[0].abandoned == 1
        assert house.one.broker.running == 0
        await house.two.say(LENGTH)
        assert await house.two.read() == STORY

    played(test)


def test_who_renews_keeps_its_turn() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        for _ in range(10):
            await house.pass_time(house.store.lease_seconds / 2)
            await house.one.broker.tend()
            await house.two.broker.tend()
        assert house.two.producers == []
        await house.one.say(LENGTH)
        assert await house.two.read() == STORY

    played(test)


def test_who_comes_back_for_a_lapsed_turn_need_not_wait_for_the_sweep() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(2)
        await house.lapse()
        reading = house.two.reading(2)
        await settle()
        await house.two.say(LENGTH)
        assert await reading == STORY[2:]
        again = await house.two.begin()  # the same request: it joins
        assert again.status is StreamStatus.FINISHED

    played(test)


def test_the_same_request_takes_a_lapsed_turn_over() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(2)
        await house.lapse()
        assert (await house.two.begin()).running
        await house.two.say(LENGTH)
        assert await house.two.read() == STORY

    played(test)


@pytest.mark.parametrize("said", [2, LENGTH])
def test_the_same_request_of_two_replicas_at_once_is_answered_once(said: int) -> None:
    async def test(house: House) -> None:
        house.two.may_open.clear()  # its model still loads
        late = asyncio.create_task(house.two.begin())
        await settle()
        await house.one.begin()
        await house.one.say(said)
        house.two.may_open.set()
        assert (await late).next_index == said
        assert [producer.dropped for producer in house.two.producers] == [True]
        await house.one.say(LENGTH - said)
        assert await house.two.read() == STORY

    played(test)


def test_of_two_requests_at_two_replicas_one_gets_the_session_that_is_for_one() -> None:
    async def test(house: House) -> None:
        house.two.may_open.clear()
        late = asyncio.create_task(house.two.begin("another", once=True))
        await settle()
        await house.one.begin(once=True)
        house.two.may_open.set()
        with pytest.raises(RequestDiffers):
            await late
        assert house.two.producers[0].dropped

    played(test)


def test_a_turn_that_cannot_go_on_ends_with_what_is_said_of_it() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(2)
        await house.lapse()
        house.two.refusals = [WarungError("another model")]
        await house.two.broker.tend()
        assert await house.two.read() == [*STORY[:2], f"gave up {SESSION}: another model"]
        assert (await house.two.broker.open(SESSION, "owner")).status is StreamStatus.FAILED

    played(test)


def test_a_turn_is_cancelled_from_another_replica_at_its_next_word() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(2)
        await house.two.broker.cancel(SESSION, "owner")
        await house.one.say(1)
        assert await house.two.read() == [*STORY[:3], "cancelled"]
        assert (await house.two.broker.open(SESSION, "owner")).status is StreamStatus.CANCELLED

    played(test)


def test_a_silent_turn_is_cancelled_from_another_replica_when_its_lease_is_renewed() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.two.broker.cancel(SESSION, "owner")
        await house.one.broker.tend()
        assert await house.two.read() == ["cancelled"]

    played(test)


def test_a_server_that_stops_hands_its_turns_over_at_once() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        reading, elsewhere = house.one.reading(), house.two.reading()
        await house.one.say(3)
        await house.one.broker.close(WarungError("the server is stopping"))
        with pytest.raises(HandedOver):
            await reading
        assert house.one.producers[0].abandoned == 1
        await house.two.broker.tend()
        await house.two.say(LENGTH)
        assert await elsewhere == STORY

    played(test)


def test_a_server_that_stops_lets_turns_finish_that_soon_do() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        draining = asyncio.create_task(house.one.broker.drain(60))
        await house.one.say(LENGTH)
        await draining
        await house.one.broker.close()
        assert await house.two.read() == STORY

    played(test)


def test_what_could_not_be_stored_is_told_anew_when_the_store_is_back() -> None:
    async def test(house: House) -> None:
        await house.one.begin()
        await house.one.say(3)
        house.store.broken = True
        await house.one.say(1)
        assert (house.one.broker.running, house.one.producers[0].abandoned) == (0, 1)
        house.store.broken = False
        await house.one.broker.tend()
        await house.one.say(LENGTH)
        assert await house.two.read() == STORY

    played(test)


def test_what_was_just_beginning_when_a_server_stopped_is_left_to_another() -> None:
    async def test(house: House) -> None:
        async def open_producer() -> Producer:
            await house.one.broker.close()
            return await house.one.open_producer()

        assert (await house.one.broker.request(SESSION, "owner", "request", open_producer)).running
        await settle()
        assert house.one.producers[0].abandoned == 1
        await house.two.broker.tend()
        await house.two.say(LENGTH)
        assert await house.two.read() == STORY

    played(test)
