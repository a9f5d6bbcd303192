"""The streaming client: asks over HTTP in the OpenAI dialect and notes when text comes; knows no server."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.measure import Answer, Burst
from benchmarks.prompts import Message

_SILENCE_SECONDS = 300


class LoadError(Exception):
    """The server answered with an error, or not as the dialect says."""


@dataclass(slots=True)
class _Reader:
    """Splits a body into frames; the clock is read once for what came together."""

    arrivals: list[float] = field(default_factory=list[float])
    usage: dict[str, int] = field(default_factory=dict[str, int])
    _rest: bytes = b""

    def feed(self, piece: bytes, now: float) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                self._read(json.loads(line[6:]), now)

    def _read(self, frame: dict[str, Any], now: float) -> None:
        if "error" in frame:
            raise LoadError(str(frame["error"]))
        self.usage = frame.get("usage") or self.usage
        if any(choice["delta"].get("content") for choice in frame.get("choices", ())):
            self.arrivals.append(now)


class Client:
    """Asks one server, greedily. Raises LoadError."""

    def __init__(self, url: str, model: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._model = model
        # No connection is used twice: llama.cpp's server closes some just as the next question is sent.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(timeout=_SILENCE_SECONDS, limits=limits, trust_env=False)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def ask(
        self, messages: Sequence[Message], tokens: int, on_text: Callable[[int], None] = lambda _pieces: None
    ) -> Answer:
        """`on_text` hears how many pieces have come."""
        body = {
            "model": self._model,
            "messages": messages,
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        reader = _Reader()
        sent = time.perf_counter()
        try:
            async with self._http.stream("POST", self._url, json=body) as response:
                if response.is_error:
                    raise LoadError(f"{response.status_code}: {(await response.aread()).decode()[:300]}")
                async for piece in response.aiter_raw():
                    reader.feed(piece, time.perf_counter())
                    on_text(len(reader.arrivals))
        except httpx.HTTPError as error:
            raise LoadError(f"{type(error).__name__}: {error}") from error
        if not reader.usage or not reader.arrivals:
            raise LoadError("the answer came without text or without usage")
        usage = reader.usage
        return Answer(sent, tuple(reader.arrivals), usage["completion_tokens"], usage["prompt_tokens"])

    async def burst(self, prompts: Sequence[Sequence[Message]], tokens: int) -> Burst:
        return Burst(tuple(await asyncio.gather(*(self.ask(prompt, tokens) for prompt in prompts))))
