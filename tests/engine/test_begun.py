from collections.abc import Sequence
from dataclasses import replace

import pytest

from warung.engine.begun import Begun, go_on
from warung.engine.constraint import Regex
from warung.engine.engine import Engine, EngineUnavailable
from warung.engine.features import Feature
from warung.engine.request import (
    MAX_SEED,
    ChatMessage,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
)
from warung.engine.scripted import ANSWER, FEATURES, MODEL_ID, ScriptedRunner
from warung.engine.worker import Job, ThreadedEngine

STORY = "Satu kopi, dua teh 🙂."


def rest_of_story(prompt: str) -> str:
    return STORY.removeprefix(prompt.rpartition(ANSWER)[2])


class Noting(ScriptedRunner):
    def __init__(self, features: frozenset[Feature] = FEATURES | {Feature.REGEX}) -> None:
        super().__init__(rest_of_story, features=features)
        self.jobs: list[Job] = []

    def add(self, job: Job) -> None:
        self.jobs.append(job)
        super().add(job)


class OfText(ThreadedEngine):
    """Like one whose tokens are not known."""

    resumes_tokens = False


def engine_of(runner: ScriptedRunner, *, of_tokens: bool) -> Engine:
    return ThreadedEngine(MODEL_ID, runner) if of_tokens else OfText(MODEL_ID, runner)


def asked(max_tokens: int = 100, **fields: object) -> GenerationRequest:
    sampling = replace(SamplingParams(max_tokens=max_tokens, seed=MAX_SEED), **fields)  # pyright: ignore[reportArgumentType]
    return GenerationRequest("r", [ChatMessage("user", "Cerita")], sampling)


async def events_of(engine: Engine, request: GenerationRequest, begun: Begun) -> list[TokenEvent]:
    return [event async for event in await go_on(engine, request, begun)]


def after(events: Sequence[TokenEvent]) -> Begun:
    begun = Begun()
    for event in events:
        begun.add(event)
    return begun


@pytest.mark.parametrize("of_tokens", [True, False])
@pytest.mark.parametrize("max_tokens", [9, 100])
async def test_what_was_cut_anywhere_goes_on_to_the_same_end(max_tokens: int, of_tokens: bool) -> None:
    engine = engine_of(Noting(), of_tokens=of_tokens)
    request = asked(max_tokens)
    whole = await events_of(engine, request, Begun())
    assert "".join(event.text for event in whole) == STORY[:max_tokens]
    for cut in range(len(whole)):
        begun = after(whole[:cut])
        rest = await events_of(engine, request, begun)
        assert begun.text + "".join(event.text for event in rest) == STORY[:max_tokens]
        assert rest[-1].finish_reason is whole[-1].finish_reason
        if of_tokens:
            assert rest == whole[cut:]
    await engine.close()


async def test_from_its_text_usage_counts_the_beginning_and_not_as_prompt() -> None:
    engine = engine_of(Noting(), of_tokens=False)
    whole = await events_of(engine, asked(), Begun())
    rest = await events_of(engine, asked(), after(whole[:8]))
    assert [event.usage for event in rest] == [event.usage for event in whole[8:]]
    untold = after(whole[:8])
    assert untold.usage
    untold.usage = replace(untold.usage, prompt_tokens=0)  # a server may tell it only at the end
    assert (await events_of(engine, asked(), untold))[-1].usage == whole[-1].usage
    await engine.close()


async def test_from_its_text_it_has_the_tokens_that_are_left_and_another_seed() -> None:
    runner = Noting()
    engine = engine_of(runner, of_tokens=False)
    whole = await events_of(engine, asked(10), Begun())
    await events_of(engine, asked(10), after(whole[:4]))
    assert [(job.sampling.max_tokens, job.sampling.seed) for job in runner.jobs] == [(10, MAX_SEED), (6, 3)]
    await engine.close()


async def test_an_answer_that_has_all_its_tokens_only_gets_its_end() -> None:
    engine = engine_of(runner := Noting(), of_tokens=True)
    begun = after((await events_of(engine, asked(), Begun()))[:6])
    [end] = await events_of(engine, asked(6), begun)
    assert (end.text, end.finish_reason, end.usage) == ("", FinishReason.LENGTH, begun.usage)
    assert len(runner.jobs) == 1
    await engine.close()


async def test_tokens_that_are_not_all_known_are_not_gone_on_from() -> None:
    engine = engine_of(runner := Noting(), of_tokens=True)
    begun = after((await events_of(engine, asked(), Begun()))[:6])
    begun.tokens.pop()
    rest = await events_of(engine, asked(), begun)
    assert "".join(event.text for event in rest) == STORY[6:]
    assert runner.jobs[-1].generated == ()
    await engine.close()


@pytest.mark.parametrize(
    ("features", "fields", "reason"),
    [
        (FEATURES | {Feature.REGEX}, {"constraint": Regex(".*")}, "shape"),
        (FEATURES - {Feature.CONTINUATION}, {}, "continues no answer"),
    ],
)
async def test_what_its_text_alone_cannot_carry_on_is_interrupted(
    features: frozenset[Feature], fields: dict[str, object], reason: str
) -> None:
    engine = engine_of(Noting(features), of_tokens=False)
    begun = after((await events_of(engine, asked(), Begun()))[:6])
    with pytest.raises(EngineUnavailable, match=reason) as caught:
        await go_on(engine, asked(**fields), begun)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "interrupted"
    assert engine.state().running == 0
    # Where nothing was said yet, it simply begins.
    nothing = replace(begun, text="", tokens=[])
    assert await events_of(engine, asked(), nothing)
    await engine.close()
