"""The tables of products, their tags and the log of their changes; knows no query and no index."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now
from warung.suppliers.models import SupplierRow


class ProductRow(Model):
    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("supplier_id", "sku"),
        CheckConstraint("price_rupiah >= 0", name="price_not_negative"),
        CheckConstraint("stock_quantity >= 0", name="stock_not_negative"),
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)

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
