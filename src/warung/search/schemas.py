"""The search's query parameters and answer on the wire; knows no index."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from warung.geo import Coordinates
from warung.products.cards import ProductCard
from warung.search.highlights import Highlights
from warung.search.query import Sort
from warung.search.request import MAX_LIMIT, SearchRequest, SearchResult

_Price = Annotated[int, Field(ge=0, le=10**15, description="whole rupiah")]


class SearchParameters(BaseModel):
    """Unknown parameters are refused: a misspelt filter must not pass for no filter."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=500, description="words to look for")] = ""
    location: Annotated[str | None, Field(description='the shopper\'s place, "lat,lng"')] = None
    category: Annotated[str | None, Field(description="slug of a category")] = None
    min_price: _Price | None = None
    max_price: _Price | None = None
    in_stock: Annotated[bool, Field(description="leave out what is sold out")] = False
    radius_km: Annotated[float | None, Field(gt=0, le=20_100, allow_inf_nan=False)] = None
    sort: Sort = Sort.RELEVANCE
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20
    cursor: Annotated[str | None, Field(max_length=500, description="next_cursor of the page before")] = None
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
            near=None if self.location is None else Coordinates.parse(self.location),
            radius_km=self.radius_km,
            sort=self.sort,
            limit=self.limit,
            cursor=self.cursor,
            prefix=self.prefix,
            highlight=self.highlight,
        )


class OfferParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    location: Annotated[str | None, Field(description='the shopper\'s place, "lat,lng"')] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20


class Offers(BaseModel):
    """A whole list: `next_cursor` is null."""

    items: list[ProductCard]
    next_cursor: None = None


class Facets(BaseModel):
    """How many products match, by category slug, as if no category had been chosen; most first."""

    category: dict[str, int]


class FoundCard(ProductCard):
    """`highlights` is null unless it was asked for."""

    highlights: Highlights | None = None


class SearchAnswer(BaseModel):
    """`understood` is null here: these filters were given, not read out of words. `corrected` maps misspelt
    words to those that were searched in their place; `did_you_mean` is `q` with these and with what is only
    suggested."""

    products: list[FoundCard]
    total: int
    facets: Facets
    next_cursor: str | None
    understood: None = None
    relaxed: list[str]
    corrected: dict[str, str]
    did_you_mean: str | None

    @classmethod
    def of(cls, result: SearchResult) -> "SearchAnswer":
        return cls(
            products=_found_cards(result),
            total=result.total,
            facets=Facets(category=dict(result.categories)),
            next_cursor=result.next_cursor,
            relaxed=list(result.relaxed),
            corrected=dict(result.corrected),
            did_you_mean=result.did_you_mean,
        )


def _found_cards(result: SearchResult) -> list[FoundCard]:
    marks = result.highlights or [None] * len(result.cards)
    return [
        FoundCard.model_construct(**dict(card), highlights=mark)
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
