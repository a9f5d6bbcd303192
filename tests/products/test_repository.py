from marketplace import add_products, add_supplier, product_draft
from warung.database.session import Database
from warung.products.repository import ProductRepository


def test_a_change_tells_what_would_be_read_back(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    add_products(database, supplier_id, product_draft("a", "Tas", tags=("x",)))
    after = product_draft("a", "Topi", 5, tags=("y", "z"))
    with database.transaction() as session:
        repository = ProductRepository(session)
        product = repository.by_sku(supplier_id, ["a", "b"], locked=True)["a"]
        told = repository.replace_all([(product, after)], actor="x")
        (changed,) = repository.find([product.id])
        assert told == {product.id: changed}
        assert (changed.name, changed.price_rupiah, changed.tags, changed.version) == (
            "Topi",
            5,
            ("y", "z"),
            2,
        )
        assert repository.replace_all([(changed, after)], actor="x") == {}
