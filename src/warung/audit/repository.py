"""Reads and writes the audit log inside its caller's transaction: an entry stands or falls with its deed."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from warung.audit.entry import AuditEntry
from warung.audit.models import AuditRow


class AuditRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, actor: str, action: str, target: str, **details: object) -> None:
        self._session.add(AuditRow(actor=actor, action=action, target=target, details=details))

    def page(self, equal: Mapping[str, str], before_id: int | None, limit: int) -> list[AuditEntry]:
        """The latest first; `equal` are values of "actor", "action" and "target"."""
        wanted = select(AuditRow).filter_by(**equal).order_by(AuditRow.id.desc()).limit(limit)
        if before_id is not None:
            wanted = wanted.where(AuditRow.id < before_id)
        return [_as_entry(row) for row in self._session.scalars(wanted)]


def _as_entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(row.id, row.at, row.actor, row.action, row.target, row.details)
