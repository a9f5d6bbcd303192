from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from openai_api.asked import request
from warung.engine.request import ChatMessage, ToolCall
from warung.errors import InvalidInput
from warung.openai_api.messages import messages_of

SUM: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "sum", "arguments": '{"a": 2}'},
}
USER = {"role": "user", "content": "a"}


def messages(*given_messages: dict[str, Any]) -> list[ChatMessage]:
    told, begun = messages_of(request(messages=list(given_messages)))
    assert not begun
    return told


def calling(**function: Any) -> dict[str, Any]:
    """An assistant's message with one call."""
    return {"role": "assistant", "tool_calls": [{**SUM, "function": {**SUM["function"], **function}}]}


def test_messages_become_text() -> None:
    parts = [{"type": "text", "text": "Selamat "}, {"type": "text", "text": "pagi"}]
    assert messages(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": ""},
    ) == [
        ChatMessage("system", "Be brief."),
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "Selamat pagi"),
        ChatMessage("assistant", ""),
    ]


def test_an_answer_of_the_official_client_can_be_sent_back() -> None:
    answer = ChatCompletionMessage(role="assistant", content="Halo juga")
    for sent in (answer.model_dump(), answer.model_dump(exclude_unset=True)):
        assert messages(sent) == [ChatMessage("assistant", "Halo juga")]


def test_what_the_official_clients_helpers_add_says_nothing_new() -> None:
    assert messages(
        USER,
        {"role": "assistant", "content": '{"a": 2}', "parsed": {"a": 2}},
        calling(parsed_arguments={"a": 2}),
    ) == [
        ChatMessage("user", "a"),
        ChatMessage("assistant", '{"a": 2}'),
        ChatMessage("assistant", "", (ToolCall("call_1", "sum", '{"a": 2}'),)),
    ]


@pytest.mark.parametrize("kind", ["image_url", "video_url", "input_audio", "file", "refusal"])
def test_a_part_that_is_not_text_is_named(kind: str) -> None:
    image = {"type": kind, kind: {"url": "https://example.com/a.png"}}
    text = {"type": "text", "text": "What is this?"}
    with pytest.raises(InvalidInput, match=f"text only, not {kind}") as refusal:
        messages({"role": "user", "content": "a"}, {"role": "user", "content": [text, image]})
    assert refusal.value.field == "messages.1.content.1"


def test_calls_and_their_answers_keep_their_ids() -> None:
    assert messages(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [SUM, {**SUM, "id": "call_2", "index": 1}]},
        {"role": "tool", "content": "4", "tool_call_id": "call_1"},
        {"role": "tool", "content": [{"type": "text", "text": ""}], "tool_call_id": "call_2"},
    ) == [
        ChatMessage("user", "a"),
        ChatMessage(
            "assistant", "", (ToolCall("call_1", "sum", '{"a": 2}'), ToolCall("call_2", "sum", '{"a": 2}'))
        ),
        ChatMessage("tool", "4", tool_call_id="call_1"),
        ChatMessage("tool", "", tool_call_id="call_2"),
    ]


def test_a_call_without_arguments_has_empty_ones() -> None:
    assert messages(USER, calling(arguments=""))[1].tool_calls == (ToolCall("call_1", "sum", "{}"),)


def test_the_answer_that_is_to_be_continued_stands_apart() -> None:
    body = request(
        messages=[USER, {"role": "assistant", "content": "One, two"}],
        continue_final_message=True,
        add_generation_prompt=False,
    )
    assert messages_of(body) == ([ChatMessage("user", "a")], "One, two")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"continue_final_message": True}, "continue_final_message"),
        ({"continue_final_message": True, "add_generation_prompt": True}, "continue_final_message"),
        ({"add_generation_prompt": False}, "add_generation_prompt"),
    ],
)
def test_a_continuation_is_asked_for_in_full(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages_of(request(messages=[USER, {"role": "assistant", "content": "One"}], **fields))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "told",
    [
        [USER],
        [{"role": "assistant", "content": "One"}],
        [{"role": "assistant", "content": "One"}, USER],
        [USER, calling()],
    ],
)
def test_only_an_answer_in_text_can_be_continued(told: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages_of(request(messages=told, continue_final_message=True, add_generation_prompt=False))
    assert refusal.value.field == "continue_final_message"


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "[]",
        "5",
        '"a"',
        "null",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud83d"}',
        "[" * 100_000,
        '{"a":' * 101 + "1" + "}" * 101,
    ],
)
def test_arguments_that_are_no_object_of_json_are_named(arguments: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages(USER, calling(arguments=arguments))
    assert refusal.value.field == "messages.1.tool_calls.0.function.arguments"


WRONG_MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"role": "tool", "content": "4"}, "messages.0.tool_call_id"),
    ({"role": "user", "content": "4", "tool_call_id": "c"}, "messages.0.tool_call_id"),
    ({"role": "user", "content": "4", "tool_calls": [SUM]}, "messages.0.tool_calls"),
    ({"role": "function", "content": "4", "name": "f"}, "messages.0.role"),
    ({"role": "user", "content": "a", "name": "Budi"}, "messages.0.name"),
    ({"role": "user", "content": "a", "colour": None}, "messages.0.colour"),
    ({"role": "assistant", "tool_calls": []}, "messages.0.content"),
    ({"role": "assistant", "content": "a", "function_call": {}}, "messages.0.function_call"),
    ({"role": "assistant", "refusal": "No."}, "messages.0.refusal"),
    ({"role": "user"}, "messages.0.content"),
    ({"role": "user", "content": None}, "messages.0.content"),
    ({"role": "user", "content": []}, "messages.0.content"),
    ({"role": "user", "content": [{"type": "text"}]}, "messages.0.content.0.text"),
    (
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]},
        "messages.0.content.0.cache_control",
    ),
]


@pytest.mark.parametrize(("message", "field"), WRONG_MESSAGES)
def test_what_a_message_may_not_hold_is_named(message: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        messages(message)
    assert refusal.value.field == field
