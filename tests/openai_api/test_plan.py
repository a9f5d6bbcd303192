import json

import pytest

from warung.engine.constraint import Constraint, JsonSchema, Regex, Tool, ToolCalls
from warung.engine.request import MAX_SEED, ChatMessage, GenerationRequest, SamplingParams, ToolCall, Usage
from warung.openai_api.plan import CompletionPlan

NOW = Tool("now", '{"type": "object"}', "the time")


def plan_of(constraint: Constraint | None = None) -> CompletionPlan:
    messages = [
        ChatMessage("user", "Halo 🙂\n"),
        ChatMessage("assistant", "", (ToolCall("call_1", "now", "{}"),)),
        ChatMessage("tool", "12:00", tool_call_id="call_1"),
    ]
    sampling = SamplingParams(
        temperature=0.1,
        seed=MAX_SEED,
        logit_bias={7: -1.5},
        logprobs=2,
        stop=("a", "b"),
        constraint=constraint,
    )
    request = GenerationRequest("chatcmpl-1", messages, sampling, "Pukul", (NOW,), tenant="ani")
    return CompletionPlan(request, "m", "session-1", 1_800_000_000, 3, include_usage=True)


@pytest.mark.parametrize(
    "constraint",
    [None, JsonSchema('{"type": "object"}'), Regex("a+"), ToolCalls((NOW,), required=True, several=False)],
)
def test_a_plan_comes_back_as_it_was(constraint: Constraint | None) -> None:
    plan = plan_of(constraint)
    assert CompletionPlan.from_json(plan.json()) == plan


def test_a_seed_that_nobody_gave_is_fixed_in_it() -> None:
    plan = CompletionPlan(GenerationRequest("chatcmpl-1", [], SamplingParams()), "m", "session-1", 0)
    again = CompletionPlan.from_json(plan.json())
    assert again.request.sampling.seed == plan.request.sampling.seed


@pytest.mark.parametrize("text", ["", "{}", '{"kind": "answer"}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="CompletionPlan"):
        CompletionPlan.from_json(text)


def test_a_plan_says_its_kind_and_writes_its_own_chunks() -> None:
    plan = plan_of()
    assert json.loads(plan.json())["kind"] == "completion"
    chunk = json.loads(plan.writer.opening())
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-1", 1_800_000_000, "m")
    assert len(plan.writer.end(Usage(1, 1))) == 2
    assert chunk["warung"] == {"session_id": "session-1"}
