"""A story that is told number by number, and replicas that tell it and go on with it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence

from warung.streams.broker import Broker
from warung.streams.event import Session
from warung.streams.producer import Batch, Producer
from warung.streams.store import Claim, StreamStore

WITHIN_SECONDS = 20
SESSION = "session-a"
LENGTH = 8
STORY = [f"{number}" for number in range(LENGTH)]


class Counter:
    """Counts to LENGTH, one number for each ticket."""

    def __init__(self, begin: int = 0) -> None:
        self.plan = json.dumps({"length": LENGTH})
        self.tickets = asyncio.Semaphore(0)
        self.abandoned = 0
        self.dropped = False
        self.told = 0  # and stored
        self._next = begin

    async def events(self) -> AsyncGenerator[Batch]:
        while self._next < LENGTH:
            await self.tickets.acquire()
            self._next += 1
            yield Batch([f"{self._next - 1}"], f"memo {self._next - 1}")
            self.told += 1

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self.dropped = True
        return ["cancelled" if error is None else f"failed: {error}"]

    def abandon(self) -> None:
        self.abandoned += 1


class Replica:
    """A broker and the producers that it opened or revived."""

    def __init__(self, store: StreamStore, *, patience_seconds: float = 0) -> None:
        self.producers: list[Counter] = []
        self.refusals: list[Exception] = []
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.broker = Broker(store, reviver=self, cancel_after_disconnect_seconds=patience_seconds)

    async def open_producer(self) -> Producer:
        await self.may_open.wait()
        self.producers.append(Counter())
        return self.producers[-1]

    async def revive(self, claim: Claim) -> Producer:
        if self.refusals:
            raise self.refusals.pop(0)
        assert json.loads(claim.plan) == {"length": LENGTH}
        assert list(claim.memos) == [f"memo {number}" for number in range(claim.session.next_index)]
        self.producers.append(Counter(len(claim.memos)))
        return self.producers[-1]

    def give_up(self, claim: Claim, error: Exception) -> Sequence[str]:
        return [f"gave up {claim.session.id}: {error}"]

    async def begin(self, request: str = "request", *, once: bool = False) -> Session:
        return await self.broker.request(SESSION, "owner", request, self.open_producer, once=once)

    async def say(self, count: int) -> None:
        for _ in range(count):
            self.producers[-1].tickets.release()
        await settle()

    def reading(self, index: int = 0) -> "asyncio.Task[list[str]]":
        return asyncio.create_task(self.read(index))

    async def read(self, index: int = 0) -> list[str]:
        async with asyncio.timeout(WITHIN_SECONDS):
            session = await self.broker.open(SESSION, "owner")
            return [event.data async for batch in self.broker.follow(session, index) for event in batch]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
