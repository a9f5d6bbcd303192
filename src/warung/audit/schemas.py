"""The audit log on the wire; knows no table."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from warung.audit.entry import AuditEntry, AuditPage

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class AuditParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: _Name | None = None
    action: _Name | None = None
    target: _Name | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(
        None, description="next_cursor of the page before"
    )


class AuditItem(BaseModel):
    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, object]

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        return cls(
            id=entry.id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            details=dict(entry.details),
        )


class AuditList(BaseModel):
    items: list[AuditItem]
    next_cursor: str | None

    @classmethod
    def of(cls, page: AuditPage) -> Self:
        cursor = None if page.next_before_id is None else str(page.next_before_id)
        return cls(items=[AuditItem.of(entry) for entry in page.entries], next_cursor=cursor)
