"""Where a stall is when only its city was told; knows no table."""

from warung.errors import InvalidInput
from warung.gazetteer.places import Gazetteer
from warung.geo import Coordinates
from warung.suppliers.schemas import LocatedStall, SupplierBody


def located(body: SupplierBody, gazetteer: Gazetteer) -> LocatedStall:
    """The stall with its coordinates. Raises InvalidInput for a city that nobody knows."""
    told = body.location
    point = _city(body.city, gazetteer) if told is None else Coordinates(told.lat, told.lng)
    return LocatedStall.model_validate(body.model_dump() | {"location": point})


def _city(name: str, gazetteer: Gazetteer) -> Coordinates:
    if place := gazetteer.find(name):
        return place.location
    close = gazetteer.suggest(name)
    hint = f"did you mean {' or '.join(close)}? Else" if close else "use the name of a kota or kabupaten, or"
    raise InvalidInput(f"city {name[:60]!r} is unknown: {hint} send the stall's location", field="city")
