"""What the broker does when a turn broke off, the store fails, or the server stops."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from warung.errors import Unavailable
from warung.streams.broker import Broker
from warung.streams.event import Session, StreamStatus
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer
from warung.streams.store import Lease

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


async def test_a_turn_that_begins_while_the_server_stops_ends_at_once() -> None:
    broker = Broker(MemoryStreamStore())
    reason = Unavailable("the server is stopping")
    await broker.close(reason)
    producer = Teller()
    assert (await read(broker, await ask(broker, producer)))[-1] == "the end"
    assert producer.heard == [reason]
