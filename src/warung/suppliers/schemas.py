"""What a supplier may send and is shown; knows no table and no route."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from warung.accounts.phone import PhoneNumber
from warung.database.text import one_line
from warung.geo import Coordinates, distance_km
from warung.location import Location
from warung.suppliers.key import SupplierKey
from warung.suppliers.supplier import Supplier


def _line(longest: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, strip_whitespace=True)


_Line = Annotated[str, _line(200), AfterValidator(one_line)]


class Stall(BaseModel):
    """What a supplier tells of itself: `name` is the owner's, `contact` a telephone number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Line
    business_name: _Line
    city: _Line
    address: Annotated[str, _line(400), AfterValidator(one_line)]
    contact: PhoneNumber
    email: EmailStr | None = None


class LocatedStall(Stall):
    location: Coordinates


class SupplierDraft(LocatedStall):
    """A supplier to be stored; `external_id` is stable across imports."""

    external_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    registration_date: date


class SupplierBody(Stall):
    """A stall as its supplier sends it."""

    location: Location | None = Field(None, description="Left out: where the city is.")

    @classmethod
    def of(cls, supplier: Supplier) -> Self:
        fields = {name: getattr(supplier, name) for name in Stall.model_fields}
        return cls.model_construct(**fields, location=Location.of(supplier.location))


class SupplierCard(Stall):
    """`distance_km` from the shopper to 0.1 km, null where no place is known."""

    id: int
    location: Location
    distance_km: float | None
    registration_date: date
    updated_at: datetime

    @classmethod
    def of(cls, supplier: Supplier, *, near: Coordinates | None = None) -> Self:
        return cls.model_construct(
            **{name: getattr(supplier, name) for name in Stall.model_fields},
            id=supplier.id,
            location=Location.of(supplier.location),
            distance_km=None if near is None else round(distance_km(near, supplier.location), 1),
            registration_date=supplier.registration_date,
            updated_at=supplier.updated_at,
        )


class KeyHint(BaseModel):
    """What is kept of a key: `hint` is how it begins."""

    id: int
    hint: str
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: SupplierKey) -> Self:
        return cls(id=key.id, hint=key.hint, created_at=key.created_at, revoked_at=key.revoked_at)


class NewKey(KeyHint):
    """`key` is shown this once."""

    key: str


class Registered(BaseModel):
    """`key` is shown this once: it opens all of the stall's routes as `Authorization: Bearer`."""

    supplier: SupplierCard
    key: str
