"""A stored supplier as the rest of the house sees it; knows no table."""

from dataclasses import dataclass
from datetime import date

from warung.geo import Coordinates


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
