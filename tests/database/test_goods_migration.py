"""What 0004 does to rows that were there before it, and back."""

from collections.abc import Generator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

import warung.accounts.models
import warung.conversations.models
import warung.products.models
from marketplace import StockRoom, add_products, add_supplier, product_draft, sqlite_url
from postgres_server import PostgresServer
from warung.database.migrate import migrate
from warung.database.model import Model
from warung.database.session import Database, make_engine
from warung.products.service import ProductService

MODELS = (warung.accounts.models, warung.conversations.models, warung.products.models)
BEFORE = """
INSERT INTO suppliers (id, external_id, name, business_name, city, address, contact, lat, lng,
                       registration_date, created_at)
VALUES (7, 'x', 'Siti', 'Toko', 'Bandung', 'Jalan', '+62', -6.9, 107.6, '2024-01-01', '2026-01-02 03:04:05');
INSERT INTO products (id, supplier_id, sku, name, description, price_rupiah, stock_quantity, category,
                      created_at, updated_at)
VALUES (70, 7, '1', 'Tas', '', 5, 2, 'laptop', '2026-01-02 03:04:05', '2026-01-02 03:04:05');
INSERT INTO product_tags (product_id, tag, position) VALUES (70, 'kuliah', 0)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "warung.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database(migrated=False)


@pytest.fixture
def engine(url: str) -> Generator[Engine]:
    engine = make_engine(url)
    yield engine
    engine.dispose()


def test_rows_from_before_go_on_forwards_and_back(url: str, engine: Engine) -> None:
    migrate(url, "0002")
    with engine.begin() as connection:
        for statement in BEFORE.split(";"):
            connection.execute(text(statement))
    migrate(url)
    database = Database(url)
    service = ProductService(database)
    product = service.find([70])[70]
    assert (product.tags, product.condition, product.images, product.version) == (("kuliah",), "new", (), 1)
    assert product.supplier.updated_at == product.created_at
    StockRoom(database).remove(70)
    add_products(database, 7, product_draft("1", "Tas lagi"), product_draft("2", "Ransel", tags=("kuliah",)))
    database.close()

    migrate(url, "0002")
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT sku, name FROM products ORDER BY sku")).all()
        tags = connection.scalar(text("SELECT count(*) FROM product_tags"))
    assert (rows, tags) == ([("1", "Tas lagi"), ("2", "Ransel")], 1)
    migrate(url)


def test_an_id_is_not_given_out_again_after_the_migration(url: str, engine: Engine) -> None:
    migrate(url, "0002")
    with engine.begin() as connection:
        for statement in BEFORE.split(";"):
            connection.execute(text(statement))
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('products_id_seq', 70)"))
        connection.execute(text("DELETE FROM product_tags"))
        connection.execute(text("DELETE FROM products"))
    migrate(url)
    database = Database(url)
    add_products(database, 7, product_draft("1", "Tas"))
    assert list(ProductService(database).find([71])) == [71]
    database.close()


def test_the_models_equal_the_migrations_on_both(url: str, engine: Engine) -> None:
    migrate(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Model.metadata) == []


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("condition = 'broken'", "condition_known"),
        ("weight_grams = 0", "weight_range"),
        ("price_rupiah = -1", "price_not_negative"),
        ("stock_quantity = -1", "stock_not_negative"),
    ],
)
def test_the_tables_hold_their_checks(database: Database, change: str, check: str) -> None:
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop"))
    with pytest.raises(IntegrityError, match=check), database.transaction() as session:
        session.execute(text(f"UPDATE products SET {change}"))  # noqa: S608  a parameter of this test
