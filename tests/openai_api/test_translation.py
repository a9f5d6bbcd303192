from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import ValidationError

from warung.engine.request import MAX_SEED, ChatMessage, SamplingParams
from warung.errors import InvalidInput
from warung.openai_api.schemas import ChatCompletionRequest
from warung.openai_api.translation import messages_of, refuse_unsupported, sampling_of

HONOURED = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "n",
    "user",
}
REFUSED: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "function_call": "auto",
    "functions": [{"name": "f"}],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "m"},
    "parallel_tool_calls": "perhaps",
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": -0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "high",
    "response_format": {"type": "json_object"},
    "safety_identifier": "s",
    "service_tier": "flex",
    "store": True,
    "tool_choice": "required",
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "top_logprobs": 5,
    "verbosity": "low",
    "web_search_options": {},
}
NEUTRAL: dict[str, list[Any]] = {
    "frequency_penalty": [0, 0.0],
    "function_call": ["none"],
    "functions": [[]],
    "logit_bias": [{}],
    "logprobs": [False],
    "metadata": [{}],
    "modalities": [["text"]],
    "parallel_tool_calls": [True, False],
    "presence_penalty": [0],
    "response_format": [{"type": "text"}],
    "service_tier": ["auto", "default"],
    "store": [False],
    "tool_choice": ["none", "auto"],
    "tools": [[]],
    "top_logprobs": [0],
}


def request(**fields: Any) -> ChatCompletionRequest:
    given_fields = {"model": "m", "messages": [{"role": "user", "content": "Halo"}], **fields}
    return ChatCompletionRequest.model_validate(given_fields)


def sampling(**fields: Any) -> SamplingParams:
    return sampling_of(request(**fields), max_tokens=77, temperature=0.3)


def messages(*given_messages: dict[str, Any]) -> list[ChatMessage]:
    return messages_of(request(messages=list(given_messages)))


def test_every_field_that_the_official_client_can_send_is_decided_on() -> None:
    sent = (
        set(CompletionCreateParamsBase.__annotations__)
        | set(CompletionCreateParamsNonStreaming.__annotations__)
        | set(CompletionCreateParamsStreaming.__annotations__)
    )
    assert sent == HONOURED | set(REFUSED)


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_is_not_supported_is_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field} is not supported") as refusal:
        refuse_unsupported(request(**{field: REFUSED[field]}))
    assert (refusal.value.field, refusal.value.code) == (field, "unsupported_field")


@pytest.mark.parametrize("field", REFUSED)
def test_a_value_that_asks_for_nothing_passes(field: str) -> None:
    for value in [None, *NEUTRAL.get(field, [])]:
        refuse_unsupported(request(**{field: value}))


def test_an_unknown_field_is_refused_even_when_empty() -> None:
    with pytest.raises(InvalidInput) as refusal:
        refuse_unsupported(request(temprature=None))
    assert (refusal.value.field, refusal.value.code) == ("temprature", "unknown_field")


def test_what_is_left_out_is_the_servers_choice() -> None:
    chosen = sampling()
    assert (chosen.max_tokens, chosen.temperature, chosen.top_p, chosen.stop) == (77, 0.3, 1.0, ())
    assert sampling().seed != chosen.seed


def test_what_is_given_is_honoured() -> None:
    chosen = sampling(max_tokens=5, temperature=0, top_p=0.5, stop=["a", "b"], seed=7, n=1)
    assert chosen == SamplingParams(max_tokens=5, temperature=0, top_p=0.5, seed=7, stop=("a", "b"))
    assert sampling(stop="a").stop == ("a",)


def test_both_names_of_the_length_limit() -> None:
    assert sampling(max_completion_tokens=9).max_tokens == 9
    assert sampling(max_completion_tokens=9, max_tokens=9).max_tokens == 9
    with pytest.raises(InvalidInput) as refusal:
        sampling(max_completion_tokens=9, max_tokens=8)
    assert refusal.value.field == "max_tokens"


