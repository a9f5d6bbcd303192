from pathlib import Path

from marketplace import new_database
from warung.products.service import ProductService
from warung.seed.catalogue import build_catalogue
from warung.seed.service import SeedReport, seed
from warung.suppliers.service import SupplierService


def test_seeding_twice_changes_nothing(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    suppliers, products = SupplierService(database), ProductService(database)
    catalogue = build_catalogue()
    offered = sum(len(entry.products) for entry in catalogue.suppliers)
    told: list[tuple[str, int, int]] = []

    first = seed(suppliers, products, catalogue, lambda what, done, total: told.append((what, done, total)))
    assert first == SeedReport(len(catalogue.suppliers), offered, 0)
    assert told[-1] == ("products", offered, offered)
    assert ("suppliers", len(catalogue.suppliers), len(catalogue.suppliers)) in told

    last = products.last_change()
    again = seed(suppliers, products, catalogue)
    assert again == SeedReport(0, 0, len(catalogue.suppliers) + offered)
    assert products.last_change() == last
    database.close()
