"""Servers for the upstream engine: live imitations of other software, and warung itself in a process."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from live import serving
from marketplace import new_database
from warung.engine.engine import Engine, EngineStatus
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams, TokenEvent
from warung.engine.upstream.engine import UpstreamEngine
from warung.settings import Settings

MODEL = "owner/model"
NEVER_SECONDS = 20  # longer than anything here takes; ends a test that would hang
NO_MORE_LOOKS = 3600.0
Frames = Sequence[object]
_ids = iter(range(1_000_000))


def chunk(text: str = "", **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}]}


def ending(reason: str = "stop", prompt: int = 7, completion: int = 2) -> list[object]:
    """The finish, the usage and [DONE]."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return [chunk(finish_reason=reason), {"choices": [], "usage": usage}, "[DONE]"]


def saying(*texts: str) -> list[object]:
    """A whole answer."""
    opening = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    return [opening, *(chunk(text) for text in texts), *ending(completion=len(texts))]


def wire(frames: Frames) -> bytes:
    texts = [frame if isinstance(frame, str) else json.dumps(frame) for frame in frames]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


class Peer:
    """A server of other software. What it answers can be changed at any time; `bodies` are those it got.

    After its frames it breaks the connection when `breaks`; when `holds`, it waits for `may_end` and sends
    the `rest`, with pings meanwhile unless it is `silent`. `left` is set when an answer's reader is gone.
    """

    def __init__(self, frames: Frames = (), *, owner: str = "vllm", model: str = MODEL) -> None:
        self.frames: Frames = frames or saying("Hello", " there")
        self.model: dict[str, Any] = {"id": model, "object": "model", "owned_by": owner}
        self.models_status = 200
        self.status = 200
        self.error: object = {"error": {"message": "no"}}
        self.error_headers: dict[str, str] = {}
        self.breaks = self.holds = self.silent = False
        self.rest: Frames = ()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.cancelled: list[str] = []
        self.may_end = threading.Event()
        self.left = threading.Event()
        self.app = self._app()

    def _app(self) -> FastAPI:
        app = FastAPI()

        async def drain() -> None:
            """It does not wait."""

        async def end_streams() -> None:
            self.may_end.set()

        app.state.drain, app.state.end_streams = drain, end_streams

        @app.get("/v1/models")
        async def models(request: Request) -> Response:
            self.keys.append(request.headers.get("Authorization"))
            return JSONResponse({"object": "list", "data": [self.model]}, self.models_status)

        @app.post("/v1/chat/completions")
        async def completions(request: Request) -> Response:
            self.bodies.append(await request.json())
            if self.status != 200:
                return JSONResponse(self.error, self.status, self.error_headers)
            headers = {"X-Session-Id": "session-1"}
            return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

        @app.post("/v1/cancel/{session_id}")
        async def cancel(session_id: str) -> None:
            self.cancelled.append(session_id)

        assert models
        assert completions
        assert cancel
        return app

    async def _stream(self) -> AsyncGenerator[bytes]:
        rest, holds = self.rest, self.holds
        try:
            yield b": ping\n"
            yield wire(self.frames)
            if self.breaks:
                raise ConnectionResetError("this peer dies")
            while holds and not self.may_end.is_set():
                yield b"" if self.silent else b": ping\n"
                await asyncio.sleep(0.01)
            yield wire(rest)
        finally:
            self.left.set()


def holding(*frames: object, owner: str = "vllm") -> Peer:
    """Says its frames, "Hel" if none, and the end when it may."""
    peer = Peer(frames or [chunk("Hel")], owner=owner)
    peer.holds, peer.rest = True, [chunk("lo"), *ending()]
    return peer


def refusing(status: int, **headers: str) -> Peer:
    peer = Peer()
    peer.status, peer.error_headers = status, headers
    return peer


def breaking(*frames: object) -> Peer:
    peer = Peer(frames)
    peer.breaks = True
    return peer


@contextmanager
def live(*peers: Peer) -> Generator[list[str]]:
    """The peers' URLs."""
    if not peers:
        yield []
        return
    first, *others = peers
    with serving(first.app) as url, live(*others) as urls:
        try:
            yield [url, *urls]
        finally:
            first.may_end.set()


@asynccontextmanager
async def engine_over(
    urls: Sequence[str], *, model: str = MODEL, check_every_seconds: float = 0.02, **options: Any
) -> AsyncGenerator[UpstreamEngine]:
    engine = UpstreamEngine(model, urls, check_every_seconds=check_every_seconds, **options)
    try:
        yield engine
    finally:
        await engine.close()


def ask(content: str = "Hi", max_tokens: int = 64, **fields: Any) -> GenerationRequest:
    """A greedy request; `sampling` replaces its sampling."""
    sampling = fields.pop("sampling", None) or SamplingParams(max_tokens=max_tokens, temperature=0)
    return GenerationRequest(f"request-{next(_ids)}", [ChatMessage("user", content)], sampling, **fields)


async def events_of(engine: Engine, request: GenerationRequest) -> list[TokenEvent]:
    async with asyncio.timeout(NEVER_SECONDS):
        return [event async for event in await engine.submit(request)]


async def text_of(engine: Engine, request: GenerationRequest) -> str:
    return "".join(event.text for event in await events_of(engine, request))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(NEVER_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def reach(engine: Engine, status: EngineStatus) -> None:
    engine.start()
    await until(lambda: engine.state().status is status)


class WarungProcess:
    """`warung serve` in a process of its own, with the scripted engine unless `settings` name another."""

    def __init__(self, folder: Path, *, port: int = 0, **settings: str) -> None:
        new_database(folder).close()
        names = {name.upper() for name in Settings.model_fields}
        kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "warung", "serve", "--port", str(port)],
            env={**kept, "DATA_DIR": str(folder), "ENGINE": "scripted", **settings},
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._url()
        self.port = int(self.url.rpartition(":")[2])
        # A full pipe would stop the server.
        self._reader = threading.Thread(target=self._process.communicate, daemon=True)
        self._reader.start()

    def _url(self) -> str:
        said = ""
        assert self._process.stderr
        for line in self._process.stderr:
            said += line
            if match := re.search(r"http://127\.0\.0\.1:\d+", line):
                return match.group()
        pytest.fail(f"the server never opened:\n{said}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """As kill -9 does; twice too."""
        self._process.kill()
        self._reader.join(NEVER_SECONDS)
        assert not self._reader.is_alive()
