"""What a supplier may send and is shown; knows no table and no route."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from warung.geo import Coordinates

_Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SupplierDraft(BaseModel):
    """A supplier to be stored: `external_id` is stable across imports, `name` is the owner's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    name: _Line
    business_name: _Line
    city: _Line
    address: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    contact: Annotated[str, StringConstraints(pattern=r"^[+0-9][0-9 ()-]{5,29}$")]
    location: Coordinates
    registration_date: date
