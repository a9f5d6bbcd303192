"""A request's messages as an engine takes them."""

import json
from typing import Any

from warung.engine.request import ChatMessage, ToolCall
from warung.errors import InvalidInput
from warung.openai_api.extras import refuse_extras
from warung.openai_api.nesting import is_too_deep
from warung.openai_api.schemas import ChatCompletionRequest, ContentPart, Message

# A client that sends an answer back as it came sends these empty.
_NEUTRAL_IN_MESSAGE: dict[str, tuple[Any, ...]] = {
    "annotations": (None, []),
    "audio": (None,),
    "function_call": (None,),
    "name": (None,),
    "refusal": (None,),
}


def messages_of(body: ChatCompletionRequest) -> tuple[list[ChatMessage], str]:
    """The body's messages as text, and the beginning of the answer that is to be continued, empty if none is.

    Raises InvalidInput for what no text model can read.
    """
    if bool(body.continue_final_message) is (body.add_generation_prompt is not False):
        raise InvalidInput(
            "continue_final_message: true and add_generation_prompt: false go together",
            field="continue_final_message" if body.continue_final_message else "add_generation_prompt",
        )
    messages = [_message(f"messages.{number}", message) for number, message in enumerate(body.messages)]
    if not body.continue_final_message:
        return messages, ""
    last = messages[-1]
    if last.role != "assistant" or last.tool_calls or len(messages) == 1:
        raise InvalidInput(
            "continue_final_message needs a last message of the assistant, with text and after another",
            field="continue_final_message",
        )
    return messages[:-1], last.content


def _message(where: str, message: Message) -> ChatMessage:
    if message.role == "function":
        raise InvalidInput(f"{where}.role: function is out of date; send it as tool", field=f"{where}.role")
    refuse_extras(message, _NEUTRAL_IN_MESSAGE, where)
    calls = _calls(where, message)
    if not message.content and not calls:
        raise InvalidInput(f"{where}.content must hold text", field=f"{where}.content")
    if (message.role == "tool") != bool(message.tool_call_id):
        raise InvalidInput(
            f"{where}.tool_call_id: a tool message names the call that it answers, and no other does",
            field=f"{where}.tool_call_id",
        )
    parts = enumerate(message.content or ())
    texts = [_text(f"{where}.content.{number}", part) for number, part in parts]
    role = "system" if message.role == "developer" else message.role
    return ChatMessage(role, "".join(texts), calls, message.tool_call_id)


def _calls(where: str, message: Message) -> tuple[ToolCall, ...]:
    if message.tool_calls and message.role != "assistant":
        raise InvalidInput(f"{where}.tool_calls: only the assistant calls", field=f"{where}.tool_calls")
    for number, call in enumerate(message.tool_calls or ()):
        if call.function.arguments and not _is_json_object(call.function.arguments):
            field = f"{where}.tool_calls.{number}.function.arguments"
            raise InvalidInput(f"{field} must be a JSON object, as text", field=field)
    return tuple(
        ToolCall(call.id, call.function.name, call.function.arguments or "{}")
        for call in message.tool_calls or ()
    )


def _is_json_object(text: str) -> bool:
    """Whether it is one that can be written again: Python also reads infinities and halves of characters."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not is_too_deep(value)


def _text(where: str, part: ContentPart) -> str:
    if part.type != "text":
        raise InvalidInput(
            f"{where}: the loaded model reads text only, not {part.type}; send the message as text",
            field=where,
        )
    refuse_extras(part, {}, where)
    if part.text is None:
        raise InvalidInput(f"{where}.text is missing", field=f"{where}.text")
    return part.text
