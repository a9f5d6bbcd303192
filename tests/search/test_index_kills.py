import random
import subprocess
import sys
import time
from pathlib import Path

from tantivy import Query

from marketplace import StockRoom, add_products, add_supplier, new_database, product_draft
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.suppliers.service import SupplierService

_KILLS = 5
_WRITER = """
import sys
from pathlib import Path
from warung.database.session import Database
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.suppliers.service import SupplierService
database = Database(sys.argv[1])
index = ProductIndex(Path(sys.argv[2]), ProductService(database), SupplierService(database))
print("ready", flush=True)
while True:
    index.catch_up()
    index.rebuild()
"""


def test_killed_while_it_writes_an_index_opens_or_is_made_anew(tmp_path: Path) -> None:
    """Whenever the kill comes, afterwards the index equals the database."""
    database, dice = new_database(tmp_path), random.Random(1)
    drafts = [product_draft(str(number), f"Laptop {number}") for number in range(300)]
    add_products(database, add_supplier(database, "a"), *drafts)
    for kill in range(1, _KILLS + 1):
        command = [sys.executable, "-c", _WRITER, f"sqlite:///{tmp_path / 'warung.db'}", tmp_path / "index"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
            time.sleep(dice.uniform(0, 0.4))
            writer.kill()
        StockRoom(database).remove(kill)
        index = ProductIndex(tmp_path / "index", ProductService(database), SupplierService(database))
        index.catch_up()
        found = index.snapshot().matches(Query.term_query(index.snapshot().schema, "name", "laptop"))
        assert {match.product_id for match in found} == set(range(kill + 1, 301))
    database.close()
