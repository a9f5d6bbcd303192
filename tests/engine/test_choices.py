import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.told import Told, event
from warung.engine.choices import Choices
from warung.engine.engine import EngineUnavailable
from warung.engine.request import (
    MAX_SEED,
    ChatMessage,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
)
from warung.engine.scripted import MODEL_ID, ScriptedRunner, scripted_engine
from warung.engine.worker import Job, ThreadedEngine
from warung.errors import InvalidInput, TooManyRequests

STOP = FinishReason.STOP
Pairs = list[tuple[int, TokenEvent]]


def asked(seed: int = 5) -> GenerationRequest:
    return GenerationRequest("r", [ChatMessage("user", "Halo")], SamplingParams(seed=seed))


async def told(choices: Choices) -> Pairs:
    return [pair async for pair in choices.events()]


class Noting(ScriptedRunner):
    """Notes the jobs that it was given."""

    def __init__(self) -> None:
        super().__init__(lambda _prompt: "ab")
        self.jobs: list[Job] = []

    def add(self, job: Job) -> None:
        self.jobs.append(job)
        super().add(job)


@pytest.mark.parametrize(("seed", "seeds"), [(5, [5, 6, 7]), (MAX_SEED, [MAX_SEED, 0, 1]), (0, [0, 1, 2])])
async def test_every_choice_has_a_name_and_a_seed_of_its_own(seed: int, seeds: list[int]) -> None:
    runner = Noting()
    engine = ThreadedEngine(MODEL_ID, runner)
    await told(await Choices.submit(engine, asked(seed), 3))
    jobs = sorted(runner.jobs, key=lambda job: job.id)
    assert [job.id for job in jobs] == ["r", "r-1", "r-2"]
    assert [job.sampling.seed for job in jobs] == seeds
    assert len({job.prompt for job in jobs}) == 1
    await engine.close()


@pytest.mark.parametrize("count", [1, 3])
async def test_each_choice_tells_its_own_events_in_their_order(count: int) -> None:
    engine = scripted_engine(lambda _prompt: "abc")
    pairs = await told(await Choices.submit(engine, asked(), count))
    for index in range(count):
        events = [event for number, event in pairs if number == index]
        assert [event.text for event in events] == ["a", "b", "c"]
        assert [event.finish_reason for event in events] == [None, None, STOP]
    assert len(pairs) == 3 * count
    assert engine.state().running == 0
    await engine.close()


async def test_all_are_accepted_or_none() -> None:
    runner = ScriptedRunner(lambda _prompt: "abc")
    engine = ThreadedEngine(MODEL_ID, runner, max_requests=3)
    other = await engine.submit(replace(asked(), id="other"))
    with pytest.raises(TooManyRequests):
        await Choices.submit(engine, asked(), 3)
    assert engine.state().running == 1
    other.close()
    assert len(await told(await Choices.submit(engine, asked(), 3))) == 9
    await engine.close()


async def test_a_choice_that_fails_ends_them_all_with_its_error() -> None:
    class Endless(Told):
        async def __aiter__(self) -> AsyncIterator[TokenEvent]:
            try:
                yield event("a", 1)
                await asyncio.Event().wait()
            finally:
                self.close()

    endless, failing = Endless([]), Told([event("b", 1)], EngineUnavailable("broken"))
    with pytest.raises(EngineUnavailable, match="broken"):
        await told(Choices([endless, failing]))
    assert endless.closed


async def test_a_choice_that_ends_early_does_not_end_the_others() -> None:
    short, long = Told([event("a", 1, STOP)]), Told([event(text, 1) for text in "bcd"])
    pairs = await told(Choices([short, long]))
    assert [event.text for index, event in pairs if index == 1] == ["b", "c", "d"]


async def test_closing_gives_every_place_back() -> None:
    engine = scripted_engine(lambda _prompt: "abc")
    choices = await Choices.submit(engine, asked(), 4)
    assert engine.state().running == 4
    for _ in range(2):
        choices.close()
        assert engine.state().running == 0
    assert not [pair for pair in await told(choices) if pair[1].finish_reason]
    await engine.close()


async def test_more_choices_than_the_engine_ever_accepts_are_refused_by_name() -> None:
    """To try again would be of no use."""
    engine = ThreadedEngine(MODEL_ID, ScriptedRunner(lambda _prompt: "ab"), max_requests=2)
    with pytest.raises(InvalidInput, match="2 at a time") as caught:
        await Choices.submit(engine, asked(), 3)
    assert caught.value.field == "n"
    assert len(await told(await Choices.submit(engine, asked(), 2))) == 4
    await engine.close()
