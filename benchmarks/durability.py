"""What it costs to store tokens before they are sent: the time from a step to its readers, in one process."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from benchmarks.measure import percentile
from warung.completions.chunk import ChunkWriter
from warung.completions.memo import MemoWriter
from warung.engine.request import TokenEvent, Usage
from warung.streams.broker import Broker
from warung.streams.producer import Batch
from warung.streams.store import StreamStore

_OWNER = "benchmark"
_PROMPT_TOKENS = 72
_TEXT = " market"
_SETTLE_STEPS = 50  # not counted: files grow, caches fill


@dataclass(frozen=True, slots=True)
class Delays:
    """From the moment a step's tokens are handed to the event loop until the readers have them."""

    streams: int
    p50_seconds: float
    p99_seconds: float


@dataclass(slots=True)
class _Model:
    """Hands every stream its next token at the same moment, again and again, as an engine's thread does."""

    streams: int
    steps: int
    begun: list[float] = field(default_factory=list[float])
    waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, step_seconds: float) -> None:
        await self.all_there.wait()
        at = time.perf_counter()
        for _ in range(self.steps):
            at += step_seconds
            await asyncio.sleep(max(0, at - time.perf_counter()))
            self.begun.append(time.perf_counter())
            waiting, self.waiting = self.waiting, []
            for future in waiting:
                future.set_result(None)

    async def token(self, step: int) -> None:
        """Returns at once to those who fell behind."""
        if step >= len(self.begun):
            future = asyncio.get_running_loop().create_future()
            self.waiting.append(future)
            if len(self.waiting) == self.streams:
                self.all_there.set()
            await future


class _Answer:
    """A Producer that writes one event and one memo for each step, as a completion does."""

    plan = "{}"

    def __init__(self, model: _Model, session_id: str) -> None:
        self._model = model
        self._writer = ChunkWriter("chatcmpl-" + "0" * 24, "SmolLM2-135M-Instruct", session_id)
        self._memo = MemoWriter()

    async def events(self) -> AsyncGenerator[Batch]:
        for step in range(self._model.steps):
            await self._model.token(step)
            self._memo.add(0, TokenEvent((step,), _TEXT, Usage(_PROMPT_TOKENS, step)))
            yield Batch([self._writer.content(_TEXT)], self._memo.line())

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        return self._writer.failure(error)

    def abandon(self) -> None: ...


async def delays(store: StreamStore, streams: int, *, steps: int, step_seconds: float) -> Delays:
    """Over `steps` of so many streams, each with one reader; a step every `step_seconds`."""
    broker, model = Broker(store), _Model(streams, steps + _SETTLE_STEPS)
    found: list[float] = []

    async def read(session_id: str) -> None:
        async def open_producer() -> _Answer:
            return _Answer(model, session_id)

        session = await broker.request(session_id, _OWNER, "request", open_producer)
        async for batch in broker.follow(session, session.turn_index):
            now = time.perf_counter()
            found.extend(now - model.begun[e.index] for e in batch if e.index >= _SETTLE_STEPS)

    readers = [asyncio.create_task(read(f"session-{number:03}")) for number in range(streams)]
    tending = asyncio.create_task(broker.tend_forever())
    await model.run(step_seconds)
    await asyncio.gather(*readers)
    tending.cancel()
    await broker.close()
    await store.close()
    return Delays(streams, percentile(found, 50), percentile(found, 99))
