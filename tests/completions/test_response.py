from collections.abc import AsyncGenerator, Sequence

from warung.completions.chunk import ChunkWriter
from warung.completions.response import whole
from warung.engine.request import FinishReason, Usage
from warung.streams.broker import Broker, Producer
from warung.streams.event import Session
from warung.streams.memory_store import MemoryStreamStore


class Saying:
    """A turn that says one text."""

    def __init__(self, text: str) -> None:
        self._writer = ChunkWriter("chatcmpl-1", "m", "one-session")
        self._text = text

    async def events(self) -> AsyncGenerator[Sequence[str]]:
        yield [self._writer.opening()]
        yield self._writer.ending(self._text, FinishReason.STOP, Usage(1, 1))

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        raise AssertionError(error)


async def say(broker: Broker, text: str) -> Session:
    async def open_producer() -> Producer:
        return Saying(text)

    session = await broker.request("one-session", "ani", text, open_producer)
    assert (await whole(broker, session)).content == text
    return session


async def test_a_late_reader_of_a_turn_does_not_get_the_next_one_too() -> None:
    broker = Broker(MemoryStreamStore())
    first = await say(broker, "Satu")
    second = await say(broker, "Dua")
    assert (await whole(broker, first)).content == "Satu"
    assert (await whole(broker, second)).content == "Dua"
    await broker.close()
