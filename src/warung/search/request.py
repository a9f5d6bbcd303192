"""What is asked of the search and what it answers; knows no index, no database and no route."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from warung.errors import InvalidInput
from warung.geo import Circle, Coordinates
from warung.products.cards import ProductCard
from warung.products.categories import load_categories
from warung.search.highlights import Highlights
from warung.search.query import Sort

MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Filters and an order. Raises InvalidInput for values that contradict each other.

    `exclude` are words whose products are left out; `near` is the shopper's place, `radius_km` needs
    it; `area` limits where suppliers are, wherever the shopper is; `cursor` comes from the answer
    before, to the same request; with `prefix` the text's last word may be only begun; `highlight` asks where
    the words stand.
    """

    text: str = ""
    category: str | None = None
    min_price_rupiah: int | None = None
    max_price_rupiah: int | None = None
    in_stock: bool = False
    exclude: tuple[str, ...] = ()
    near: Coordinates | None = None
    radius_km: float | None = None
    area: Circle | None = None
    sort: Sort = Sort.RELEVANCE
    limit: int = 20
    cursor: str | None = None
    prefix: bool = False
    highlight: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must lie between 1 and {MAX_LIMIT}, not {self.limit}", field="limit")
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
        around = Circle(self.near, self.radius_km) if self.near and self.radius_km else None
        return tuple(circle for circle in (around, self.area) if circle)

    @property
    def brief(self) -> str:
        """The filters and the order in one line."""
        filters = {
            "category": self.category,
            "min_price": self.min_price_rupiah,
            "max_price": self.max_price_rupiah,
            "in_stock": "1" if self.in_stock else None,
            "exclude": ",".join(self.exclude) or None,
            "radius_km": self.radius_km,
            "sort": None if self.sort is Sort.RELEVANCE else self.sort.value,
        }
        return " ".join(f"{name}={value}" for name, value in filters.items() if value is not None)

    def anywhere(self) -> Self:
        """The same search without its area."""
        return replace(self, area=None)

    def _check_place(self) -> None:
        if self.radius_km is not None and not self.radius_km > 0:
            raise InvalidInput(f"radius_km must be more than 0, not {self.radius_km}", field="radius_km")
        if self.near is not None:
            return
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
    """One page: `total` of all pages, `categories` the matches by category as if none had been asked for.

    `relaxed` names what had to give way to find these: "words" when some match only a part of the text.
    `corrected` and `did_you_mean` are as in `wording.Wording`; `highlights` are each card's if asked for.
    """

    cards: tuple[ProductCard, ...]
    total: int
    categories: Mapping[str, int]
    next_cursor: str | None
    relaxed: tuple[str, ...]
    corrected: Mapping[str, str] = field(default_factory=dict[str, str])
    did_you_mean: str | None = None
    highlights: tuple[Highlights, ...] | None = None
