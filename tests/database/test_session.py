import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from marketplace import new_database, sqlite_url
from warung.accounts.models import UserRow
from warung.conversations.models import ConversationRow
from warung.database.session import Database
from warung.errors import InvalidInput, Unavailable


def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_error(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with database.transaction() as session:
        session.add(UserRow(name="Ani"))
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add_all(
            [UserRow(name="Budi"), UserRow(id="same", name="Cici"), UserRow(id="same", name="Dedi")]
        )
    with database.reading() as session:
        assert session.scalars(select(UserRow.name)).all() == ["Ani"]
    database.close()


def test_reading_throws_writes_away(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with database.reading() as session:
        session.add(UserRow(name="Ani"))
        session.flush()
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(UserRow)) == 0
    database.close()


def test_transactions_that_read_first_and_write_later_wait_for_each_other(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with database.transaction() as session:
        session.add(UserRow(id="counter", name="0"))

    def count_up() -> None:
        for _ in range(10):
            with database.transaction() as session:
                user = session.get_one(UserRow, "counter")
                user.name = str(int(user.name) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.get_one(UserRow, "counter").name == "40"
    database.close()


def test_readings_within_readings_wait_for_none_of_themselves(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with ExitStack() as readings:
        sessions = [readings.enter_context(database.reading()) for _ in range(5)]
        assert [session.scalar(select(func.count()).select_from(UserRow)) for session in sessions] == [0] * 5
    database.close()


def test_a_writer_waits_for_the_writer_before_it_and_follows_one_that_failed(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    begun, told = threading.Event(), list[str]()

    def write() -> None:
        begun.set()
        with database.transaction() as session:
            told.append("second")
            session.add(UserRow(name="Budi"))

    second = threading.Thread(target=write)

    def fail() -> None:
        with database.transaction() as session:
            session.add(UserRow(name="Ani"))
            second.start()
            begun.wait()
            told.append("first")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    second.join()
    assert told == ["first", "second"]
    with database.reading() as session:
        assert session.scalars(select(UserRow.name)).all() == ["Budi"]
    database.close()


def test_every_connection_keeps_foreign_keys_and_a_write_ahead_log(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with database.reading() as session:
        pragmas = [
            session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")
        ]
    assert pragmas == [1, "wal", 1, 15_000]
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), database.transaction() as session:
        session.add(ConversationRow(owner="user:x", user_id="nobody", session_id="s"))
    database.close()


def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "new" / "deep" / "warung.db"))
    with database.reading() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    database.close()


def test_an_error_does_not_repeat_what_was_written(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with pytest.raises(IntegrityError) as refused, database.transaction() as session:
        session.add(ConversationRow(owner="rahasia sekali", user_id="nobody", session_id="s"))
    assert "rahasia" not in str(refused.value)
    database.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("foo", "not an SQLAlchemy URL"),
        ("postgresql://u:rahasia@host:port/x", "not an SQLAlchemy URL"),
        ("nosuch://u:rahasia@host/x", "nosuch"),
        ("mysql+aiomysql://u:rahasia@host/x", "aiomysql, is not installed"),
        ("sqlite:////dev/null/x/y.db", "the folder of /dev/null/x/y.db can't be made: Not a directory"),
    ],
)
def test_a_url_that_can_not_be_used_names_its_setting(url: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: ") as refused:
        Database(url)
    assert refused.value.field == "DATABASE_URL"
    assert words in refused.value.message
    assert "rahasia" not in refused.value.message
    assert "\n" not in refused.value.message


def test_reading_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    names = select(UserRow.name)
    with database.reading() as session:
        assert session.scalars(names).all() == []
        with database.transaction() as other:
            other.add(UserRow(name="Ani"))
        assert session.scalars(names).all() == []
    with database.reading() as session:
        assert session.scalars(names).all() == ["Ani"]


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_that_is_away_is_a_state_and_no_accident(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    database = Database(f"{name}://warung:rahasia@127.0.0.1:{port}/warung")
    for use in (database.reading, database.transaction):
        with pytest.raises(Unavailable) as told, use() as session:
            session.execute(text("SELECT 1"))
        assert (told.value.code, told.value.retry_after_seconds) == ("database_unavailable", 2)
        assert "rahasia" not in told.value.message
        assert database.problem
    database.close()


def test_a_database_that_is_back_is_no_problem_any_more(database: Database) -> None:
    assert database.problem is None
    with pytest.raises(Unavailable), database.reading():
        raise OperationalError("SELECT", {}, Exception("the connection is gone"))
    assert database.problem
    with database.reading() as session:
        session.execute(text("SELECT 1"))
    assert database.problem is None
