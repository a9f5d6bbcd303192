from sqlalchemy import select

from marketplace import add_products, add_supplier, product_draft
from warung.database.session import Database
from warung.products.models import ProductRow
from warung.products.repository import ProductRepository


def test_what_was_read_before_a_change_is_read_anew(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    add_products(database, supplier_id, product_draft("a", "Tas", tags=("x",)))
    after = product_draft("a", "Topi", 5, tags=("y", "z"))
    with database.transaction() as session:
        row = session.scalars(select(ProductRow)).one()
        repository = ProductRepository(session)
        product = repository.by_sku(supplier_id, ["a", "b"], locked=True)["a"]
        assert repository.replace_all([(product, after)], actor="x") == 1
        (changed,) = repository.find([row.id])
        assert (changed.name, changed.price_rupiah, changed.tags, changed.version) == (
            "Topi",
            5,
            ("y", "z"),
            2,
        )
        assert repository.replace_all([(changed, after)], actor="x") == 0
