import math

import pytest

from warung.engine.request import MAX_SEED, SamplingParams
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
