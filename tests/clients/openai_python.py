"""openai-python."""

import json
from typing import Any

from openai import APIError, OpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionToolParam

from clients.heard import Heard, Way
from warung.engine.scripted import MODEL_ID

_WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How warm it is.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def openai_python(url: str, way: Way, prompt: str) -> Heard:
    ways = {Way.STREAM: _stream, Way.PLAIN: _plain, Way.TOOLS: _tools}
    with OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        try:
            return ways[way](client, [{"role": "user", "content": prompt}])
        except APIError as error:
            return Heard(error=error.message)


def _stream(client: OpenAI, messages: list[Any]) -> Heard:
    text, reason, usage = "", None, None
    for chunk in client.chat.completions.create(
        model=MODEL_ID, messages=messages, stream=True, stream_options={"include_usage": True}
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason
        usage = chunk.usage
    return Heard(text, reason, _counts(usage))


def _plain(client: OpenAI, messages: list[Any]) -> Heard:
    answer = client.chat.completions.create(model=MODEL_ID, messages=messages)
    choice = answer.choices[0]
    return Heard(choice.message.content or "", choice.finish_reason, _counts(answer.usage))


def _tools(client: OpenAI, messages: list[Any]) -> Heard:
    cities: list[str] = []
    while True:
        with client.chat.completions.stream(model=MODEL_ID, messages=messages, tools=[_WEATHER]) as stream:
            message = stream.get_final_completion().choices[0].message
        if not message.tool_calls:
            return Heard(message.content or "", calls=cities)
        messages.append(message)
        for call in message.tool_calls:
            cities.append(json.loads(call.function.arguments)["city"])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "24"})


def _counts(usage: CompletionUsage | None) -> tuple[int, int] | None:
    return usage and (usage.prompt_tokens, usage.completion_tokens)
