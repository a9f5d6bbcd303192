"""Every answer that a schema's grammar lets through is one that the schema accepts; the rest is refused."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from openai.lib._pydantic import to_strict_json_schema

from engine.openvino.random_model import RandomModel
from engine.schemas import LEAVES, SCHEMAS, Order, accepts
from warung.engine.constraint import JsonSchema
from warung.engine.openvino.grammar import structured_output
from warung.errors import InvalidInput

RECURSIVE: Any = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "a/b~": {"$ref": "#/$defs/x~1y~0"}},
    "required": ["next"],
    "additionalProperties": False,
    "$defs": {"x/y~": {"type": "integer"}, "unused": {"not": {}}},
}


def tell(model: RandomModel, schema: Any, count: int = 4, max_tokens: int = 400) -> list[str]:
    """Answers that came to their end, each accepted by the schema."""
    answers = model.answers(JsonSchema(json.dumps(schema)), count, max_tokens)
    ended = [text for text, has_ended in answers if has_ended]
    assert [text for text in ended if not accepts(schema, text)] == []
    return ended


@given(schema=SCHEMAS)
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_answers_are_accepted_by_the_schema(random_model: RandomModel, schema: Any) -> None:
    tell(random_model, schema)


@pytest.mark.parametrize("schema", [*LEAVES, RECURSIVE], ids=str)
def test_answers_come_to_their_end(random_model: RandomModel, schema: Any) -> None:
    assert tell(random_model, schema, 8)


@pytest.mark.parametrize(
    "schema", [Order.model_json_schema(), to_strict_json_schema(Order)], ids=["plain", "strict"]
)
def test_the_models_of_pydantic_can_be_asked_for(random_model: RandomModel, schema: Any) -> None:
    ended = tell(random_model, schema, 8, max_tokens=2000)
    assert ended
    for text in ended:
        Order.model_validate_json(text)


REFUSED: list[tuple[Any, str]] = [
    ({"type": "objct"}, "'type' 'objct'"),
    ({"type": []}, "'type'"),
    ([], "as a schema"),
    ({"type": "array", "uniqueItems": True}, "'uniqueItems'"),
    ({"type": "array", "contains": {}}, "'contains'"),
    ({"type": "array", "minItems": 3, "maxItems": 2}, "at least 3 and at most 2"),
    ({"type": "string", "format": "uri"}, "'format' 'uri'"),
    ({"type": "string", "pattern": "a", "maxLength": 3}, "'maxLength' beside 'pattern'"),
    ({"type": "string", "pattern": "(?=a)a"}, "looks around"),
    ({"type": "string", "pattern": "\x00"}, "in the pattern"),
    ({"type": "string", "minLength": -1}, "'minLength' -1"),
    ({"type": "string", "maxLength": 10**6}, "repetitions"),
    ({"type": "string", "minimum": 3}, '\'minimum\' without "type": "integer"'),
    ({"type": "integer", "multipleOf": 3}, "'multipleOf'"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "'maximum' 2"),
    ({"type": "number", "minimum": "3"}, "'minimum' '3'"),
    ({"type": "number", "minimum": 1e-12}, "'minimum' 1e-12"),
    ({"type": "object", "required": ["a"]}, "'required' 'a'"),
    ({"type": "object", "properties": []}, "'properties'"),
    ({"type": "object", "patternProperties": {}}, "'patternProperties'"),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "null"}}, "beside 'properties'"),
    ({"properties": {"a": {"not": {}}}}, "'not'"),
    ({"enum": []}, "without a value"),
    ({"type": "string", "enum": [1]}, "without a value"),
    ({"anyOf": []}, "'anyOf'"),
    ({"anyOf": [{}], "type": "string"}, "'type' beside 'anyOf'"),
    ({"allOf": [{}, {}]}, "'allOf'"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "'oneOf'"),
    ({"oneOf": [{"enum": [1, 2]}, {"const": 2}]}, "'oneOf'"),
    ({"$ref": "#/$defs/nobody"}, "names no schema"),
    ({"$ref": "https://example.org/schema"}, "isn't of the form"),
    ({"$ref": "#"}, "leads back to itself"),
    (
        {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": {"anyOf": [{"properties": {"b": {"$ref": "#/$defs/b"}}}, {"$ref": "#/$defs/b"}]},
                "b": {"$ref": "#/$defs/a"},
            },
        },
        "leads back to itself",
    ),
]


@pytest.mark.parametrize(("schema", "named"), REFUSED)
def test_what_would_not_be_enforced_is_refused_by_name(schema: Any, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        structured_output(JsonSchema(json.dumps(schema)))
    assert caught.value.field == "response_format"
    assert named in caught.value.message


def test_schemas_too_deep_for_the_stack_are_refused() -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    with pytest.raises(InvalidInput, match="deep"):
        structured_output(JsonSchema(json.dumps(deep)))
