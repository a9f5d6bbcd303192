"""Lets the audit log be read; entries are written by those whose deeds they tell of."""

from collections.abc import Mapping, Sequence

from warung.audit.entry import AuditEntry
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.paging import cut, read_key


class AuditService:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, equal: Mapping[str, str] | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[AuditEntry], str | None]:
        """The latest entries first; `equal` are values of "actor", "action" and "target". Raises InvalidInput
        for a cursor that is none."""
        before = None if cursor is None else read_key(cursor)
        with self._database.reading() as session:
            entries = AuditRepository(session).page(equal or {}, before, limit + 1)
        return cut(entries, limit, lambda entry: str(entry.id))
