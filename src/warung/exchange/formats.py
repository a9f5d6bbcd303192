"""The formats of files of products, by name; knows no table."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from warung.exchange import csv_format, json_format
from warung.exchange.csv_format import read_csv, write_csv
from warung.exchange.json_format import read_json_lines, write_json_lines
from warung.exchange.row import Row, RowError
from warung.products.schemas import ProductDraft

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": csv_format.MEDIA_TYPE, "jsonl": json_format.MEDIA_TYPE}


def read_rows(format_: Format, pieces: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file that comes in pieces of any size; a SKU that was there before makes a row a bad one.

    Raises InvalidInput for a CSV file without a header of ours.
    """
    return _each_sku_once(read_csv(pieces) if format_ == "csv" else read_json_lines(pieces))


def write_rows(format_: Format, batches: Iterable[Iterable[ProductDraft]]) -> Iterator[bytes]:
    """A file that `read_rows` reads as the same drafts, in pieces."""
    if format_ == "csv":
        yield write_csv((), header=True)
    for batch in batches:
        yield write_csv(batch, header=False) if format_ == "csv" else write_json_lines(batch)


def _each_sku_once(rows: Iterator[Row]) -> Iterator[Row]:
    with closing(_Skus()) as skus:
        for row in rows:
            first = None if row.draft is None else skus.note(row.draft.sku, row.line)
            if first is None:
                yield row
            else:
                message = f"the SKU is also on line {first}, which is kept"
                error = RowError(row.line, "sku", message, f"leave out line {first} or line {row.line}")
                yield replace(row, draft=None, errors=(error,))


@dataclass(init=False, slots=True)
class _Skus:
    """Where each SKU stood first. Any number of them: what memory shouldn't hold goes to a temporary file."""

    _table: sqlite3.Connection

    def __init__(self) -> None:
        self._table = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute("CREATE TABLE skus (sku TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def note(self, sku: str, line: int) -> int | None:
        """The line that `sku` stood on before, None if it is new."""
        added = self._table.execute("INSERT INTO skus VALUES (?, ?) ON CONFLICT DO NOTHING", (sku, line))
        if added.rowcount:
            return None
        return self._table.execute("SELECT line FROM skus WHERE sku = ?", (sku,)).fetchone()[0]

    def close(self) -> None:
        self._table.close()
