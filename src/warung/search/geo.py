"""Cells of the earth, by which an index finds what is near; knows no product and no index.

The distance itself is `warung.geo.distance_km`: cells only say where it need not be computed.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from warung.geo import EARTH_RADIUS_KM, Coordinates

# Cells per degree, each a multiple of the next: 0.02° is about 2 km of latitude, 0.1° 11 km, 0.5° 55 km.
FINEST, FINE, COARSE = LEVELS = (50, 10, 2)

# Absorbs what floating point loses; 1e-7 degrees are about a centimetre.
_SLACK_DEGREES = 1e-7
_DEGREE_KM = math.radians(EARTH_RADIUS_KM)
# Half a cell's diagonal is longer on the sphere than in the plane, by less than this.
_BULGE_KM = 0.05


class Cell(NamedTuple):
    """A square of 1/`per_degree` degrees; `row` counts from the south pole, `column` from 180° W eastward."""

    per_degree: int
    row: int
    column: int

    @classmethod
    def of(cls, point: Coordinates, per_degree: int) -> "Cell":
        """The cell of a level that holds the point. Cells of all levels are made of the finest ones."""
        row = min(_steps(point.lat + 90, FINEST), 180 * FINEST - 1)
        column = _steps(point.lng + 180, FINEST) % (360 * FINEST)
        return cls(per_degree, row * per_degree // FINEST, column * per_degree // FINEST)

    @property
    def term(self) -> str:
        return f"{self.per_degree}:{self.row}:{self.column}"


def split(
    cells: Iterable[Cell], per_degree: int, radius_km: float, center: Coordinates
) -> tuple[list[Cell], list[Cell]]:
    """The cells, all of one level, that lie within the radius, and those that its edge may cut."""
    middle, reach = _direction(center.lat, center.lng), _DEGREE_KM * math.sqrt(0.5) / per_degree + _BULGE_KM
    within, beyond = _chord(radius_km - reach), _chord(radius_km + reach)
    inside: list[Cell] = []
    cut: list[Cell] = []
    for cell in cells:
        distance = math.dist(middle, _middle(cell))
        if distance <= within:
            inside.append(cell)
        elif distance <= beyond:
            cut.append(cell)
    return inside, cut


def _direction(lat_degrees: float, lng_degrees: float) -> tuple[float, float, float]:
    """The unit vector from the middle of the earth."""
    lat, lng = math.radians(lat_degrees), math.radians(lng_degrees)
    return math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng), math.sin(lat)


def _chord(distance_km: float) -> float:
    """The straight way between the ends of unit vectors so far apart; negative for a negative distance."""
    angle = distance_km / EARTH_RADIUS_KM
    return 2 * math.sin(angle / 2) if angle < math.pi else math.inf


@lru_cache(maxsize=200_000)
def _middle(cell: Cell) -> tuple[float, float, float]:
    per_degree, row, column = cell
    return _direction((row + 0.5) / per_degree - 90, (column + 0.5) / per_degree - 180)


def spot(point: Coordinates) -> int:
    """A number for the finest cell; those of the points in one cell, of any level, follow each other."""
    coarse = Cell.of(point, COARSE)
    number = coarse.row * 360 * COARSE + coarse.column
    for level, above in ((FINE, COARSE), (FINEST, FINE)):
        cell, parts = Cell.of(point, level), level // above
        number = (number * parts + cell.row % parts) * parts + cell.column % parts
    return number


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
