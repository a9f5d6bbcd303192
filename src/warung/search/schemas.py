"""The search's query parameters and answer on the wire; knows no index."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from warung.errors import InvalidInput
from warung.geo import Coordinates
from warung.products.cards import ProductCard
from warung.products.schemas import Condition
from warung.search.cursor import MAX_CHARACTERS
from warung.search.facets import Band, Facet, Facets
from warung.search.highlights import Highlights
from warung.search.request import MAX_LIMIT, MAX_OFFERS, SearchRequest, SearchResult, Step
from warung.search.vocabulary import Sort

_Price = Annotated[int, Field(ge=0, le=10**15, description="whole rupiah")]
_EXACT = Field(max_length=200, description="exactly as suppliers write it")
PageCursor = Annotated[
    str | None, Field(max_length=MAX_CHARACTERS, description="next_cursor of the page before")
]


class SearchParameters(BaseModel):
    """Unknown parameters are refused: a misspelt filter must not pass for no filter."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=500, description="words to look for")] = ""
    location: Annotated[str | None, Field(description='the shopper\'s place, "lat,lng"')] = None
    category: Annotated[str | None, Field(description="slug of a category")] = None
    min_price: _Price | None = None
    max_price: _Price | None = None
    in_stock: Annotated[bool, Field(description="leave out what is sold out")] = False
    condition: Condition | None = None
    city: Annotated[str | None, _EXACT] = None
    brand: Annotated[str | None, _EXACT] = None
    radius_km: Annotated[float | None, Field(gt=0, le=20_100, allow_inf_nan=False)] = None
    sort: Sort = Sort.RELEVANCE
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20
    cursor: PageCursor = None
    facets: Annotated[
        str,
        Field(max_length=100, description="counts to bring beside the categories: names with commas, or all"),
    ] = ""
    offers: Annotated[
        int,
        Field(ge=0, le=MAX_OFFERS, description="how many other suppliers' offers to bring with each product"),
    ] = 0
    relax: Annotated[bool, Field(description="let filters give way, and say so, when nothing fits")] = False
    prefix: Annotated[bool, Field(description="the last word of q may be only begun")] = False
    highlight: Annotated[bool, Field(description="tell where the words stand in each card")] = False

    def to_request(self) -> SearchRequest:
        """Raises InvalidInput naming the parameter."""
        return SearchRequest(
            text=self.q,
            category=self.category,
            min_price_rupiah=self.min_price,
            max_price_rupiah=self.max_price,
            in_stock=self.in_stock,
            condition=self.condition,
            city=self.city,
            brand=self.brand,
            near=None if self.location is None else Coordinates.parse(self.location),
            radius_km=self.radius_km,
            sort=self.sort,
            limit=self.limit,
            cursor=self.cursor,
            relax=self.relax,
            facets=read_facets(self.facets, has_place=self.location is not None),
            offers=self.offers,
            prefix=self.prefix,
            highlight=self.highlight,
        )


def read_facets(names: str, *, has_place: bool) -> frozenset[Facet]:
    """Facets by name; "all" are those that can be counted. Raises InvalidInput for a name that is none."""
    if names == "all":
        return frozenset(facet for facet in Facet if has_place or facet is not Facet.DISTANCE)
    try:
        return frozenset(Facet(name.strip()) for name in names.split(",") if name.strip())
    except ValueError:
        raise InvalidInput(
            f"facets {names!r} are unknown; use all, or some of {', '.join(Facet)}, with commas",
            field="facets",
        ) from None


class OfferParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    location: Annotated[str | None, Field(description='the shopper\'s place, "lat,lng"')] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20


class Offers(BaseModel):
    """A whole list: `next_cursor` is null."""

    items: list[ProductCard]
    next_cursor: None = None


class PriceBand(BaseModel):
    """What to ask for to get these `count` products; `max_price` is null in the highest band."""

    min_price: int
    max_price: int | None
    count: int


class DistanceBand(BaseModel):
    """Beyond `min_km`, up to `max_km`."""

    min_km: int
    max_km: int
    count: int


class FacetCounts(BaseModel):
    """How many products match, by each value, as if its own filter had not been set; the most first.
    What was not asked for is null."""

    category: dict[str, int]
    price: list[PriceBand] | None
    city: dict[str, int] | None
    distance: list[DistanceBand] | None
    condition: dict[str, int] | None
    brand: dict[str, int] | None

    @classmethod
    def of(cls, facets: Facets) -> "FacetCounts":
        price, distance = facets.price, facets.distance
        return cls(
            category=dict(facets.category),
            price=None if price is None else [_price_band(band) for band in price],
            city=None if facets.city is None else dict(facets.city),
            distance=None
            if distance is None
            else [DistanceBand(min_km=ring.low, max_km=ring.high, count=ring.count) for ring in distance],
            condition=None if facets.condition is None else dict(facets.condition),
            brand=None if facets.brand is None else dict(facets.brand),
        )


def _price_band(band: Band) -> PriceBand:
    return PriceBand(
        min_price=band.low, max_price=None if band.high is None else band.high - 1, count=band.count
    )


class FoundCard(ProductCard):
    """`offers` of the same kind by other suppliers, the nearest first, and `highlights`; each null when it
    wasn't asked for."""

    offers: list[ProductCard] | None = None
    highlights: Highlights | None = None


class SearchAnswer(BaseModel):
    """The first `exact` products match all words. `understood` is null here: these filters were given, not
    read out of words. `corrected` maps misspelt words to those that were searched in their place;
    `did_you_mean` is `q` with these and with what is only suggested."""

    products: list[FoundCard]
    exact: int
    total: int
    facets: FacetCounts
    next_cursor: str | None
    understood: None = None
    relaxed: list[Step]
    corrected: dict[str, str]
    did_you_mean: str | None

    @classmethod
    def of(cls, result: SearchResult) -> "SearchAnswer":
        return cls(
            products=_found_cards(result),
            exact=result.exact,
            total=result.total,
            facets=FacetCounts.of(result.facets),
            next_cursor=result.next_cursor,
            relaxed=list(result.relaxed),
            corrected=dict(result.corrected),
            did_you_mean=result.did_you_mean,
        )


def _found_cards(result: SearchResult) -> list[FoundCard]:
    marks = result.highlights or [None] * len(result.cards)
    return [
        FoundCard.model_construct(**dict(card), offers=result.offers.get(card.id), highlights=mark)
        for card, mark in zip(result.cards, marks, strict=True)
    ]


class SuggestParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=500, description="what was typed so far")] = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 8


class Suggestion(BaseModel):
    """A text to search for, and how many products are named so."""

    text: str
    count: int


class Suggestions(BaseModel):
    """The most frequent first; `corrected` as in a search."""

    items: list[Suggestion]
    corrected: dict[str, str]
