import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tantivy import Index, Query

from marketplace import BANDUNG, JAKARTA, StockRoom, add_products, add_supplier, new_database, product_draft
from warung.database.session import Database
from warung.errors import Unavailable
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.suppliers.service import SupplierService


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    add_products(
        database, add_supplier(database, "a"), product_draft("1", "Laptop"), product_draft("2", "Meja")
    )
    yield database
    database.close()


def open_index(folder: Path, database: Database) -> ProductIndex:
    return ProductIndex(folder, ProductService(database), SupplierService(database))


def ids(index: ProductIndex, word: str = "laptop") -> set[int]:
    snapshot = index.snapshot()
    return {match.product_id for match in snapshot.matches(Query.term_query(snapshot.schema, "name", word))}


def test_an_index_follows_the_change_log(tmp_path: Path, database: Database) -> None:
    index = open_index(tmp_path / "index", database)
    assert index.catch_up() == 2
    assert ids(index) == {1}
    add_products(database, add_supplier(database, "b", BANDUNG), product_draft("1", "Laptop Dua"))
    assert index.catch_up() == 1
    assert ids(index) == {1, 3}
    assert index.snapshot().suppliers.location(2) == BANDUNG
    StockRoom(database).remove(1)
    assert index.catch_up() == 1
    assert ids(index) == {3}
    assert index.catch_up() == 0


def test_a_snapshot_stays_what_it_was(tmp_path: Path, database: Database) -> None:
    index = open_index(tmp_path / "index", database)
    index.catch_up()
    before = index.snapshot()
    StockRoom(database).remove(1)
    index.catch_up()
    assert before.count(Query.all_query()) == 2
    assert index.snapshot().count(Query.all_query()) == 1


def test_what_was_committed_is_not_done_again_after_a_restart(tmp_path: Path, database: Database) -> None:
    open_index(tmp_path / "index", database).catch_up()
    StockRoom(database).change(2, price_rupiah=7)
    again = open_index(tmp_path / "index", database)
    assert again.catch_up() == 1
    assert ids(again, "meja") == {2}
    assert again.snapshot().suppliers.location(1) == JAKARTA


def test_before_the_first_catch_up_there_is_nothing_to_search(tmp_path: Path, database: Database) -> None:
    with pytest.raises(Unavailable):
        open_index(tmp_path / "index", database).snapshot()


def test_a_deleted_index_is_made_anew_while_it_is_open(tmp_path: Path, database: Database) -> None:
    index = open_index(tmp_path / "index", database)
    index.catch_up()
    shutil.rmtree(tmp_path / "index")
    assert index.catch_up() == 2
    assert ids(index) == {1}


def files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix in {".json", ".term", ".idx", ".fast", ".store"}
    )


@pytest.mark.parametrize("suffix", [".json", ".term", ".idx", ".fast", ".store"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_index_is_made_anew(tmp_path: Path, database: Database, suffix: str, damage: str) -> None:
    folder = tmp_path / "index"
    open_index(folder, database).catch_up()
    path = next(p for p in files(folder) if p.suffix == suffix and not p.name.startswith(".managed"))
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    index = open_index(folder, database)
    assert index.catch_up() == 2
    assert ids(index) == {1}


def test_files_lost_while_it_is_open_are_noticed_at_the_next_write(
    tmp_path: Path, database: Database
) -> None:
    folder = tmp_path / "index"
    index = open_index(folder, database)
    index.catch_up()
    (folder / "meta.json").write_text("{")
    StockRoom(database).change(1, price_rupiah=7)
    index.catch_up()
    assert ids(index) == {1}
    assert open_index(folder, database).catch_up() == 0


def test_an_index_of_another_database_is_made_anew(tmp_path: Path, database: Database) -> None:
    open_index(tmp_path / "index", database).catch_up()
    other = new_database(tmp_path, "other.db")
    add_products(other, add_supplier(other, "z"), *[product_draft(str(i), "Laptop") for i in range(5)])
    index = open_index(tmp_path / "index", other)
    assert index.catch_up() == 5
    assert ids(index) == {1, 2, 3, 4, 5}
    other.close()


def test_a_database_set_back_to_an_older_state_makes_it_anew(tmp_path: Path, database: Database) -> None:
    index = open_index(tmp_path / "index", database)
    StockRoom(database).remove(1)
    index.catch_up()
    with database.transaction() as session:
        session.execute(text("DELETE FROM product_changes WHERE seq = 3"))
    assert index.catch_up() == 1
    assert index.catch_up() == 0


def test_an_index_of_another_version_is_made_anew(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "index"
    open_index(folder, database).catch_up()
    writer = Index.open(str(folder)).writer(15_000_000, 1)
    writer.delete_documents_by_term("state", "state")
    writer.commit()
    writer.wait_merging_threads()
    assert open_index(folder, database).catch_up() == 2


def test_a_folder_that_another_writes_to_is_left_alone(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "index"
    index = open_index(folder, database)
    index.catch_up()
    writer = Index.open(str(folder)).writer(15_000_000, 1)
    StockRoom(database).remove(1)
    with pytest.raises(Unavailable, match="another process"):
        index.catch_up()
    with pytest.raises(Unavailable, match="another process"):
        index.rebuild()
    writer.rollback()
    writer.wait_merging_threads()
    assert index.catch_up() == 1


def test_a_rebuild_tells_its_progress(tmp_path: Path, database: Database) -> None:
    seen: list[int] = []
    assert open_index(tmp_path / "index", database).rebuild(seen.append) == 2
    assert seen == [2]


def test_an_empty_database_makes_an_empty_index(tmp_path: Path) -> None:
    database = new_database(tmp_path, "empty.db")
    index = open_index(tmp_path / "index", database)
    assert index.catch_up() == 0
    assert ids(index) == set()
    database.close()


def test_words_lose_case_accents_and_endings(tmp_path: Path, database: Database) -> None:
    index = open_index(tmp_path / "index", database)
    assert index.terms('Café LAPTOP-gaming 14" laptop') == ["cafe", "laptop", "game", "14"]
