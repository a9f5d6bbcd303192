"""The routes of the delivery services; knows no table."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from warung.accounts.principal import Principal
from warung.delivery.schemas import DeliveryLevel, DeliveryLevels, Tariff
from warung.delivery.service import DeliveryService


def create_router(service: DeliveryService, authenticate: Callable[[Request], Principal]) -> APIRouter:
    router = APIRouter(prefix="/api/delivery/services", tags=["delivery"])

    @router.get("")
    def list_delivery_services() -> DeliveryLevels:
        """All services and what they cost, the quickest first."""
        return DeliveryLevels(items=list(service.levels()))

    @router.put("/{slug}")
    def change_delivery_service(
        slug: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$")],
        tariff: Tariff,
        caller: Annotated[Principal, Depends(authenticate)],
    ) -> DeliveryLevel:
        """Change what a service costs and takes; for the operator."""
        return service.change(slug, tariff, caller)

    return router
