import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tantivy import Query

from marketplace import add_products, add_supplier, new_database, product_draft
from warung.errors import Unavailable
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.refresher import IndexRefresher
from warung.suppliers.service import SupplierService


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_commits_become_visible_until_it_is_stopped(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    index = ProductIndex(tmp_path / "index", ProductService(database), SupplierService(database))

    def size() -> int:
        try:
            return index.snapshot().count(Query.all_query())
        except Unavailable:
            return -1

    refresher = IndexRefresher(index, interval_seconds=0.02)
    refresher.start()
    supplier_id = add_supplier(database, "a")
    add_products(database, supplier_id, product_draft("1", "Laptop"))
    assert wait_until(lambda: size() == 1)
    shutil.rmtree(tmp_path / "index")
    add_products(database, supplier_id, product_draft("2", "Laptop"))
    assert wait_until(lambda: size() == 2)

    refresher.stop()
    refresher.stop()
    add_products(database, supplier_id, product_draft("3", "Laptop"))
    time.sleep(0.1)
    assert size() == 2
    database.close()


def test_a_failure_does_not_end_it(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    (tmp_path / "index").write_text("a file where the folder should be")
    index = ProductIndex(tmp_path / "index", ProductService(database), SupplierService(database))
    refresher = IndexRefresher(index, interval_seconds=0.02)
    refresher.start()
    time.sleep(0.1)
    (tmp_path / "index").unlink()
    assert wait_until((tmp_path / "index" / "meta.json").exists)
    refresher.stop()
    database.close()


def test_waiting_for_the_first_look_ends_when_the_index_is_there(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    index = ProductIndex(tmp_path / "index", ProductService(database), SupplierService(database))
    refresher = IndexRefresher(index)
    assert not refresher.wait(0)
    refresher.start()
    assert refresher.wait(20)
    assert index.snapshot().count(Query.all_query()) == 0
    refresher.stop()
    database.close()
