"""What an operator asks of the analytics and is told; knows no table."""

from datetime import date, timedelta
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from warung.database.types import utc_now
from warung.errors import InvalidInput

_DAYS_UNLESS_TOLD = 30

_Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
T = TypeVar("T", bound=BaseModel)


class Period(BaseModel):
    """Days in UTC, both included, and how many rows to tell at most."""

    since: date
    until: date
    limit: int


class PeriodParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    from_: Annotated[
        _Day | None, Field(alias="from", description="first day, in UTC; default: a month ago")
    ] = None
    to: Annotated[_Day | None, Field(description="last day, in UTC; default: today")] = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100
    format: Literal["json", "csv"] = "json"

    def to_period(self) -> Period:
        """Raises InvalidInput when it ends before it begins."""
        until = self.to or max(utc_now().date(), self.from_ or date.min)
        since = self.from_ or until - timedelta(days=_DAYS_UNLESS_TOLD - 1)
        if since > until:
            raise InvalidInput(f"from must not be after to: {since} is after {until}", field="from")
        return Period(since=since, until=until, limit=self.limit)


class Items(BaseModel, Generic[T]):
    items: list[T]


class SearchDay(BaseModel):
    day: date
    searches: int
    without_results: int


class Term(BaseModel):
    """How often the same words were searched for, and how often nothing was found."""

    term: str
    searches: int
    without_results: int


class ProductViews(BaseModel):
    """`rate` is clicks per showing, null where it was never shown; `name` null when the product is gone."""

    product_id: int
    name: str | None
    shown: int
    clicked: int
    rate: float | None

    @classmethod
    def of(cls, product_id: int, name: str | None, shown: int, clicked: int) -> Self:
        rate = round(int(clicked) / int(shown), 4) if shown else None
        return cls(product_id=product_id, name=name, shown=int(shown), clicked=int(clicked), rate=rate)


class ConversationDay(BaseModel):
    day: date
    conversations: int


class TokenUsage(BaseModel):
    """What one owner's answers took on one day."""

    day: date
    owner: str
    answers: int
    prompt_tokens: int
    completion_tokens: int
