"""What is asked of the search and what it answers; knows no index, no database and no route."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from warung.errors import InvalidInput
from warung.geo import Circle, Coordinates
from warung.products.cards import ProductCard
from warung.products.categories import load_categories
from warung.products.schemas import Condition
from warung.search.facets import Facet, Facets
from warung.search.highlights import Highlights
from warung.search.vocabulary import Sort

MAX_LIMIT = 100
MAX_OFFERS = 5

Step = Literal["radius", "budget", "words"]
"""What gives way when nothing fits."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Filters and an order. Raises InvalidInput for values that contradict each other.

    `city` and `brand` are as suppliers write them; `exclude` are words whose products are left out;
    `near` is the shopper's place, `radius_km` needs it; `area` limits where suppliers are, wherever the
    shopper is; `cursor` comes from the answer before, to the same request. `fill` adds, in the order of
    relevance, matches of any word after those of all; `relax` lets filters give way when nothing fits
    them all. `facets` are counted beside the category; `offers` other suppliers are told for each product.
    With `prefix` the text's last word may be only begun; `highlight` asks where the words stand.
    """

    text: str = ""
    category: str | None = None
    min_price_rupiah: int | None = None
    max_price_rupiah: int | None = None
    in_stock: bool = False
    condition: Condition | None = None
    city: str | None = None
    brand: str | None = None
    exclude: tuple[str, ...] = ()
    near: Coordinates | None = None
    radius_km: float | None = None
    area: Circle | None = None
    sort: Sort = Sort.RELEVANCE
    limit: int = 20
    cursor: str | None = None
    fill: bool = True
    relax: bool = False
    facets: frozenset[Facet] = frozenset()
    offers: int = 0
    prefix: bool = False
    highlight: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must lie between 1 and {MAX_LIMIT}, not {self.limit}", field="limit")
        if not 0 <= self.offers <= MAX_OFFERS:
            raise InvalidInput(
                f"offers must lie between 0 and {MAX_OFFERS}, not {self.offers}", field="offers"
            )
        _check_category(self.category)
        for name, price in (("min_price", self.min_price_rupiah), ("max_price", self.max_price_rupiah)):
            if price is not None and price < 0:
                raise InvalidInput(f"{name} must not be negative, not {price}", field=name)
        if (
            self.min_price_rupiah is not None
            and self.max_price_rupiah is not None
            and self.min_price_rupiah > self.max_price_rupiah
        ):
            raise InvalidInput(
                f"min_price must not exceed max_price: {self.min_price_rupiah} > {self.max_price_rupiah}",
                field="min_price",
            )
        self._check_place()

    @property
    def circles(self) -> tuple[Circle, ...]:
        """Every circle in which a supplier must be."""
        return tuple(circle for circle in (self.around, self.area) if circle)

    @property
    def around(self) -> Circle | None:
        """The shopper's own circle."""
        return Circle(self.near, self.radius_km) if self.near and self.radius_km else None

    @property
    def brief(self) -> str:
        """The filters and the order in one line."""
        filters = {
            "category": self.category,
            "min_price": self.min_price_rupiah,
            "max_price": self.max_price_rupiah,
            "in_stock": "1" if self.in_stock else None,
            "condition": self.condition,
            "city": self.city,
            "brand": self.brand,
            "exclude": ",".join(self.exclude) or None,
            "radius_km": self.radius_km,
            "sort": None if self.sort is Sort.RELEVANCE else self.sort.value,
        }
        return " ".join(f"{name}={value}" for name, value in filters.items() if value is not None)

    def _check_place(self) -> None:
        if self.radius_km is not None and not self.radius_km > 0:
            raise InvalidInput(f"radius_km must be more than 0, not {self.radius_km}", field="radius_km")
        if self.near is not None:
            return
        if Facet.DISTANCE in self.facets:
            raise InvalidInput(
                'the facet distance needs a location="lat,lng" to measure from', field="facets"
            )
        if self.radius_km is not None:
            raise InvalidInput('radius_km needs a location="lat,lng" to measure from', field="radius_km")
        if self.sort is Sort.DISTANCE:
            raise InvalidInput('sort=distance needs a location="lat,lng" to measure from', field="sort")


def _check_category(category: str | None) -> None:
    known = [each.slug for each in load_categories()]
    if category is not None and category not in known:
        raise InvalidInput(
            f"category {category[:60]!r} is unknown; use one of {', '.join(known)}", field="category"
        )


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page. The first `exact` of its cards match all words, and each at least `words` of them; `total`
    and `facets` are of all pages.

    `relaxed` names what had to give way to find these, in this order: "radius", "budget", and "words"
    when no product has all of them. `offers` of other suppliers, by the id of the product shown.
    `corrected` and `did_you_mean` are as in `wording.Wording`; `highlights` are each card's if asked for.
    """

    cards: tuple[ProductCard, ...]
    exact: int
    total: int
    facets: Facets
    next_cursor: str | None
    relaxed: tuple[Step, ...] = ()
    offers: Mapping[int, Sequence[ProductCard]] = field(default_factory=dict[int, Sequence[ProductCard]])
    corrected: Mapping[str, str] = field(default_factory=dict[str, str])
    did_you_mean: str | None = None
    highlights: tuple[Highlights, ...] | None = None
    words: int = 0


NOTHING = SearchResult((), 0, 0, Facets({}), None)
"""What a question that asks for nothing brings."""
