import json

import pytest

from warung.engine.constraint import Tool
from warung.engine.request import ChatMessage, ToolCall
from warung.engine.tools import knows_tools, spelled_out, template_messages, template_tools

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = Tool("weather", json.dumps(CITY), "How warm it is — in °C.")
NOW = Tool("now", "{}")
ASKED = ChatMessage("user", "How warm is it?")
CALLED = ChatMessage("assistant", "", (ToolCall("call_1", "weather", '{"city": "Bogor"}'),))
ANSWERED = ChatMessage("tool", "24", tool_call_id="call_1")


@pytest.mark.parametrize(
    ("template", "knows"),
    [
        ("{% if tools %}<tool_call>{% endif %}", True),
        ("{% for message in messages %}{% endfor %}", False),
        ("{% if tools %}[TOOL_CALLS]{% endif %}", False),  # in another form than is read here
        ("<tool_call>", False),
    ],
)
def test_a_template_knows_tools_when_it_writes_them_in_our_form(template: str, knows: bool) -> None:
    assert knows_tools(template) is knows


def test_a_template_gets_tools_and_arguments_as_values() -> None:
    assert template_tools([WEATHER]) == [
        {
            "type": "function",
            "function": {"name": "weather", "description": WEATHER.description, "parameters": CITY},
        }
    ]
    assert template_messages([ASKED, CALLED, ANSWERED]) == [
        {"role": "user", "content": "How warm is it?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"type": "function", "function": {"name": "weather", "arguments": {"city": "Bogor"}}}
            ],
        },
        {"role": "tool", "content": "24"},
    ]


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    messages = [ChatMessage("system", "Be brief."), ASKED, ChatMessage("assistant", "24")]
    assert spelled_out(messages, ()) == messages


def test_tools_are_told_in_the_system_message() -> None:
    alone = spelled_out([ASKED], [WEATHER, NOW])
    assert [message.role for message in alone] == ["system", "user"]
    lines = [json.loads(line) for line in alone[0].content.splitlines() if line.startswith('{"name": "')]
    assert [line["name"] for line in lines] == ["weather", "now", "the function"]
    assert lines[0]["parameters"] == CITY
    assert "in °C" in alone[0].content
    beside = spelled_out([ChatMessage("system", "Be brief."), ASKED], [WEATHER, NOW])
    assert beside[0].content == f"Be brief.\n\n{alone[0].content}"
    assert beside[1:] == alone[1:]


def test_calls_and_answers_are_told_in_the_form_that_is_read() -> None:
    spoken = ChatMessage("assistant", "Let me see.", CALLED.tool_calls * 2)
    told = spelled_out([ASKED, CALLED, ANSWERED, spoken], ())
    call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bogor"}}\n</tool_call>'
    assert told == [
        ASKED,
        ChatMessage("assistant", call),
        ChatMessage("user", "<tool_response>\n24\n</tool_response>"),
        ChatMessage("assistant", f"Let me see.\n{call}\n{call}"),
    ]
