"""Cells of the earth, by which an index finds what is near; knows no product and no index.

The distance itself is `warung.geo.distance_km`: cells only say where it need not be computed.
"""

import math
from typing import NamedTuple

from warung.geo import EARTH_RADIUS_KM, Coordinates, distance_km

FINE, COARSE = 10, 2  # cells per degree: 0.1° is about 11 km, 0.5° about 55 km of latitude
LEVELS = (FINE, COARSE)

# Absorbs what floating point loses; 1e-7 degrees are about a centimetre.
_SLACK_DEGREES = 1e-7
# Between the corners of a cell behind a pole the distance can be this much longer than at them.
_BULGE_KM = 0.05


class Cell(NamedTuple):
    """A square of 1/`per_degree` degrees; `row` counts from the south pole, `column` from 180° W eastward."""

    per_degree: int
    row: int
    column: int

    @classmethod
    def of(cls, point: Coordinates, per_degree: int) -> "Cell":
        row = min(_steps(point.lat + 90, per_degree), 180 * per_degree - 1)
        return cls(per_degree, row, _steps(point.lng + 180, per_degree) % (360 * per_degree))

    @property
    def term(self) -> str:
        return f"{self.per_degree}:{self.row}:{self.column}"

    def lies_within(self, radius_km: float, center: Coordinates) -> bool:
        """Whether all its points certainly do; near the limit the answer may be a false no."""
        if radius_km > math.pi / 2 * EARTH_RADIUS_KM:
            return False  # beyond a quarter of the globe the farthest point need not be a corner
        return all(distance_km(center, corner) + _BULGE_KM <= radius_km for corner in self._corners())

    def _corners(self) -> list[Coordinates]:
        return [
            Coordinates(
                (self.row + north) / self.per_degree - 90, (self.column + east) / self.per_degree - 180
            )
            for north in (0, 1)
            for east in (0, 1)
        ]


def cells_around(center: Coordinates, radius_km: float, per_degree: int) -> set[Cell]:
    """Cells that together hold every point within the radius, across the antimeridian and the poles.

    Bounding box of a spherical cap: J. P. Matuschek, "Finding Points Within a Distance of a
    Latitude/Longitude Using Bounding Coordinates", 2010.
    """
    reach = math.degrees(radius_km / EARTH_RADIUS_KM) + _SLACK_DEGREES
    south, north = max(center.lat - reach, -90.0), min(center.lat + reach, 90.0)
    columns = range(360 * per_degree)
    if south > -90 and north < 90:
        half_width = math.degrees(
            math.asin(math.sin(math.radians(reach)) / math.cos(math.radians(center.lat)))
        )
        first = _steps(center.lng - half_width - _SLACK_DEGREES + 180, per_degree)
        last = _steps(center.lng + half_width + _SLACK_DEGREES + 180, per_degree)
        if last - first < len(columns):
            columns = range(first, last + 1)
    rows = range(
        _steps(south + 90, per_degree), min(_steps(north + 90, per_degree), 180 * per_degree - 1) + 1
    )
    return {Cell(per_degree, row, column % (360 * per_degree)) for row in rows for column in columns}


def _steps(degrees: float, per_degree: int) -> int:
    return math.floor(degrees * per_degree)
