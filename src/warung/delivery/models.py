"""The table of delivery services; knows no product and no place."""

from sqlalchemy import BigInteger, CheckConstraint, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model


class DeliveryServiceRow(Model):
    """One way of sending and what it costs; its first rows come with the migration that makes the table."""

    __tablename__ = "delivery_services"
    __table_args__ = (
        CheckConstraint("max_km > 0 AND max_weight_grams > 0", name="limits_positive"),
        CheckConstraint("min_fee >= 0 AND fee_per_km >= 0 AND fee_per_kg >= 0", name="fees_not_negative"),
        CheckConstraint("min_hours >= 0 AND hours_per_100_km >= 0", name="hours_not_negative"),
        CheckConstraint("max_hours >= min_hours", name="hours_in_order"),
    )

    slug: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    enabled: Mapped[bool]
    max_km: Mapped[int]
    max_weight_grams: Mapped[int]
    min_fee: Mapped[int] = mapped_column(BigInteger)
    fee_per_km: Mapped[int] = mapped_column(BigInteger)
    fee_per_kg: Mapped[int] = mapped_column(BigInteger)
    min_hours: Mapped[int]
    max_hours: Mapped[int]
    hours_per_100_km: Mapped[float] = mapped_column(Float)
