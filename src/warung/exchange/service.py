"""Files of products into a stall and out of it; knows no file format and no route."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from warung.database.session import Database
from warung.errors import NotFound
from warung.exchange.row import Row, RowError
from warung.products.product import draft_of
from warung.products.repository import ProductRepository
from warung.products.schemas import ProductDraft
from warung.suppliers.repository import SupplierRepository

BATCH = 500
MAX_ERRORS = 100


@dataclass(slots=True)
class ImportReport:
    """What became of the rows: each is `added`, `changed`, `unchanged` or `failed`.

    `errors` are the first MAX_ERRORS; `lines` of the file were read. With `dry_run` nothing was stored.
    """

    dry_run: bool = False
    lines: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    errors: list[RowError] = field(default_factory=list[RowError])

    @property
    def counts(self) -> dict[str, int]:
        """The numbers alone, as they are now."""
        return {name: getattr(self, name) for name in ("lines", "added", "changed", "unchanged", "failed")}


class Exchange:
    def __init__(self, database: Database) -> None:
        self._database = database

    def load(
        self,
        supplier_id: int,
        rows: Iterator[Row],
        *,
        actor: str,
        dry_run: bool = False,
        on_progress: Callable[[ImportReport], None] = lambda _report: None,
    ) -> ImportReport:
        """Add products, and change those whose SKU the supplier has already, by rows without a SKU twice.

        Each BATCH of rows is one transaction: what was stored before an interruption is unchanged when the
        file comes again. `on_progress` is told after each how far the report is. Raises NotFound for a
        supplier that there is not, Conflict when a product takes a row's SKU in that moment, and whatever
        `rows` raises.
        """
        self._require(supplier_id)
        report = ImportReport(dry_run=dry_run)
        while batch := list(islice(rows, BATCH)):
            drafts = [row.draft for row in batch if row.draft]
            store = self._compare if dry_run else self._store
            added, changed = store(supplier_id, drafts, actor)
            report.added += added
            report.changed += changed
            report.unchanged += len(drafts) - added - changed
            report.failed += len(batch) - len(drafts)
            for row in batch:
                report.errors += row.errors[: MAX_ERRORS - len(report.errors)]
            report.lines = batch[-1].last_line
            on_progress(report)
        return report

    def unload(self, supplier_id: int) -> Iterator[Sequence[ProductDraft]]:
        """All that stands in a stall, in the order of ids, by batches. Raises NotFound, before the first."""
        self._require(supplier_id)
        return self._batches(supplier_id)

    def _batches(self, supplier_id: int) -> Iterator[Sequence[ProductDraft]]:
        last = 0
        while True:
            with self._database.reading() as session:
                products = ProductRepository(session).of_supplier(supplier_id, last, BATCH)
            if not products:
                return
            yield [draft_of(product) for product in products]
            last = products[-1].id

    def _store(self, supplier_id: int, drafts: Sequence[ProductDraft], actor: str) -> tuple[int, int]:
        """(added, changed)."""
        with self._database.transaction() as session:
            # Else two imports into one stall would each find a product missing, and add it.
            if SupplierRepository(session).lock(supplier_id) is None:
                raise _no_supplier(supplier_id)
            repository = ProductRepository(session)
            stored = repository.by_sku(supplier_id, (draft.sku for draft in drafts), locked=True)
            if new := [(supplier_id, draft) for draft in drafts if draft.sku not in stored]:
                repository.add(new, actor=actor)
            pairs = [(stored[draft.sku], draft) for draft in drafts if draft.sku in stored]
            return len(new), len(repository.replace_all(pairs, actor=actor))

    def _compare(self, supplier_id: int, drafts: Sequence[ProductDraft], _actor: str) -> tuple[int, int]:
        """What `_store` would answer."""
        with self._database.reading() as session:
            stored = ProductRepository(session).by_sku(supplier_id, (draft.sku for draft in drafts))
        known = [draft for draft in drafts if draft.sku in stored]
        changed = sum(draft_of(stored[draft.sku]) != draft for draft in known)
        return len(drafts) - len(known), changed

    def _require(self, supplier_id: int) -> None:
        with self._database.reading() as session:
            if not SupplierRepository(session).find([supplier_id]):
                raise _no_supplier(supplier_id)


def _no_supplier(supplier_id: int) -> NotFound:
    return NotFound(f"there is no supplier {supplier_id}")
