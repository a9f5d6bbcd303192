"""Where a stall is when only its city was told; knows no table."""

from warung.gazetteer.places import Gazetteer
from warung.suppliers.schemas import LocatedStall, SupplierBody


def located(body: SupplierBody, gazetteer: Gazetteer) -> LocatedStall:
    """The stall with its coordinates. Raises InvalidInput for a city that nobody knows."""
    told = body.location
    point = gazetteer.locate(body.city) if told is None else told.coordinates()
    return LocatedStall.model_validate(body.model_dump() | {"location": point})
