"""From the OpenAI dialect's sampling fields to an engine's; every field is honoured or refused by name."""

from typing import Any

from warung.engine.constraint import Constraint
from warung.engine.request import MAX_SEED, SamplingParams
from warung.errors import InvalidInput
from warung.openai_api.extras import refuse_extras
from warung.openai_api.schemas import ChatCompletionRequest

_MAX_STOPS = 16
_MAX_STOP_CHARACTERS = 256  # the search for a stop's beginning looks at each of them at every token

# Fields of the dialect that this server can't honour yet, with the values that ask for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "function_call": (None, "none"),
    "functions": (None, []),
    "metadata": (None, {}),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "prediction": (None,),
    "prompt_cache_key": (None,),
    "prompt_cache_options": (None,),
    "prompt_cache_retention": (None,),
    "reasoning_effort": (None, "none"),
    "safety_identifier": (None,),
    "service_tier": (None, "auto", "default"),
    "store": (None, False),
    "verbosity": (None,),
    "web_search_options": (None,),
}

_AS_THEY_ARE = (
    "top_p",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logit_bias",
)


def sampling_of(
    body: ChatCompletionRequest,
    *,
    max_tokens: int,
    temperature: float,
    constraint: Constraint | None = None,
) -> SamplingParams:
    """The body's sampling fields, completed by the server's defaults. Raises InvalidInput."""
    if body.max_tokens and body.max_completion_tokens and body.max_tokens != body.max_completion_tokens:
        raise InvalidInput(
            "max_tokens and max_completion_tokens differ; send max_completion_tokens alone",
            field="max_tokens",
        )
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    if len(stops) > _MAX_STOPS:
        raise InvalidInput(f"stop may hold at most {_MAX_STOPS} strings, not {len(stops)}", field="stop")
    if any(len(stop) > _MAX_STOP_CHARACTERS for stop in stops):
        raise InvalidInput(f"a stop string may have at most {_MAX_STOP_CHARACTERS} characters", field="stop")
    if body.top_logprobs is not None and not body.logprobs and body.top_logprobs:
        raise InvalidInput("top_logprobs needs logprobs: true", field="top_logprobs")
    given: dict[str, Any] = {
        name: value for name in _AS_THEY_ARE if (value := getattr(body, name)) is not None
    }
    if body.seed is not None:
        given["seed"] = body.seed & MAX_SEED
    return SamplingParams(
        max_tokens=body.max_completion_tokens or body.max_tokens or max_tokens,
        temperature=temperature if body.temperature is None else body.temperature,
        top_k=max(0, body.top_k or 0),  # -1 is the dialect's other word for all
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        stop=tuple(stops),
        constraint=constraint,
        **given,
    )


def refuse_unsupported(body: ChatCompletionRequest) -> None:
    """Raises InvalidInput naming the first field that this server doesn't know or can't honour."""
    refuse_extras(body, _NEUTRAL, "")
    if body.stream_options and not body.stream:
        raise InvalidInput("stream_options needs stream: true", field="stream_options")
