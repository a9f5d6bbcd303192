"""Requests of the OpenAI dialect; unknown fields are kept, to be refused by name."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _as_parts(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class ContentPart(BaseModel):
    """One part of a message; the kinds beside text are known so that they can be refused clearly."""

    model_config = ConfigDict(extra="allow")

    type: Literal["text", "image_url", "video_url", "input_audio", "file", "refusal"]
    text: str | None = None


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[list[ContentPart] | None, BeforeValidator(_as_parts)] = None


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class ChatCompletionRequest(BaseModel):
    """POST /v1/chat/completions (OpenAI API reference), plus warung's own `session_id`."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=2048)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Literal[1] | None = None
    user: Annotated[str, Field(max_length=256)] | None = None
    session_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _whole_characters(cls, value: Any) -> Any:
        """JSON can spell half a character ("\\ud83d"), which no tokenizer and no answer can hold."""
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half a character (a lone surrogate)") from None
        return value
