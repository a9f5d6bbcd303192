from typing import Any

import pytest

from warung.engine.constraint import Constraint, JsonSchema, Regex, Tool, ToolCalls
from warung.engine.features import ALL_FEATURES, Feature, features_of, require
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.errors import InvalidInput

NOW = Tool("now", "{}")
NEUTRAL: dict[str, Any] = {
    "top_k": 0,
    "min_p": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "repetition_penalty": 1,
    "logit_bias": {},
    "logprobs": None,
    "constraint": None,
}
WANTED: list[tuple[dict[str, Any], set[Feature]]] = [
    ({"top_k": 1}, {Feature.TOP_K}),
    ({"min_p": 0.1}, {Feature.MIN_P}),
    ({"presence_penalty": -0.5}, {Feature.PRESENCE_PENALTY}),
    ({"frequency_penalty": 0.5}, {Feature.FREQUENCY_PENALTY}),
    ({"repetition_penalty": 0.9}, {Feature.REPETITION_PENALTY}),
    ({"logit_bias": {1: 0}}, {Feature.LOGIT_BIAS}),
    ({"logprobs": 0}, {Feature.LOGPROBS}),
    ({"logprobs": 2}, {Feature.LOGPROBS, Feature.TOP_LOGPROBS}),
    ({"constraint": JsonSchema("{}")}, {Feature.JSON}),
    ({"constraint": Regex("a")}, {Feature.REGEX}),
    ({"top_k": 1, "min_p": 0.1}, {Feature.TOP_K, Feature.MIN_P}),
    (NEUTRAL, set()),
    ({"temperature": 2, "top_p": 0.5, "seed": 7, "stop": ("a",), "max_tokens": 5}, set()),
]


def asked(
    constraint: Constraint | None = None, tools: tuple[Tool, ...] = (), begun: str = "", **sampling: Any
) -> GenerationRequest:
    chosen = SamplingParams(constraint=constraint, **sampling)
    return GenerationRequest("r", [ChatMessage("user", "Halo")], chosen, begun, tools)


@pytest.mark.parametrize(("sampling", "features"), WANTED)
def test_what_asks_for_something_needs_its_feature(sampling: dict[str, Any], features: set[Feature]) -> None:
    assert features_of(asked(**sampling)) == features


def test_tools_and_continued_answers_need_theirs() -> None:
    assert features_of(asked(ToolCalls((NOW,)), (NOW,))) == {Feature.TOOLS}
    assert features_of(asked(begun="One")) == {Feature.CONTINUATION}


def test_every_feature_can_be_asked_for() -> None:
    wanted = {feature for _, features in WANTED for feature in features}
    assert wanted | {Feature.TOOLS, Feature.CONTINUATION} == ALL_FEATURES


@pytest.mark.parametrize("feature", sorted(ALL_FEATURES - {Feature.TOOLS, Feature.CONTINUATION}))
def test_what_is_not_offered_is_refused_by_the_fields_name(feature: Feature) -> None:
    sampling = next(sampling for sampling, features in WANTED if feature in features)
    with pytest.raises(InvalidInput, match=f"^{feature} is not supported") as refusal:
        require(ALL_FEATURES - {feature}, asked(**sampling))
    assert (refusal.value.field, refusal.value.code) == (feature.value, "unsupported_field")


def test_what_is_offered_passes() -> None:
    everything = asked(ToolCalls((NOW,)), (NOW,), "One", top_k=1, min_p=0.1, logprobs=2)
    require(features_of(everything), everything)
    with pytest.raises(InvalidInput):
        require((), everything)
