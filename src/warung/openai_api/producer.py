"""Makes the events of one chat completion from an engine's tokens."""

from collections.abc import AsyncGenerator, Sequence

from warung.completions.chunk import ChunkWriter
from warung.engine.engine import EngineUnavailable, Generation


class CompletionProducer:
    """One turn of a stream: the opening chunk, a chunk for every step that brought text, the ending."""

    def __init__(self, generation: Generation, writer: ChunkWriter) -> None:
        self._generation = generation
        self._writer = writer

    async def events(self) -> AsyncGenerator[Sequence[str]]:
        try:
            yield [self._writer.opening()]
            async for event in self._generation:
                if event.finish_reason:
                    yield self._writer.ending(event.text, event.finish_reason, event.usage)
                    return
                if event.text:
                    yield [self._writer.content(event.text)]
            raise EngineUnavailable("the engine stopped before the answer ended")
        finally:
            self._generation.close()

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self._generation.close()
        return self._writer.failure(error)
