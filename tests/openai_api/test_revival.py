"""A completion that is cut after any of its batches goes on to the same end."""

import json
import re
from typing import Any

import pytest

from completions.cut import SESSION, cut_after, data_of, told_by
from openai_api.house import Valve
from warung.completions.chunk import Answer
from warung.engine.choices import Choices
from warung.engine.constraint import Tool
from warung.engine.engine import Engine
from warung.engine.features import ALL_FEATURES
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.scripted import ANSWER, MODEL_ID, ScriptedRunner, echo
from warung.engine.worker import ThreadedEngine
from warung.openai_api.plan import CompletionPlan
from warung.openai_api.producer import CompletionProducer
from warung.openai_api.revival import revive
from warung.streams.errors import Interrupted
from warung.streams.producer import Batch

CALLS = (
    'Lihat dulu. <tool_call>\n{"name": "now", "arguments": {"zone": "WIB", "é": "\\"}"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
)
STORY = "Kopi 🙂 dua, teh <tool_call> tiga; selesai sudah."
_CALL_ID = re.compile(r"call_[0-9a-f]{24}")


class Storyteller(ScriptedRunner):
    """Goes on from what the answer has begun with."""

    def __init__(self, story: str) -> None:
        super().__init__(lambda p: story.removeprefix(p.rpartition(ANSWER)[2]), features=ALL_FEATURES)


class OfText(ThreadedEngine):
    """Like one whose tokens are not known."""

    resumes_tokens = False


def plan_of(*, count: int = 1, tools: bool = False, usage: bool = False, **sampling: Any) -> CompletionPlan:
    fields: dict[str, Any] = {"max_tokens": 400, "temperature": 0, **sampling}
    chosen = SamplingParams(**fields)
    made = (Tool("now", "{}"),) if tools else ()
    request = GenerationRequest("chatcmpl-1", [ChatMessage("user", "Halo")], chosen, tools=made)
    return CompletionPlan(request, MODEL_ID, SESSION, 1_800_000_000, count, usage)


async def begin(engine: Engine, plan: CompletionPlan) -> CompletionProducer:
    choices = await Choices.submit(engine, plan.request, plan.count)
    return CompletionProducer(choices, plan, version=engine.version)


def nameless(batches: list[Batch]) -> list[str]:
    """Without the calls' random names."""
    return [_CALL_ID.sub("call", data) for data in data_of(batches)]


@pytest.mark.parametrize(
    ("story", "asked"),
    [
        (STORY, {}),
        (STORY, {"usage": True}),
        (STORY, {"max_tokens": 11, "usage": True}),
        (STORY, {"stop": ("selesai", "teh, ")}),
        (STORY, {"logprobs": 1}),
        (STORY, {"tools": True}),
        (CALLS, {"tools": True, "usage": True}),
        (CALLS, {"tools": True, "max_tokens": 70}),
    ],
)
async def test_the_rest_is_the_same_wherever_it_was_cut(story: str, asked: dict[str, Any]) -> None:
    engine, plan = ThreadedEngine(MODEL_ID, Storyteller(story)), plan_of(**asked)
    producer = await begin(engine, plan)
    whole = await told_by(producer)
    for cut in range(len(whole) + 1):
        rest = revive(engine, cut_after(whole[:cut], producer.plan, epoch=cut + 1))
        assert nameless(await told_by(rest)) == nameless(whole[cut:]), cut
    assert engine.state().running == 0
    await engine.close()


async def test_what_went_on_can_be_cut_again() -> None:
    engine, plan = ThreadedEngine(MODEL_ID, Storyteller(CALLS)), plan_of(tools=True)
    producer = await begin(engine, plan)
    whole = await told_by(producer)
    told: list[Batch] = []
    while len(told) < len(whole):
        rest = revive(engine, cut_after(told, producer.plan, epoch=len(told) + 1))
        told += (await told_by(rest))[:3]
    assert nameless(told) == nameless(whole)
    await engine.close()


@pytest.mark.parametrize("engine_class", [ThreadedEngine, OfText])
async def test_every_choice_goes_on_and_those_that_ended_do_not_run_again(
    engine_class: type[ThreadedEngine],
) -> None:
    plain = STORY.replace("🙂", "es")  # from its text, half a character is computed and counted anew
    engine, plan = engine_class(MODEL_ID, Storyteller(plain)), plan_of(count=3, usage=True)
    producer = await begin(engine, plan)
    whole = await told_by(producer)
    undisturbed = answer_of(whole)
    for cut in range(0, len(whole) + 1, 5):
        rest = await told_by(revive(engine, cut_after(whole[:cut], producer.plan, epoch=cut + 1)))
        assert answer_of([*whole[:cut], *rest]) == undisturbed, cut
    await engine.close()


def answer_of(batches: list[Batch]) -> dict[str, Any]:
    answer = Answer()
    assert answer.add(data_of(batches))
    return answer.completion()


async def test_another_model_does_not_go_on() -> None:
    engine, plan = ThreadedEngine(MODEL_ID, Storyteller(STORY)), plan_of()
    producer = await begin(engine, plan)
    opening, first, *_ = await told_by(producer)
    memo = json.dumps({**json.loads(first.memo), "version": "weights-2"})
    with pytest.raises(Interrupted):
        await told_by(revive(engine, cut_after([opening, Batch(first.data, memo)], producer.plan)))
    # Before its first word any model will do.
    assert await told_by(revive(engine, cut_after([opening], producer.plan)))
    await engine.close()


async def test_what_is_taken_over_waits_until_the_engine_has_room() -> None:
    engine, plan = ThreadedEngine(MODEL_ID, Storyteller(STORY), max_requests=1), plan_of()
    producer = await begin(engine, plan)
    rest = revive(engine, cut_after([], producer.plan)).events()
    opening = await anext(rest)
    whole = await told_by(producer)  # it has the only place until now
    assert [opening, *[batch async for batch in rest]] == whole
    await engine.close()


@pytest.mark.parametrize("leave", ["abandon", "last_words"])
async def test_what_is_left_gives_its_place_back(leave: str) -> None:
    valve = Valve()
    engine, plan = ThreadedEngine(MODEL_ID, ScriptedRunner(echo, valve)), plan_of(count=2)
    rest = revive(engine, cut_after([], plan.json()))
    events = rest.events()
    valve.give(2)
    for _ in range(2):
        await anext(events)
    assert engine.state().running == 2
    if leave == "abandon":
        rest.abandon()
    else:
        assert await rest.last_words(None)
    assert engine.state().running == 0
    await events.aclose()
    valve.open()
    await engine.close()
