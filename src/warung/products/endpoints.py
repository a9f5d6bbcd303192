"""The routes of products and categories; knows no table and no index."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from warung.accounts.principal import Principal
from warung.answer import answer
from warung.delivery.schemas import DeliveryLevel
from warung.etag import IfMatch, etag
from warung.geo import Coordinates
from warung.merge_patch import merge_patch
from warung.paging import Cursor, Limit, Page
from warung.products.cards import ProductCard, product_card
from warung.products.categories import load_categories
from warung.products.counter import Counter
from warung.products.detail import CategoryTree, HistoryEntry, ProductDetail
from warung.products.product import Product, draft_of
from warung.products.schemas import ProductBody, ProductDraft, StockChange
from warung.products.service import ProductService
from warung.suppliers.endpoints import Near, RowId, keeper_of


def create_router(
    service: ProductService,
    counter: Counter,
    authenticate: Callable[[Request], Principal],
    levels: Callable[[], Sequence[DeliveryLevel]],
) -> APIRouter:
    """Belongs behind the search's routes, or /api/products/search is taken for a product's id. `levels` are
    the delivery services at this moment."""
    router = APIRouter(tags=["products"])
    keeper = Depends(keeper_of(authenticate))
    _add_reading(router, service, levels)

    @router.post("/api/products", status_code=201, response_model=ProductDetail)
    def put_up(body: ProductBody, caller: Principal = keeper) -> Response:
        """Put a product up in one's own stall."""
        product = counter.put_up(caller, body.draft())
        return _told(product, status=201, headers={"Location": f"/api/products/{product.id}"})

    @router.put("/api/products/{product_id}", response_model=ProductDetail)
    def replace_product(
        product_id: RowId, body: ProductBody, if_match: IfMatch = None, caller: Principal = keeper
    ) -> Response:
        """Describe a product anew, as a whole: what is left out gets its default."""
        draft = body.draft()
        return _told(counter.change(product_id, caller, lambda _before: draft, if_match))

    @router.patch("/api/products/{product_id}", response_model=ProductDetail)
    def patch_product(
        product_id: RowId, patch: dict[str, Any], if_match: IfMatch = None, caller: Principal = keeper
    ) -> Response:
        """Change what the JSON merge patch names."""
        return _told(counter.change(product_id, caller, lambda before: _patched(before, patch), if_match))

    @router.delete("/api/products/{product_id}", status_code=204)
    def take_off(product_id: RowId, if_match: IfMatch = None, caller: Principal = keeper) -> None:
        """Delete a product; its SKU is free again."""
        counter.take_off(product_id, caller, if_match)

    @router.post("/api/products/{product_id}/stock", response_model=ProductDetail)
    def change_stock(
        product_id: RowId, change: StockChange, if_match: IfMatch = None, caller: Principal = keeper
    ) -> Response:
        """Add to the stock, or take from it; too little is a 409 and changes nothing. With If-Match a request
        that is sent again counts once."""
        return _told(counter.take(product_id, caller, change.delta, change.reason, if_match))

    @router.get("/api/products/{product_id}/history")
    def read_history(
        product_id: RowId, cursor: Cursor = None, limit: Limit = 20, caller: Principal = keeper
    ) -> Page[HistoryEntry]:
        """How price and stock changed, the newest first."""
        changes, following = counter.history(product_id, caller, cursor, limit)
        return Page[HistoryEntry](items=[HistoryEntry.of(each) for each in changes], next_cursor=following)

    return router


def _add_reading(
    router: APIRouter, service: ProductService, levels: Callable[[], Sequence[DeliveryLevel]]
) -> None:
    @router.get("/api/products/{product_id}", response_model=ProductDetail)
    def read_product(product_id: RowId, location: Near = None) -> Response:
        """One product, with its ETag."""
        product = service.get(product_id)
        return _told(product, near=_place(location), levels=levels())

    @router.get("/api/suppliers/{supplier_id}/products", tags=["suppliers"], response_model=Page[ProductCard])
    def list_products(
        supplier_id: RowId, location: Near = None, cursor: Cursor = None, limit: Limit = 20
    ) -> Response:
        """What stands in a stall."""
        near, ways = _place(location), levels()
        products, following = service.of_supplier(supplier_id, cursor, limit)
        cards = [product_card(product, near=near, levels=ways) for product in products]
        return answer(Page[ProductCard](items=cards, next_cursor=following))

    @router.get("/api/categories")
    def list_categories() -> CategoryTree:
        """All categories, by their groups."""
        return CategoryTree.of(load_categories())


def _place(location: str | None) -> Coordinates | None:
    return None if location is None else Coordinates.parse(location)


def _told(
    product: Product,
    *,
    near: Coordinates | None = None,
    levels: Sequence[DeliveryLevel] = (),
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """With its ETag. Its supplier, who is told of a change, is nowhere."""
    detail = ProductDetail.of(product, near=near, levels=levels)
    return answer(detail, status=status, headers={"ETag": etag(product.version), **(headers or {})})


def _patched(before: Product, patch: dict[str, Any]) -> ProductDraft:
    whole = ProductBody.of(draft_of(before)).model_dump(mode="json")
    try:
        return ProductBody.model_validate(merge_patch(whole, patch)).draft()
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
