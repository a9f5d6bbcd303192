from typing import Any

import pytest
from pydantic import ValidationError

from openai_api.asked import function, json_schema, named, nested, request

WRONG: list[tuple[str, object]] = [
    ("temperature", 3),
    ("temperature", -0.1),
    ("temperature", float("nan")),
    ("top_p", 0),
    ("top_p", 1.1),
    ("top_k", -2),
    ("top_k", 1_000_001),
    ("min_p", -0.1),
    ("min_p", 1.1),
    ("presence_penalty", 2.1),
    ("frequency_penalty", -2.1),
    ("repetition_penalty", 0),
    ("repetition_penalty", 10.1),
    ("logit_bias", []),
    ("logit_bias", {"a": 1}),
    ("logit_bias", {"-1": 1}),
    ("logit_bias", {"5": 101}),
    ("logit_bias", {"5": float("nan")}),
    ("logprobs", "perhaps"),
    ("top_logprobs", 21),
    ("top_logprobs", -1),
    ("max_tokens", 0),
    ("max_completion_tokens", -1),
    ("max_tokens", 2.5),
    ("n", 0),
    ("n", 17),
    ("seed", "x"),
    ("stop", 5),
    ("stop", [5]),
    ("user", 5),
    ("stream", "sometimes"),
    ("session_id", 5),
    ("messages", []),
    ("messages", "Halo"),
    ("tools", {}),
    ("tools", [function()] * 129),
    ("tool_choice", "sometimes"),
    ("tool_choice", {"type": "function"}),
    ("tool_choice", {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
    ("parallel_tool_calls", "perhaps"),
    ("continue_final_message", 7),
    ("response_format", "json"),
    ("response_format", {"type": "json_schema"}),
    ("response_format", {"type": "text", "json_schema": {"name": "a"}}),
    ("structured_outputs", "a+"),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_value_out_of_range_names_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        request(**{field: value})
    assert {error["loc"][0] for error in refusal.value.errors()} == {field}


@pytest.mark.parametrize(
    ("fields", "named_place"),
    [
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
        ({"tools": [function("two words")]}, "tools.0.function.name"),
        ({"tools": [function(parameters=[])]}, "tools.0.function.parameters"),
        ({"tools": [function(colour="red")]}, "tools.0.function.colour"),
        ({"tool_choice": {**named("f"), "mode": "auto"}}, "tool_choice"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"response_format": json_schema(5)}, "response_format.json_schema.schema"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema_": {}}}},
            "response_format.json_schema.schema_",
        ),
        ({"structured_outputs": {"regex": "a", "choice": ["a"]}}, "structured_outputs.choice"),
        ({"structured_outputs": {"regex": "a" * 2001}}, "structured_outputs.regex"),
        ({"stream_options": {"include_usage": True, "more": 1}}, "stream_options.more"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ],
)
def test_a_wrong_part_is_named_by_its_place_in_the_body(fields: dict[str, Any], named_place: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        request(**fields)
    assert ".".join(map(str, refusal.value.errors()[0]["loc"])) == named_place


def test_every_field_that_may_be_left_out_may_be_null() -> None:
    nothing = request()
    fields = set(type(nothing).model_fields) - {"model", "messages"}
    assert request(**dict.fromkeys(fields)).model_dump() == nothing.model_dump()


def test_values_at_their_bounds_pass() -> None:
    fields = {
        "top_k": -1,
        "min_p": 1,
        "repetition_penalty": 10,
        "logit_bias": {"0": -100, "5": 100},
        "top_logprobs": 20,
        "n": 16,
        "tools": [function(f"f{number}") for number in range(128)],
    }
    body = request(**fields)
    assert (body.logit_bias, body.n, len(body.tools or ())) == ({0: -100, 5: 100}, 16, 128)


def test_a_body_may_be_nested_100_levels_deep() -> None:
    outside = 3  # the body, response_format and json_schema
    request(response_format=json_schema(nested(100 - outside)))
    with pytest.raises(ValidationError, match="more than 100 objects and lists"):
        request(response_format=json_schema(nested(101 - outside)))
