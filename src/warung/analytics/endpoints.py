"""The operator's routes of the analytics, and that by which pages tell of a click; knows no table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from warung.accounts.endpoints import operator_of
from warung.accounts.guests import address_of
from warung.accounts.principal import Principal
from warung.accounts.rate_limiter import RateLimiter
from warung.analytics.recorder import Recorder
from warung.analytics.schemas import (
    ConversationDay,
    Items,
    Period,
    PeriodParameters,
    ProductViews,
    SearchDay,
    Term,
    TokenUsage,
)
from warung.analytics.service import AnalyticsService
from warung.analytics.tables import csv_text
from warung.errors import NotFound
from warung.products.service import ProductService
from warung.suppliers.endpoints import RowId

T = TypeVar("T", bound=BaseModel)

_Parameters = Annotated[PeriodParameters, Query()]


@dataclass(frozen=True, slots=True)
class Clicks:
    """Where clicks go: `limiter` bounds what one address may tell."""

    recorder: Recorder
    products: ProductService
    limiter: RateLimiter


def create_click_router(clicks: Clicks) -> APIRouter:
    router = APIRouter(prefix="/api/products", tags=["products"])

    @router.post("/{product_id}/clicks", status_code=204)
    def tell_of_click(request: Request, product_id: RowId) -> None:
        """Tell that a shopper has opened a product that was shown."""
        clicks.limiter.spend(address_of(request))
        if not clicks.products.find([product_id]):
            raise NotFound(f"there is no product {product_id}")
        clicks.recorder.clicked(product_id)

    return router


def create_router(
    service: AnalyticsService,
    authenticate: Callable[[Request], Principal],
    conversations_by_day: Callable[[Period], list[ConversationDay]],
) -> APIRouter:
    operator = Depends(operator_of(authenticate))
    router = APIRouter(prefix="/api/analytics", tags=["analytics"], dependencies=[operator])

    @router.get("/searches", response_model=Items[SearchDay])
    def searches(asked: _Parameters) -> Response:
        """Searches by day, the latest first."""
        return _answer(asked, SearchDay, service.searches(asked.to_period()))

    @router.get("/terms", response_model=Items[Term])
    def terms(asked: _Parameters) -> Response:
        """What was searched for, the most frequent first."""
        return _answer(asked, Term, service.terms(asked.to_period()))

    @router.get("/empty", response_model=Items[Term])
    def empty(asked: _Parameters) -> Response:
        """What was searched for and not found, the most frequent first."""
        return _answer(asked, Term, service.terms(asked.to_period(), only_empty=True))

    @router.get("/products", response_model=Items[ProductViews])
    def products(asked: _Parameters) -> Response:
        """Products by how often they were shown, with how often they were clicked."""
        return _answer(asked, ProductViews, service.products(asked.to_period()))

    @router.get("/conversations", response_model=Items[ConversationDay])
    def conversations(asked: _Parameters) -> Response:
        """Conversations by the day they began, the latest first."""
        return _answer(asked, ConversationDay, conversations_by_day(asked.to_period()))

    @router.get("/usage", response_model=Items[TokenUsage])
    def usage(asked: _Parameters) -> Response:
        """Tokens by day and owner, the latest day first."""
        return _answer(asked, TokenUsage, service.usage(asked.to_period()))

    return router


def _answer(asked: PeriodParameters, kind: type[T], items: Sequence[T]) -> Response:
    if asked.format == "csv":
        return Response(csv_text(kind, items), media_type="text/csv")
    return JSONResponse({"items": [item.model_dump(mode="json") for item in items]})
