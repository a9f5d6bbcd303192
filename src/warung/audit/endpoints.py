"""The audit log's route; who may read it is decided by what it is handed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from warung.audit.schemas import AuditList, AuditParameters
from warung.audit.service import AuditService


def create_router(service: AuditService, require_operator: Callable[[Request], object]) -> APIRouter:
    """`require_operator` raises Unauthorized or Forbidden for everybody else."""
    router = APIRouter(prefix="/api/audit", tags=["operators"], dependencies=[Depends(require_operator)])

    @router.get("")
    def list_entries(parameters: Annotated[AuditParameters, Query()]) -> AuditList:
        """What operators did, and what was done to accounts; the latest first."""
        page = service.page(
            actor=parameters.actor,
            action=parameters.action,
            target=parameters.target,
            before_id=parameters.cursor,
            limit=parameters.limit,
        )
        return AuditList.of(page)

    return router
