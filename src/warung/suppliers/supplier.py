"""A stored supplier as the rest of the house sees it; knows no table."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from warung.geo import Coordinates

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Supplier:
    id: int
    external_id: str | None
    name: str
    business_name: str
    city: str
    address: str
    contact: str
    location: Coordinates
    registration_date: date
    email: str | None = None
    version: int = 1
    updated_at: datetime = EPOCH
