import math

import pytest

from warung.engine.request import MAX_SEED, MAX_TOP_K, MOST_REPETITION_PENALTY, SamplingParams
from warung.errors import InvalidInput


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_p", 0.0),
        ("top_p", 1e-300),
        ("top_p", 1e-9),
        ("top_p", 1.01),
        ("top_p", math.nan),
        ("seed", -1),
        ("seed", MAX_SEED + 1),
        ("stop", ("a", "")),
        ("top_k", -1),
        ("top_k", MAX_TOP_K + 1),
        ("min_p", -0.1),
        ("min_p", 1.1),
        ("min_p", math.nan),
        ("presence_penalty", 2.1),
        ("frequency_penalty", -2.1),
        ("frequency_penalty", math.nan),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", MOST_REPETITION_PENALTY + 0.1),
        ("logit_bias", {-1: 0.0}),
        ("logit_bias", {1: 100.1}),
        ("logit_bias", {1: 0.0, 2: math.nan}),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=rf"^{field} must ") as caught:
        SamplingParams(**{field: value})  # pyright: ignore[reportArgumentType]
    assert caught.value.field == field


@pytest.mark.parametrize(
    "values",
    [
        {"max_tokens": 1},
        {"temperature": 0},
        {"temperature": 2.0},
        {"top_p": 1e-6},
        {"top_p": 1},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"stop": ("a", "\n")},
        {"top_k": 0},
        {"top_k": MAX_TOP_K},
        {"min_p": 0},
        {"min_p": 1},
        {"presence_penalty": -2, "frequency_penalty": 2},
        {"repetition_penalty": 0.01},
        {"repetition_penalty": MOST_REPETITION_PENALTY},
        {"logit_bias": {0: -100, 1: 100}},
        {"logprobs": 0},
        {"logprobs": 20},
    ],
)
def test_the_bounds_themselves_are_allowed(values: dict[str, object]) -> None:
    sampling = SamplingParams(**values)  # pyright: ignore[reportArgumentType]
    assert {name: getattr(sampling, name) for name in values} == values


@pytest.mark.parametrize(("temperature", "greedy"), [(0, True), (1e-300, True), (1e-4, False), (1, False)])
def test_a_temperature_too_small_to_divide_by_is_greedy(temperature: float, greedy: bool) -> None:
    assert SamplingParams(temperature=temperature).greedy is greedy


def test_a_request_without_a_seed_gets_one_of_its_own() -> None:
    seeds = {SamplingParams().seed for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


@pytest.mark.parametrize("logprobs", [-1, 21])
def test_a_wrong_number_of_logprobs_is_named_as_the_dialects_field(logprobs: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        SamplingParams(logprobs=logprobs)
    assert caught.value.field == "top_logprobs"


@pytest.mark.parametrize(
    ("penalties", "penalised"),
    [
        ({}, False),
        ({"presence_penalty": 0, "frequency_penalty": 0, "repetition_penalty": 1}, False),
        ({"presence_penalty": -1}, True),
        ({"frequency_penalty": 1}, True),
        ({"repetition_penalty": 0.9}, True),
    ],
)
def test_a_penalty_at_its_neutral_value_is_none(penalties: dict[str, float], penalised: bool) -> None:
    assert SamplingParams(**penalties).penalised is penalised  # pyright: ignore[reportArgumentType]
