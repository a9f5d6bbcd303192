"""What the broker does when a turn broke off, the store fails, or the server stops."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from warung.errors import Conflict, Unavailable
from warung.streams.broker import Broker
from warung.streams.errors import Stopping
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer
from warung.streams.store import Lease, StoreUnavailable

SESSION = "session-a"


class Teller:
    """Fails at once with `error`, or without one waits to be cancelled."""

    plan = ""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.heard: list[Exception | None] = []

    async def events(self) -> AsyncGenerator[Batch]:
        yield Batch(["hello"])
        if self._error:
            raise self._error
        await asyncio.Event().wait()

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self.heard.append(error)
        return ["the end"]

    def abandon(self) -> None:
        raise AssertionError("nobody takes over from memory")


class FullStore(MemoryStreamStore):
    async def begin(
        self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
    ) -> Lease:
        raise OSError(f"no space left for {session_id}, {owner}, {request}{plan}, after {after}")


async def ask(broker: Broker, producer: Producer, request: str = "request", **how: bool) -> Session:
    async def open_producer() -> Producer:
        return producer

    return await broker.request(SESSION, "owner", request, open_producer, **how)


async def read(broker: Broker, session: Session, index: int = 0) -> list[str]:
    async with asyncio.timeout(20):
        return [event.data async for batch in broker.follow(session, index) for event in batch]


async def test_a_turn_that_can_not_begin_gives_back_what_its_producer_holds() -> None:
    producer = Teller()
    with pytest.raises(OSError, match="no space left"):
        await ask(Broker(FullStore()), producer)
    assert [str(error) for error in producer.heard] == [
        f"no space left for {SESSION}, owner, request, after 0"
    ]


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_turn_that_broke_off_is_asked_anew_and_resumed_as_it_was(cancelled: bool) -> None:
    broker = Broker(MemoryStreamStore())
    first = await ask(broker, Teller(None if cancelled else ValueError("a bug")))
    if cancelled:
        await broker.cancel(SESSION, "owner")
    assert (await read(broker, first))[-1] == "the end"

    resumed = await ask(broker, Teller(), resuming=True)
    assert resumed.status is (StreamStatus.CANCELLED if cancelled else StreamStatus.FAILED)
    again = await ask(broker, Teller())
    assert (again.running, again.turn_index) == (True, resumed.next_index)
    await broker.close()


async def test_a_stopping_server_tells_why() -> None:
    broker = Broker(MemoryStreamStore())
    reason = Unavailable("the server is stopping")
    producer = Teller()
    session = await ask(broker, producer)
    reading = asyncio.create_task(read(broker, session))
    await asyncio.sleep(0)
    await broker.close(reason)
    assert await reading == ["hello", "the end"]
    assert producer.heard == [reason]


async def test_a_turn_that_was_just_beginning_when_the_server_stopped_ends_at_once() -> None:
    broker = Broker(MemoryStreamStore())
    reason = Unavailable("the server is stopping")
    producer = Teller()

    async def open_producer() -> Producer:
        await broker.close(reason)
        return producer

    session = await broker.request(SESSION, "owner", "request", open_producer)
    assert (await read(broker, session))[-1] == "the end"
    assert producer.heard == [reason]


async def test_a_stopping_server_begins_nothing_and_lets_readers_join() -> None:
    broker = Broker(MemoryStreamStore())
    await ask(broker, Teller())
    await broker.drain(0)
    assert broker.stopping
    for session_id, request in ((SESSION, "another"), ("session-b", "request")):
        with pytest.raises(Conflict if session_id == SESSION else Stopping):
            await broker.request(session_id, "owner", request, refused)
    assert (await broker.request(SESSION, "owner", "request", refused)).running
    await broker.close()


async def refused() -> Producer:
    raise AssertionError("nothing may begin")


class Stumbling(MemoryStreamStore):
    """Can't be read so many times."""

    failures = 0

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the server of the sessions is gone")
        return await super().read(session_id, index, limit)


async def test_a_reader_rides_out_a_store_that_fails_for_a_moment() -> None:
    store = Stumbling()
    broker = Broker(store)
    session = await ask(broker, Teller())
    batches = broker.follow(session, 0)
    assert [event.data for event in await anext(batches)] == ["hello"]
    store.failures = 2
    assert [await anext(batches) for _ in range(2)] == [[], []]
    await broker.cancel(SESSION, "owner")
    async with asyncio.timeout(20):
        assert [event.data async for batch in batches for event in batch] == ["the end"]


async def test_a_reader_is_told_of_a_store_that_fails_for_long() -> None:
    store = Stumbling()
    broker = Broker(store, ride_out_seconds=0)
    session = await ask(broker, Teller())
    store.failures = 1
    with pytest.raises(StoreUnavailable):
        await read(broker, session)
    assert (await broker.open(SESSION, "owner")).running
    await broker.close()


async def test_a_reader_is_told_when_nobody_can_go_on_with_its_turn() -> None:
    class Full(MemoryStreamStore):
        problem = "the disk is full"

    store = Full(lease_seconds=0)
    broker = Broker(store, ride_out_seconds=0)
    await store.begin(SESSION, "owner", "request")
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await read(broker, await broker.open(SESSION, "owner"))
    await broker.close()
