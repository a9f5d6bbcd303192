"""What the house does with products, and the log of their changes; knows no route and no index."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from warung.database.session import Database
from warung.errors import NotFound
from warung.paging import cut, read_key
from warung.products.product import ChangeMark, Changes, Product
from warung.products.repository import ProductRepository
from warung.products.schemas import ProductDraft
from warung.suppliers.repository import SupplierRepository

_BATCH = 500
_SEED = "seed"


class ProductService:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add_missing(
        self,
        drafts: Sequence[tuple[int, ProductDraft]],
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> int:
        """Store those (supplier id, draft) whose SKU is new to the supplier; how many they were.

        Stored products are left as they are, whatever they hold. Each batch is one transaction, so an
        interrupted run is completed by the next. `on_progress` is told how many drafts are done.
        """
        added = 0
        for start in range(0, len(drafts), _BATCH):
            batch = {(supplier, draft.sku): draft for supplier, draft in drafts[start : start + _BATCH]}
            with self._database.transaction() as session:
                repository = ProductRepository(session)
                stored = repository.existing_skus(batch)
                missing = [(key[0], draft) for key, draft in batch.items() if key not in stored]
                if missing:
                    repository.add(missing, actor=_SEED)
            added += len(missing)
            on_progress(min(start + _BATCH, len(drafts)))
        return added

    def find(self, ids: Iterable[int]) -> Mapping[int, Product]:
        """Those that exist at this moment, by id."""
        with self._database.reading() as session:
            return {product.id: product for product in ProductRepository(session).find(ids)}

    def get(self, product_id: int) -> Product:
        """Raises NotFound."""
        return _found(self.find([product_id]).get(product_id), product_id)

    def of_supplier(
        self, supplier_id: int, cursor: str | None, limit: int
    ) -> tuple[Sequence[Product], str | None]:
        """A page of what stands in a stall. Raises NotFound, and InvalidInput for a bad cursor."""
        with self._database.reading() as session:
            start = read_key(cursor) if cursor else 0
            found = ProductRepository(session).of_supplier(supplier_id, start, limit + 1)
            if not found and not SupplierRepository(session).find([supplier_id]):
                raise NotFound(f"there is no supplier {supplier_id}")
            return cut(found, limit, lambda product: str(product.id))

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The next `limit` products in the order of their ids, for walking through all of them."""
        with self._database.reading() as session:
            return ProductRepository(session).after(product_id, limit)

    def last_change(self) -> ChangeMark | None:
        """The newest entry of the change log, None when nothing was ever written."""
        with self._database.reading() as session:
            return ProductRepository(session).last_change()

    def holds_change(self, mark: ChangeMark) -> bool:
        """Whether this very entry stands in the change log."""
        with self._database.reading() as session:
            return ProductRepository(session).change_at(mark.seq) == mark

    def changes_after(self, seq: int, limit: int) -> Changes | None:
        """The next `limit` entries of the change log, with the products as they are now; None at its end."""
        with self._database.reading() as session:
            repository = ProductRepository(session)
            marks = repository.changes_after(seq, limit)
            if not marks:
                return None
            ids = frozenset(mark.product_id for mark in marks)
            return Changes(marks[-1], ids, repository.find(ids))


def _found(product: Product | None, product_id: int) -> Product:
    if product is None:
        raise NotFound(f"there is no product {product_id}")
    return product
