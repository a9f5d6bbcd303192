"""Reads and writes an operator's synonyms inside its caller's transaction; knows no packaged group."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.errors import Conflict
from warung.synonyms.models import SynonymRow
from warung.synonyms.schemas import SynonymDraft


class SynonymRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def groups(self) -> dict[str, SynonymDraft]:
        rows = self._session.scalars(select(SynonymRow).order_by(SynonymRow.slug))
        return {
            row.slug: SynonymDraft(
                words=tuple(row.words),
                finds=tuple(row.finds),
                unless=tuple(row.unless),
                enabled=row.enabled,
            )
            for row in rows
        }

    def put(self, slug: str, draft: SynonymDraft) -> None:
        """Raises Conflict when another transaction makes the same group at this moment."""
        self._session.merge(SynonymRow(slug=slug, **draft.model_dump(mode="json")))
        try:
            self._session.flush()
        except IntegrityError:
            raise Conflict(f"another operator has just made the group {slug!r}: send yours again") from None

    def remove(self, slug: str) -> bool:
        """False when there is no such row."""
        row = self._session.get(SynonymRow, slug)
        if row is None:
            return False
        self._session.delete(row)
        return True
