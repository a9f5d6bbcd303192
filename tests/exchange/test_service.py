"""Storing and reading back, on both databases."""

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest
from sqlalchemy import text

from marketplace import StockRoom, add_products, add_supplier, product_draft
from warung.database.session import Database
from warung.errors import NotFound
from warung.exchange.formats import Format, read_rows, write_rows
from warung.exchange.row import Row, bad_row
from warung.exchange.service import BATCH, MAX_ERRORS, Exchange, ImportReport
from warung.products.product import draft_of
from warung.products.schemas import ProductDraft
from warung.products.service import ProductService


def rows(*drafts: ProductDraft) -> list[Row]:
    return [Row(line, line, draft) for line, draft in enumerate(drafts, start=2)]


def load(database: Database, supplier_id: int, *drafts: ProductDraft, dry_run: bool = False) -> ImportReport:
    return Exchange(database).load(supplier_id, iter(rows(*drafts)), actor="supplier:7", dry_run=dry_run)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.failed


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    tables = ("products", "product_tags", "product_changes", "product_history")
    with database.reading() as session:
        return {
            table: sorted(tuple(row) for row in session.execute(text(f"SELECT * FROM {table}")))  # noqa: S608
            for table in tables
        }


def changed_ids(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.scalars(text("SELECT product_id FROM product_changes ORDER BY seq")))


