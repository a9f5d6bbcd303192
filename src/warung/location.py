"""A point on the wire; knows no place name."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from warung.geo import Coordinates


class Location(BaseModel):
    """WGS 84, in degrees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lng: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]

    @classmethod
    def of(cls, point: Coordinates) -> Self:
        return cls(lat=point.lat, lng=point.lng)

    def coordinates(self) -> Coordinates:
        return Coordinates(self.lat, self.lng)
