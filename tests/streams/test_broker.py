import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warung.errors import InvalidInput, NotFound, TooManyRequests, WarungError
from warung.streams.broker import Broker
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer
from warung.streams.store import CursorTooOld, RequestDiffers, SessionBusy

WITHIN_SECONDS = 20
SESSION = "session-a"


class HandProducer:
    """Says what the test tells it to, when it tells it to."""

    plan = "the plan"

    def __init__(self) -> None:
        self._orders: asyncio.Queue[Batch | Exception | None] = asyncio.Queue()
        self.heard: list[Exception | None] = []
        self.closed = False
        self.may_speak_last = asyncio.Event()
        self.may_speak_last.set()
        self.last_words_error: Exception | None = None

    def say(self, *data: str) -> None:
        self._orders.put_nowait(Batch(data))

    def say_last(self, *data: str) -> None:
        self._orders.put_nowait(Batch(data, is_last=True))

    def finish(self) -> None:
        self._orders.put_nowait(None)

    def fail(self, error: Exception) -> None:
        self._orders.put_nowait(error)

    async def events(self) -> AsyncGenerator[Batch]:
        try:
            while (order := await self._orders.get()) is not None:
                if isinstance(order, Exception):
                    raise order
                yield order
        finally:
            self.closed = True

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self.heard.append(error)
        await self.may_speak_last.wait()
        if self.last_words_error:
            raise self.last_words_error
        return ["cancelled" if error is None else f"failed: {error}"]

    def abandon(self) -> None:
        raise AssertionError("nobody takes over from memory")


class Stage:
    """A broker, its store, and the producers that were opened."""

    def __init__(self, *, events_per_session: int = 100, patience_seconds: float = 0) -> None:
        clock = asyncio.get_running_loop().time
        self.store = MemoryStreamStore(events_per_session=events_per_session, clock=clock)
        self.broker = Broker(self.store, cancel_after_disconnect_seconds=patience_seconds)
        self.producers: list[HandProducer] = []

    async def open_producer(self) -> Producer:
        await asyncio.sleep(0)  # as an engine does, it lets others go on meanwhile
        self.producers.append(HandProducer())
        return self.producers[-1]

    async def request(self, request: str = "request", owner: str = "owner", **how: bool) -> Session:
        return await self.broker.request(SESSION, owner, request, self.open_producer, **how)

    async def session(self) -> Session:
        return await self.broker.open(SESSION, "owner")

    async def read(self, index: int = 0) -> list[str]:
        """All data from an index on to the end of the turn."""
        return [event.data for event in await self.events(index)]

    async def linger(self) -> None:
        """Read on and on; for tests in which hours pass."""
        async for _batch in self.broker.follow(await self.session(), 0):
            pass

    async def events(self, index: int = 0) -> list[Event]:
        async with asyncio.timeout(WITHIN_SECONDS):
            batches = self.broker.follow(await self.session(), index)
            return [event async for batch in batches for event in batch]


class TravelLoop(asyncio.SelectorEventLoop):
    """An event loop in which seconds pass when the test says so."""

    skipped_seconds = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_seconds


def travelling(test: Callable[[TravelLoop], Awaitable[None]]) -> None:
    loop = TravelLoop()

    async def main() -> None:
        await test(loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


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
