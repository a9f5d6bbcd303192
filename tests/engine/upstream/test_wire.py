"""The JSON that each kind of server gets."""

import json
from typing import Any

import pytest

from engine.upstream.fleet import MODEL, ask
from warung.engine.constraint import JsonSchema, Regex, Tool, ToolCalls
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams, ToolCall
from warung.engine.upstream.kind import Kind
from warung.engine.upstream.wire import body_of
from warung.errors import InvalidInput

ALL_SAMPLING = {Kind.VLLM, Kind.SGLANG, Kind.LLAMACPP, Kind.RAY}
WEATHER = Tool("weather", '{"type": "object", "properties": {"city": {"type": "string"}}}', "Tells it.")
CLOCK = Tool("clock", '{"type": "object"}')


def body(
    kind: Kind = Kind.UNKNOWN, request: GenerationRequest | None = None, **sampling: Any
) -> dict[str, Any]:
    fields: dict[str, Any] = {"max_tokens": 9, "temperature": 0.5, "seed": 3, **sampling}
    given = request or ask(sampling=SamplingParams(**fields))
    told = body_of(MODEL, given, kind)
    assert json.loads(json.dumps(told)) == told
    return told


def with_tools(*tools: Tool, **calls: Any) -> GenerationRequest:
    offered = calls.pop("offered", tools)
    sampling = SamplingParams(constraint=ToolCalls(tools, **calls))
    return ask(sampling=sampling, tools=offered)


def test_a_plain_request_asks_an_unknown_server_for_nothing_of_its_own() -> None:
    assert body() == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 1.0,
        "seed": 3,
    }
    assert body(Kind.WARUNG) == body()


@pytest.mark.parametrize("kind", sorted(ALL_SAMPLING))
def test_neutral_values_are_sent_where_the_server_has_other_defaults(kind: Kind) -> None:
    told = body(kind)
    repetition = "repeat_penalty" if kind is Kind.LLAMACPP else "repetition_penalty"
    fields = ("top_k", "min_p", "presence_penalty", "frequency_penalty", repetition)
    assert [told[field] for field in fields] == [-1, 0, 0, 0, 1]


@pytest.mark.parametrize("kind", sorted(Kind))
def test_every_sampling_field_under_the_name_it_has_there(kind: Kind) -> None:
    told = body(
        kind,
        top_p=0.9,
        top_k=40,
        min_p=0.1,
        presence_penalty=0.2,
        frequency_penalty=0.3,
        repetition_penalty=1.1,
        logit_bias={5: -100.0},
        stop=("END", "\n"),
        logprobs=3,
    )
    told["repetition_penalty"] = told.pop("repeat_penalty", None) or told.pop("repetition_penalty")
    expected = {
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "presence_penalty": 0.2,
        "frequency_penalty": 0.3,
        "repetition_penalty": 1.1,
        "logit_bias": {"5": -100.0},
        "stop": ["END", "\n"],
        "logprobs": True,
        "top_logprobs": 3,
    }
    assert told | expected == told


def test_greedy_is_temperature_zero_and_needs_no_seed() -> None:
    told = body(temperature=1e-300)
    assert told["temperature"] == 0
    assert "seed" not in told


def test_a_seed_fits_the_32_bits_of_llamacpp() -> None:
    assert body(Kind.VLLM, seed=2**63 - 1)["seed"] == 2**63 - 1
    assert body(Kind.LLAMACPP, seed=2**63 - 1)["seed"] == 2**31 - 1


def test_running_counts_and_token_ids_are_asked_for_where_they_are_known() -> None:
    counting = {kind for kind in Kind if body(kind)["stream_options"].get("continuous_usage_stats")}
    assert counting == {Kind.VLLM, Kind.SGLANG, Kind.RAY}
    assert {kind for kind in Kind if body(kind).get("return_token_ids")} == {Kind.VLLM}


def test_tenants_are_kept_apart_where_that_is_known() -> None:
    told = [body(kind, ask(tenant="sk-secret")).get("cache_salt") for kind in Kind]
    assert [kind for kind, salt in zip(Kind, told, strict=True) if salt] == [Kind.VLLM]
    assert "sk-secret" not in str(told)
    assert "cache_salt" not in body(Kind.VLLM, ask())


def test_llamacpp_tells_a_token_s_probability_beside_the_likeliest_only() -> None:
    assert [body(kind, logprobs=0)["top_logprobs"] for kind in (Kind.VLLM, Kind.LLAMACPP)] == [0, 1]


def test_a_begun_answer_is_the_last_message() -> None:
    told = body(request=ask("Count.", answer_prefix="One, two"))
    assert told["messages"] == [
        {"role": "user", "content": "Count."},
        {"role": "assistant", "content": "One, two"},
    ]
    assert (told["continue_final_message"], told["add_generation_prompt"]) == (True, False)


def test_a_schema_a_plain_object_and_a_pattern() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    told = body(constraint=JsonSchema(json.dumps(schema)))
    named = {"name": "answer", "schema": schema, "strict": True}
    assert told["response_format"] == {"type": "json_schema", "json_schema": named}
    told = body(constraint=JsonSchema('{"type": "object"}'))
    assert told["response_format"] == {"type": "json_object"}
    pattern = Regex("[0-9]+")
    assert body(Kind.VLLM, constraint=pattern)["structured_outputs"] == {"regex": "[0-9]+"}
    assert body(Kind.WARUNG, constraint=pattern)["structured_outputs"] == {"regex": "[0-9]+"}
    assert body(Kind.SGLANG, constraint=pattern)["regex"] == "[0-9]+"


def test_a_schema_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        body(constraint=JsonSchema("nope"))
    assert caught.value.field == "response_format"


@pytest.mark.parametrize(
    ("calls", "choice", "parallel"),
    [
        ({}, "auto", True),
        ({"several": False}, "auto", False),
        ({"required": True}, "required", True),
        ({"required": True, "several": False}, "required", False),
    ],
)
def test_how_tools_may_be_called(calls: dict[str, bool], choice: str, *, parallel: bool) -> None:
    told = body(request=with_tools(WEATHER, CLOCK, **calls))
    assert [tool["function"]["name"] for tool in told["tools"]] == ["weather", "clock"]
    assert told["tools"][0]["function"]["parameters"] == json.loads(WEATHER.parameters)
    assert (told["tool_choice"], told["parallel_tool_calls"]) == (choice, parallel)


def test_one_tool_that_must_be_called_is_named_among_all() -> None:
    told = body(request=with_tools(CLOCK, offered=(WEATHER, CLOCK), required=True, several=False))
    assert [tool["function"]["name"] for tool in told["tools"]] == ["weather", "clock"]
    assert told["tool_choice"] == {"type": "function", "function": {"name": "clock"}}


def test_calls_and_their_answers_are_messages() -> None:
    call = ToolCall("call_1", "clock", '{"zone": "WIB"}')
    messages = [
        ChatMessage("user", "What time?"),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", "12:00", tool_call_id="call_1"),
    ]
    told = body(request=GenerationRequest("r", messages, SamplingParams()))
    assert told["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "clock", "arguments": '{"zone": "WIB"}'},
                }
            ],
        },
        {"role": "tool", "content": "12:00", "tool_call_id": "call_1"},
    ]
