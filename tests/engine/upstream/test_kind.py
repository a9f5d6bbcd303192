from typing import Any

import pytest

from warung.engine.features import ALL_FEATURES, Feature
from warung.engine.upstream.kind import OPENAI_FEATURES, Kind, features_of_model, kind_of

RAY = {"owned_by": "organization-owner", "metadata": {"max_request_context_length": 4096}}


@pytest.mark.parametrize(
    ("model", "kind", "features"),
    [
        ({"owned_by": "vllm"}, Kind.VLLM, ALL_FEATURES),
        ({"owned_by": "sglang"}, Kind.SGLANG, ALL_FEATURES),
        ({"owned_by": "llamacpp"}, Kind.LLAMACPP, ALL_FEATURES - {Feature.REGEX}),
        (RAY, Kind.RAY, ALL_FEATURES - {Feature.REGEX}),
        ({"owned_by": "organization-owner"}, Kind.UNKNOWN, OPENAI_FEATURES),
        ({"owned_by": "system"}, Kind.UNKNOWN, OPENAI_FEATURES),
        ({"owned_by": None}, Kind.UNKNOWN, OPENAI_FEATURES),
        ({}, Kind.UNKNOWN, OPENAI_FEATURES),
        ({"owned_by": "warung"}, Kind.WARUNG, frozenset[Feature]()),
        (
            {"owned_by": "warung", "warung": {"features": ["top_k", "a later one"]}},
            Kind.WARUNG,
            frozenset({Feature.TOP_K}),
        ),
    ],
)
def test_what_a_model_object_tells(model: dict[str, Any], kind: Kind, features: frozenset[Feature]) -> None:
    assert (kind_of(model), features_of_model(model)) == (kind, features)


def test_only_openai_s_own_fields_are_taken_for_granted() -> None:
    own = {
        Feature.TOP_K,
        Feature.MIN_P,
        Feature.REPETITION_PENALTY,
        Feature.REGEX,
        Feature.CONTINUATION,
    }
    assert own == ALL_FEATURES - OPENAI_FEATURES
