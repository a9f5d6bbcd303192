"""How an answer is stored: once, and as its reader was told."""

import json
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence

from anyio.to_thread import run_sync

from warung.assistant.plan import AnswerPlan, Offer
from warung.assistant.producer import AnswerProducer
from warung.completions.chunk import DONE
from warung.conversations.message import Status
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.scripted import scripted_engine
from warung.products.cards import ProductCard
from warung.search.request import SearchRequest
from warung.streams.broker import Broker
from warung.streams.event import StreamStatus
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Producer
from warung.streams.store import Lease

SESSION = "session-a"


class Shelf:
    """Stores answers in a thread, as a database does; `gate` holds it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.stored: list[Status] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self._error = error

    async def save(self, _content: str, _cards: Sequence[ProductCard], status: Status) -> None:
        await run_sync(self._store, status)

    def _store(self, status: Status) -> None:
        self.entered.set()
        assert self.gate.wait(20)
        if self._error:
            raise self._error
        self.stored.append(status)


class NoEnd(MemoryStreamStore):
    """Loses the connection at the last batch."""

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        if status is StreamStatus.FINISHED:
            raise OSError("connection lost")
        await super().end(lease, status, data)


def producer_of(shelf: Shelf) -> AnswerProducer:
    async def refresh(_ids: Sequence[int]) -> Mapping[int, ProductCard]:
        return {}

    messages = [ChatMessage("user", "laptop")]
    plan = AnswerPlan(
        GenerationRequest("chatcmpl-1", messages, SamplingParams(max_tokens=8, temperature=0)),
        Offer({}, "Belum ada.", (), "conversation-1"),
        SearchRequest("laptop"),
        "guest:1",
        "scripted",
        SESSION,
        1_800_000_000,
    )
    return AnswerProducer(scripted_engine(), plan, refresh=refresh, save=shelf.save)


async def begin(broker: Broker, shelf: Shelf) -> AsyncGenerator[list[str]]:
    async def open_producer() -> Producer:
        return producer_of(shelf)

    session = await broker.request(SESSION, "guest:1", "laptop", open_producer)
    return ([event.data for event in batch] async for batch in broker.follow(session, 0))


async def test_a_cancel_while_the_answer_is_being_stored_comes_too_late() -> None:
    broker, shelf = Broker(MemoryStreamStore()), Shelf()
    batches = await begin(broker, shelf)
    await run_sync(shelf.entered.wait)
    await broker.cancel(SESSION, "guest:1")
    await run_sync(lambda: shelf.gate.wait(0.1))
    shelf.gate.set()
    *_, ending, done = [data async for batch in batches for data in batch]
    assert (json.loads(ending)["choices"][0]["finish_reason"], done) == ("stop", DONE)
    assert shelf.stored == ["complete"]
    assert (await broker.open(SESSION, "guest:1")).status is StreamStatus.FINISHED


async def test_a_failure_after_the_answer_was_stored_stores_no_second_one() -> None:
    broker, shelf = Broker(NoEnd()), Shelf()
    shelf.gate.set()
    *_, failure, done = [data async for batch in await begin(broker, shelf) for data in batch]
    assert (json.loads(failure)["error"]["code"], done) == ("internal_error", DONE)
    assert shelf.stored == ["complete"]


async def test_an_answer_that_can_not_be_stored_still_ends() -> None:
    broker, shelf = Broker(MemoryStreamStore()), Shelf(OSError("disk full"))
    shelf.gate.set()
    *_, failure, done = [data async for batch in await begin(broker, shelf) for data in batch]
    told = json.loads(failure)["error"]
    assert (told["message"], done) == ("the server failed while answering", DONE)
    assert (await broker.open(SESSION, "guest:1")).status is StreamStatus.FAILED
