"""Requests of the dialect for tests, as they come out of the wire."""

from typing import Any

from warung.openai_api.schemas import ChatCompletionRequest


def request(**fields: Any) -> ChatCompletionRequest:
    return ChatCompletionRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "Halo"}], **fields}
    )


def function(name: str = "weather", **fields: Any) -> dict[str, Any]:
    """A tool as the dialect spells it."""
    return {"type": "function", "function": {"name": name, **fields}}


def named(name: str) -> dict[str, Any]:
    """A tool_choice."""
    return {"type": "function", "function": {"name": name}}


def json_schema(schema: Any) -> dict[str, Any]:
    """A response_format."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def nested(levels: int) -> dict[str, Any]:
    """A schema of so many objects within each other."""
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"items": schema}
    return schema
