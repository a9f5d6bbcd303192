"""Reads and writes conversations inside its caller's transaction; knows no model and no stream."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import Date, Select, and_, delete, func, or_, select
from sqlalchemy import cast as cast_to
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.conversations.conversation import Conversation, title_of
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
        session_id: str | None = None,
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
            session_id=session_id,
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

    def after(self, conversation_id: str, message_id: int, limit: int | None) -> list[Message]:
        """The next `limit` messages, all if None, oldest first."""
        rows = self._session.scalars(
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.id > message_id)
            .order_by(MessageRow.id)
            .limit(limit)
        )
        return [_as_message(row) for row in rows]

    def find(self, conversation_id: str, owner: str) -> Conversation | None:
        found = _conversations(owner).where(ConversationRow.id == conversation_id)
        return next(self._conversations(found), None)

    def page(self, owner: str, before: tuple[datetime, str] | None, limit: int) -> list[Conversation]:
        """The next conversations behind that moment and id, the newest first."""
        found = _conversations(owner)
        if before is not None:
            moment, conversation_id = before
            same = and_(ConversationRow.created_at == moment, ConversationRow.id < conversation_id)
            found = found.where(or_(ConversationRow.created_at < moment, same))
        newest = (ConversationRow.created_at.desc(), ConversationRow.id.desc())
        return list(self._conversations(found.order_by(*newest).limit(limit)))

    def by_day(self, since: date, until: date, limit: int) -> list[tuple[date, int]]:
        """How many began on each day (UTC) that had any, the latest first."""
        began = ConversationRow.created_at
        if self._session.get_bind().dialect.name == "postgresql":
            day = cast_to(func.timezone("UTC", began), Date)
        else:
            day = func.date(began, type_=Date)
        first = datetime.combine(since, time(), UTC)
        end = datetime.combine(until, time(), UTC) + timedelta(days=1)
        rows = self._session.execute(
            select(day, func.count())
            .where(began >= first, began < end)
            .group_by(day)
            .order_by(day.desc())
            .limit(limit)
        )
        return [(found, count) for found, count in rows]

    def remove(self, owner: str, conversation_id: str | None = None) -> set[str] | None:
        """Delete one, or all of the owner's; the streams that answered in them, None when there was none."""
        chosen = select(ConversationRow.id).where(ConversationRow.owner == owner)
        if conversation_id is not None:
            chosen = chosen.where(ConversationRow.id == conversation_id)
        opened = select(ConversationRow.session_id).where(ConversationRow.id.in_(chosen))
        asked = select(MessageRow.session_id).where(MessageRow.conversation_id.in_(chosen))
        sessions = set(self._session.scalars(opened)), set(self._session.scalars(asked))
        self._session.execute(delete(ConversationRow).where(ConversationRow.id.in_(chosen)))
        return {session_id for found in sessions for session_id in found if session_id} or None

    def _conversations(self, found: Select[str, datetime, str]) -> Iterator[Conversation]:
        rows = self._session.execute(found)
        return (Conversation(key, title_of(question or ""), created_at) for key, created_at, question in rows)


def _conversations(owner: str) -> Select[str, datetime, str]:
    """Each with its first question."""
    question = (
        select(MessageRow.content)
        .where(MessageRow.conversation_id == ConversationRow.id, MessageRow.role == "user")
        .order_by(MessageRow.id)
        .limit(1)
        .scalar_subquery()
    )
    return select(ConversationRow.id, ConversationRow.created_at, question).where(
        ConversationRow.owner == owner
    )


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
