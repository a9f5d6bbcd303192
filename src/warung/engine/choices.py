"""Several answers to one request, side by side; knows no wire."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from warung.engine.begun import Begun, go_on
from warung.engine.engine import Engine, Generation
from warung.engine.request import MAX_SEED, GenerationRequest, TokenEvent
from warung.errors import InvalidInput


class Choices:
    """Generations of one prompt by their numbers, each with a seed of its own that follows from the
    request's."""

    def __init__(self, generations: Sequence[Generation] | Mapping[int, Generation]) -> None:
        numbered = generations if isinstance(generations, Mapping) else dict(enumerate(generations))
        self._generations = dict(numbered)

    @classmethod
    async def submit(cls, engine: Engine, request: GenerationRequest, count: int) -> "Choices":
        """`count` of them, or none. Raises what Engine.submit raises, and InvalidInput for more than it ever
        accepts."""
        capacity = engine.state().capacity
        if count > capacity:
            raise InvalidInput(f"n is {count}; the model answers {capacity} at a time at most", field="n")
        return await cls._all(range(count), lambda number: engine.submit(_nth(request, number)))

    @classmethod
    async def go_on(cls, engine: Engine, request: GenerationRequest, begun: Sequence[Begun]) -> "Choices":
        """The rest of those that have not ended, or none. Raises what `begun.go_on` raises."""
        left = [number for number, choice in enumerate(begun) if not choice.finish_reason]
        return await cls._all(left, lambda number: go_on(engine, _nth(request, number), begun[number]))

    @classmethod
    async def _all(cls, numbers: Iterable[int], submit: Callable[[int], Awaitable[Generation]]) -> "Choices":
        generations: dict[int, Generation] = {}
        try:
            for number in numbers:
                generations[number] = await submit(number)
        except BaseException:
            for generation in generations.values():
                generation.close()
            raise
        return cls(generations)

    async def events(self) -> AsyncGenerator[tuple[int, TokenEvent]]:
        """(index of the choice, event) as they come; each choice's last has a finish_reason.

        Raises what the first generation that fails raises.
        """
        if len(self._generations) == 1:
            [(number, only)] = self._generations.items()
            async for event in only:
                yield number, event
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

        readers = [asyncio.create_task(read(*pair)) for pair in self._generations.items()]
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
        for generation in self._generations.values():
            generation.close()


def _nth(request: GenerationRequest, index: int) -> GenerationRequest:
    if not index:
        return request
    seed = (request.sampling.seed + index) % (MAX_SEED + 1)
    return replace(request, id=f"{request.id}-{index}", sampling=replace(request.sampling, seed=seed))
