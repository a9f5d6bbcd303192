from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace import new_database
from warung.accounts.models import UserRow
from warung.conversations.models import ConversationRow, MessageRow
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.errors import InvalidInput, NotFound


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


def test_messages_come_back_in_order_with_what_was_shown(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "session", "laptop?")
    card: dict[str, Any] = {"id": 1, "price": 9_000_000}
    stored = service.append(conversation, "guest:1", "assistant", "Ini.", products=[card], status="cancelled")
    question, answer = service.history(conversation, "guest:1")
    assert (question.role, question.content, question.status, question.products) == (
        "user",
        "laptop?",
        None,
        None,
    )
    assert answer == stored
    assert (answer.products, answer.status) == ([card], "cancelled")
    assert answer.created_at.utcoffset() is not None


def test_history_is_the_last_messages_oldest_first(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "session", "0")
    for number in range(1, 5):
        service.append(conversation, "guest:1", "user", str(number))
    assert [message.content for message in service.history(conversation, "guest:1", 2)] == ["3", "4"]


def test_for_anyone_else_it_does_not_exist(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "session", "halo?")
    for owner in ("guest:2", "guest:", "user:1"):
        with pytest.raises(NotFound):
            service.history(conversation, owner)
        with pytest.raises(NotFound):
            service.append(conversation, owner, "user", "halo")
    with pytest.raises(NotFound):
        service.history("no-such-id", "guest:1")
    assert [message.content for message in service.history(conversation, "guest:1")] == ["halo?"]


def test_an_answer_is_complete_unless_told_and_a_question_has_no_status(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "session", "halo?")
    assert service.append(conversation, "guest:1", "assistant", "Ini.").status == "complete"
    with pytest.raises(InvalidInput) as refused:
        service.append(conversation, "guest:1", "user", "x", status="complete")
    assert refused.value.field == "status"
    with pytest.raises(InvalidInput) as refused:
        service.append(conversation, "guest:1", cast("Any", "system"), "x")
    assert refused.value.field == "role"


def test_the_table_knows_no_other_role(database: Database) -> None:
    conversation = ConversationService(database).ask("guest:1", "session", "halo?")
    with pytest.raises(IntegrityError, match="role_known"), database.transaction() as session:
        session.add(MessageRow(conversation_id=conversation, role="system", content="x"))


def test_with_a_user_goes_all_that_belongs_to_them(database: Database) -> None:
    with database.transaction() as session:
        session.add(UserRow(id="u1", name="Ani"))
    service = ConversationService(database)
    service.ask("user:u1", "s", "halo")
    service.ask("guest:1", "s", "halo")
    with database.transaction() as session:
        session.delete(session.get_one(UserRow, "u1"))
    with database.reading() as session:
        assert session.scalars(select(ConversationRow.owner)).all() == ["guest:1"]
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 1


def test_an_answer_with_a_key_is_stored_once(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "session", "laptop?")
    first = service.append(conversation, "guest:1", "assistant", "Ini.", answer_key="answer-1")
    again = service.append(
        conversation, "guest:1", "assistant", "Itu.", status="failed", answer_key="answer-1"
    )
    other = service.append(conversation, "guest:1", "assistant", "Itu.", answer_key="answer-2")
    assert again == first
    assert service.history(conversation, "guest:1")[1:] == [first, other]
