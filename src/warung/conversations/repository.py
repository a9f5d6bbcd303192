"""Reads and writes conversations inside its caller's transaction; knows no model and no stream."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.conversations.message import Message, Role, Status
from warung.conversations.models import ConversationRow, MessageRow


class ConversationRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, owner: str, user_id: str | None, session_id: str) -> str:
        row = ConversationRow(owner=owner, user_id=user_id, session_id=session_id)
        self._session.add(row)
        self._session.flush()
        return row.id

    def belongs_to(self, conversation_id: str, owner: str) -> bool:
        row = self._session.get(ConversationRow, conversation_id)
        return row is not None and row.owner == owner

    def append(
        self,
        conversation_id: str,
        role: Role,
        content: str,
        products: Sequence[dict[str, Any]] | None,
        status: Status | None,
        *,
        answer_key: str | None = None,
    ) -> Message:
        """Where there is a message with the key already, that one stays as it is."""
        if answer_key and (kept := self._keyed(answer_key)):
            return kept
        row = MessageRow(
            conversation_id=conversation_id,
            role=role,
            content=content,
            products=None if products is None else list(products),
            status=status,
            answer_key=answer_key,
        )
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:
            if answer_key and (kept := self._keyed(answer_key)):  # another process was quicker
                return kept
            raise
        return _as_message(row)

    def _keyed(self, answer_key: str) -> Message | None:
        row = self._session.scalar(select(MessageRow).where(MessageRow.answer_key == answer_key))
        return _as_message(row) if row else None

    def last(self, conversation_id: str, limit: int) -> list[Message]:
        """The last `limit` messages, oldest first."""
        rows = self._session.scalars(
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id)
            .order_by(MessageRow.id.desc())
            .limit(limit)
        ).all()
        return [_as_message(row) for row in reversed(rows)]


def _as_message(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        # The table's CHECK constraints allow nothing else.
        role=cast("Role", row.role),
        content=row.content,
        products=row.products,
        status=cast("Status | None", row.status),
        created_at=row.created_at,
    )
