"""The tables of conversations and their messages; knows no model and no stream."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from warung.accounts.models import UserRow
from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now


class ConversationRow(Model):
    """A conversation; `owner` is the caller that opened it, "guest:…" or "user:…"."""

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    owner: Mapped[str] = mapped_column(String(200), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey(UserRow.id, ondelete="CASCADE"), index=True)
    session_id: Mapped[str] = mapped_column(String(200), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class MessageRow(Model):
    """One message; `products` holds the cards shown beside an answer, `status` how the answer ended,
    `session_id` the stream that answers a question. No two have the same `answer_key`."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'assistant')", name="role_known"),
        CheckConstraint("status IN ('complete', 'failed', 'cancelled')", name="status_known"),
        CheckConstraint("(role = 'assistant') = (status IS NOT NULL)", name="status_of_answer"),
        Index(None, "conversation_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(16))
    content: Mapped[str] = mapped_column(Text)
    products: Mapped[list[dict[str, object]] | None] = mapped_column(JSON(none_as_null=True))
    status: Mapped[str | None] = mapped_column(String(16))
    session_id: Mapped[str | None] = mapped_column(String(200))
    answer_key: Mapped[str | None] = mapped_column(String(100), index=True, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
