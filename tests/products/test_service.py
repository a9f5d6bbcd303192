import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from marketplace import StockRoom, add_products, add_supplier, product_draft
from warung.database.session import Database
from warung.errors import NotFound
from warung.products.models import ProductRow
from warung.products.service import ProductService


def test_a_stored_product_comes_back_whole(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    add_products(database, supplier_id, product_draft("1", "Laptop", 10**15, tags=("kuliah", "baru", "asus")))
    product = ProductService(database).find([1, 99])[1]
    assert (product.name, product.price_rupiah, product.tags) == (
        "Laptop",
        10**15,
        ("kuliah", "baru", "asus"),
    )
    assert product.supplier.business_name == "Toko a"


def test_storing_twice_writes_no_row_and_no_change(database: Database) -> None:
    service = ProductService(database)
    supplier_id = add_supplier(database, "a")
    drafts = [(supplier_id, product_draft(str(i), f"Laptop {i}")) for i in range(3)]
    assert service.add_missing(drafts) == 3
    before = service.last_change()
    assert service.add_missing(drafts) == 0
    assert service.last_change() == before


def test_a_sku_belongs_to_its_supplier(database: Database) -> None:
    one, other = add_supplier(database, "a"), add_supplier(database, "b")
    add_products(database, one, product_draft("1", "Laptop"))
    assert ProductService(database).add_missing([(other, product_draft("1", "Tas"))]) == 1


def test_every_write_is_logged_in_order(database: Database) -> None:
    service = ProductService(database)
    add_products(database, add_supplier(database, "a"), *[product_draft(str(i), "Laptop") for i in range(3)])
    room = StockRoom(database)
    room.change(2, price_rupiah=5)
    room.change(2, price_rupiah=5)
    room.remove(1)
    changes = service.changes_after(3, 10)
    assert changes is not None
    assert (changes.mark.seq, changes.ids) == (5, {1, 2})
    assert [product.price_rupiah for product in changes.products] == [5]
    assert service.changes_after(5, 10) is None
    first = service.changes_after(0, 2)
    assert first is not None
    assert service.holds_change(first.mark)


def test_a_write_that_fails_leaves_neither_row_nor_change(database: Database) -> None:
    service = ProductService(database)
    with pytest.raises(NotFound, match="no supplier 404"):
        service.add_missing([(404, product_draft("1", "Laptop"))])
    assert service.last_change() is None
    assert service.after(0, 10) == []


@pytest.mark.parametrize("column", ["price_rupiah", "stock_quantity"])
def test_a_negative_number_is_refused_by_the_table(database: Database, column: str) -> None:
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop"))
    with pytest.raises(IntegrityError, match="not_negative"), database.transaction() as session:
        session.execute(text(f"UPDATE products SET {column} = -1"))  # noqa: S608  a parameter of this test


def test_an_id_is_never_given_out_twice(database: Database) -> None:
    service = ProductService(database)
    supplier_id = add_supplier(database, "a")
    add_products(database, supplier_id, product_draft("1", "Laptop"))
    StockRoom(database).remove(1)
    add_products(database, supplier_id, product_draft("1", "Laptop"))
    assert [product.id for product in service.after(0, 10)] == [2]


def test_relations_are_never_loaded_behind_the_callers_back(database: Database) -> None:
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop"))
    with database.reading() as session:
        row = session.scalars(select(ProductRow)).one()
        with pytest.raises(InvalidRequestError, match="raise"):
            _ = row.supplier
