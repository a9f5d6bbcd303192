"""The routes of imports, exports and feeds; knows no table."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from warung.accounts.principal import Principal
from warung.exchange import feeds
from warung.exchange.formats import MEDIA_TYPES, Format, read_rows, write_rows
from warung.exchange.service import Exchange, ImportReport
from warung.exchange.upload import Uploads
from warung.products.service import ProductService
from warung.query_names import only
from warung.suppliers.endpoints import RowId, keeper_of

IMPORT_PATH = "/api/products/import"

_FORMATS: dict[str, Format] = {media_type: format_ for format_, media_type in MEDIA_TYPES.items()}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _FORMATS},
}


def create_router(
    exchange: Exchange,
    products: ProductService,
    authenticate: Callable[[Request], Principal],
    public_url: str | None = None,
) -> APIRouter:
    """Belongs before the products' routes, or /api/products/export is taken for a product's id."""
    router = APIRouter()
    _add_exchange(router, exchange, Depends(keeper_of(authenticate)))
    _add_feeds(router, products, public_url)
    return router


def _add_exchange(router: APIRouter, exchange: Exchange, keeper: Any) -> None:
    uploads = Uploads()

    @router.post(
        IMPORT_PATH,
        tags=["products"],
        response_model=ImportReport,
        openapi_extra={"requestBody": _BODY},
        dependencies=[Depends(only("dry_run"))],
    )
    async def import_products(
        request: Request,
        dry_run: bool = False,
        accept: Annotated[str, Header()] = "",
        caller: Principal = keeper,
    ) -> Any:
        """Add and change one's own products by a file of them, CSV or JSON Lines.

        With `Accept: application/x-ndjson` a line after every batch of rows, and the report in the last one.
        """
        supplier_id, format_ = caller.require_supplier(), _format_of(request)

        def load(pieces: Iterator[bytes], tell: Callable[[ImportReport], None]) -> ImportReport:
            rows = read_rows(format_, pieces)
            return exchange.load(supplier_id, rows, actor=caller.owner, dry_run=dry_run, on_progress=tell)

        if MEDIA_TYPES["jsonl"] in accept:
            return await uploads.follow(request, load)
        return await uploads.receive(request, load)

    @router.get(
        "/api/products/export",
        tags=["products"],
        response_class=Response,
        dependencies=[Depends(only("format"))],
    )
    def export_products(
        format_: Annotated[Format, Query(alias="format")] = "csv", caller: Principal = keeper
    ) -> StreamingResponse:
        """One's own products, as a file that can be imported."""
        batches = exchange.unload(caller.require_supplier())
        headers = {"Content-Disposition": f'attachment; filename="products.{format_}"'}
        pieces = write_rows(format_, batches)
        return StreamingResponse(pieces, media_type=MEDIA_TYPES[format_], headers=headers)


def _format_of(request: Request) -> Format:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in _FORMATS:
        raise HTTPException(415, f"send the file as Content-Type {' or '.join(_FORMATS)}")
    return _FORMATS[media_type]


def _add_feeds(router: APIRouter, products: ProductService, public_url: str | None) -> None:
    def base_url(request: Request) -> str:
        return (public_url or str(request.base_url)).rstrip("/")

    base = Depends(base_url)

    @router.get("/api/feeds/google.tsv", tags=["feeds"], response_class=Response)
    def google_feed(base: str = base) -> StreamingResponse:
        """All products, as Google Merchant Center reads them."""
        pieces = feeds.google_tsv(feeds.all_products(products), base)
        return StreamingResponse(pieces, media_type="text/tab-separated-values")

    @router.get("/api/products/{product_id}/jsonld", tags=["products"], response_class=Response)
    def read_json_ld(product_id: RowId, base: str = base) -> JSONResponse:
        """One product in the words of schema.org."""
        content = feeds.json_ld(products.get(product_id), base)
        return JSONResponse(content, media_type="application/ld+json")
