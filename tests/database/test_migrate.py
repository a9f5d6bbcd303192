from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import warung.accounts.models
import warung.analytics.models
import warung.audit.models
import warung.conversations.models
import warung.delivery.models
import warung.products.models
import warung.synonyms.models
from marketplace import add_products, add_supplier, product_draft, sqlite_url
from postgres_server import PostgresServer
from warung.accounts.principal import Principal
from warung.conversations.service import ConversationService
from warung.database.migrate import migrate, pending
from warung.database.model import Model
from warung.database.session import Database, make_engine
from warung.errors import Conflict, InvalidInput
from warung.products.service import ProductService
from warung.synonyms.schemas import SynonymDraft
from warung.synonyms.service import SynonymService

MODELS = (
    warung.accounts.models,
    warung.analytics.models,
    warung.audit.models,
    warung.conversations.models,
    warung.delivery.models,
    warung.products.models,
    warung.synonyms.models,
)

OPERATOR = Principal("user:1", "operator", user_id="1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind; on SQLite not even a file."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.new_database(migrated=False)
    return sqlite_url(tmp_path / "warung.db")


def tables(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_the_models_equal_the_migrations(url: str) -> None:
    migrate(url)
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Model.metadata) == []
    engine.dispose()
    assert set(Model.metadata.tables) <= tables(url)


def test_up_down_and_up_again_with_data(url: str) -> None:
    migrate(url)
    database = Database(url)
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop", tags=("baru",)))
    ConversationService(database).ask("guest:1", "s", "halo")
    database.close()

    migrate(url)
    database = Database(url)
    assert ProductService(database).find([1])[1].tags == ("baru",)
    database.close()

    migrate(url, "base")
    assert tables(url) == {"alembic_version"}
    migrate(url)
    database = Database(url)
    assert ProductService(database).last_change() is None
    add_supplier(database, "a")
    database.close()


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last one."""
    engine = make_engine(url)
    with engine.begin() as connection:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            result = connection.execute(text(statement))
            rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def test_older_accounts_become_shoppers_and_keep_their_conversations(url: str) -> None:
    migrate(url, "0002")
    execute(
        url,
        "INSERT INTO users (id, name, email, ai_access_enabled, preferences, created_at)"
        " VALUES ('u', 'Sari', 'Sari@Example.com', true, '{}', '2026-01-01 00:00:00')",
        "INSERT INTO conversations (id, owner, user_id, session_id, created_at)"
        " VALUES ('c', 'user:u', 'u', 's', '2026-01-01 00:00:00')",
    )
    migrate(url, "0003")
    assert execute(url, "SELECT email, role, password_hash FROM users") == [
        ("sari@example.com", "shopper", None)
    ]
    assert execute(url, "SELECT user_id FROM conversations") == [("u",)]
    execute(
        url,
        "INSERT INTO logins (id, user_id, created_at) VALUES ('l', 'u', '2026-01-01 00:00:00')",
        "INSERT INTO tokens (digest, login_id, kind, expires_at)"
        " VALUES ('d', 'l', 'access', '2026-01-01 00:00:00')",
    )
    migrate(url, "0002")
    assert not {"logins", "tokens", "audit_log"} & tables(url)
    assert execute(url, "SELECT name, email FROM users") == [("Sari", "sari@example.com")]
    assert execute(url, "SELECT user_id FROM conversations") == [("u",)]
    migrate(url)
    execute(url, "DELETE FROM users")
    assert execute(url, "SELECT id FROM conversations") == []


def test_synonyms_go_and_leave_the_rest(url: str) -> None:
    migrate(url)
    database = Database(url)
    add_supplier(database, "a")
    SynonymService(database).put("x", SynonymDraft(words=("a", "b"), enabled=False), OPERATOR)
    database.close()
    migrate(url, "0005")
    assert "synonyms" not in tables(url)
    assert execute(url, "SELECT count(*) FROM suppliers") == [(1,)]
    assert [row[:2] for row in execute(url, "SELECT action, target FROM audit_log")] == [
        ("synonyms.change", "synonyms:x")
    ]
    migrate(url)
    assert execute(url, "SELECT count(*) FROM synonyms") == [(0,)]


def test_pending_tells_whether_a_migration_is_due(url: str, tmp_path: Path) -> None:
    assert pending(url)
    assert not (tmp_path / "warung.db").exists()
    migrate(url)
    assert not pending(url)
    migrate(url, "base")
    assert pending(url)


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    migrate(url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert pending(url)
    with pytest.raises(Conflict, match="9999"):
        migrate(url)


def test_a_migration_that_would_leave_orphans_changes_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "warung.db")
    migrate(url)
    engine = make_engine(url, foreign_keys=False)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO product_tags (product_id, tag, position) VALUES (7, 'x', 0)"))
    engine.dispose()
    with pytest.raises(Conflict, match="product_tags"):
        migrate(url)


@pytest.mark.parametrize("use", [migrate, pending])
def test_a_database_that_can_not_be_opened_names_its_setting(
    tmp_path: Path, use: Callable[[str], object]
) -> None:
    (tmp_path / "text.db").write_text("this is no database, and long enough to be read as one " * 20)
    for path in (tmp_path, tmp_path / "text.db"):
        with pytest.raises(InvalidInput, match=r"^DATABASE_URL: can't connect: ") as refused:
            use(sqlite_url(path))
        assert "\n" not in refused.value.message
