"""The assistant's routes: ask, follow, cancel."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from warung.accounts.guests import Caller
from warung.assistant.schemas import ChatAnswer, ChatRequest
from warung.assistant.service import Assistant
from warung.completions.response import SESSION_HEADER, resume, stream, whole
from warung.streams.sse import parse_cursor

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID")]
LastEventIdQuery = Annotated[str | None, Query(alias="last_event_id")]


def create_router(assistant: Assistant, caller_of: Callable[[Request], Caller]) -> APIRouter:
    router = APIRouter(prefix="/api/chat", tags=["assistant"])
    broker = assistant.broker

    @router.post("", response_model=ChatAnswer)
    async def ask(
        body: ChatRequest,
        caller: Annotated[Caller, Depends(caller_of)],
        last_event_id: LastEventId = None,
        last_event_id_query: LastEventIdQuery = None,
    ) -> Response:
        """Ask in one's own words. With `stream` the answer comes as chat.completion.chunk events."""
        caller.spend()
        session = await assistant.ask(body, caller.owner)
        if body.stream:
            cursor = parse_cursor(last_event_id or last_event_id_query, session.id)
            return stream(broker, session, cursor, headers=caller.headers)
        answer = await whole(broker, session)
        fields: dict[str, Any] = {
            "usage": None,
            **answer.own,
            "answer": answer.content,
        }
        content = ChatAnswer.model_validate(fields)
        headers = {SESSION_HEADER: session.id, **caller.headers}
        return JSONResponse(content.model_dump(), headers=headers)

    @router.get("/{session_id}")
    async def follow(
        session_id: str,
        caller: Annotated[Caller, Depends(caller_of)],
        last_event_id: LastEventId = None,
        last_event_id_query: LastEventIdQuery = None,
    ) -> Response:
        """The rest of an answer after a lost connection; 204 when all of it was received."""
        session = await broker.open(session_id, caller.owner)
        return resume(broker, session, parse_cursor(last_event_id or last_event_id_query, session.id))

    @router.post("/{session_id}/cancel")
    async def cancel(session_id: str, caller: Annotated[Caller, Depends(caller_of)]) -> dict[str, Any]:
        await broker.cancel(session_id, caller.owner)
        return {"session_id": session_id, "cancelled": True}

    return router
