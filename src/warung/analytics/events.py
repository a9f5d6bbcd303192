"""What is noted of the shop's use; knows no table."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Searched:
    """`text` as it was asked, `term` what of it counts as the same search, `understood` its filters."""

    at: datetime
    owner: str | None
    text: str
    term: str
    understood: str
    total: int
    place: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Cards that were shown."""

    day: date
    product_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clicked:
    day: date
    product_id: int


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens of one answer."""

    at: datetime
    owner: str
    route: str
    prompt_tokens: int
    completion_tokens: int


Event = Searched | Shown | Clicked | Used
