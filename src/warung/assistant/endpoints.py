"""The assistant's routes: ask, follow, cancel, and search in one's own words."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from warung.accounts.guests import Caller
from warung.assistant.ai_search import AiSearch
from warung.assistant.schemas import AiSearchAnswer, AiSearchRequest, ChatAnswer, ChatRequest
from warung.assistant.service import Assistant
from warung.completions.idempotency import IdempotencyKey
from warung.completions.response import SESSION_HEADER, resume, stream, whole
from warung.completions.session import LastEventId, find_place
from warung.streams.sse import parse_cursor


def create_router(assistant: Assistant, caller_of: Callable[[Request], Caller]) -> APIRouter:
    router = APIRouter(prefix="/api/chat", tags=["assistant"])
    broker = assistant.broker

    @router.post("", response_model=ChatAnswer)
    async def ask(
        request: Request,
        body: ChatRequest,
        caller: Annotated[Caller, Depends(caller_of)],
        last_event_id: LastEventId,
        idempotency_key: IdempotencyKey,
    ) -> Response:
        """Ask in one's own words. With `stream` the answer comes as chat.completion.chunk events."""
        place = await find_place(broker, caller.owner, body.session_id, last_event_id, idempotency_key)
        session = await assistant.ask(body, caller, place)
        if body.stream:
            return stream(broker, session, place.cursor, headers=caller.headers)
        answer = await whole(broker, session, request.is_disconnected)
        fields: dict[str, Any] = {
            "usage": None,
            "relaxed": [],
            **answer.own,
            "answer": answer.content,
        }
        content = ChatAnswer.model_validate(fields)
        headers = {SESSION_HEADER: session.id, **caller.headers}
        return JSONResponse(content.model_dump(), headers=headers)

    @router.get("/{session_id}")
    async def follow(
        session_id: str, caller: Annotated[Caller, Depends(caller_of)], last_event_id: LastEventId
    ) -> Response:
        """The rest of an answer after a lost connection; 204 when all of it was received."""
        session = await broker.open(session_id, caller.owner)
        return resume(broker, session, parse_cursor(last_event_id, session.id))

    @router.post("/{session_id}/cancel")
    async def cancel(session_id: str, caller: Annotated[Caller, Depends(caller_of)]) -> dict[str, Any]:
        await broker.cancel(session_id, caller.owner)
        return {"session_id": session_id, "cancelled": True}

    return router


def create_search_router(search: AiSearch, caller_of: Callable[[Request], Caller]) -> APIRouter:
    router = APIRouter(prefix="/api/products", tags=["products"])

    @router.post("/ai-search", response_model=AiSearchAnswer)
    async def search_in_own_words(
        body: AiSearchRequest, caller: Annotated[Caller, Depends(caller_of)]
    ) -> JSONResponse:
        """Find products in one's own words: what was understood, and products with the reasons for them."""
        answer = await search.answer(body, caller)
        return JSONResponse(answer.model_dump(), headers=dict(caller.headers))

    return router
