"""A live model server for a test, an engine that can be held between two tokens, and its streams in parts."""

import json
import re
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from live import serving
from marketplace import new_database, shop_settings
from warung.app import create_app
from warung.engine.engine import Engine
from warung.engine.scripted import MODEL_ID, TURN, ScriptedRunner, echo
from warung.engine.worker import ThreadedEngine

CHAT = "/v1/chat/completions"
PING = b": ping\n"
CALL = '<tool_call>\n{{"name": "weather", "arguments": {{"city": "{city}"}}}}\n</tool_call>'
_FRAME = re.compile(r"(?:id: (?P<id>\S+)\n)?data: (?P<data>[^\n]*)\n\n")


@contextmanager
def open_house(folder: Path, engine: Engine | None = None, **settings: object) -> Generator[httpx.Client]:
    """A client of a live server with an empty shop."""
    new_database(folder).close()
    with (
        serving(create_app(shop_settings(folder, **settings), engine=engine)) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        yield client


def client_of(url: object, key: str = "any") -> OpenAI:
    """The official client, which tries nothing twice unless it is told to."""
    return OpenAI(base_url=f"{str(url).rstrip('/')}/v1", api_key=key, max_retries=0, timeout=120)


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def question(text: str = "Halo", **fields: Any) -> dict[str, Any]:
    return {"model": MODEL_ID, "messages": [{"role": "user", "content": text}], **fields}


def says(prompt: str) -> str:
    """Asked of cities it calls for each; told how warm it is, it says so; else it echoes."""
    last = echo(prompt)
    if last.startswith("weather "):
        return "\n".join(CALL.format(city=city) for city in last.split()[1:])
    return "It is warm." if "<tool_response>" in prompt.rsplit(TURN, 2)[-2] else last


class Valve:
    """Lets the model make only as many steps as it was given; `steps` counts those begun."""

    def __init__(self) -> None:
        self.steps = 0
        self._given = threading.Semaphore(0)
        self._is_open = False
        self._error: Exception | None = None

    def __call__(self) -> None:
        self.steps += 1
        if not self._is_open:
            assert self._given.acquire(timeout=20), "the test left the model waiting"
        if self._error:
            raise self._error

    def give(self, steps: int) -> None:
        self._given.release(steps)

    def fail(self, error: Exception) -> None:
        """Let the next step raise `error`."""
        self._error = error
        self._given.release()

    def open(self) -> None:
        self._is_open = True
        self._given.release()


@contextmanager
def held_engine(answer: str | None = None, *, max_requests: int = 64) -> Generator[tuple[Engine, Valve]]:
    """An engine behind a valve, which opens at the end; it echoes unless it has an answer."""
    valve = Valve()
    runner = ScriptedRunner(echo if answer is None else lambda _prompt: answer, valve)
    try:
        yield ThreadedEngine(MODEL_ID, runner, max_requests=max_requests), valve
    finally:
        valve.open()


@dataclass(frozen=True, slots=True)
class Frame:
    id: str | None
    data: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.data)

    @property
    def text(self) -> str:
        return "".join(choice["delta"].get("content", "") for choice in self.json.get("choices", []))


def frames_of(body: bytes) -> list[Frame]:
    """The frames of a whole stream, which holds nothing but frames and pings."""
    text = body.replace(PING, b"").decode()
    matches = list(_FRAME.finditer(text))
    ends = [0, *(match.end() for match in matches)]
    assert [match.start() for match in matches] == ends[:-1], text
    assert ends[-1] == len(text), text
    frames = [Frame(match["id"], match["data"]) for match in matches]
    numbers = [int(frame.id.rpartition(":")[2]) for frame in frames if frame.id]
    assert all(after == before + 1 for before, after in pairwise(numbers))
    return frames


def said(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames if frame.data != "[DONE]")


def take(pieces: Iterator[bytes], characters: int) -> bytes:
    """A stream's beginning, as far as its content has so many characters."""
    body = b""
    for piece in pieces:
        body += piece
        if body.endswith(b"\n\n") and len(said(frames_of(body))) >= characters:
            return body
    pytest.fail(f"the stream ended early: {body!r}")
