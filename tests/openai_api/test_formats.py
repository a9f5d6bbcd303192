import json
from typing import Any

import pytest

from openai_api.asked import function, json_schema, named, request
from warung.engine.constraint import Constraint, JsonSchema, Regex, Tool, ToolCalls
from warung.errors import InvalidInput
from warung.openai_api.formats import constraint_of, tools_of

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("weather", json.dumps(CITY), "How warm it is.")
NOW = Tool("now", '{"type": "object", "properties": {}, "additionalProperties": false}')
BOTH: list[dict[str, Any]] = [
    function("weather", description="How warm it is.", parameters=CITY, strict=True),
    function("now"),
]


def shape(**fields: Any) -> Constraint | None:
    body = request(**fields)
    return constraint_of(body, tools_of(body))


def test_tools_keep_their_order_and_one_without_parameters_takes_none() -> None:
    assert tools_of(request(tools=BOTH)) == (WEATHER, NOW)
    assert tools_of(request(tools=[function("any", parameters={})])) == (Tool("any", "{}"),)
    assert tools_of(request()) == tools_of(request(tools=[])) == ()


def test_a_model_that_may_not_call_is_told_of_no_tools() -> None:
    assert tools_of(request(tools=BOTH, tool_choice="none")) == ()
    assert shape(tools=BOTH, tool_choice="none") is None


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ({}, ToolCalls((WEATHER, NOW))),
        ({"tool_choice": "auto"}, ToolCalls((WEATHER, NOW))),
        ({"tool_choice": "required"}, ToolCalls((WEATHER, NOW), required=True)),
        ({"tool_choice": named("now")}, ToolCalls((NOW,), required=True, several=False)),
        ({"parallel_tool_calls": True}, ToolCalls((WEATHER, NOW))),
        ({"parallel_tool_calls": False}, ToolCalls((WEATHER, NOW), several=False)),
    ],
)
def test_which_calls_may_and_must_be_made(fields: dict[str, Any], calls: ToolCalls) -> None:
    assert shape(tools=BOTH, **fields) == calls


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": named("now")}, "tool_choice"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tools": BOTH, "tool_choice": named("later")}, "tool_choice.function.name"),
        ({"tools": [*BOTH, function("now")]}, "tools.2.function.name"),
        (
            {"tools": [*BOTH, function("f", parameters={"const": float("nan")})]},
            "tools.2.function.parameters",
        ),
        ({"tools": [function("f", parameters={"const": "x" * 100_000})]}, "tools.0.function.parameters"),
    ],
)
def test_tools_that_cannot_be_are_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        tools_of(request(**fields))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, JsonSchema('{"type": "object"}')),
        ({"response_format": json_schema(CITY)}, JsonSchema(json.dumps(CITY))),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "any"}}}, JsonSchema("{}")),
        ({"structured_outputs": {"regex": "[ab]+"}}, Regex("[ab]+")),
        (
            {"response_format": {"type": "text"}, "structured_outputs": {"regex": "[ab]+"}, "tools": []},
            Regex("[ab]+"),
        ),
        (
            {"response_format": {"type": "json_object"}, "tools": BOTH, "tool_choice": "none"},
            JsonSchema('{"type": "object"}'),
        ),
    ],
)
def test_the_shape_of_an_answer(fields: dict[str, Any], constraint: Constraint | None) -> None:
    assert shape(**fields) == constraint


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"response_format": {"type": "json_object"}, "tools": BOTH}, "tools"),
        ({"structured_outputs": {"regex": "a"}, "tools": BOTH}, "tools"),
        (
            {"structured_outputs": {"regex": "a"}, "response_format": {"type": "json_object"}},
            "structured_outputs",
        ),
    ],
)
def test_two_shapes_at_once_are_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match="two shapes") as refusal:
        shape(**fields)
    assert (refusal.value.field, refusal.value.code) == (field, "unsupported_field")


@pytest.mark.parametrize("schema", [{"const": "x" * 100_000}, {"const": float("inf")}])
def test_a_schema_that_cannot_be_is_named(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        shape(response_format=json_schema(schema))
    assert refusal.value.field == "response_format.json_schema.schema"
