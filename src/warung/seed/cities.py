"""The seed's cities, where their stalls may stand and on which streets; knows no supplier."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from warung.geo import Coordinates
from warung.seed.dice import Dice

_KM_PER_DEGREE = 111.2
# Unit steps (north, east) towards the side of a coastal city that is land.
_HEADINGS = {"N": (1, 0), "E": (0, 1), "S": (-1, 0), "W": (0, -1), "SE": (-1, 1), "SW": (-1, -1)}


@dataclass(frozen=True, slots=True)
class City:
    """`reach_km` is how far stalls spread; `land` the heading they keep to, empty where all round is land."""

    slug: str
    name: str
    province: str
    location: Coordinates
    stalls: int
    reach_km: float
    land: str
    first_trades: tuple[str, ...]
    streets: tuple[str, ...]


@cache
def load_cities() -> tuple[City, ...]:
    """The cities in the order of the packaged table."""
    text = files("warung.seed").joinpath("cities.tsv").read_text(encoding="utf-8")
    return tuple(_read_city(row) for row in csv.DictReader(text.splitlines(), delimiter="\t"))


def scatter(city: City, dice: Dice) -> Coordinates:
    """A point at most `reach_km` from the city's, on its land side, rounded to about a metre.

    Plain arithmetic, without trigonometry: the result is the same to the last bit on every machine. So near
    the equator a degree of longitude is at most 2 % shorter than one of latitude.
    """
    heading_north, heading_east = _HEADINGS.get(city.land, (0, 0))
    while True:
        north, east = 2 * dice.fraction() - 1, 2 * dice.fraction() - 1
        if north * north + east * east <= 1 and north * heading_north + east * heading_east >= 0:
            break
    degrees = city.reach_km / _KM_PER_DEGREE
    return Coordinates(
        round(city.location.lat + north * degrees, 5), round(city.location.lng + east * degrees, 5)
    )


def _read_city(row: dict[str, str]) -> City:
    return City(
        slug=row["slug"],
        name=row["name"],
        province=row["province"],
        location=Coordinates(float(row["lat"]), float(row["lng"])),
        stalls=int(row["stalls"]),
        reach_km=float(row["reach_km"]),
        land=row["land"],
        first_trades=tuple(row["first_trades"].split(",")) if row["first_trades"] else (),
        streets=tuple(row["streets"].split("|")),
    )
