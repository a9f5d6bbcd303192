"""What shape an answer must have; plain values, no grammar engine."""

from dataclasses import dataclass

# The tool calls that models write are in this form, first used by the Hermes models and since by Qwen's.
TOOL_CALL_BEGIN = "<tool_call>"
TOOL_CALL_END = "</tool_call>"


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The answer is one JSON value that the schema (JSON Schema, as JSON text) accepts."""

    schema: str


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole answer matches the pattern."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is the JSON Schema of its arguments, as JSON text."""

    name: str
    parameters: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Calls of these tools and nothing else when `required`, else text that may hold some; one, or `several`
    of them."""

    tools: tuple[Tool, ...]
    required: bool = False
    several: bool = True


Constraint = JsonSchema | Regex | ToolCalls
