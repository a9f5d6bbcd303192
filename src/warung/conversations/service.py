"""What the house keeps of conversations, each its owner's alone; knows no model, no stream and no route."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from warung.analytics.schemas import ConversationDay, Period
from warung.conversations.conversation import Conversation
from warung.conversations.message import ROLES, STATUSES, Message, Role, Status
from warung.conversations.repository import ConversationRepository
from warung.database.session import Database
from warung.errors import InvalidInput, NotFound

T = TypeVar("T")

_USER = "user:"
_ID = re.compile(r"[0-9a-f-]{36}")
_NUMBER = re.compile(r"[0-9]{1,18}")


class ConversationService:
    """An `owner` is the caller: "guest:…" or "user:<account id>"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, owner: str, session_id: str, question: str, conversation_id: str | None = None) -> str:
        """Store a question, to be answered in the stream `session_id`, opening a conversation unless one is
        named; the conversation's id.

        Raises NotFound when there is no such conversation of this owner.
        """
        user_id = owner.removeprefix(_USER) if owner.startswith(_USER) else None
        with self._database.transaction() as session:
            repository = ConversationRepository(session)
            if conversation_id is None:
                conversation_id = repository.add(owner, user_id, session_id)
            _require(repository, conversation_id, owner)
            repository.append(conversation_id, "user", question, None, None, session_id=session_id)
            return conversation_id

    def append(
        self,
        conversation_id: str,
        owner: str,
        role: Role,
        content: str,
        *,
        products: Sequence[dict[str, Any]] | None = None,
        status: Status | None = None,
        answer_key: str | None = None,
    ) -> Message:
        """Store a message; an answer's `status` is "complete" unless told. Of several with one `answer_key`
        only the first is stored, and returned each time.

        Raises NotFound when there is no such conversation of this owner, InvalidInput for a role or
        status that doesn't exist or doesn't go together.
        """
        if role not in ROLES:
            raise InvalidInput(f"role must be one of {', '.join(ROLES)}, not {role!r}", field="role")
        if role == "assistant":
            status = status or "complete"
        if status is not None and (role == "user" or status not in STATUSES):
            raise InvalidInput(
                f"status is one of {', '.join(STATUSES)} for an assistant's message and none for a user's, "
                f"not {status!r}",
                field="status",
            )
        with self._database.transaction() as session:
            repository = ConversationRepository(session)
            _require(repository, conversation_id, owner)
            return repository.append(conversation_id, role, content, products, status, answer_key=answer_key)

    def history(self, conversation_id: str, owner: str, limit: int = 50) -> list[Message]:
        """The last `limit` messages, oldest first. Raises NotFound when it is not the owner's."""
        with self._database.reading() as session:
            repository = ConversationRepository(session)
            _require(repository, conversation_id, owner)
            return repository.last(conversation_id, limit)

    def page(self, owner: str, limit: int, cursor: str | None) -> tuple[list[Conversation], str | None]:
        """The owner's conversations, the newest first, and the next page's cursor. Raises InvalidInput for a
        cursor that is none."""
        before = None if cursor is None else _before(cursor)
        with self._database.reading() as session:
            found = ConversationRepository(session).page(owner, before, limit + 1)
        page = found[:limit]
        return page, _cursor(page[-1]) if len(found) > limit else None

    def read(
        self, conversation_id: str, owner: str, limit: int, cursor: str | None
    ) -> tuple[Conversation, list[Message], str | None]:
        """A conversation, some of its messages, oldest first, and the next page's cursor.

        Raises NotFound when it is not the owner's, InvalidInput for a cursor that is none.
        """
        after = 0 if cursor is None else _number(cursor)
        with self._database.reading() as session:
            repository = ConversationRepository(session)
            conversation = _found(repository.find(conversation_id, owner))
            messages = repository.after(conversation_id, after, limit + 1)
        page = messages[:limit]
        return conversation, page, str(page[-1].id) if len(messages) > limit else None

    def whole(self, conversation_id: str, owner: str) -> tuple[Conversation, list[Message]]:
        """A conversation and all its messages, oldest first. Raises NotFound when it is not the owner's."""
        with self._database.reading() as session:
            repository = ConversationRepository(session)
            conversation = _found(repository.find(conversation_id, owner))
            return conversation, repository.after(conversation_id, 0, None)

    def by_day(self, period: Period) -> list[ConversationDay]:
        """How many conversations began on each day that had any, the latest first; everybody's."""
        with self._database.reading() as session:
            days = ConversationRepository(session).by_day(period.since, period.until, period.limit)
        return [ConversationDay(day=day, conversations=count) for day, count in days]

    def remove(self, conversation_id: str, owner: str) -> set[str]:
        """Delete a conversation; the ids of the streams that answered in it. Raises NotFound when it is not
        the owner's."""
        with self._database.transaction() as session:
            return _found(ConversationRepository(session).remove(owner, conversation_id))

    def remove_all(self, owner: str) -> set[str]:
        """Delete all conversations of the owner; the ids of the streams that answered in them."""
        with self._database.transaction() as session:
            return ConversationRepository(session).remove(owner) or set()


def _require(repository: ConversationRepository, conversation_id: str, owner: str) -> None:
    _found(repository.belongs_to(conversation_id, owner) or None)


def _found(what: T | None) -> T:
    if what is None:
        raise NotFound("there is no such conversation", field="conversation_id")
    return what


def _cursor(last: Conversation) -> str:
    return f"{last.created_at:%Y%m%dT%H%M%S%f}.{last.id}"


def _before(cursor: str) -> tuple[datetime, str]:
    moment, _, conversation_id = cursor.partition(".")
    if not _ID.fullmatch(conversation_id):
        raise _malformed()
    try:
        return datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%S%f%z"), conversation_id
    except ValueError:
        raise _malformed() from None


def _number(cursor: str) -> int:
    if not _NUMBER.fullmatch(cursor):
        raise _malformed()
    return int(cursor)


def _malformed() -> InvalidInput:
    return InvalidInput("cursor is malformed; pass next_cursor as it was answered", field="cursor")
