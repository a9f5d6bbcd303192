"""The search's routes; knows no index and no database."""

from typing import Annotated

from fastapi import APIRouter, Query

from warung.geo import Coordinates
from warung.search.schemas import OfferParameters, Offers, SearchAnswer, SearchParameters
from warung.search.service import SearchService


def create_router(service: SearchService) -> APIRouter:
    router = APIRouter(prefix="/api/products", tags=["products"])

    @router.get("/search")
    def search_products(parameters: Annotated[SearchParameters, Query()]) -> SearchAnswer:
        """Find products by words and exact filters."""
        return SearchAnswer.of(service.search(parameters.to_request()))

    @router.get("/{product_id}/offers")
    def compare_offers(product_id: int, parameters: Annotated[OfferParameters, Query()]) -> Offers:
        """The same kind of product from other suppliers, one of each, the nearest first."""
        near = None if parameters.location is None else Coordinates.parse(parameters.location)
        return Offers(items=service.offers(product_id, near, parameters.limit))

    return router
