"""The synonyms as they are now, packaged and an operator's, read seldom; knows no route."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from warung.accounts.oversight import note
from warung.accounts.principal import Principal
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.errors import Conflict, NotFound
from warung.synonyms.packaged import load_synonyms
from warung.synonyms.repository import SynonymRepository
from warung.synonyms.schemas import SynonymDraft, SynonymGroup

_FRESH_SECONDS = 1
_MOST_GROUPS = 2000


@dataclass(frozen=True, slots=True)
class _Known:
    at: float
    own: Mapping[str, SynonymDraft]
    groups: Sequence[SynonymGroup]


class SynonymService:
    """A change shows at once here, in other processes within a second. Safe to share between threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: _Known | None = None

    def groups(self) -> Sequence[SynonymGroup]:
        """All groups by their slugs; the same sequence as long as nothing changed."""
        now, known = self._clock(), self._known
        if known is None or now >= known.at + _FRESH_SECONDS:
            with self._database.reading() as session:
                own = SynonymRepository(session).groups()
            groups = known.groups if known is not None and known.own == own else _joined(own)
            self._known = known = _Known(now, own, groups)
        return known.groups

    def put(self, slug: str, draft: SynonymDraft, caller: Principal) -> SynonymGroup:
        """Write a group, new or in place of what there is, packaged or not.

        Raises Unauthorized and Forbidden for all but operators, Conflict when there are too many groups.
        """
        caller.require("operator")
        with self._database.transaction() as session:
            repository = SynonymRepository(session)
            repository.put(slug, draft)
            if len(repository.groups()) > _MOST_GROUPS:
                raise Conflict(f"there are {_MOST_GROUPS} groups, which is the most: delete one before")
            told = draft.model_dump(mode="json")
            note(AuditRepository(session), caller, "synonyms.change", f"synonyms:{slug}", **told)
        self._known = None
        return _group(slug, draft, changed=True)

    def remove(self, slug: str, caller: Principal) -> None:
        """Forget what an operator wrote: a packaged group is again as it came.

        Raises NotFound when no operator wrote it, Unauthorized and Forbidden for all but operators.
        """
        caller.require("operator")
        with self._database.transaction() as session:
            if not SynonymRepository(session).remove(slug):
                raise NotFound(_nothing_to_remove(slug), field="slug")
            note(AuditRepository(session), caller, "synonyms.delete", f"synonyms:{slug}")
        self._known = None


def _nothing_to_remove(slug: str) -> str:
    if slug in load_synonyms():
        return f'{slug!r} is as it came with warung; to switch it off, PUT it with "enabled": false'
    return f"there is no group {slug!r}"


def _joined(own: Mapping[str, SynonymDraft]) -> tuple[SynonymGroup, ...]:
    packaged = load_synonyms()
    drafts = {**packaged, **own}
    return tuple(_group(slug, drafts[slug], changed=slug in own) for slug in sorted(drafts))


def _group(slug: str, draft: SynonymDraft, *, changed: bool) -> SynonymGroup:
    packaged = slug in load_synonyms()
    return SynonymGroup(slug=slug, packaged=packaged, changed=changed and packaged, **draft.model_dump())
