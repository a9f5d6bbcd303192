"""What software an upstream server is, and what it can do; knows no request and no connection."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from warung.engine.features import ALL_FEATURES, Feature


class Kind(StrEnum):
    """The values are what its models' `owned_by` says in GET /v1/models."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMACPP = "llamacpp"
    WARUNG = "warung"
    RAY = "organization-owner"  # Ray Serve LLM, over vLLM or SGLang; others say that too
    UNKNOWN = ""

    @property
    def reads_all_sampling(self) -> bool:
        """Whether it has every sampling field, with defaults of its own where one is left out: those of the
        model's generation_config.json, or llama.cpp's."""
        return self in {Kind.VLLM, Kind.SGLANG, Kind.LLAMACPP, Kind.RAY}

    @property
    def counts_as_it_goes(self) -> bool:
        """Whether it has `stream_options.continuous_usage_stats`."""
        return self in {Kind.VLLM, Kind.SGLANG, Kind.RAY}


OPENAI_FEATURES = frozenset(
    {
        Feature.PRESENCE_PENALTY,
        Feature.FREQUENCY_PENALTY,
        Feature.LOGIT_BIAS,
        Feature.LOGPROBS,
        Feature.TOP_LOGPROBS,
        Feature.JSON,
        Feature.TOOLS,
    }
)

# llama.cpp takes grammars of its own and no patterns; behind Ray the pattern's field depends on the engine.
_FEATURES = {
    Kind.VLLM: ALL_FEATURES,
    Kind.SGLANG: ALL_FEATURES,
    Kind.RAY: ALL_FEATURES - {Feature.REGEX},
    Kind.LLAMACPP: ALL_FEATURES - {Feature.REGEX},
    Kind.UNKNOWN: OPENAI_FEATURES,
}


def kind_of(model: Mapping[str, Any]) -> Kind:
    """From a model object of GET /v1/models."""
    owner = model.get("owned_by")
    if owner == Kind.RAY and "max_request_context_length" not in (model.get("metadata") or {}):
        return Kind.UNKNOWN
    return Kind(owner) if owner in set(Kind) else Kind.UNKNOWN


def features_of_model(model: Mapping[str, Any]) -> frozenset[Feature]:
    """What the server of this model object can do; a warung says it there itself."""
    kind = kind_of(model)
    if kind is not Kind.WARUNG:
        return _FEATURES[kind]
    own: Mapping[str, Any] = model.get("warung") or {}
    return frozenset(feature for feature in Feature if feature in own.get("features", ()))
