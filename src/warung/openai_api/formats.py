"""The shape that a request wants its answer in: from the dialect's fields to an engine's constraint."""

import json
from typing import Any

from warung.engine.constraint import Constraint, JsonSchema, Regex, Tool, ToolCalls
from warung.errors import InvalidInput
from warung.openai_api.schemas import ChatCompletionRequest, FunctionDefinition, NamedTool

_ANY_OBJECT = '{"type": "object"}'
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_MAX_SCHEMA_CHARACTERS = 100_000


def tools_of(body: ChatCompletionRequest) -> tuple[Tool, ...]:
    """The tools that the model is told of. Raises InvalidInput when tool_choice names another."""
    tools = tuple(
        Tool(
            given.function.name,
            _schema(_parameters(given.function), f"tools.{number}.function.parameters"),
            given.function.description or "",
        )
        for number, given in enumerate(body.tools or ())
    )
    names = [tool.name for tool in tools]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InvalidInput(f"two tools are named {name!r}", field=f"tools.{number}.function.name")
    if not tools and (body.tool_choice == "required" or isinstance(body.tool_choice, NamedTool)):
        raise InvalidInput("tool_choice asks for a call, and tools is empty", field="tool_choice")
    if isinstance(body.tool_choice, NamedTool) and body.tool_choice.function.name not in names:
        raise InvalidInput(
            f"tool_choice names {body.tool_choice.function.name!r}, which is not among the tools",
            field="tool_choice.function.name",
        )
    return () if body.tool_choice == "none" else tools


def constraint_of(body: ChatCompletionRequest, tools: tuple[Tool, ...]) -> Constraint | None:
    """Raises InvalidInput for fields that ask for two shapes at once."""
    shapes = {
        "response_format": _format_of(body),
        "structured_outputs": Regex(body.structured_outputs.regex) if body.structured_outputs else None,
        "tools": _calls_of(body, tools),
    }
    asked = {name: shape for name, shape in shapes.items() if shape}
    if len(asked) > 1:
        first, second = sorted(asked)[:2]
        raise InvalidInput(
            f"{first} and {second} ask for two shapes of one answer; send one",
            field=second,
            code="unsupported_field",
        )
    return next(iter(asked.values()), None)


def _format_of(body: ChatCompletionRequest) -> JsonSchema | None:
    wanted = body.response_format
    if wanted is None or wanted.type == "text":
        return None
    if wanted.json_schema is None:
        return JsonSchema(_ANY_OBJECT)
    return JsonSchema(_schema(wanted.json_schema.schema_, "response_format.json_schema.schema"))


def _calls_of(body: ChatCompletionRequest, tools: tuple[Tool, ...]) -> ToolCalls | None:
    if not tools:
        return None
    several = body.parallel_tool_calls is not False
    if isinstance(body.tool_choice, NamedTool):
        name = body.tool_choice.function.name
        return ToolCalls(tuple(tool for tool in tools if tool.name == name), required=True, several=False)
    return ToolCalls(tools, required=body.tool_choice == "required", several=several)


def _parameters(function: FunctionDefinition) -> dict[str, Any]:
    """A function whose parameters are left out has none."""
    return _NO_PARAMETERS if function.parameters is None else function.parameters


def _schema(schema: object, field: str) -> str:
    try:
        text = json.dumps(schema, allow_nan=False)
    except ValueError:
        raise InvalidInput(f"{field} holds a number that JSON doesn't have", field=field) from None
    if len(text) > _MAX_SCHEMA_CHARACTERS:
        raise InvalidInput(
            f"{field} may have at most {_MAX_SCHEMA_CHARACTERS} characters of JSON", field=field
        )
    return text
