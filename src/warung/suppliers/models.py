"""The tables of suppliers and of their keys; knows no product."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from warung.accounts.models import UserRow
from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now

_KEPT = text("deleted_at IS NULL")


class SupplierRow(Model):
    """A supplier; `external_id` is the importer's own key, null for one who registered.

    `user_id` is the account that runs the stall, null where only keys open it.
    """

    __tablename__ = "suppliers"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90", name="lat_range"),
        CheckConstraint("lng BETWEEN -180 AND 180", name="lng_range"),
        Index(None, "lat", "lng"),
        Index(None, "external_id", unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT),
        Index(None, "user_id", unique=True, sqlite_where=_KEPT, postgresql_where=_KEPT),
        # An id is never given out twice: a kept link must not lead to someone else.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    business_name: Mapped[str] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(400))
    contact: Mapped[str] = mapped_column(String(64))
    email: Mapped[str | None] = mapped_column(String(320))
    user_id: Mapped[str | None] = mapped_column(ForeignKey(UserRow.id, ondelete="SET NULL"))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    registration_date: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SupplierKeyRow(Model):
    """A key to a stall: its SHA-256 `digest`, and its first characters as a `hint` for its owner."""

    __tablename__ = "supplier_keys"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  SQLAlchemy's own declaration form

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    supplier_id: Mapped[int] = mapped_column(ForeignKey(SupplierRow.id, ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
