"""The search's route; knows no index and no database."""

from typing import Annotated

from fastapi import APIRouter, Query

from warung.search.schemas import SearchAnswer, SearchParameters
from warung.search.service import SearchService


def create_router(service: SearchService) -> APIRouter:
    router = APIRouter(prefix="/api/products", tags=["products"])

    @router.get("/search")
    def search_products(parameters: Annotated[SearchParameters, Query()]) -> SearchAnswer:
        """Find products by words and exact filters."""
        return SearchAnswer.of(service.search(parameters.to_request()))

    return router
