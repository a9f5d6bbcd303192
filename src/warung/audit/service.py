"""Lets the audit log be read; entries are written by those whose deeds they tell of."""

from warung.audit.entry import AuditPage
from warung.audit.repository import AuditRepository
from warung.database.session import Database


class AuditService:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> AuditPage:
        """The latest entries first, older than `before_id`; None filters nothing."""
        filters = {"actor": actor, "action": action, "target": target}
        equal = {name: value for name, value in filters.items() if value is not None}
        with self._database.reading() as session:
            entries = AuditRepository(session).page(equal, before_id, limit + 1)
        more = len(entries) > limit
        return AuditPage(entries[:limit], entries[limit - 1].id if more else None)
