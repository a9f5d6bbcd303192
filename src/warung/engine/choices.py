"""Several answers to one request, side by side; knows no wire."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from warung.engine.engine import Engine, Generation
from warung.engine.request import MAX_SEED, GenerationRequest, TokenEvent
from warung.errors import InvalidInput


class Choices:
    """`count` generations of one prompt, each with a seed of its own that follows from the request's."""

    def __init__(self, generations: list[Generation]) -> None:
        self._generations = generations

    @classmethod
    async def submit(cls, engine: Engine, request: GenerationRequest, count: int) -> "Choices":
        """All or none. Raises what Engine.submit raises, and InvalidInput for more than it ever accepts."""
        capacity = engine.state().capacity
        if count > capacity:
            raise InvalidInput(f"n is {count}; the model answers {capacity} at a time at most", field="n")
        generations: list[Generation] = []
        try:
            for index in range(count):
                generations.append(await engine.submit(_nth(request, index)))  # noqa: PERF401  closed if one fails
        except BaseException:
            for generation in generations:
                generation.close()
            raise
        return cls(generations)

    async def events(self) -> AsyncGenerator[tuple[int, TokenEvent]]:
        """(index of the choice, event) as they come; each choice's last has a finish_reason.

        Raises what the first generation that fails raises.
        """
        if len(self._generations) == 1:
            async for event in self._generations[0]:
                yield 0, event
            return
        async with aclosing(self._merged()) as merged:
            async for pair in merged:
                yield pair

    async def _merged(self) -> AsyncGenerator[tuple[int, TokenEvent]]:
        arrived: asyncio.Queue[tuple[int, TokenEvent] | None] = asyncio.Queue()

        async def read(index: int, generation: Generation) -> None:
            try:
                async for event in generation:
                    arrived.put_nowait((index, event))
            finally:
                arrived.put_nowait(None)

        readers = [asyncio.create_task(read(*pair)) for pair in enumerate(self._generations)]
        try:
            left = len(readers)
            while left:
                pair = await arrived.get()
                if pair is not None:
                    yield pair
                    continue
                left -= 1
                for reader in readers:
                    if reader.done():
                        reader.result()
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    def close(self) -> None:
        """Give all places back, at any time, twice too."""
        for generation in self._generations:
            generation.close()


def _nth(request: GenerationRequest, index: int) -> GenerationRequest:
    if not index:
        return request
    seed = (request.sampling.seed + index) % (MAX_SEED + 1)
    return replace(request, id=f"{request.id}-{index}", sampling=replace(request.sampling, seed=seed))
