"""Constraints in OpenVINO GenAI's terms, whose grammar engine is XGrammar.

XGrammar passes over what it can't enforce, so a schema is let through only if all its keywords are
enforced.
"""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openvino_genai import StructuredOutputConfig

from warung.engine.constraint import (
    TOOL_CALL_BEGIN,
    TOOL_CALL_END,
    Constraint,
    JsonSchema,
    Regex,
    Tool,
    ToolCalls,
)
from warung.errors import InvalidInput

_SILENT = {
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
    "$comment",
}
_ENFORCED = {
    "type", "enum", "const", "anyOf", "$ref", "$defs", "definitions",
    "properties", "required", "additionalProperties",
    "items", "prefixItems", "minItems", "maxItems",
    "minLength", "maxLength", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip
_OF_SCHEMAS = {"properties", "$defs", "definitions"}  # keywords that hold schemas by name
_LISTS = {"anyOf", "prefixItems"}  # keywords that hold schemas in a row


def structured_output(constraint: Constraint) -> StructuredOutputConfig:
    """Raises InvalidInput naming a keyword that would not be enforced."""
    match constraint:
        case JsonSchema(schema):
            _require_enforced(json.loads(schema), "response_format")
            return StructuredOutputConfig(json_schema=schema)
        case Regex(pattern):
            return StructuredOutputConfig(regex=pattern)
        case ToolCalls():
            return _tool_calls(constraint)


def _tool_calls(calls: ToolCalls) -> StructuredOutputConfig:
    tags = [_tag(tool) for tool in calls.tools]
    if calls.required:
        shape: Any = StructuredOutputConfig.TagsWithSeparator(
            tags, "\n", at_least_one=True, stop_after_first=not calls.several
        )
    else:
        shape = StructuredOutputConfig.TriggeredTags(
            [TOOL_CALL_BEGIN], tags, stop_after_first=not calls.several
        )
    return StructuredOutputConfig(structural_tags_config=shape)


def _tag(tool: Tool) -> StructuredOutputConfig.Tag:
    schema = {"type": "object", **json.loads(tool.parameters)}
    _require_enforced(schema, "tools")
    return StructuredOutputConfig.Tag(
        f'{TOOL_CALL_BEGIN}\n{{"name": {json.dumps(tool.name)}, "arguments": ',
        StructuredOutputConfig.JSONSchema(json.dumps(schema)),
        f"}}\n{TOOL_CALL_END}",
    )


def _require_enforced(schema: Any, field: str) -> None:
    for keyword in _keywords(schema):
        if keyword not in _ENFORCED | _SILENT:
            raise InvalidInput(
                f"{field}: the engine that runs this model can't enforce the schema's {keyword!r};"
                " leave it out and check the answer for it",
                field=field,
            )


def _keywords(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        yield keyword
        if keyword in _OF_SCHEMAS and isinstance(value, Mapping):
            for part in value.values():
                yield from _keywords(part)
        elif keyword in _LISTS and isinstance(value, list):
            for part in value:
                yield from _keywords(part)
        elif keyword in {"items", "additionalProperties"}:
            yield from _keywords(value)
