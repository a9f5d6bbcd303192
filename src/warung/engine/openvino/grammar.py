"""Constraints in OpenVINO GenAI's terms, whose grammar engine is XGrammar."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
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
from warung.engine.openvino.schema import NotEnforced, enforceable, require_enforceable
from warung.errors import InvalidInput


def structured_output(constraint: Constraint) -> StructuredOutputConfig:
    """Raises InvalidInput naming what would not be enforced."""
    match constraint:
        case JsonSchema(schema):
            return StructuredOutputConfig(json_schema=_schema(schema, "response_format"))
        case Regex(pattern):
            try:
                require_enforceable(pattern)
            except NotEnforced as reason:
                raise _not_enforced("structured_outputs", reason) from reason
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
    return StructuredOutputConfig.Tag(
        f'{TOOL_CALL_BEGIN}\n{{"name": {json.dumps(tool.name)}, "arguments": ',
        StructuredOutputConfig.JSONSchema(_schema(tool.parameters, "tools")),
        f"}}\n{TOOL_CALL_END}",
    )


def _schema(text: str, field: str) -> str:
    schema = json.loads(text)
    try:
        return json.dumps(enforceable({"type": "object", **schema} if field == "tools" else schema))
    except NotEnforced as reason:
        raise _not_enforced(field, reason) from reason


def _not_enforced(field: str, reason: NotEnforced) -> InvalidInput:
    return InvalidInput(
        f"{field}: the engine that runs this model can't enforce {reason}; leave it out and check the answer"
        " for it",
        field=field,
    )
