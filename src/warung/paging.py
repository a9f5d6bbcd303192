"""Lists on the wire, page by page; knows no table."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from warung.errors import InvalidInput

MAX_LIMIT = 100
_LAST_KEY = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=100, description="next_cursor of the page before")]

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """`next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None


def cut(
    found: Sequence[Item], limit: int, cursor_of: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """A page of `found`, which holds one more if there is a next page, and the cursor to that."""
    page = found[:limit]
    return page, cursor_of(page[-1]) if len(found) > limit else None


def read_key(cursor: str) -> int:
    """The row's key that a cursor is. Raises InvalidInput."""
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor) <= _LAST_KEY):
        raise malformed()
    return int(cursor)


def malformed() -> InvalidInput:
    return InvalidInput("cursor is malformed; pass next_cursor as it was answered", field="cursor")
