"""Requests of the OpenAI dialect; unknown fields are kept, to be refused by name."""

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from warung.engine.request import MAX_TOP_K, MOST_REPETITION_PENALTY
from warung.openai_api.nesting import MAX_LEVELS, is_too_deep

MAX_CHOICES = 16
MAX_TOOLS = 128
MAX_PATTERN_CHARACTERS = 2000
FUNCTION_NAME = r"^[a-zA-Z0-9_.-]{1,64}$"


def _as_parts(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _in_a_word(rule: str) -> WrapValidator:
    """One error at the field itself, where Pydantic's would name the branches of a union or a key's kind."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(rule) from None

    return WrapValidator(validate)


class ContentPart(BaseModel):
    """One part of a message; the kinds beside text are known so that they can be refused clearly."""

    model_config = ConfigDict(extra="allow")

    type: Literal["text", "image_url", "video_url", "input_audio", "file", "refusal"]
    text: str | None = None


class FunctionCall(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=FUNCTION_NAME)]
    arguments: str
    parsed_arguments: Any = None  # openai-python's helpers add them to a call, and send it back so


class ToolCall(BaseModel):
    """A call that the model made in an earlier turn."""

    model_config = ConfigDict(extra="forbid")

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall
    index: int | None = None  # a client that gathers a stream's deltas may send it back


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[list[ContentPart] | None, BeforeValidator(_as_parts)] = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    parsed: Any = None  # likewise: the content once more


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class FunctionDefinition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=FUNCTION_NAME)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None  # arguments always follow their schema here


class ToolDefinition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["function"]
    function: FunctionDefinition


class FunctionName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


class NamedTool(BaseModel):
    """A tool_choice that names the function to call."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"]
    function: FunctionName


ToolChoice = Annotated[
    Literal["none", "auto", "required"] | NamedTool,
    _in_a_word("must be none, auto or required, or name one function"),
]
LogitBias = Annotated[
    dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=-100, le=100)]],
    _in_a_word("must hold a bias between -100 and 100 for each token's number"),
]


class NamedSchema(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")] = Field(default_factory=dict[str, Any])
    strict: bool | None = None  # the answer always follows its schema here


class ResponseFormat(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema comes with type json_schema, and only there")
        return self


class StructuredOutputs(BaseModel):
    """vLLM's field for shapes that OpenAI's dialect lacks."""

    model_config = ConfigDict(extra="forbid")

    regex: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS)]


class ChatCompletionRequest(BaseModel):
    """POST /v1/chat/completions (OpenAI API reference), with the fields that vLLM and others add to it, plus
    warung's own `session_id`."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=2048)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=MAX_TOP_K)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=MOST_REPETITION_PENALTY)] | None = None
    logit_bias: LogitBias | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    tools: Annotated[list[ToolDefinition], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    continue_final_message: bool | None = None
    add_generation_prompt: bool | None = None
    user: Annotated[str, Field(max_length=256)] | None = None
    session_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        """JSON can spell half a character ("\\ud83d"), which no tokenizer and no answer can hold."""
        if is_too_deep(value):
            raise ValueError(f"more than {MAX_LEVELS} objects and lists are within each other")
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half a character (a lone surrogate)") from None
        return value
