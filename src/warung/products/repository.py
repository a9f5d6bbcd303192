"""Reads and writes products inside its caller's transaction, and logs every write; knows no index."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.orm import Session, joinedload, selectinload

from warung.database.types import utc_now
from warung.products.models import ProductChangeRow, ProductRow, ProductTagRow
from warung.products.product import ChangeMark, Product
from warung.products.schemas import ProductDraft
from warung.suppliers.repository import as_supplier

# Any constant will do, as long as nothing else in the database locks it.
_LOG_LOCK = 0x57_41_52_55


class ProductRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def existing_skus(self, pairs: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
        """Those (supplier id, SKU) pairs that are stored."""
        wanted = set(pairs)
        rows = self._session.execute(
            select(ProductRow.supplier_id, ProductRow.sku).where(
                ProductRow.supplier_id.in_({supplier for supplier, _ in wanted}),
                ProductRow.sku.in_({sku for _, sku in wanted}),
            )
        )
        return wanted & {(supplier, sku) for supplier, sku in rows}

    def add(self, drafts: Sequence[tuple[int, ProductDraft]]) -> list[int]:
        """Store products of suppliers (by id); the new ids in the same order."""
        ids = self._session.scalars(
            insert(ProductRow).returning(ProductRow.id, sort_by_parameter_order=True),
            [draft.model_dump(exclude={"tags"}) | {"supplier_id": supplier} for supplier, draft in drafts],
        ).all()
        tags = [
            {"product_id": product_id, "tag": tag, "position": position}
            for product_id, (_, draft) in zip(ids, drafts, strict=True)
            for position, tag in enumerate(dict.fromkeys(draft.tags))
        ]
        if tags:
            self._session.execute(insert(ProductTagRow), tags)
        self._log(ids)
        return list(ids)

    def change(self, product_id: int, *, price_rupiah: int | None, stock_quantity: int | None) -> bool:
        """Set what is not None; False when there is no such product."""
        row = self._session.get(ProductRow, product_id)
        if row is None:
            return False
        row.price_rupiah = row.price_rupiah if price_rupiah is None else price_rupiah
        row.stock_quantity = row.stock_quantity if stock_quantity is None else stock_quantity
        if self._session.is_modified(row):
            self._log([product_id])
        return True

    def remove(self, product_id: int) -> bool:
        """Delete it; False when there is no such product."""
        gone = self._session.scalars(
            delete(ProductRow).where(ProductRow.id == product_id).returning(ProductRow.id)
        ).all()
        self._log(gone)
        return bool(gone)

    def find(self, ids: Iterable[int]) -> list[Product]:
        return self._products(select(ProductRow).where(ProductRow.id.in_(ids)))

    def after(self, product_id: int, limit: int) -> list[Product]:
        """The next products in the order of their ids."""
        following = select(ProductRow).where(ProductRow.id > product_id)
        return self._products(following.order_by(ProductRow.id).limit(limit))

    def last_change(self) -> ChangeMark | None:
        newest = select(ProductChangeRow).order_by(ProductChangeRow.seq.desc()).limit(1)
        row = self._session.scalars(newest).one_or_none()
        return None if row is None else _as_mark(row)

    def change_at(self, seq: int) -> ChangeMark | None:
        row = self._session.get(ProductChangeRow, seq)
        return None if row is None else _as_mark(row)

    def changes_after(self, seq: int, limit: int) -> list[ChangeMark]:
        following = select(ProductChangeRow).where(ProductChangeRow.seq > seq)
        rows = self._session.scalars(following.order_by(ProductChangeRow.seq).limit(limit))
        return [_as_mark(row) for row in rows]

    def _products(self, chosen: Select[ProductRow]) -> list[Product]:
        whole = chosen.options(joinedload(ProductRow.supplier), selectinload(ProductRow.tags))
        return [_as_product(row) for row in self._session.scalars(whole)]

    def _log(self, product_ids: Sequence[int]) -> None:
        if not product_ids:
            return
        if self._session.get_bind().dialect.name == "postgresql":
            # Sequence numbers must become visible in their order, or a reader of the log would step
            # over one that is committed late. SQLite has one writer at a time anyway.
            self._session.execute(select(func.pg_advisory_xact_lock(_LOG_LOCK)))
        now = utc_now()
        self._session.execute(
            insert(ProductChangeRow), [{"product_id": key, "changed_at": now} for key in product_ids]
        )


def _as_product(row: ProductRow) -> Product:
    return Product(
        id=row.id,
        supplier=as_supplier(row.supplier),
        sku=row.sku,
        name=row.name,
        description=row.description,
        price_rupiah=row.price_rupiah,
        stock_quantity=row.stock_quantity,
        category=row.category,
        tags=tuple(tag.tag for tag in row.tags),
    )


def _as_mark(row: ProductChangeRow) -> ChangeMark:
    return ChangeMark(row.seq, row.product_id, row.changed_at)
