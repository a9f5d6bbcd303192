"""Rows as CSV that a spreadsheet shows and never runs; knows no table of the database."""

import csv
from collections.abc import Sequence
from io import StringIO

from pydantic import BaseModel

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(kind: type[BaseModel], items: Sequence[BaseModel]) -> str:
    """RFC 4180 with a header line; a cell that would be a formula begins with an apostrophe."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(kind.model_fields)
    writer.writerows([_cell(value) for value in item.model_dump(mode="json").values()] for item in items)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
