from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from openai_api.asked import request
from warung.engine.constraint import Regex
from warung.engine.request import MAX_SEED, SamplingParams
from warung.errors import InvalidInput
from warung.openai_api.schemas import ChatCompletionRequest
from warung.openai_api.translation import refuse_unsupported, sampling_of

REFUSED: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "function_call": "auto",
    "functions": [{"name": "f"}],
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "m"},
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "high",
    "safety_identifier": "s",
    "service_tier": "flex",
    "store": True,
    "verbosity": "low",
    "web_search_options": {},
}
NEUTRAL: dict[str, list[Any]] = {
    "function_call": ["none"],
    "functions": [[]],
    "metadata": [{}],
    "modalities": [["text"]],
    "reasoning_effort": ["none"],
    "service_tier": ["auto", "default"],
    "store": [False],
}


def sampling(**fields: Any) -> SamplingParams:
    return sampling_of(request(**fields), max_tokens=77, temperature=0.3)


def test_every_field_that_the_official_client_can_send_is_decided_on() -> None:
    sent = (
        set(CompletionCreateParamsBase.__annotations__)
        | set(CompletionCreateParamsNonStreaming.__annotations__)
        | set(CompletionCreateParamsStreaming.__annotations__)
    )
    honoured = set(ChatCompletionRequest.model_fields)
    assert honoured.isdisjoint(REFUSED)
    assert sent <= honoured | set(REFUSED)
    assert set(REFUSED) <= sent


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


def test_every_sampling_field_reaches_the_engine() -> None:
    as_they_are = {
        "top_p": 0.5,
        "top_k": 40,
        "min_p": 0.1,
        "presence_penalty": -1.5,
        "frequency_penalty": 1.5,
        "repetition_penalty": 1.1,
    }
    chosen = sampling_of(
        request(**as_they_are, logit_bias={"7": -3.5}, logprobs=True, top_logprobs=3),
        max_tokens=77,
        temperature=0.3,
        constraint=Regex("a"),
    )
    assert {name: getattr(chosen, name) for name in as_they_are} == as_they_are
    assert (dict(chosen.logit_bias), chosen.logprobs, chosen.constraint) == ({7: -3.5}, 3, Regex("a"))


@pytest.mark.parametrize("field", ["presence_penalty", "frequency_penalty", "logit_bias", "top_p", "min_p"])
def test_a_field_that_is_null_is_left_out(field: str) -> None:
    assert sampling(seed=7, **{field: None}) == sampling(seed=7)


@pytest.mark.parametrize("top_k", [None, 0, -1])
def test_both_words_for_all_tokens(top_k: int | None) -> None:
    assert sampling(top_k=top_k).top_k == 0


@pytest.mark.parametrize(
    ("fields", "logprobs"),
    [
        ({}, None),
        ({"logprobs": False}, None),
        ({"logprobs": False, "top_logprobs": 0}, None),
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 20}, 20),
    ],
)
def test_how_many_likeliest_tokens_are_told(fields: dict[str, Any], logprobs: int | None) -> None:
    assert sampling(**fields).logprobs == logprobs


@pytest.mark.parametrize("logprobs", [None, False])
def test_top_logprobs_need_logprobs(logprobs: bool | None) -> None:
    with pytest.raises(InvalidInput) as refusal:
        sampling(logprobs=logprobs, top_logprobs=2)
    assert refusal.value.field == "top_logprobs"


@pytest.mark.parametrize(("field", "value"), [("top_p", 1e-9), ("repetition_penalty", 1e-9)])
def test_what_the_engine_cannot_count_with_is_named(field: str, value: float) -> None:
    with pytest.raises(InvalidInput) as refusal:
        sampling(**{field: value})
    assert refusal.value.field == field


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


def test_stream_options_need_a_stream() -> None:
    refuse_unsupported(request(stream=True, stream_options={"include_usage": True}))
    with pytest.raises(InvalidInput) as refusal:
        refuse_unsupported(request(stream_options={"include_usage": True}))
    assert refusal.value.field == "stream_options"
