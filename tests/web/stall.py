"""A double of the chat API at the network's seam: the real page, and scripted answers over a real wire."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from warung.errors import NotFound
from warung.web.endpoints import create_router

DONE = "[DONE]"

UNDERSTOOD: dict[str, Any] = {
    "text": "laptop gaming",
    "category": "laptop",
    "min_price": None,
    "max_price": 10_000_000,
    "in_stock": None,
    "exclude": [],
    "sort": "relevance",
    "place": {"name": "Jakarta", "location": {"lat": -6.2, "lng": 106.8}, "radius_km": 30},
    "spans": [{"field": "max_price", "text": "budget 10 juta"}, {"field": "place", "text": "Jakarta"}],
}


class Cut(StrEnum):
    """How a connection breaks."""

    CLEAN = "after an event, as a proxy ends it"
    ABRUPT = "after an event, without the body's end"
    MID_EVENT = "inside an event"
    TOLD = "after an event, saying that the reading failed"


@dataclass(frozen=True, slots=True)
class Script:
    """What the stall does with the next question. Numbers count events from the answer's beginning."""

    events: Sequence[str] = ()
    cut_after: Sequence[int] = ()
    cut: Cut = Cut.CLEAN
    hold_after: int | None = None
    refusal: JSONResponse | None = None


def card(product_id: int, name: str, **changes: Any) -> dict[str, Any]:
    """A product card on the wire."""
    supplier = {
        "id": 7,
        "business_name": "Toko Sinar Jaya",
        "city": "Jakarta Pusat",
        "location": {"lat": -6.2, "lng": 106.8},
    }
    return {
        "id": product_id,
        "name": name,
        "description": "Garansi resmi 2 tahun.",
        "price": 9_499_000,
        "stock_quantity": 12,
        "category": "laptop",
        "tags": ["laptop"],
        "distance_km": 3.2,
        "supplier": supplier,
        "delivery": None,
        "score": 1.0,
        **changes,
    }


