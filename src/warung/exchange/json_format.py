"""Products as JSON Lines, one object a line; knows no table."""

import json
from collections.abc import Iterable, Iterator

from warung.exchange.lines import split_lines
from warung.exchange.row import COLUMNS, ProductRow, Row, checked_row, not_utf8, too_long
from warung.products.schemas import ProductBody, ProductDraft

MEDIA_TYPE = "application/x-ndjson"


def read_json_lines(pieces: Iterable[bytes]) -> Iterator[Row]:
    """The rows, which are read as they are asked for."""
    for number, line in enumerate(split_lines(pieces), start=1):
        if line is None:
            yield too_long(number, number)
        elif line.strip():
            yield _row(number, line)


def _row(number: int, line: bytes) -> Row:
    try:
        line.decode()
    except UnicodeDecodeError:
        return not_utf8(number, number)
    fix = 'write one JSON object per line: {"sku": "A-1", "name": …}'
    return checked_row(number, number, lambda: ProductRow.model_validate_json(line, strict=True), fix)


def write_json_lines(drafts: Iterable[ProductDraft]) -> bytes:
    return "".join(f"{_object(draft)}\n" for draft in drafts).encode()


def _object(draft: ProductDraft) -> str:
    values = ProductBody.of(draft).model_dump()
    return json.dumps({column: values[column] for column in COLUMNS}, ensure_ascii=False)
