"""A stall's own products: put up, changed, sold and taken off by those who may; knows no route."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from warung.accounts.oversight import note
from warung.accounts.principal import Principal
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.errors import Conflict, NotFound
from warung.etag import require_match
from warung.paging import cut, read_key
from warung.products.product import PriceChange, Product, draft_of
from warung.products.repository import ProductRepository
from warung.products.schemas import MAX_STOCK, ProductDraft
from warung.suppliers.keeper import require_keeper

_NEWEST = 2**63 - 1

IfMatch = Sequence[str] | None
"""The lines of an If-Match header."""


class Counter:
    """Every call is one transaction, in which nobody else changes the product.

    All raise NotFound for a product that there is not. Those that write raise Forbidden for another
    stall's, and PreconditionFailed for another version than `if_match` names.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_up(self, caller: Principal, draft: ProductDraft) -> Product:
        """A new product in the caller's stall. Raises Conflict for a SKU that another one there has, and
        Unauthorized or Forbidden without a stall."""
        supplier_id = caller.require_supplier()
        with self._database.transaction() as session:
            repository = ProductRepository(session)
            return repository.find(repository.add([(supplier_id, draft)], actor=caller.owner))[0]

    def change(
        self,
        product_id: int,
        caller: Principal,
        edit: Callable[[Product], ProductDraft],
        if_match: IfMatch = None,
    ) -> Product:
        """Make a product what `edit` says, which sees it as it is. Raises Conflict for a taken SKU."""
        with self._own(product_id, caller, "change", if_match) as (repository, product):
            return repository.replace(product, edit(product), actor=caller.owner)

    def take(
        self,
        product_id: int,
        caller: Principal,
        delta: int,
        reason: str | None = None,
        if_match: IfMatch = None,
    ) -> Product:
        """Add `delta`, which may be negative, to the stock. Raises Conflict when there is too little."""
        with self._own(product_id, caller, "change_stock", if_match) as (repository, product):
            left = product.stock_quantity + delta
            if left < 0:
                raise Conflict(f"only {product.stock_quantity} left", field="delta", code="out_of_stock")
            if left > MAX_STOCK:
                raise Conflict(f"no stock exceeds {MAX_STOCK}", field="delta", code="stock_limit")
            draft = draft_of(product).model_copy(update={"stock_quantity": left})
            return repository.replace(product, draft, actor=caller.owner, reason=reason)

    def take_off(self, product_id: int, caller: Principal, if_match: IfMatch = None) -> None:
        """Delete a product."""
        with self._own(product_id, caller, "delete", if_match) as (repository, _):
            repository.remove([product_id])

    def history(
        self, product_id: int, caller: Principal, cursor: str | None, limit: int
    ) -> tuple[Sequence[PriceChange], str | None]:
        """A page of the changes of price and stock, the newest first; of another stall's there is none."""
        with self._database.reading() as session:
            repository = ProductRepository(session)
            product = _found(next(iter(repository.find([product_id])), None), product_id)
            require_keeper(caller, product.supplier.id, hidden=_no_product(product_id))
            before = read_key(cursor) if cursor else _NEWEST
            page, following = cut(
                repository.history(product_id, before, limit + 1), limit, lambda change: str(change[0])
            )
            return [change for _, change in page], following

    @contextmanager
    def _own(
        self, product_id: int, caller: Principal, deed: str, if_match: IfMatch = None
    ) -> Generator[tuple[ProductRepository, Product]]:
        with self._database.transaction() as session:
            repository = ProductRepository(session)
            product = _found(repository.lock(product_id), product_id)
            require_keeper(caller, product.supplier.id)
            require_match(if_match, product.version)
            note(AuditRepository(session), caller, f"product.{deed}", f"product:{product_id}")
            yield repository, product


def _found(product: Product | None, product_id: int) -> Product:
    if product is None:
        raise NotFound(_no_product(product_id))
    return product


def _no_product(product_id: int) -> str:
    return f"there is no product {product_id}"
