"""From the OpenAI dialect to what an engine takes; every field is honoured here or refused by name."""

from typing import Any

from pydantic import BaseModel

from warung.engine.request import MAX_SEED, ChatMessage, SamplingParams
from warung.errors import InvalidInput
from warung.openai_api.schemas import ChatCompletionRequest, ContentPart, Message

_MAX_STOPS = 16
_MAX_STOP_CHARACTERS = 256  # the search for a stop's beginning looks at each of them at every token

# Fields of the dialect that this server can't honour yet, with the values that ask for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "frequency_penalty": (None, 0),
    "function_call": (None, "none"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "metadata": (None, {}),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "parallel_tool_calls": (None, True, False),
    "prediction": (None,),
    "presence_penalty": (None, 0),
    "prompt_cache_key": (None,),
    "prompt_cache_options": (None,),
    "prompt_cache_retention": (None,),
    "reasoning_effort": (None, "none"),
    "response_format": (None, {"type": "text"}),
    "safety_identifier": (None,),
    "service_tier": (None, "auto", "default"),
    "store": (None, False),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "verbosity": (None,),
    "web_search_options": (None,),
}

# A client that sends an answer back as it came sends these empty.
_NEUTRAL_IN_MESSAGE: dict[str, tuple[Any, ...]] = {
    "annotations": (None, []),
    "audio": (None,),
    "function_call": (None,),
    "name": (None,),
    "refusal": (None,),
    "tool_calls": (None, []),
}


def sampling_of(body: ChatCompletionRequest, *, max_tokens: int, temperature: float) -> SamplingParams:
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
    given: dict[str, Any] = {} if body.seed is None else {"seed": body.seed & MAX_SEED}
    return SamplingParams(
        max_tokens=body.max_completion_tokens or body.max_tokens or max_tokens,
        temperature=temperature if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        stop=tuple(stops),
        **given,
    )


def messages_of(body: ChatCompletionRequest) -> list[ChatMessage]:
    """The body's messages as text. Raises InvalidInput for what no text model can read."""
    return [_message(f"messages.{number}", message) for number, message in enumerate(body.messages)]


def _message(where: str, message: Message) -> ChatMessage:
    if message.role in {"tool", "function"}:
        raise InvalidInput(
            f"{where}.role: {message.role} messages are not supported by this server", field=f"{where}.role"
        )
    _refuse_extras(message, _NEUTRAL_IN_MESSAGE, where)
    if not message.content:
        raise InvalidInput(f"{where}.content must hold text", field=f"{where}.content")
    texts = [_text(f"{where}.content.{number}", part) for number, part in enumerate(message.content)]
    return ChatMessage("system" if message.role == "developer" else message.role, "".join(texts))


def _text(where: str, part: ContentPart) -> str:
    if part.type != "text":
        raise InvalidInput(
            f"{where}: the loaded model reads text only, not {part.type}; send the message as text",
            field=where,
        )
    _refuse_extras(part, {}, where)
    if part.text is None:
        raise InvalidInput(f"{where}.text is missing", field=f"{where}.text")
    return part.text


def refuse_unsupported(body: ChatCompletionRequest) -> None:
    """Raises InvalidInput naming the first field that this server doesn't know or can't honour."""
    _refuse_extras(body, _NEUTRAL, "")
    if body.stream_options and not body.stream:
        raise InvalidInput("stream_options needs stream: true", field="stream_options")


def _refuse_extras(model: BaseModel, neutral: dict[str, tuple[Any, ...]], where: str) -> None:
    for name, value in (model.model_extra or {}).items():
        field = f"{where}.{name}".lstrip(".")
        if name not in neutral:
            raise InvalidInput(f"{field} is not a field of this API", field=field, code="unknown_field")
        if value not in neutral[name]:
            raise InvalidInput(
                f"{field} is not supported by this server; leave it out",
                field=field,
                code="unsupported_field",
            )
