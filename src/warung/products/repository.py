"""Reads and writes products inside its caller's transaction, and logs every write; knows no index."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.database.model import Model
from warung.database.types import utc_now
from warung.errors import Conflict, NotFound
from warung.products.models import ProductChangeRow, ProductHistoryRow, ProductRow, ProductTagRow
from warung.products.product import ChangeMark, PriceChange, Product, draft_of
from warung.products.schemas import ProductDraft
from warung.suppliers import repository as suppliers
from warung.suppliers.repository import SupplierRepository

_PRODUCTS, _TAGS, _HISTORY, _CHANGES = (
    Model.metadata.tables[row.__tablename__]
    for row in (ProductRow, ProductTagRow, ProductHistoryRow, ProductChangeRow)
)
_KEPT = _PRODUCTS.c.deleted_at.is_(None)

# What every shopper asks for is read by statements built once, as plain rows: the mapper's objects and
# statements cost several times as much as the database.
_FIELDS = [field.name for field in fields(Product) if field.name not in {"supplier", "tags"}]
# All tags in one column, each with its position, as no order within an aggregate is known to both databases.
_TAG_LINES = (
    select(func.aggregate_strings(cast(_TAGS.c.position, String) + " " + _TAGS.c.tag, "\n"))
    .where(_TAGS.c.product_id == _PRODUCTS.c.id)
    .scalar_subquery()
)
_WHOLE = (
    select(*(_PRODUCTS.c[name] for name in _FIELDS), _TAG_LINES, *suppliers.COLUMNS)
    .join_from(_PRODUCTS, suppliers.TABLE)
    .where(_KEPT)
)
_BY_IDS = _WHOLE.where(_PRODUCTS.c.id.in_(bindparam("ids", expanding=True)))
_LOCKED = _WHOLE.where(_PRODUCTS.c.id == bindparam("id")).with_for_update(of=_PRODUCTS)
_AFTER = (
    _WHOLE.where(_PRODUCTS.c.id > bindparam("after"))
    .order_by(_PRODUCTS.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_IN_STALL_AFTER = _AFTER.where(_PRODUCTS.c.supplier_id == bindparam("supplier"))
_UPDATE = update(_PRODUCTS).where(_PRODUCTS.c.id == bindparam("key"))
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
                _KEPT,
            )
        )
        return wanted & {(supplier, sku) for supplier, sku in rows}

    def add(self, drafts: Sequence[tuple[int, ProductDraft]], *, actor: str) -> list[int]:
        """Store products of suppliers (by id), whose history begins; the new ids in the same order.

        Raises NotFound for a supplier that there is not, Conflict for a SKU that is taken.
        """
        suppliers = {supplier for supplier, _ in drafts}
        if gone := suppliers - SupplierRepository(self._session).hold(suppliers):
            raise NotFound(f"there is no supplier {min(gone)}")
        with _each_sku_once():
            ids = self._session.scalars(
                insert(ProductRow).returning(ProductRow.id, sort_by_parameter_order=True),
                [_values(draft) | {"supplier_id": supplier} for supplier, draft in drafts],
            ).all()
        added = {key: draft for key, (_, draft) in zip(ids, drafts, strict=True)}
        self._add_tags(added)
        self._note_history(added, actor, None)
        self._log(ids)
        return list(ids)

    def lock(self, product_id: int) -> Product | None:
        """The product, which no other transaction changes before this one's end."""
        # SQLite has no row locks and needs none: a writing transaction is alone from its beginning.
        found = self._products(_LOCKED, id=product_id)
        return found[0] if found else None

    def by_sku(self, supplier_id: int, skus: Iterable[str], *, locked: bool = False) -> dict[str, Product]:
        """Those of a supplier's products that have one of these SKUs; `locked` as by `lock`."""
        wanted = _WHOLE.where(_PRODUCTS.c.supplier_id == supplier_id, _PRODUCTS.c.sku.in_(list(skus)))
        if locked:
            wanted = wanted.order_by(_PRODUCTS.c.id).with_for_update(of=_PRODUCTS)
        return {product.sku: product for product in self._products(wanted)}

    def replace(
        self, product: Product, draft: ProductDraft, *, actor: str, reason: str | None = None
    ) -> Product:
        """Make a locked `product` what `draft` says, if it isn't that already: a new version, and logged.

        As it is then. Raises Conflict for a SKU that is taken.
        """
        return self.replace_all([(product, draft)], actor=actor, reason=reason).get(product.id, product)

    def replace_all(
        self, pairs: Sequence[tuple[Product, ProductDraft]], *, actor: str, reason: str | None = None
    ) -> Mapping[int, Product]:
        """The same for many at a time; those that weren't what their draft says, as they are then, by id."""
        changes = [(product, draft) for product, draft in pairs if draft_of(product) != draft]
        if not changes:
            return {}
        now = utc_now()
        with _each_sku_once():
            self._session.execute(
                _UPDATE,
                [
                    _values(draft) | {"key": product.id, "version": product.version + 1, "updated_at": now}
                    for product, draft in changes
                ],
            )
        self._tag_anew({product.id: draft for product, draft in changes if draft.tags != product.tags})
        told = {
            product.id: draft
            for product, draft in changes
            if (product.price_rupiah, product.stock_quantity) != (draft.price_rupiah, draft.stock_quantity)
        }
        self._note_history(told, actor, reason)
        self._log([product.id for product, _ in changes])
        return {product.id: _became(product, draft, now) for product, draft in changes}

    def remove(self, ids: Sequence[int]) -> None:
        """Mark locked products as deleted."""
        self._mark_deleted(ProductRow.id.in_(ids))
        self._log(ids)

    def moved(self, supplier_id: int) -> None:
        """Log what stands in a stall, whose place and city the index holds."""
        self._log(self._session.scalars(self._ids_in(supplier_id)).all())

    def remove_all(self, supplier_id: int) -> None:
        """Mark all that stands in a stall as deleted."""
        ids = self._session.scalars(self._ids_in(supplier_id).with_for_update()).all()
        self._mark_deleted(ProductRow.supplier_id == supplier_id)
        self._log(ids)

    def history(self, product_id: int, before_id: int, limit: int) -> list[tuple[int, PriceChange]]:
        """The changes of price or stock before one, newest first, with their ids."""
        rows = self._session.scalars(
            select(ProductHistoryRow)
            .where(ProductHistoryRow.product_id == product_id, ProductHistoryRow.id < before_id)
            .order_by(ProductHistoryRow.id.desc())
            .limit(limit)
        )
        return [
            (row.id, PriceChange(row.at, row.price_rupiah, row.stock_quantity, row.actor, row.reason))
            for row in rows
        ]

    def find(self, ids: Iterable[int]) -> list[Product]:
        return self._products(_BY_IDS, ids=list(ids))

    def after(self, product_id: int, limit: int) -> list[Product]:
        """The next products in the order of their ids."""
        return self._products(_AFTER, after=product_id, limit=limit)

    def of_supplier(self, supplier_id: int, product_id: int, limit: int) -> list[Product]:
        """The next products of one supplier in the order of their ids."""
        return self._products(_IN_STALL_AFTER, supplier=supplier_id, after=product_id, limit=limit)

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

    def _ids_in(self, supplier_id: int) -> Select[int]:
        return (
            select(ProductRow.id).where(ProductRow.supplier_id == supplier_id, _KEPT).order_by(ProductRow.id)
        )

    def _mark_deleted(self, which: ColumnElement[bool]) -> None:
        now = utc_now()
        self._session.execute(
            update(ProductRow)
            .where(which, _KEPT)
            .values(deleted_at=now, updated_at=now, version=ProductRow.version + 1)
        )

    def _products(self, chosen: Select[*tuple[Any, ...]], **values: object) -> list[Product]:
        """`chosen` is a variant of the whole."""
        return [_as_product(row) for row in self._session.execute(chosen, values)]

    def _add_tags(self, drafts: Mapping[int, ProductDraft]) -> None:
        tags = [
            {"product_id": product_id, "tag": tag, "position": position}
            for product_id, draft in drafts.items()
            for position, tag in enumerate(draft.tags)
        ]
        if tags:
            self._session.execute(insert(_TAGS), tags)

    def _tag_anew(self, drafts: Mapping[int, ProductDraft]) -> None:
        if drafts:
            self._session.execute(delete(ProductTagRow).where(ProductTagRow.product_id.in_(drafts)))
            self._add_tags(drafts)

    def _note_history(self, drafts: Mapping[int, ProductDraft], actor: str, reason: str | None) -> None:
        entries = [
            {
                "product_id": product_id,
                "price_rupiah": draft.price_rupiah,
                "stock_quantity": draft.stock_quantity,
                "actor": actor,
                "reason": reason,
            }
            for product_id, draft in drafts.items()
        ]
        if entries:
            self._session.execute(insert(_HISTORY), entries)

    def _log(self, product_ids: Sequence[int]) -> None:
        """The last thing that a transaction does: it lets no other one log before its own end."""
        if not product_ids:
            return
        if self._session.get_bind().dialect.name == "postgresql":
            # Sequence numbers must become visible in their order, or a reader of the log would step
            # over one that is committed late. SQLite has one writer at a time anyway.
            self._session.execute(select(func.pg_advisory_xact_lock(_LOG_LOCK)))
        now = utc_now()
        self._session.execute(
            insert(_CHANGES), [{"product_id": key, "changed_at": now} for key in product_ids]
        )


