"""A place in a list of results, as an opaque text; knows no index."""

import base64
from dataclasses import astuple, dataclass, replace
from hashlib import blake2b

from pydantic import TypeAdapter

from warung.errors import InvalidInput
from warung.search.request import SearchRequest

Key = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """After the result with `key`, with the words relaxed as on the first page.

    `at_least` words of the text must match; `then_any` says that matches of any word follow. `day` is the
    one (since 1970) on which the first page was asked for: ages are told from it on all pages.
    """

    at_least: int
    then_any: bool
    key: Key
    day: int = 0


_CONTENT = TypeAdapter(tuple[str, Cursor])


def encode(cursor: Cursor, request: SearchRequest) -> str:
    content = _CONTENT.dump_json((_print(request), cursor))
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode(request: SearchRequest) -> Cursor | None:
    """The request's cursor. Raises InvalidInput when it isn't one, or belongs to another request."""
    if request.cursor is None:
        return None
    try:
        padded = request.cursor + "=" * (-len(request.cursor) % 4)
        owner, content = _CONTENT.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError:
        message = "cursor is malformed; pass next_cursor as it was answered"
        raise InvalidInput(message, field="cursor") from None
    if owner != _print(request):
        raise InvalidInput("cursor belongs to another search; leave it out to begin anew", field="cursor")
    return content


def _print(request: SearchRequest) -> str:
    """Tells requests apart; pages may differ in their size."""
    whole = astuple(replace(request, cursor=None, limit=1))
    return blake2b(repr(whole).encode(), digest_size=6).hexdigest()
