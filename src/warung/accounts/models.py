"""The table of shoppers' accounts; knows no conversation."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import JSON, CheckConstraint, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model
from warung.database.types import UtcDateTime, utc_now


class UserRow(Model):
    """A shopper's account; `lat` and `lng` are both null where no place was told."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90", name="lat_range"),
        CheckConstraint("lng BETWEEN -180 AND 180", name="lng_range"),
        CheckConstraint("(lat IS NULL) = (lng IS NULL)", name="location_whole"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    lat: Mapped[float | None] = mapped_column(Float)
    lng: Mapped[float | None] = mapped_column(Float)
    ai_access_enabled: Mapped[bool] = mapped_column(default=False)
    preferences: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
