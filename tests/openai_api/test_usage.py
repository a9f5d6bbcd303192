"""Whoever ends a completion tells what it took, once."""

from contextlib import aclosing

import pytest

from engine.told import Told, event
from warung.completions.memo import Past
from warung.engine.choices import Choices
from warung.engine.engine import EngineUnavailable
from warung.engine.request import FinishReason, GenerationRequest, SamplingParams, Usage
from warung.openai_api.plan import CompletionPlan
from warung.openai_api.producer import CompletionProducer


async def version() -> str:
    return "weights-1"


def producer(told: list[Usage], *generations: Told, past: Past | None = None) -> CompletionProducer:
    request = GenerationRequest("chatcmpl-1", [], SamplingParams())
    plan = CompletionPlan(request, "m", "session-1", 1_800_000_000, len(generations))
    return CompletionProducer(
        Choices(generations), plan, version=version, on_usage=told.append, past=past, is_open=past is not None
    )


def ended(*texts: str) -> Told:
    last = len(texts)
    return Told(
        [event(text, at, FinishReason.STOP if at == last else None) for at, text in enumerate(texts, 1)]
    )


async def test_a_whole_answer_tells_of_all_choices() -> None:
    told: list[Usage] = []
    made = producer(told, ended("a", "b", "c"), ended("d", "e"))
    assert [batch async for batch in made.events()]
    await made.last_words(OSError("its end could not be stored"))
    assert told == [Usage(7, 5)]


@pytest.mark.parametrize("error", [None, EngineUnavailable("gone")])
async def test_one_that_is_broken_off_tells_what_it_has_taken(error: Exception | None) -> None:
    told: list[Usage] = []
    made = producer(told, Told([event("a", 1), event("b", 2)], error=EngineUnavailable("gone")))
    with pytest.raises(EngineUnavailable):
        assert [batch async for batch in made.events()]
    assert told == []
    await made.last_words(error)
    assert told == [Usage(7, 2)]


async def test_one_that_never_began_tells_nothing() -> None:
    told: list[Usage] = []
    await producer(told, Told([]), Told([])).last_words(None)
    assert told == []


async def test_who_goes_on_tells_also_of_what_was_before_and_who_leaves_tells_nothing() -> None:
    left: list[Usage] = []
    first = producer(left, Told([event("a", 1), event("b", 2)]), Told([event("c", 1)]))
    memos: list[str] = []
    async with aclosing(first.events()) as batches:
        async for batch in batches:
            memos.append(batch.memo)
            if len(memos) == 3:
                break
    first.abandon()
    assert left == []

    told: list[Usage] = []
    rest = producer(
        told, Told([event("b", 3, FinishReason.STOP)]), Told([event("c", 2)]), past=Past.of(memos[1:], 2)
    )
    async with aclosing(rest.events()) as batches:
        async for _ in batches:
            break
    await rest.last_words(None)
    assert len(told) == 1
    assert told[0].completion_tokens >= 3
