"""Entries of the audit log as the rest of the house sees them; knows no table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`actor` did `action` ("user.change") to `target` ("user:<id>"); `details` are JSON, without secrets."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, object]
