"""Versions as entity tags, and the condition a change may carry (RFC 9110, sections 8.8.3 and 13.1.1)."""

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header

from warung.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')

IfMatch = Annotated[
    list[str] | None,
    Header(description="The ETag of what is to be changed: another one is refused with 412."),
]


def etag(version: int) -> str:
    """A strong tag."""
    return f'"{version}"'


def require_match(if_match: Sequence[str] | None, version: int) -> None:
    """Raises PreconditionFailed when the header's lines name other versions than this one.

    The comparison is strong: a weak tag matches nothing.
    """
    if if_match is None:
        return
    header = ",".join(if_match)
    strong = {tag for weak, tag in _TAG.findall(header) if not weak}
    if header.strip() != "*" and str(version) not in strong:
        raise PreconditionFailed(
            f"it is at version {version} now: read it again, then send its ETag as If-Match", field="If-Match"
        )
