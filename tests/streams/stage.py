"""A broker over a store in memory, and producers that say what the test tells them to."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from warung.streams.broker import Broker
from warung.streams.event import Event, Session
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer

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


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
