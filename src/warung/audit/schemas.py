"""The audit log on the wire; knows no table."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from warung.audit.entry import AuditEntry
from warung.database.text import one_line

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(one_line)]


class AuditParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: _Name | None = None
    action: _Name | None = None
    target: _Name | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = Field(
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
