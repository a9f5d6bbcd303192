"""What an engine can do beyond plain text, so that nothing asked for is ever silently left out."""

from collections.abc import Collection
from enum import StrEnum

from warung.engine.constraint import JsonSchema, Regex
from warung.engine.request import GenerationRequest
from warung.errors import InvalidInput


class Feature(StrEnum):
    """Named as the API's field that asks for it."""

    TOP_K = "top_k"
    MIN_P = "min_p"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    REPETITION_PENALTY = "repetition_penalty"
    LOGIT_BIAS = "logit_bias"
    LOGPROBS = "logprobs"
    TOP_LOGPROBS = "top_logprobs"
    JSON = "response_format"
    REGEX = "structured_outputs"
    TOOLS = "tools"
    CONTINUATION = "continue_final_message"


ALL_FEATURES = frozenset(Feature)


def features_of(request: GenerationRequest) -> set[Feature]:
    """What the request needs its engine to be able to do."""
    sampling = request.sampling
    asked = {
        Feature.TOP_K: sampling.top_k > 0,
        Feature.MIN_P: sampling.min_p > 0,
        Feature.PRESENCE_PENALTY: sampling.presence_penalty != 0,
        Feature.FREQUENCY_PENALTY: sampling.frequency_penalty != 0,
        Feature.REPETITION_PENALTY: sampling.repetition_penalty != 1,
        Feature.LOGIT_BIAS: bool(sampling.logit_bias),
        Feature.LOGPROBS: sampling.logprobs is not None,
        Feature.TOP_LOGPROBS: bool(sampling.logprobs),
        Feature.JSON: isinstance(sampling.constraint, JsonSchema),
        Feature.REGEX: isinstance(sampling.constraint, Regex),
        Feature.TOOLS: bool(request.tools),
        Feature.CONTINUATION: bool(request.answer_prefix),
    }
    return {feature for feature, is_asked in asked.items() if is_asked}


def require(offered: Collection[Feature], request: GenerationRequest) -> None:
    """Raises InvalidInput naming the first field that the engine can't honour."""
    for feature in sorted(features_of(request)):
        if feature not in offered:
            raise InvalidInput(
                f"{feature} is not supported by the engine that runs this model; leave it out",
                field=feature,
                code="unsupported_field",
            )