class ProductShelf:
    """The products of a stall, which follow it."""

    def moved(self, session: Session, supplier_id: int) -> None:
        ProductRepository(session).moved(supplier_id)

    def closed(self, session: Session, supplier_id: int) -> None:
        ProductRepository(session).remove_all(supplier_id)


def _as_product(row: Sequence[Any]) -> Product:
    """The product of a row of the whole."""
    values = dict(zip(_FIELDS, row, strict=False))
    values["images"] = tuple(values["images"])
    tag_lines, *supplier = row[len(_FIELDS) :]
    return Product(**values, supplier=suppliers.supplier_of(supplier), tags=_tags(tag_lines))


def _tags(lines: str | None) -> tuple[str, ...]:
    """In their order; a tag is one line (ProductDraft)."""
    if not lines:
        return ()
    numbered = [line.split(" ", 1) for line in lines.split("\n")]
    return tuple(tag for _, tag in sorted((int(position), tag) for position, tag in numbered))


def _became(product: Product, draft: ProductDraft, now: datetime) -> Product:
    """As it would be read back."""
    return replace(product, **dict(draft), version=product.version + 1, updated_at=now)


def _values(draft: ProductDraft) -> dict[str, object]:
    values: dict[str, object] = draft.model_dump(exclude={"tags"})
    return values | {"images": list(draft.images)}


def _as_mark(row: ProductChangeRow) -> ChangeMark:
    return ChangeMark(row.seq, row.product_id, row.changed_at)


@contextmanager
def _each_sku_once() -> Generator[None]:
    try:
        yield
    except IntegrityError as error:
        if "supplier_id" in str(error.orig) and "sku" in str(error.orig):
            message = "sku: another of your products has it; choose another, or change that product"
            raise Conflict(message, field="sku", code="sku_taken") from None
        raise
