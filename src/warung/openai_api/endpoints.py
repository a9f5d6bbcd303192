"""The routes of the OpenAI dialect."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from warung.analytics.recorder import Recorder
from warung.completions.idempotency import IdempotencyKey
from warung.completions.response import SESSION_HEADER, resume, stream, whole
from warung.completions.session import LastEventId, Place, find_place, join
from warung.engine.choices import Choices
from warung.engine.engine import Engine
from warung.engine.request import GenerationRequest
from warung.errors import NotFound
from warung.openai_api.formats import constraint_of, tools_of
from warung.openai_api.messages import messages_of
from warung.openai_api.plan import ROUTE, CompletionPlan
from warung.openai_api.producer import CompletionProducer
from warung.openai_api.schemas import ChatCompletionRequest
from warung.openai_api.translation import refuse_unsupported, sampling_of
from warung.streams.broker import Broker
from warung.streams.event import Session
from warung.streams.producer import Producer
from warung.streams.sse import parse_cursor

Owner = Callable[[Request], str]
"""From a request to its caller's name; raises Unauthorized."""


@dataclass(frozen=True, slots=True)
class CompletionDefaults:
    """What a request that leaves them out gets."""

    max_tokens: int = 256
    temperature: float = 0.7


class Completions:
    """Starts and joins completions."""

    def __init__(
        self,
        engine: Engine,
        broker: Broker,
        defaults: CompletionDefaults,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._defaults = defaults
        self._recorder = recorder or Recorder()

    def require_model(self, model_id: str) -> None:
        """Raises NotFound unless this is the model that answers."""
        if model_id != self._engine.model_id:
            raise NotFound(
                f"the model {model_id!r} is not served here; this server has {self._engine.model_id!r}",
                field="model",
                code="model_not_found",
            )

    async def session(
        self,
        body: ChatCompletionRequest,
        owner: str,
        last_event_id: str | None,
        idempotency_key: str | None = None,
    ) -> tuple[Session, Place]:
        """The session that answers this request, begun or joined, and the reader's place in it.

        Raises InvalidInput, NotFound, SessionBusy, KeyReused, CursorTooOld, TooManyRequests and
        EngineUnavailable; then nothing has begun.
        """
        refuse_unsupported(body)
        self.require_model(body.model)
        tools = tools_of(body)
        sampling = sampling_of(
            body,
            max_tokens=self._defaults.max_tokens,
            temperature=self._defaults.temperature,
            constraint=constraint_of(body, tools),
        )
        messages, begun = messages_of(body)
        place = await find_place(self._broker, owner, body.session_id, last_event_id, idempotency_key)

        async def open_producer() -> Producer:
            completion_id = f"chatcmpl-{secrets.token_hex(12)}"
            request = GenerationRequest(completion_id, messages, sampling, begun, tools, tenant=owner)
            choices = await Choices.submit(self._engine, request, body.n or 1)
            include_usage = bool(body.stream_options and body.stream_options.include_usage)
            plan = CompletionPlan(
                request, self._engine.model_id, place.session_id, int(time.time()), body.n or 1, include_usage
            )
            return CompletionProducer(
                choices,
                plan,
                version=self._engine.version,
                on_usage=partial(self._recorder.used, owner, ROUTE),
            )

        return await join(self._broker, owner, place, body, open_producer), place


def create_router(
    engine: Engine,
    broker: Broker,
    owner_of: Owner,
    *,
    defaults: CompletionDefaults,
    recorder: Recorder | None = None,
) -> APIRouter:
    """`recorder` is told what answers took; without one nobody is."""
    router = APIRouter(tags=["OpenAI"])
    completions = Completions(engine, broker, defaults, recorder)
    started = int(time.time())

    def model_object() -> dict[str, Any]:
        return {
            "id": engine.model_id,
            "object": "model",
            "created": started,
            "owned_by": "warung",
            "warung": {"features": sorted(engine.features)},
        }

    @router.post(ROUTE)
    async def create_chat_completion(
        request: Request,
        body: ChatCompletionRequest,
        owner: Annotated[str, Depends(owner_of)],
        last_event_id: LastEventId,
        idempotency_key: IdempotencyKey,
    ) -> Response:
        if body.user:
            structlog.contextvars.bind_contextvars(user=body.user)
        session, place = await completions.session(body, owner, last_event_id, idempotency_key)
        if body.stream:
            return stream(broker, session, place.cursor)
        answer = await whole(broker, session, request.is_disconnected)
        return JSONResponse(answer.completion(), headers={SESSION_HEADER: session.id})

    @router.get("/v1/chat/completions/{session_id}")
    async def follow_chat_completion(
        session_id: str, owner: Annotated[str, Depends(owner_of)], last_event_id: LastEventId
    ) -> Response:
        session = await broker.open(session_id, owner)
        return resume(broker, session, parse_cursor(last_event_id, session.id))

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

    return router
