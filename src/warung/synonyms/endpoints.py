"""The routes by which an operator edits the synonyms; knows no table."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from warung.accounts.principal import Principal
from warung.synonyms.schemas import SynonymDraft, SynonymGroup, SynonymGroups
from warung.synonyms.service import SynonymService

_Slug = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,32}$")]


def create_router(service: SynonymService, operator_of: Callable[[Request], Principal]) -> APIRouter:
    router = APIRouter(prefix="/api/search/synonyms", tags=["search"])

    @router.get("")
    def list_synonyms(_caller: Annotated[Principal, Depends(operator_of)]) -> SynonymGroups:
        """All groups by their slugs; for the operator."""
        return SynonymGroups(items=list(service.groups()))

    @router.put("/{slug}")
    def put_synonyms(
        slug: _Slug, draft: SynonymDraft, caller: Annotated[Principal, Depends(operator_of)]
    ) -> SynonymGroup:
        """Write a group, or write over a packaged one; for the operator."""
        return service.put(slug, draft, caller)

    @router.delete("/{slug}", status_code=204)
    def delete_synonyms(slug: _Slug, caller: Annotated[Principal, Depends(operator_of)]) -> None:
        """Forget a group; a packaged one is again as it came. For the operator."""
        service.remove(slug, caller)

    return router
