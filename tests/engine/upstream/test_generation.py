import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from engine.upstream.fleet import NEVER_SECONDS
from warung.engine.engine import EngineUnavailable
from warung.engine.request import FinishReason, TokenEvent, Usage
from warung.engine.upstream.generation import UpstreamGeneration
from warung.errors import InvalidInput


def event(text: str, reason: FinishReason | None = None) -> TokenEvent:
    return TokenEvent((), text, Usage(1, 1), reason)


WHOLE = (event("a"), event("b"), event("", FinishReason.STOP))


class Source:
    """Accepts when it `accepts`, gives its events, then raises its error or waits; counts what ends."""

    def __init__(self, *events: TokenEvent, accepts: bool = True, error: Exception | None = None) -> None:
        self._events = events
        self._accepts = accepts
        self._error = error
        self.closed = 0
        self.places_freed = 0

    async def open(self, on_accepted: Callable[[], None]) -> AsyncGenerator[TokenEvent]:
        try:
            if self._accepts:
                on_accepted()
            for one in self._events:
                yield one
            if self._error:
                raise self._error
            await asyncio.sleep(NEVER_SECONDS)
        finally:
            self.closed += 1

    def free(self) -> None:
        self.places_freed += 1

    def generation(self) -> UpstreamGeneration:
        return UpstreamGeneration(self.open, self.free, name="test")


async def read(generation: UpstreamGeneration) -> list[str]:
    async with asyncio.timeout(NEVER_SECONDS):
        return [one.text async for one in generation]


async def test_the_events_up_to_the_last() -> None:
    source = Source(*WHOLE)
    generation = source.generation()
    await generation.accepted()
    assert await read(generation) == ["a", "b", ""]
    await generation.stopped()
    assert (source.closed, source.places_freed) == (1, 1)


async def test_why_nobody_accepts_it_is_raised() -> None:
    generation = Source(accepts=False, error=InvalidInput("no such field")).generation()
    with pytest.raises(InvalidInput, match="no such field"):
        await generation.accepted()


async def test_an_error_comes_after_what_was_said_before_it() -> None:
    source = Source(event("a"), error=EngineUnavailable("it broke off"))
    events = aiter(source.generation())
    assert (await anext(events)).text == "a"
    with pytest.raises(EngineUnavailable, match="it broke off"):
        await anext(events)
    assert (source.closed, source.places_freed) == (1, 1)


@pytest.mark.parametrize("accepts", [True, False])
async def test_an_error_nobody_expected_is_told_without_its_details(*, accepts: bool) -> None:
    generation = Source(accepts=accepts, error=ZeroDivisionError("secret")).generation()
    with pytest.raises(EngineUnavailable) as caught:
        await (read(generation) if accepts else generation.accepted())
    assert "secret" not in caught.value.message


async def test_closing_stops_the_source_and_wakes_the_reader() -> None:
    source = Source(event("a"))
    generation = source.generation()
    events = aiter(generation)
    assert (await anext(events)).text == "a"
    waiting = asyncio.create_task(anext(events, None))
    await asyncio.sleep(0)
    generation.close()
    generation.close()
    assert await waiting is None
    await generation.stopped()
    assert (source.closed, source.places_freed) == (1, 1)


async def test_closing_before_anybody_accepted_it() -> None:
    source = Source(accepts=False)
    generation = source.generation()
    waiting = asyncio.create_task(generation.accepted())
    await asyncio.sleep(0)
    generation.close()
    await waiting
    assert await read(generation) == []
    await generation.stopped()
    assert (source.closed, source.places_freed) == (1, 1)


async def test_failing_it_raises_at_the_reader_and_stops_the_source() -> None:
    source = Source(event("a"))
    generation = source.generation()
    events = aiter(generation)
    assert (await anext(events)).text == "a"
    generation.fail(EngineUnavailable("closed"))
    with pytest.raises(EngineUnavailable, match="closed"):
        await anext(events)
    await generation.stopped()
    assert (source.closed, source.places_freed) == (1, 1)


async def test_a_reader_that_is_cancelled_gives_the_place_back() -> None:
    source = Source(event("a"))
    generation = source.generation()
    reading = asyncio.create_task(read(generation))
    await generation.accepted()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await generation.stopped()
    assert (source.closed, source.places_freed) == (1, 1)
