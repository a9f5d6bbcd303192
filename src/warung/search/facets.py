"""What the matches of a search are like, counted: the facets and the bands of prices and distances; knows no
index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Facet(StrEnum):
    """Named as the filter whose values it counts; `distance` stands for `radius_km`."""

    CATEGORY = "category"
    PRICE = "price"
    CITY = "city"
    DISTANCE = "distance"
    CONDITION = "condition"
    BRAND = "brand"


# The facets whose values stand in the index as they are written, and its field.
EXACT_FACETS = {
    Facet.CATEGORY: "category",
    Facet.CONDITION: "condition",
    Facet.CITY: "city",
    Facet.BRAND: "brand_name",
}


@dataclass(frozen=True, slots=True)
class Band:
    """`count` products of prices in rupiah from `low` on and below `high`; None is open."""

    low: int
    high: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Ring:
    """`count` products farther away than `low` km, up to `high`."""

    low: int
    high: int
    count: int


# Round amounts in rupiah, each two or two and a half times the one before.
_STEPS = tuple(
    amount for power in range(4, 8) for amount in (10**power, 25 * 10 ** (power - 1), 5 * 10**power)
)
PRICE_EDGES = (*_STEPS, 10**8)
PRICE_BANDS: tuple[tuple[int, int | None], ...] = (*pairwise((0, *PRICE_EDGES)), (PRICE_EDGES[-1], None))
# What is farther isn't counted: to look at all that matches anywhere is more work than the rest of a search.
RINGS_KM = ((0, 5), (5, 25), (25, 50))


@dataclass(frozen=True, slots=True)
class Facets:
    """Each is counted as if its own filter had not been set, the others being set; None was not asked for.
    Values have the most frequent first, bands are in order, and what no product has is left out."""

    category: Mapping[str, int]
    price: Sequence[Band] | None = None
    city: Mapping[str, int] | None = None
    distance: Sequence[Ring] | None = None
    condition: Mapping[str, int] | None = None
    brand: Mapping[str, int] | None = None
