"""A place in a list of results, as an opaque text; knows no index."""

import base64
import zlib
from dataclasses import astuple, dataclass, replace
from hashlib import blake2b

from pydantic import TypeAdapter

from warung.errors import InvalidInput
from warung.search.request import SearchRequest, Step

Key = tuple[float, ...]

# So many ids take some 2,500 characters, which every server on the way lets through in an address.
_REMEMBERED = 500
MAX_CHARACTERS = 6000
_MOST_BYTES = 50_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """After the result with `key`, with words and filters relaxed as on the first page.

    `at_least` words of the text must match; `then_any` says that matches of any word follow. `shown` are
    the ids of the last 500 results, the latest last: while those are all, what comes next is whatever was
    not shown, wherever a change has put it since; from then on it must also stand behind `key`. `day` is
    the one (since 1970) on which the first page was asked for: ages are told from it on all pages.
    """

    at_least: int
    then_any: bool
    key: Key
    shown: tuple[int, ...] = ()
    is_deep: bool = False
    relaxed: tuple[Step, ...] = ()
    day: int = 0


_CONTENT = TypeAdapter(tuple[str, Cursor])


def remember(before: Cursor | None, page: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
    """The ids shown by now, and whether some before them are forgotten."""
    shown = ((*before.shown, *page) if before else page)[-_REMEMBERED:]
    forgotten = len(page) + (len(before.shown) if before else 0) > _REMEMBERED
    return shown, forgotten or bool(before and before.is_deep)


def encode(cursor: Cursor, request: SearchRequest) -> str:
    content = zlib.compress(_CONTENT.dump_json((_print(request), cursor)))
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode(request: SearchRequest) -> Cursor | None:
    """The request's cursor. Raises InvalidInput when it isn't one, or belongs to another request."""
    if request.cursor is None:
        return None
    try:
        owner, content = _CONTENT.validate_json(_unpack(request.cursor))
    except (ValueError, zlib.error):
        message = "cursor is malformed; pass next_cursor as it was answered"
        raise InvalidInput(message, field="cursor") from None
    if owner != _print(request):
        raise InvalidInput("cursor belongs to another search; leave it out to begin anew", field="cursor")
    return content


def _unpack(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    packed = base64.b64decode(padded, altchars=b"-_", validate=True)
    return zlib.decompressobj().decompress(packed, _MOST_BYTES)


def _print(request: SearchRequest) -> str:
    """Tells requests apart; pages may differ in their size and in what is told beside the products."""
    whole = astuple(replace(request, cursor=None, limit=1, facets=frozenset(), offers=0))
    return blake2b(repr(whole).encode(), digest_size=6).hexdigest()
