"""Delivery services and their estimates, as values and on the wire; knows no table and no route."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from warung.database.text import one_line

_Rupiah = Annotated[int, Field(ge=0, le=10**9, description="whole rupiah")]
_Hours = Annotated[int, Field(ge=0, le=24 * 365)]


class Delivery(BaseModel):
    """One way of sending, `name` being for people: `fee` in rupiah, the time as a range of hours."""

    service: str
    name: str
    fee: int
    min_hours: int
    max_hours: int


class Tariff(BaseModel):
    """What a service costs and takes. The fee is `fee_per_km` for each km, at least `min_fee`, and
    `fee_per_kg` for each begun kg beyond the first; the hours grow by `hours_per_100_km`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
        AfterValidator(one_line),
    ]
    enabled: Annotated[bool, Field(description="whether it is offered at all")] = True
    max_km: Annotated[int, Field(ge=1, le=20_100)]
    max_weight_grams: Annotated[int, Field(ge=1, le=10**8)]
    min_fee: _Rupiah
    fee_per_km: _Rupiah
    fee_per_kg: _Rupiah
    min_hours: _Hours
    max_hours: _Hours
    hours_per_100_km: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]

    @field_validator("max_hours")
    @classmethod
    def _in_order(cls, hours: int, others: ValidationInfo) -> int:
        least = others.data.get("min_hours", 0)
        if hours < least:
            raise ValueError(f"max_hours must not be less than min_hours: {hours} < {least}")
        return hours


class DeliveryLevel(Tariff):
    """A service by its slug."""

    slug: str


class DeliveryLevels(BaseModel):
    """All services, the quickest first."""

    items: list[DeliveryLevel]