@pytest.mark.parametrize("stop", [["x"] * 17, "x" * 257, ["ok", "x" * 257], "", ["ok", ""]])
def test_stop_strings_have_limits(stop: str | list[str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        sampling(stop=stop)
    assert refusal.value.field == "stop"


def test_stop_strings_up_to_the_limits() -> None:
    assert sampling(stop=["x" * 256] * 16).stop == ("x" * 256,) * 16


@given(st.integers())
def test_any_integer_is_a_seed_and_always_the_same_one(seed: int) -> None:
    assert 0 <= sampling(seed=seed).seed <= MAX_SEED
    assert sampling(seed=seed).seed == sampling(seed=seed).seed


def test_negative_seeds_differ() -> None:
    assert len({sampling(seed=seed).seed for seed in (-1, -2, 1, 2)}) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 3),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 0),
        ("top_p", 1.1),
        ("max_tokens", 0),
        ("max_completion_tokens", -1),
        ("max_tokens", 2.5),
        ("n", 2),
        ("seed", "x"),
        ("stop", 5),
        ("stop", [5]),
        ("user", 5),
        ("stream", "sometimes"),
        ("session_id", 5),
        ("messages", []),
        ("messages", "Halo"),
    ],
)
def test_a_value_out_of_range_names_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        request(**{field: value})
    assert {error["loc"][0] for error in refusal.value.errors()} == {field}


@pytest.mark.parametrize("options", [{"include_usage": True, "more": 1}, {"include_obfuscation": True}])
def test_unknown_stream_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refusal:
        request(stream=True, stream_options=options)
    assert refusal.value.errors()[0]["loc"][0] == "stream_options"


def test_stream_options_need_a_stream() -> None:
    refuse_unsupported(request(stream=True, stream_options={"include_usage": True}))
    with pytest.raises(InvalidInput) as refusal:
        refuse_unsupported(request(stream_options={"include_usage": True}))
    assert refusal.value.field == "stream_options"


def test_messages_become_text() -> None:
    parts = [{"type": "text", "text": "Selamat "}, {"type": "text", "text": "pagi"}]
    assert messages(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": ""},
    ) == [
        ChatMessage("system", "Be brief."),
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "Selamat pagi"),
        ChatMessage("assistant", ""),
    ]


def test_an_answer_of_the_official_client_can_be_sent_back() -> None:
    answer = ChatCompletionMessage(role="assistant", content="Halo juga")
    for sent in (answer.model_dump(), answer.model_dump(exclude_unset=True)):
        assert messages(sent) == [ChatMessage("assistant", "Halo juga")]


@pytest.mark.parametrize("kind", ["image_url", "video_url", "input_audio", "file", "refusal"])
def test_a_part_that_is_not_text_is_named(kind: str) -> None:
    image = {"type": kind, kind: {"url": "https://example.com/a.png"}}
    text = {"type": "text", "text": "What is this?"}
    with pytest.raises(InvalidInput, match=f"text only, not {kind}") as refusal:
        messages({"role": "user", "content": "a"}, {"role": "user", "content": [text, image]})
    assert refusal.value.field == "messages.1.content.1"


WRONG_MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"role": "tool", "content": "4", "tool_call_id": "c"}, "messages.0.role"),
    ({"role": "function", "content": "4", "name": "f"}, "messages.0.role"),
    ({"role": "user", "content": "a", "name": "Budi"}, "messages.0.name"),
    ({"role": "user", "content": "a", "colour": None}, "messages.0.colour"),
    ({"role": "assistant", "content": "a", "tool_calls": [{"id": "c"}]}, "messages.0.tool_calls"),
    ({"role": "assistant", "refusal": "No."}, "messages.0.refusal"),
    ({"role": "user"}, "messages.0.content"),
    ({"role": "user", "content": None}, "messages.0.content"),
    ({"role": "user", "content": []}, "messages.0.content"),
    ({"role": "user", "content": [{"type": "text"}]}, "messages.0.content.0.text"),
    (
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]},
        "messages.0.content.0.cache_control",
    ),
]


@pytest.mark.parametrize(("message", "field"), WRONG_MESSAGES)
def test_what_a_message_may_not_hold_is_named(message: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages(message)
    assert refusal.value.field == field
