"""The tables of products, with their tags, history and log of changes; knows no query and no index."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now
from warung.suppliers.models import SupplierRow

_KEPT = text("deleted_at IS NULL")


class ProductRow(Model):
    """A product; one with `deleted_at` exists for nobody but its own history."""

    __tablename__ = "products"
    __table_args__ = (
        Index(None, "supplier_id", "sku", unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT),
        CheckConstraint("price_rupiah >= 0", name="price_not_negative"),
        CheckConstraint("stock_quantity >= 0", name="stock_not_negative"),
        CheckConstraint("condition IN ('new', 'used')", name="condition_known"),
        CheckConstraint("weight_grams BETWEEN 1 AND 1000000", name="weight_range"),
        Index(None, "category"),
        # An id is never given out twice: an answer that names a deleted product must not show another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    # No cascade: a product deleted behind the repository's back would be missing from the change log.
    supplier_id: Mapped[int] = mapped_column(ForeignKey("suppliers.id"))
    sku: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    price_rupiah: Mapped[int] = mapped_column(BigInteger)
    stock_quantity: Mapped[int] = mapped_column(BigInteger)
    category: Mapped[str] = mapped_column(String(64))
    brand: Mapped[str | None] = mapped_column(String(100))
    condition: Mapped[str] = mapped_column(String(16), default="new")
    weight_grams: Mapped[int | None]
    images: Mapped[list[str]] = mapped_column(JSON, default=list)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    supplier: Mapped[SupplierRow] = relationship(lazy="raise")
    tags: Mapped[list["ProductTagRow"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", passive_deletes=True, order_by="ProductTagRow.position"
    )


class ProductTagRow(Model):
    """One tag of one product; `position` keeps the supplier's order."""

    __tablename__ = "product_tags"

    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(50), primary_key=True, index=True)
    position: Mapped[int]


class ProductChangeRow(Model):
    """One entry of the change log, in the order of commits.

    It says that a product was written or deleted, not how: its reader looks the product up.
    """

    __tablename__ = "product_changes"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  SQLAlchemy's own declaration form

    seq: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class ProductHistoryRow(Model):
    """The price and stock of a product after one of them changed; `actor` is who changed it."""

    __tablename__ = "product_history"
    __table_args__ = (Index(None, "product_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    price_rupiah: Mapped[int] = mapped_column(BigInteger)
    stock_quantity: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(String(200))
