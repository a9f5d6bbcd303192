"""The routes by which owners read, keep and delete their conversations; knows no table."""

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from warung.accounts.guests import Caller
from warung.conversations.markdown import markdown
from warung.conversations.schemas import (
    ConversationItem,
    ConversationPage,
    Conversations,
    MessageItem,
    WholeConversation,
)
from warung.conversations.service import ConversationService
from warung.streams.broker import Broker

_Id = Annotated[str, Path(pattern=r"^[0-9a-f-]{1,36}$")]
_Limit = Annotated[int, Query(ge=1, le=100)]
_Cursor = Annotated[str | None, Query(max_length=100, description="next_cursor of the page before")]


def create_router(
    service: ConversationService, broker: Broker, caller_of: Callable[[Request], Caller]
) -> APIRouter:
    router = APIRouter(prefix="/api/conversations", tags=["conversations"])

    async def forget_streams(session_ids: Iterable[str], owner: str) -> None:
        for session_id in session_ids:
            await broker.forget(session_id, owner)

    @router.get("")
    def list_conversations(
        caller: Annotated[Caller, Depends(caller_of)], limit: _Limit = 20, cursor: _Cursor = None
    ) -> Conversations:
        """One's own conversations, the newest first."""
        found, next_cursor = service.page(caller.owner, limit, cursor)
        return Conversations(items=[ConversationItem.of(one) for one in found], next_cursor=next_cursor)

    @router.get("/{conversation_id}")
    def read_conversation(
        conversation_id: _Id,
        caller: Annotated[Caller, Depends(caller_of)],
        limit: _Limit = 50,
        cursor: _Cursor = None,
    ) -> ConversationPage:
        """A conversation and its messages, the oldest first."""
        conversation, messages, next_cursor = service.read(conversation_id, caller.owner, limit, cursor)
        items = [MessageItem.of(message) for message in messages]
        item = ConversationItem.of(conversation)
        return ConversationPage(**item.model_dump(), items=items, next_cursor=next_cursor)

    @router.get("/{conversation_id}/export", response_model=WholeConversation)
    def export_conversation(
        conversation_id: _Id,
        caller: Annotated[Caller, Depends(caller_of)],
        format: Literal["json", "md"] = "json",  # noqa: A002  the wire's name
    ) -> Response:
        """A whole conversation to keep, as JSON or Markdown."""
        conversation, messages = service.whole(conversation_id, caller.owner)
        if format == "md":
            body, media_type = markdown(conversation, messages), "text/markdown"
        else:
            items = [MessageItem.of(message) for message in messages]
            item = ConversationItem.of(conversation)
            whole = WholeConversation(**item.model_dump(), messages=items)
            body, media_type = whole.model_dump_json(), "application/json"
        name = f'attachment; filename="warung-{conversation_id}.{format}"'
        return Response(body, media_type=media_type, headers={"Content-Disposition": name})

    @router.delete("/{conversation_id}", status_code=204)
    async def delete_conversation(
        conversation_id: _Id, caller: Annotated[Caller, Depends(caller_of)]
    ) -> None:
        """Delete a conversation, its messages and its streams."""
        await forget_streams(await run_sync(service.remove, conversation_id, caller.owner), caller.owner)

    @router.delete("", status_code=204)
    async def delete_conversations(caller: Annotated[Caller, Depends(caller_of)]) -> None:
        """Delete all of one's own conversations."""
        await forget_streams(await run_sync(service.remove_all, caller.owner), caller.owner)

    return router
