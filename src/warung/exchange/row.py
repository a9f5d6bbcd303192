"""One row of a file of products, and what can be wrong with it; knows no file format and no table."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError

from warung.products.schemas import Price, ProductBody, ProductDraft, Stock

MAX_ROW_BYTES = 2**17
"""More than twice what the longest product takes, written as wastefully as can be."""

_WHOLE = re.compile(r"[0-9]{1,19}|[0-9]{1,3}(\.[0-9]{3}){1,6}")
_RUPIAH = re.compile(r"^\s*rp\.?\s*", re.IGNORECASE)


def whole_number(value: object) -> object:
    """A number from text that may have "." between thousands, as Indonesians write it; all else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _WHOLE.fullmatch(text):
        return int(text.replace(".", ""))
    if "," in text:
        raise ValueError(f"{text[:40]!r} has a comma: it must be whole, with nothing but . between thousands")
    raise ValueError(f"{text[:40]!r} is not a whole number")


def whole_rupiah(value: object) -> object:
    """The same after "Rp"."""
    return whole_number(_RUPIAH.sub("", value, count=1) if isinstance(value, str) else value)


class ProductRow(ProductBody):
    """A product as a file says it."""

    stock_quantity: Annotated[Stock, BeforeValidator(whole_number)]
    weight_grams: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None, BeforeValidator(whole_number)
    ] = None
    price: Annotated[Price, BeforeValidator(whole_rupiah)]


COLUMNS = (
    "sku",
    "name",
    "description",
    "price",
    "stock_quantity",
    "category",
    "tags",
    "brand",
    "condition",
    "weight_grams",
    "images",
)
REQUIRED = tuple(name for name in COLUMNS if ProductRow.model_fields[name].is_required())

_FIXES = {
    "sku": "write 1 to 64 characters in one line",
    "name": "write 1 to 200 characters in one line",
    "description": "write up to 4000 characters",
    "price": "write whole rupiah: 1500000, 1.500.000 or Rp 1.500.000; at most 10^15",
    "stock_quantity": "write a whole number from 0 to 1000000000",
    "category": "use one of the shop's categories",
    "tags": "give up to 20 tags of up to 50 characters in lower case",
    "brand": "write up to 100 characters in one line, or nothing",
    "condition": "write new or used",
    "weight_grams": "write whole grams from 1 to 1000000, or nothing",
    "images": "give up to 10 addresses that begin with http:// or https://",
}


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row, and what to do; `line` is the physical line that the row begins at, from 1.

    `field` is null when it is the row itself.
    """

    line: int
    field: str | None
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Row:
    """Either a draft or errors. `last_line` is where the row ends."""

    line: int
    last_line: int
    draft: ProductDraft | None
    errors: tuple[RowError, ...] = ()


def bad_row(line: int, last_line: int, message: str, fix: str, field: str | None = None) -> Row:
    return Row(line, last_line, None, (RowError(line, field, message, fix),))


def not_utf8(line: int, last_line: int, field: str | None = None) -> Row:
    return bad_row(line, last_line, "it is not UTF-8 text", "save the file as UTF-8", field)


def too_long(line: int, last_line: int) -> Row:
    message = f"the row is longer than {MAX_ROW_BYTES} bytes (to line {last_line})"
    return bad_row(line, last_line, message, "shorten it, or close a quote that is open")


def checked_row(line: int, last_line: int, read: Callable[[], ProductRow], whole_row_fix: str) -> Row:
    """The row that `read` validates, or all that is wrong with it."""
    try:
        return Row(line, last_line, read().draft())
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_context=False, include_input=False)
        return Row(line, last_line, None, tuple(_error(line, entry, whole_row_fix) for entry in errors))


def _printable(name: str) -> str:
    """It may be anything: a terminal must not obey it."""
    return name if name.isprintable() else ascii(name)


def _error(line: int, entry: Mapping[str, object], whole_row_fix: str) -> RowError:
    location = entry["loc"]
    assert isinstance(location, tuple)  # noqa: S101  Pydantic's own shape
    names = [_printable(str(part)[:64]) for part in location]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not names:
        return RowError(line, None, str(entry["msg"]), whole_row_fix)
    field = ".".join(names)
    if entry["type"] == "missing":
        return RowError(line, field, "it is missing", _FIXES[names[0]])
    if entry["type"] == "extra_forbidden":
        return RowError(line, field, "there is no such field", f"use {', '.join(COLUMNS)}")
    message = str(entry["msg"]).removeprefix("Value error, ")
    return RowError(line, field, message, _FIXES[names[0]])
