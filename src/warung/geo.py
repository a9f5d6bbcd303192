"""Points on the earth and the distance between them; knows no place names."""

import math
from dataclasses import dataclass
from typing import Self

from warung.errors import InvalidInput

# Mean earth radius R1 of the GRS 80 ellipsoid (Moritz, Journal of Geodesy 74, 2000).
EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A WGS 84 point in degrees: `lat` in [-90, 90], `lng` in [-180, 180].

    Raises InvalidInput for a value that is out of range or not finite.
    """

    lat: float
    lng: float

    def __post_init__(self) -> None:
        if -90 <= self.lat <= 90 and -180 <= self.lng <= 180:
            return  # nearly always, and asked for every point that is read
        for name, value, limit in (("lat", self.lat, 90), ("lng", self.lng, 180)):
            if not math.isfinite(value) or abs(value) > limit:
                raise InvalidInput(f"{name} must lie between -{limit} and {limit}, not {value}", field=name)

    @classmethod
    def parse(cls, text: str, *, field: str = "location") -> Self:
        """Read "lat,lng" in decimal degrees, such as "-6.2,106.8". Raises InvalidInput naming `field`."""
        try:
            lat, lng = (float(part) for part in text.split(","))
            return cls(lat, lng)
        except (ValueError, InvalidInput) as error:
            reason = error.message if isinstance(error, InvalidInput) else f"got {text[:60]!r}"
            raise InvalidInput(
                f'{field} must be "lat,lng" in decimal degrees, for example "-6.2,106.8": {reason}',
                field=field,
            ) from None


def distance_km(a: Coordinates, b: Coordinates) -> float:
    """Great-circle distance in km by the Haversine formula (Sinnott, Sky & Telescope 68, 1984)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_dlat, half_dlng = (lat_b - lat_a) / 2, math.radians(b.lng - a.lng) / 2
    chord = math.sin(half_dlat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_dlng) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within `radius_km` of `center`, by great-circle distance."""

    center: Coordinates
    radius_km: float

    def __contains__(self, point: Coordinates) -> bool:
        return distance_km(self.center, point) <= self.radius_km
