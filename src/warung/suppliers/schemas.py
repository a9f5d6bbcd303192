"""What a supplier may send and is shown; knows no table and no route."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from warung.database.text import one_line
from warung.geo import Coordinates


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
    contact: Annotated[str, StringConstraints(pattern=r"^[+0-9][0-9 ()-]{5,29}$")] = Field(
        description="Telephone number: digits, spaces, ( ) and -, with or without + before them."
    )
    email: EmailStr | None = None


class SupplierDraft(Stall):
    """A supplier to be stored; `external_id` is stable across imports."""

    external_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    location: Coordinates
    registration_date: date
