"""A session that its owner wants forgotten."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from warung.errors import NotFound
from warung.streams.broker import Broker
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer

OWNER = "guest:1"


class Talker:
    """Says one thing, and another once the gate is open."""

    plan = ""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.has_let_go = asyncio.Event()

    async def events(self) -> AsyncGenerator[Batch]:
        yield Batch(["one"])
        await self.gate.wait()
        yield Batch(["two"], is_last=True)

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        assert error is None
        self.has_let_go.set()
        return ["last"]

    def abandon(self) -> None:
        self.has_let_go.set()


async def begin(broker: Broker, talker: Talker) -> AsyncGenerator[list[str]]:
    async def open_producer() -> Producer:
        return talker

    session = await broker.request("session-a", OWNER, "request", open_producer)
    return ([event.data for event in batch] async for batch in broker.follow(session, 0))


async def test_a_running_turn_is_cancelled_and_nothing_is_left() -> None:
    broker, talker = Broker(MemoryStreamStore()), Talker()
    batches = await begin(broker, talker)
    assert await anext(batches) == ["one"]
    await broker.forget("session-a", OWNER)
    async with asyncio.timeout(20):
        await talker.has_let_go.wait()
        with pytest.raises(NotFound):
            assert [batch async for batch in batches] == []
    with pytest.raises(NotFound):
        await broker.open("session-a", OWNER)
    await broker.forget("session-a", OWNER)
    await broker.drain(20)
    assert broker.running == 0


async def test_another_owners_session_is_left_alone() -> None:
    broker, talker = Broker(MemoryStreamStore()), Talker()
    batches = await begin(broker, talker)
    assert await anext(batches) == ["one"]
    with pytest.raises(NotFound):
        await broker.forget("session-a", "guest:2")
    talker.gate.set()
    assert [data async for batch in batches for data in batch] == ["two"]


async def test_an_ended_session_is_forgotten() -> None:
    broker, talker = Broker(MemoryStreamStore()), Talker()
    talker.gate.set()
    batches = await begin(broker, talker)
    assert [data async for batch in batches for data in batch] == ["one", "two"]
    await broker.forget("session-a", OWNER)
    assert await broker.find("session-a", OWNER) is None
