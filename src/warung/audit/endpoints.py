"""The audit log's route; who may read it is decided by what it is handed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from warung.audit.schemas import AuditItem, AuditParameters
from warung.audit.service import AuditService
from warung.paging import Page


def create_router(service: AuditService, require_operator: Callable[[Request], object]) -> APIRouter:
    """`require_operator` raises Unauthorized or Forbidden for everybody else."""
    router = APIRouter(prefix="/api/audit", tags=["operators"], dependencies=[Depends(require_operator)])

    @router.get("")
    def list_entries(parameters: Annotated[AuditParameters, Query()]) -> Page[AuditItem]:
        """What operators did, and what was done to accounts; the latest first."""
        filters = parameters.model_dump(include={"actor", "action", "target"}, exclude_none=True)
        entries, following = service.page(filters, parameters.cursor, parameters.limit)
        return Page[AuditItem](items=[AuditItem.of(entry) for entry in entries], next_cursor=following)

    return router
