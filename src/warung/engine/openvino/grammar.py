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
from warung.engine.openvino.characters import one_of
from warung.engine.openvino.pattern import NotEnforced, expression
from warung.engine.openvino.schema import grammar
from warung.errors import InvalidInput


def structured_output(constraint: Constraint) -> StructuredOutputConfig:
    """Raises InvalidInput naming what would not be enforced."""
    field = field_of(constraint)
    try:
        match constraint:
            case JsonSchema(schema):
                return StructuredOutputConfig(grammar=grammar(json.loads(schema)))
            case Regex(pattern):
                return StructuredOutputConfig(grammar=_pattern(pattern))
            case ToolCalls():
                return _tool_calls(constraint)
    except NotEnforced as reason:
        raise InvalidInput(
            f"{field}: the engine that runs this model can't enforce {reason}; leave it out and check the"
            " answer for it",
            field=field,
        ) from reason
    except ValueError as error:
        raise InvalidInput(f"{field}: the schema is no JSON", field=field) from error


def field_of(constraint: Constraint) -> str:
    """The API's field that asks for it."""
    return {JsonSchema: "response_format", Regex: "structured_outputs", ToolCalls: "tools"}[type(constraint)]


def _pattern(pattern: str) -> str:
    rules: list[str] = []

    def name(body: str) -> str:
        rules.append(f"rule{len(rules)} ::= {body}\n")
        return f"rule{len(rules) - 1}"

    return f"root ::= {expression(pattern, one_of, name)}\n{''.join(rules)}"


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
        StructuredOutputConfig.EBNF(grammar({"type": "object", **json.loads(tool.parameters)})),
        f"}}\n{TOOL_CALL_END}",
    )
