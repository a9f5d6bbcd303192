"""LangChain's ChatOpenAI."""

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import APIError
from pydantic import SecretStr

from clients.heard import Heard, Way
from warung.engine.scripted import MODEL_ID


@tool
def weather(city: str) -> str:
    """How warm it is."""
    return f"24 in {city}"


def langchain(url: str, way: Way, prompt: str) -> Heard:
    # Its types hold unknown ones.
    model: Any = ChatOpenAI(model=MODEL_ID, base_url=f"{url}/v1", api_key=SecretStr("any"), stream_usage=True)
    messages: list[BaseMessage] = [HumanMessage(prompt)]
    try:
        match way:
            case Way.STREAM:
                return _heard(_streamed(model, messages))
            case Way.PLAIN:
                return _heard(model.invoke(messages))
            case Way.TOOLS:
                return _tools(model.bind_tools([weather]), messages)
    except APIError as error:
        return Heard(error=error.message)


def _streamed(model: Any, messages: list[BaseMessage]) -> AIMessage:
    pieces = iter(model.stream(messages))
    whole = next(pieces)
    for piece in pieces:
        whole += piece
    return whole


def _tools(model: Any, messages: list[BaseMessage]) -> Heard:
    cities: list[str] = []
    while True:
        answer = _streamed(model, messages)
        if not answer.tool_calls:
            return Heard(str(answer.content), calls=cities)
        messages.append(answer)
        for call in answer.tool_calls:
            cities.append(call["args"]["city"])
            result: ToolMessage = weather.invoke(call)
            messages.append(result)


def _heard(answer: AIMessage) -> Heard:
    usage = answer.usage_metadata
    counts = usage and (usage["input_tokens"], usage["output_tokens"])
    return Heard(str(answer.content), answer.response_metadata.get("finish_reason"), counts)