def chunk(content: str = "", finish_reason: str | None = None, **own: Any) -> str:
    """One event's data."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish_reason}
    return json.dumps({"object": "chat.completion.chunk", "choices": [choice], "warung": own})


def failure(code: str, message: str, status: int) -> list[str]:
    return [json.dumps({"error": {"message": message, "code": code}, "warung": {"status": status}}), DONE]


def answer(pieces: Sequence[str], *products: dict[str, Any], **own: Any) -> list[str]:
    """A whole answer: what is known first, its pieces, the end."""
    return [
        chunk(conversation_id="percakapan-41", understood=UNDERSTOOD, products=products),
        *(chunk(piece) for piece in pieces),
        chunk(finish_reason="stop", products=products, **own),
        DONE,
    ]


_READING_FAILED = json.dumps(
    {
        "error": {"message": "the disk is full", "code": "sessions_unavailable"},
        "warung": {"status": 503, "resumable": True},
    }
)


@dataclass(slots=True)
class _Session:
    events: list[str]
    cuts: list[int]
    script: Script
    released: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False


class Stall:
    """Set `script` before asking, `products` to be read by their ids, and `offers` of other suppliers, None
    where they can't be had; `asked`,
    `resumed`, `cancelled`, `offers_asked` and `clicked` tell what came over the wire."""

    def __init__(self) -> None:
        self.script = Script()
        self.asked: list[dict[str, Any]] = []
        self.resumed: list[str] = []
        self.cancelled: list[str] = []
        self.products: dict[int, dict[str, Any]] = {}
        self.offers: list[dict[str, Any]] | None = []
        self.offers_asked: list[str] = []
        self.clicked: list[int] = []
        self.url = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._sessions: dict[str, _Session] = {}

    def release(self) -> None:
        """Lets held answers go on. From any thread."""
        assert self.loop is not None
        for session in self._sessions.values():
            self.loop.call_soon_threadsafe(session.released.set)

    def app(self) -> FastAPI:
        app = FastAPI(exception_handlers={NotFound: _not_found})
        app.include_router(create_router())
        app.add_api_route("/api/chat", self._ask, methods=["POST"])
        app.add_api_route("/api/chat/{session_id}", self._resume, methods=["GET"])
        app.add_api_route("/api/chat/{session_id}/cancel", self._cancel, methods=["POST"])
        app.add_api_route("/api/products/{product_id}", self._product, methods=["GET"])
        app.add_api_route("/api/products/{product_id}/offers", self._offers, methods=["GET"])
        app.add_api_route("/api/products/{product_id}/clicks", self._click, methods=["POST"], status_code=204)
        return app

    async def _product(self, product_id: int) -> dict[str, Any]:
        if product_id not in self.products:
            raise NotFound(f"there is no product {product_id}")
        return self.products[product_id]

    async def _offers(self, request: Request) -> Response:
        self.offers_asked.append(f"{request.url.path}?{request.url.query}")
        return JSONResponse({"items": self.offers}, status_code=503 if self.offers is None else 200)

    async def _click(self, product_id: int) -> None:
        self.clicked.append(product_id)

    async def _ask(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        self.asked.append(body)
        if self.script.refusal is not None:
            return self.script.refusal
        script, session_id = self.script, str(body["session_id"])
        if session_id not in self._sessions:  # the same session joins the same answer
            self._sessions[session_id] = _Session(list(script.events), list(script.cut_after), script)
        return self._stream(session_id, 0)

    async def _resume(self, session_id: str, last_event_id: Annotated[str, Header()]) -> Response:
        self.resumed.append(last_event_id)
        session = self._sessions.get(session_id)
        if session is None:
            raise NotFound(f"there is no session {session_id}")
        start = int(last_event_id.removeprefix(f"{session_id}:")) + 1
        if start >= len(session.events):
            return Response(status_code=204)
        return self._stream(session_id, start)

    async def _cancel(self, session_id: str) -> dict[str, bool]:
        self.cancelled.append(session_id)
        session = self._sessions[session_id]
        session.cancelled = True
        session.released.set()
        return {"cancelled": True}

    def _stream(self, session_id: str, start: int) -> StreamingResponse:
        return StreamingResponse(self._frames(session_id, start), media_type="text/event-stream")

    async def _frames(self, session_id: str, start: int) -> AsyncGenerator[str]:
        session = self._sessions[session_id]
        yield ": ping\n"
        for index in range(start, len(session.events)):
            if index == session.script.hold_after:
                await session.released.wait()
            if session.cancelled:
                session.events[index:] = failure("cancelled", "stopped on request", 409)
                for at, data in enumerate(session.events[index:], index):
                    yield _frame(session_id, at, data)
                return
            frame = _frame(session_id, index, session.events[index])
            if session.cuts and index == session.cuts[0]:
                session.cuts.pop(0)
                if session.script.cut is Cut.MID_EVENT:
                    yield frame[:-7]
                if session.script.cut is Cut.TOLD:
                    yield f"data: {_READING_FAILED}\n\n"
                elif session.script.cut is not Cut.CLEAN:
                    raise ConnectionError("the script breaks the connection here")
                return
            yield frame


def _frame(session_id: str, index: int, data: str) -> str:
    return f"id: {session_id}:{index}\n: ping\ndata: {data}\n\n"


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    body = {"title": "Not found", "status": 404, "code": "not_found", "detail": str(error)}
    return JSONResponse(body, status_code=404, media_type="application/problem+json")


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, stall: Stall) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self._stall = stall

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._stall.loop = asyncio.get_running_loop()
        self.listening.set()


@contextmanager
def open_stall() -> Generator[Stall]:
    """A stall at a free port of the loopback."""
    stall = Stall()
    config = uvicorn.Config(stall.app(), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = _Server(config, stall)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stall.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.listening.wait(20), "the stall did not open"
            yield stall
        finally:
            stall.release()
            server.should_exit = True
            thread.join()
