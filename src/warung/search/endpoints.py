"""The search's routes; knows no index and no database."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from warung.analytics.recorder import Recorder
from warung.errors import InvalidInput
from warung.geo import Coordinates
from warung.search.explanation import Explanation
from warung.search.request import SearchRequest, SearchResult
from warung.search.schemas import (
    OfferParameters,
    Offers,
    SearchAnswer,
    SearchParameters,
    Suggestion,
    Suggestions,
    SuggestParameters,
)
from warung.search.service import SearchService


def create_router(
    service: SearchService,
    recorder: Recorder | None = None,
    owner_of: Callable[[Request], str | None] = lambda _request: None,
    require_operator: Callable[[Request], object] = lambda _request: None,
) -> APIRouter:
    """`recorder` is told of searches, by whom, and of what they showed; without one nobody is.
    `require_operator` raises Unauthorized or Forbidden for everybody else."""
    router = APIRouter(prefix="/api/products", tags=["products"])
    noted = recorder or Recorder()

    def note(request: Request, asked: SearchRequest, found: SearchResult) -> None:
        noted.shown(card.id for card in found.cards)
        if asked.cursor is None:
            noted.searched(
                owner_of(request),
                asked.text,
                term=asked.text,
                understood=asked.brief,
                total=0 if found.relaxed else found.total,
                place=None,
            )

    @router.get("/search")
    def search_products(request: Request, parameters: Annotated[SearchParameters, Query()]) -> SearchAnswer:
        """Find products by words and exact filters."""
        asked = parameters.to_request()
        found = service.search(asked)
        note(request, asked, found)
        return SearchAnswer.of(found)

    @router.get("/suggest")
    def suggest(parameters: Annotated[SuggestParameters, Query()]) -> Suggestions:
        """Continue what a shopper has begun to type."""
        found, corrected = service.complete(parameters.q, parameters.limit)
        items = [Suggestion(text=each.text, count=each.count) for each in found]
        return Suggestions(items=items, corrected=dict(corrected))

    @router.get("/search/explain", tags=["operators"], dependencies=[Depends(require_operator)])
    def explain_search(parameters: Annotated[SearchParameters, Query()]) -> Explanation:
        """Why the products on a search's first page stand where they do."""
        if parameters.cursor is not None:
            raise InvalidInput("only a first page is explained: leave cursor out", field="cursor")
        return service.explain(parameters.to_request())

    @router.get("/{product_id}/offers")
    def compare_offers(
        product_id: Annotated[int, Path(ge=1, lt=2**63)],
        parameters: Annotated[OfferParameters, Query()],
    ) -> Offers:
        """The same kind of product from other suppliers, one of each, the nearest first."""
        near = None if parameters.location is None else Coordinates.parse(parameters.location)
        offers = service.offers(product_id, near, parameters.limit)
        noted.shown(card.id for card in offers)
        return Offers(items=offers)

    return router
