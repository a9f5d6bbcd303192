"""What the house keeps of conversations, each its owner's alone; knows no model, no stream and no route."""

from collections.abc import Sequence
from typing import Any

from warung.conversations.message import ROLES, STATUSES, Message, Role, Status
from warung.conversations.repository import ConversationRepository
from warung.database.session import Database
from warung.errors import InvalidInput, NotFound

_USER = "user:"


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
            repository.append(conversation_id, "user", question, None, None)
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


def _require(repository: ConversationRepository, conversation_id: str, owner: str) -> None:
    if not repository.belongs_to(conversation_id, owner):
        raise NotFound("there is no such conversation", field="conversation_id")
