"""Conversations on the wire; knows no table."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from warung.conversations.conversation import Conversation
from warung.conversations.message import Message, Role, Status


class ConversationItem(BaseModel):
    id: str
    title: str
    created_at: datetime

    @classmethod
    def of(cls, conversation: Conversation) -> Self:
        return cls.model_validate(conversation, from_attributes=True)


class Conversations(BaseModel):
    """The newest first."""

    items: list[ConversationItem]
    next_cursor: str | None


class MessageItem(BaseModel):
    """`products` are the cards shown with an answer, `status` how it ended; null for a question."""

    id: int
    role: Role
    content: str
    products: list[dict[str, Any]] | None
    status: Status | None
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls.model_validate(message, from_attributes=True)


class ConversationPage(ConversationItem):
    """A conversation with some of its messages, the oldest first."""

    items: list[MessageItem]
    next_cursor: str | None


class WholeConversation(ConversationItem):
    """A conversation with all of its messages, the oldest first."""

    messages: list[MessageItem]
