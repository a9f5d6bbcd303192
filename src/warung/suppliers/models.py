"""The table of suppliers; knows no product."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Float, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now


class SupplierRow(Model):
    """A supplier; `external_id` is the importer's own key, null for one who registered."""

    __tablename__ = "suppliers"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90", name="lat_range"),
        CheckConstraint("lng BETWEEN -180 AND 180", name="lng_range"),
        Index(None, "lat", "lng"),
        # An id is never given out twice: a kept link must not lead to someone else.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    business_name: Mapped[str] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(400))
    contact: Mapped[str] = mapped_column(String(64))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    registration_date: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
