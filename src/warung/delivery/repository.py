"""Reads and writes delivery services inside its caller's transaction; knows no product."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from warung.delivery.models import DeliveryServiceRow
from warung.delivery.schemas import DeliveryLevel, Tariff


class DeliveryRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def levels(self) -> list[DeliveryLevel]:
        """All services, the quickest first."""
        rows = self._session.scalars(
            select(DeliveryServiceRow).order_by(DeliveryServiceRow.min_hours, DeliveryServiceRow.slug)
        )
        return [DeliveryLevel.model_validate(row, from_attributes=True) for row in rows]

    def change(self, slug: str, tariff: Tariff) -> bool:
        """False when there is no such service."""
        row = self._session.get(DeliveryServiceRow, slug)
        if row is None:
            return False
        for field, value in tariff.model_dump().items():
            setattr(row, field, value)
        return True
