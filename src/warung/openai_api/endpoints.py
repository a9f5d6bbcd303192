"""The routes of the OpenAI dialect, and /health."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from warung.completions.chunk import ChunkWriter
from warung.completions.response import SESSION_HEADER, resume, start_index, stream, whole
from warung.engine.engine import Engine, EngineStatus
from warung.engine.request import GenerationRequest
from warung.errors import NotFound
from warung.openai_api.producer import CompletionProducer
from warung.openai_api.schemas import ChatCompletionRequest
from warung.openai_api.translation import messages_of, refuse_unsupported, sampling_of
from warung.streams.broker import Broker, Producer
from warung.streams.event import Session
from warung.streams.sse import check_session_id, parse_cursor

Owner = Callable[[Request], str]
"""From a request to its caller's name; raises Unauthorized."""

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID")]
LastEventIdQuery = Annotated[str | None, Query(alias="last_event_id")]


@dataclass(frozen=True, slots=True)
class CompletionDefaults:
    """What a request that leaves them out gets."""

    max_tokens: int = 256
    temperature: float = 0.7


class Completions:
    """Starts and joins completions."""

    def __init__(self, engine: Engine, broker: Broker, defaults: CompletionDefaults) -> None:
        self._engine = engine
        self._broker = broker
        self._defaults = defaults

    def require_model(self, model_id: str) -> None:
        """Raises NotFound unless this is the model that answers."""
        if model_id != self._engine.model_id:
            raise NotFound(
                f"the model {model_id!r} is not served here; this server has {self._engine.model_id!r}",
                field="model",
                code="model_not_found",
            )

    async def session(
        self, body: ChatCompletionRequest, owner: str, last_event_id: str | None
    ) -> tuple[Session, int | None]:
        """The session that answers this request, begun or joined, and the reader's cursor in it.

        Raises InvalidInput, NotFound, SessionBusy, CursorTooOld, TooManyRequests, EngineUnavailable; then
        nothing has begun.
        """
        refuse_unsupported(body)
        self.require_model(body.model)
        sampling = sampling_of(
            body, max_tokens=self._defaults.max_tokens, temperature=self._defaults.temperature
        )
        messages = messages_of(body)
        session_id = body.session_id or _session_of(last_event_id) or secrets.token_urlsafe(24)
        cursor = parse_cursor(last_event_id, check_session_id(session_id))
        if cursor is not None:  # only what was begun before can be resumed
            session = await self._broker.open(session_id, owner)
            self._broker.follow(session, start_index(session, cursor))

        async def open_producer() -> Producer:
            completion_id = f"chatcmpl-{secrets.token_hex(12)}"
            generation = await self._engine.submit(GenerationRequest(completion_id, messages, sampling))
            include_usage = bool(body.stream_options and body.stream_options.include_usage)
            writer = ChunkWriter(completion_id, self._engine.model_id, session_id, include_usage)
            return CompletionProducer(generation, writer)

        session = await self._broker.request(session_id, owner, _fingerprint(body), open_producer)
        return session, cursor


def _session_of(last_event_id: str | None) -> str:
    """The session that an event id names; empty without one."""
    return (last_event_id or "").rpartition(":")[0]


def _fingerprint(body: ChatCompletionRequest) -> str:
    """Equal for requests that ask for the same answer."""
    text = body.model_dump_json(exclude={"session_id", "stream"}, exclude_none=True)
    return hashlib.sha256(text.encode()).hexdigest()


def create_router(
    engine: Engine, broker: Broker, owner_of: Owner, *, defaults: CompletionDefaults
) -> APIRouter:
    router = APIRouter(tags=["OpenAI"])
    completions = Completions(engine, broker, defaults)
    started = int(time.time())

    def model_object() -> dict[str, Any]:
        return {"id": engine.model_id, "object": "model", "created": started, "owned_by": "warung"}

    @router.post("/v1/chat/completions")
    async def create_chat_completion(
        body: ChatCompletionRequest,
        owner: Annotated[str, Depends(owner_of)],
        last_event_id: LastEventId = None,
        last_event_id_query: LastEventIdQuery = None,
    ) -> Response:
        session, cursor = await completions.session(body, owner, last_event_id or last_event_id_query)
        if body.stream:
            return stream(broker, session, cursor)
        answer = await whole(broker, session)
        return JSONResponse(answer.completion(), headers={SESSION_HEADER: session.id})

    @router.get("/v1/chat/completions/{session_id}")
    async def follow_chat_completion(
        session_id: str,
        owner: Annotated[str, Depends(owner_of)],
        last_event_id: LastEventId = None,
        last_event_id_query: LastEventIdQuery = None,
    ) -> Response:
        session = await broker.open(session_id, owner)
        return resume(broker, session, parse_cursor(last_event_id or last_event_id_query, session.id))

    @router.post("/v1/cancel/{session_id}")
    async def cancel(session_id: str, owner: Annotated[str, Depends(owner_of)]) -> dict[str, Any]:
        await broker.cancel(session_id, owner)
        return {"session_id": session_id, "cancelled": True}

    @router.get("/v1/models")
    async def list_models(_owner: Annotated[str, Depends(owner_of)]) -> dict[str, Any]:
        return {"object": "list", "data": [model_object()]}

    @router.get("/v1/models/{model_id:path}")
    async def get_model(model_id: str, _owner: Annotated[str, Depends(owner_of)]) -> dict[str, Any]:
        completions.require_model(model_id)
        return model_object()

    @router.get("/health")
    async def health() -> JSONResponse:
        state = engine.state()
        ok = state.status not in {EngineStatus.FAILED, EngineStatus.STUCK}
        body = {
            "ok": ok,
            "modelReady": state.status is EngineStatus.READY,
            "modelId": state.model_id,
            "status": state.status,
            "running": state.running,
            "error": state.error,
        }
        return JSONResponse(body, status_code=200 if ok else 503)

    return router
