"""The routes of stalls and their keys; knows no table and no product."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from warung.accounts.guests import address_of
from warung.accounts.principal import Principal
from warung.accounts.rate_limiter import RateLimiter
from warung.etag import IfMatch, etag
from warung.gazetteer.places import Gazetteer
from warung.geo import Coordinates
from warung.merge_patch import merge_patch
from warung.paging import Cursor, Limit, Page
from warung.query_names import only
from warung.suppliers.place import located
from warung.suppliers.schemas import KeyHint, LocatedStall, NewKey, Registered, SupplierBody, SupplierCard
from warung.suppliers.service import SupplierService
from warung.suppliers.supplier import Supplier

RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Near = Annotated[str | None, Query(max_length=100, description='the shopper\'s place, "lat,lng"')]


def create_router(
    service: SupplierService,
    gazetteer: Gazetteer,
    authenticate: Callable[[Request], Principal],
    registrations: RateLimiter,
) -> APIRouter:
    """`registrations` limits the stalls that one address may open."""
    router = APIRouter(prefix="/api/suppliers", tags=["suppliers"])
    caller = Depends(authenticate)
    keeper = Depends(keeper_of(authenticate))

    @router.post("/register", status_code=201)
    def register(
        request: Request, body: SupplierBody, response: Response, caller: Principal = caller
    ) -> Registered:
        """Open a stall; its key is shown this once."""
        registrations.spend(address_of(request))
        supplier, key = service.register(located(body, gazetteer), caller)
        response.headers["Location"] = f"/api/suppliers/{supplier.id}"
        return Registered(supplier=_told(supplier, response), key=key)

    @router.get("", dependencies=[Depends(only("location", "cursor", "limit"))])
    def list_suppliers(location: Near = None, cursor: Cursor = None, limit: Limit = 20) -> Page[SupplierCard]:
        """All stalls, the nearest first when a place is told."""
        near = None if location is None else Coordinates.parse(location)
        suppliers, following = service.page(near, cursor, limit)
        cards = [SupplierCard.of(supplier, near=near) for supplier in suppliers]
        return Page[SupplierCard](items=cards, next_cursor=following)

    @router.get("/{supplier_id}")
    def read_supplier(supplier_id: RowId, response: Response, location: Near = None) -> SupplierCard:
        """One stall, with its ETag."""
        near = None if location is None else Coordinates.parse(location)
        return _told(service.get(supplier_id), response, near)

    @router.put("/{supplier_id}")
    def replace_supplier(
        supplier_id: RowId,
        body: SupplierBody,
        response: Response,
        if_match: IfMatch = None,
        caller: Principal = keeper,
    ) -> SupplierCard:
        """Describe a stall anew, as a whole."""
        stall = located(body, gazetteer)
        return _told(service.change(supplier_id, caller, lambda _before: stall, if_match), response)

    @router.patch("/{supplier_id}")
    def patch_supplier(
        supplier_id: RowId,
        patch: dict[str, Any],
        response: Response,
        if_match: IfMatch = None,
        caller: Principal = keeper,
    ) -> SupplierCard:
        """Change what the JSON merge patch names. A stall that goes to another city is in the middle of it,
        unless the patch brings its location too."""

        def edit(before: Supplier) -> LocatedStall:
            return located(_patched(before, patch), gazetteer)

        return _told(service.change(supplier_id, caller, edit, if_match), response)

    @router.delete("/{supplier_id}", status_code=204)
    def close_supplier(supplier_id: RowId, if_match: IfMatch = None, caller: Principal = keeper) -> None:
        """Close a stall: it and its products are gone for everybody, its keys open nothing."""
        service.close(supplier_id, caller, if_match)

    _add_keys(router, service, keeper)
    return router


def _add_keys(router: APIRouter, service: SupplierService, keeper: Any) -> None:
    @router.post("/{supplier_id}/keys", status_code=201)
    def add_key(supplier_id: RowId, caller: Principal = keeper) -> NewKey:
        """Another key to the stall, shown this once."""
        key, credential = service.add_key(supplier_id, caller)
        return NewKey(**KeyHint.of(key).model_dump(), key=credential)

    @router.get("/{supplier_id}/keys")
    def list_keys(supplier_id: RowId, caller: Principal = keeper) -> Page[KeyHint]:
        """How the stall's keys begin, also of those that were revoked."""
        keys = [KeyHint.of(key) for key in service.keys(supplier_id, caller)]
        return Page[KeyHint](items=keys, next_cursor=None)

    @router.delete("/{supplier_id}/keys/{key_id}", status_code=204)
    def revoke_key(supplier_id: RowId, key_id: RowId, caller: Principal = keeper) -> None:
        """From now on this key opens nothing."""
        service.revoke_key(supplier_id, key_id, caller)


def keeper_of(authenticate: Callable[[Request], Principal]) -> Callable[[Request], Principal]:
    """A dependency: the caller, who is a supplier or an operator; others are refused whatever they send."""

    def keeper(request: Request) -> Principal:
        caller = authenticate(request)
        caller.require("supplier", "operator")
        return caller

    return keeper


def _told(supplier: Supplier, response: Response, near: Coordinates | None = None) -> SupplierCard:
    response.headers["ETag"] = etag(supplier.version)
    return SupplierCard.of(supplier, near=near)


def _patched(before: Supplier, patch: dict[str, Any]) -> SupplierBody:
    whole = SupplierBody.of(before).model_dump(mode="json")
    if "city" in patch and "location" not in patch:
        del whole["location"]
    try:
        return SupplierBody.model_validate(merge_patch(whole, patch))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