def test_rows_are_added_changed_and_left_by_sku(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    a, b, c = (product_draft(sku, f"Tas {sku}", tags=("kulit", "hitam")) for sku in "abc")
    assert counts(load(database, supplier_id, a, b)) == (2, 0, 0, 0)
    cheaper = a.model_copy(update={"price_rupiah": 5, "tags": ("hitam",), "images": ("https://a.id/",)})
    renamed = b.model_copy(update={"name": "Tas lain"})
    assert counts(load(database, supplier_id, c, cheaper, renamed)) == (1, 2, 0, 0)
    one, two, three = ProductService(database).after(0, 10)
    assert [draft_of(product) for product in (one, two, three)] == [cheaper, renamed, c]
    assert (one.version, two.version, three.version) == (2, 2, 1)
    assert one.updated_at > one.created_at
    assert changed_ids(database) == [1, 2, 3, 1, 2]


def test_only_a_change_of_price_or_stock_is_history(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    a, b = product_draft("a", "Tas"), product_draft("b", "Topi")
    load(database, supplier_id, a, b)
    load(
        database,
        supplier_id,
        a.model_copy(update={"stock_quantity": 77}),
        b.model_copy(update={"name": "Peci"}),
    )
    with database.reading() as session:
        told = session.execute(
            text("SELECT product_id, price_rupiah, stock_quantity, actor FROM product_history ORDER BY id")
        )
        begun = [(1, 100_000, 5, "supplier:7"), (2, 100_000, 5, "supplier:7")]
        assert [tuple(row) for row in told] == [*begun, (1, 100_000, 77, "supplier:7")]


def test_a_second_time_writes_nothing(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    drafts = [product_draft(str(number), "Tas", tags=("a", "b")) for number in range(3)]
    load(database, supplier_id, *drafts)
    before = everything(database)
    assert counts(load(database, supplier_id, *reversed(drafts))) == (0, 0, 3, 0)
    assert everything(database) == before


def test_a_dry_run_tells_the_same_and_changes_nothing(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    a, b, c = (product_draft(sku, "Tas") for sku in "abc")
    load(database, supplier_id, a, b)
    file = (a, b.model_copy(update={"tags": ("x",)}), c)
    before = everything(database)
    dry = load(database, supplier_id, *file, dry_run=True)
    assert everything(database) == before
    real = load(database, supplier_id, *file)
    assert counts(dry) == (1, 1, 1, 0)
    assert dry == replace(real, dry_run=True)


def test_another_stall_s_products_are_not_touched(database: Database) -> None:
    one, other = add_supplier(database, "a"), add_supplier(database, "b")
    add_products(database, other, product_draft("a", "Tas"))
    assert counts(load(database, one, product_draft("a", "Topi"))) == (1, 0, 0, 0)
    assert ProductService(database).get(1).name == "Tas"


def test_a_deleted_product_s_sku_is_added_anew(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    load(database, supplier_id, product_draft("a", "Tas"))
    StockRoom(database).remove(1)
    assert counts(load(database, supplier_id, product_draft("a", "Tas"))) == (1, 0, 0, 0)
    assert [product.id for product in ProductService(database).after(0, 10)] == [2]


def test_bad_rows_are_told_and_the_others_stored(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    bad = [bad_row(line, line + 1, "it is wrong", "mend it", "price") for line in range(10, 200)]
    (good,) = rows(product_draft("a", "Tas"))
    told: list[int] = []
    report = Exchange(database).load(
        supplier_id,
        iter([*bad, good, *bad * 2]),
        actor="x",
        on_progress=lambda now: told.append(now.added + now.failed),
    )
    assert counts(report) == (1, 0, 0, 570)
    assert report.errors == [row.errors[0] for row in bad[:MAX_ERRORS]]
    assert (told, report.lines) == ([BATCH, 571], 200)


def test_a_supplier_that_is_not_there_is_told_before_anything_is_read(database: Database) -> None:
    with pytest.raises(NotFound, match="no supplier 404"):
        load(database, 404)
    with pytest.raises(NotFound, match="no supplier 404"):
        Exchange(database).unload(404)


def test_what_was_stored_before_a_file_broke_off_stays(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    drafts = [product_draft(str(number), "Tas") for number in range(BATCH + 10)]

    def broken() -> Iterator[Row]:
        yield from rows(*drafts)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        Exchange(database).load(supplier_id, broken(), actor="x")
    assert len(changed_ids(database)) == BATCH
    assert counts(load(database, supplier_id, *drafts)) == (10, 0, BATCH, 0)


def test_two_imports_at_once_add_each_product_once(database: Database) -> None:
    supplier_id = add_supplier(database, "a")
    drafts = [product_draft(str(number), "Tas") for number in range(2 * BATCH)]
    files = [drafts, drafts[::-1], drafts, drafts[::-1]]

    def imported(file: list[ProductDraft]) -> ImportReport:
        return load(database, supplier_id, *file)

    with ThreadPoolExecutor(len(files)) as threads:
        reports = list(threads.map(imported, files))
    assert sum(report.added for report in reports) == len(drafts)
    assert sum(report.unchanged for report in reports) == 3 * len(drafts)
    assert len(changed_ids(database)) == len(drafts)


@pytest.mark.parametrize("format_", get_args(Format))
def test_a_stall_moves_by_a_file(database: Database, format_: Format) -> None:
    one, other = add_supplier(database, "a"), add_supplier(database, "b")
    drafts = [product_draft(f"-{number}", "=Tas", tags=("a|b", "c")) for number in range(BATCH + 1)]
    load(database, one, *drafts)
    load(database, other, product_draft("x", "Topi"))
    exchange = Exchange(database)
    batches = list(exchange.unload(one))
    assert [len(batch) for batch in batches] == [BATCH, 1]
    file = list(write_rows(format_, batches))
    assert counts(exchange.load(one, read_rows(format_, file), actor="x")) == (0, 0, BATCH + 1, 0)
    assert counts(exchange.load(other, read_rows(format_, file), actor="x")) == (BATCH + 1, 0, 0, 0)
    assert [draft for batch in exchange.unload(other) for draft in batch][1:] == drafts


def test_memory_does_not_grow_with_the_file(database: Database) -> None:
    supplier_id = add_supplier(database, "a")

    def peak(sku: str, count: int) -> int:
        file = (
            Row(line, line, product_draft(f"{sku}{line}", "Tas", description="x" * 1000))
            for line in range(count)
        )
        tracemalloc.start()
        assert Exchange(database).load(supplier_id, file, actor="x").added == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak("warm", BATCH)
    assert peak("many", 8 * BATCH) < 1.5 * peak("few", BATCH)  # 8 times as much would be held
