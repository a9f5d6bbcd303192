from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from warung.accounts.models import UserRow
from warung.conversations.models import ConversationRow, MessageRow
from warung.conversations.service import ConversationService
from warung.database.migrate import migrate
from warung.database.session import Database
from warung.errors import InvalidInput, NotFound


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


def test_a_list_has_titles_and_comes_in_pages_newest_first(database: Database) -> None:
    service = ConversationService(database)
    asked = [service.ask("guest:1", "s", f"laptop {number}?") for number in range(5)]
    service.ask("guest:2", "s", "rahasia")
    service.append(asked[0], "guest:1", "user", "yang lebih murah")
    titles: list[str] = []
    cursor = None
    while True:
        page, cursor = service.page("guest:1", 2, cursor)
        titles += [conversation.title for conversation in page]
        if cursor is None:
            break
    assert titles == [f"laptop {number}?" for number in (4, 3, 2, 1, 0)]
    assert service.page("guest:3", 2, None) == ([], None)


def test_conversations_of_one_moment_are_neither_lost_nor_told_twice(database: Database) -> None:
    moment = datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC)
    with database.transaction() as session:
        for _ in range(5):
            session.add(ConversationRow(owner="guest:1", session_id="s", created_at=moment))
    service = ConversationService(database)
    seen: list[str] = []
    cursor = None
    for _ in range(5):
        [one], cursor = service.page("guest:1", 1, cursor)
        seen.append(one.id)
    assert cursor is None
    assert seen == sorted(seen, reverse=True)


def test_messages_come_in_pages_oldest_first(database: Database) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "s", "0")
    for number in range(1, 5):
        service.append(conversation, "guest:1", "user", str(number))
    found, first, cursor = service.read(conversation, "guest:1", 3, None)
    assert (found.title, [message.content for message in first]) == ("0", ["0", "1", "2"])
    _, rest, end = service.read(conversation, "guest:1", 3, cursor)
    assert ([message.content for message in rest], end) == (["3", "4"], None)
    assert service.whole(conversation, "guest:1") == (found, [*first, *rest])


@pytest.mark.parametrize("cursor", ["", "x", "-1", "20260101T000000000000.", "2026.1", "9" * 19, "\u0663"])
def test_a_cursor_that_is_none_is_refused(database: Database, cursor: str) -> None:
    service = ConversationService(database)
    conversation = service.ask("guest:1", "s", "halo")
    with pytest.raises(InvalidInput) as refused:
        service.page("guest:1", 2, cursor)
    assert refused.value.field == "cursor"
    with pytest.raises(InvalidInput):
        service.read(conversation, "guest:1", 2, cursor)


def test_deleting_takes_the_messages_along_and_tells_the_streams(database: Database) -> None:
    service = ConversationService(database)
    first = service.ask("guest:1", "stream-1", "halo")
    service.ask("guest:1", "stream-2", "lagi", first)
    service.ask("guest:1", "stream-3", "lain")
    other = service.ask("guest:2", "stream-4", "halo")
    for owner in ("guest:2", "guest:3"):
        with pytest.raises(NotFound):
            service.remove(first, owner)
    assert service.remove(first, "guest:1") == {"stream-1", "stream-2"}
    with pytest.raises(NotFound):
        service.remove(first, "guest:1")
    assert service.remove_all("guest:1") == {"stream-3"}
    assert service.remove_all("guest:1") == set()
    assert [message.content for message in service.history(other, "guest:2")] == ["halo"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 1


def test_questions_keep_their_stream_over_the_migration(database_url: str) -> None:
    database = Database(database_url)
    service = ConversationService(database)
    conversation = service.ask("guest:1", "stream-1", "halo")
    service.ask("guest:1", "stream-2", "lagi", conversation)
    database.close()
    migrate(database_url, "0002")
    migrate(database_url)
    database = Database(database_url)
    # Which stream answered the second question is not told from before.
    assert ConversationService(database).remove(conversation, "guest:1") == {"stream-1"}
    database.close()
