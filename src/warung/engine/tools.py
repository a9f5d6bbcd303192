"""How tools, their calls and their answers are told to a model; knows no tokenizer and no grammar.

A template that knows tools writes them in its own words. For the others they are told in the system message,
in the form of the Hermes models.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from warung.engine.constraint import TOOL_CALL_BEGIN, TOOL_CALL_END, Tool
from warung.engine.request import ChatMessage

_INSTRUCTIONS = (
    "You may call these functions. Each line is one function, as JSON:\n{tools}\n"
    "To call one, write its name and its arguments as JSON, like this:\n"
    '{begin}\n{{"name": "the function", "arguments": {{"an argument": "its value"}}}}\n{end}'
)


def knows_tools(chat_template: str) -> bool:
    """Whether a chat template tells the model its tools, in the form that is read here."""
    return "tools" in chat_template and TOOL_CALL_BEGIN in chat_template


def template_messages(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The messages as a chat template takes them, tool calls with their arguments parsed."""
    return [_template_message(message) for message in messages]


def _template_message(message: ChatMessage) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        told["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": json.loads(call.arguments)}}
            for call in message.tool_calls
        ]
    return told


def template_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools as a chat template takes them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": json.loads(tool.parameters),
            },
        }
        for tool in tools
    ]


def spelled_out(messages: Sequence[ChatMessage], tools: Sequence[Tool]) -> list[ChatMessage]:
    """The same conversation in text alone, for a template that knows no tools and no calls."""
    told = [_in_text(message) for message in messages]
    if not tools:
        return told
    lines = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in template_tools(tools))
    instructions = _INSTRUCTIONS.format(tools=lines, begin=TOOL_CALL_BEGIN, end=TOOL_CALL_END)
    if told and told[0].role == "system":
        return [replace(told[0], content=f"{told[0].content}\n\n{instructions}"), *told[1:]]
    return [ChatMessage("system", instructions), *told]


def _in_text(message: ChatMessage) -> ChatMessage:
    if message.role == "tool":
        return ChatMessage("user", f"<tool_response>\n{message.content}\n</tool_response>")
    bodies = [
        f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.tool_calls
    ]
    calls = [f"{TOOL_CALL_BEGIN}\n{body}\n{TOOL_CALL_END}" for body in bodies]
    return ChatMessage(message.role, "\n".join([part for part in (message.content, *calls) if part]))
