"""Products as CSV (RFC 4180), with "," or ";" between the cells; knows no table."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from warung.errors import InvalidInput
from warung.exchange import cells as cell
from warung.exchange.lines import split_lines
from warung.exchange.row import (
    COLUMNS,
    MAX_ROW_BYTES,
    REQUIRED,
    ProductRow,
    Row,
    bad_row,
    checked_row,
    not_utf8,
    too_long,
)
from warung.products.schemas import ProductBody, ProductDraft

MEDIA_TYPE = "text/csv"
_LISTS = ("tags", "images")


class _RowTooLong(Exception): ...


class _TextLines:
    """Lines for the csv module, which holds a row whole: a row that grows too long is broken off.

    What is not UTF-8 passes as lone surrogates, so that it doesn't move where a quoted cell ends.
    """

    def __init__(self, lines: Iterator[bytes | None]) -> None:
        self._lines = lines
        self._left = 0
        self.number = 0

    def begin_row(self) -> int:
        """The line that the row begins at."""
        self._left = MAX_ROW_BYTES
        return self.number + 1

    def __iter__(self) -> "_TextLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._left -= MAX_ROW_BYTES if line is None else len(line)
        if line is None or self._left <= 0:
            raise _RowTooLong
        return line.decode("utf-8", "surrogateescape")


def read_csv(pieces: Iterable[bytes]) -> Iterator[Row]:
    """The rows below the header, which are read as they are asked for.

    Raises InvalidInput, before the first row, when the header is not one of ours.
    """
    lines = _TextLines(split_lines(pieces))
    delimiter, columns = _read_header(lines)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _RowTooLong:
            yield too_long(line, lines.number)
        except csv.Error as error:
            fix = (
                'put a cell with quotes in it between quotes, and write each of its own twice: "15"" laptop"'
            )
            yield bad_row(line, lines.number, f"the row can't be read: {error}", fix)
        else:
            if any(map(str.strip, cells)):
                yield _row(line, lines.number, columns, cells)


def _read_header(lines: _TextLines) -> tuple[str, list[str]]:
    """The delimiter and the columns."""
    lines.begin_row()
    try:
        text = next(lines)
        text.encode()
        delimiter = ";" if text.count(";") > text.count(",") else ","
        columns = [
            name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter, strict=True))
        ]
    except StopIteration:
        raise InvalidInput(
            f"the file is empty: its first line must name the columns: {_names(COLUMNS)}"
        ) from None
    except UnicodeEncodeError:
        raise InvalidInput("the file is not UTF-8 text: save it as 'CSV UTF-8'") from None
    except (_RowTooLong, csv.Error):
        raise InvalidInput(f"the first line must name the columns: {_names(COLUMNS)}") from None
    if problems := _problems(columns):
        raise InvalidInput(f"the first line must name the columns: {'; '.join(problems)}")
    return delimiter, columns


def _problems(columns: list[str]) -> list[str]:
    unknown = [repr(name[:40]) for name in columns if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns]
    twice = sorted({name for name in columns if name in COLUMNS and columns.count(name) > 1})
    found: list[str] = []
    if unknown:
        found.append(f"unknown {_names(unknown[:20])} (they are {_names(COLUMNS)}, with , or ; between them)")
    if missing:
        found.append(f"missing {_names(missing)}")
    if twice:
        found.append(f"more than once {_names(twice)}")
    return found


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _row(line: int, last_line: int, columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        message = f"the row has {len(cells)} cells, and the header {len(columns)}"
        return bad_row(
            line, last_line, message, "give each column a cell; put one with , or ; between quotes"
        )
    values: dict[str, object] = {}
    for column, text in zip(columns, cells, strict=True):
        if not _is_text(text):
            return not_utf8(line, last_line, column)
        told = cell.unquoted(text)
        if told.strip() or column == "description":
            values[column] = cell.split(told) if column in _LISTS else told
    fix = "write one product per row"
    return checked_row(line, last_line, lambda: ProductRow.model_validate(values, strict=True), fix)


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def write_csv(drafts: Iterable[ProductDraft], *, header: bool) -> bytes:
    """Rows that `read_csv` reads as the same drafts, and a spreadsheet without running anything in them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(COLUMNS)
    for draft in drafts:
        values = cells_of(draft)
        writer.writerow([cell.quoted(values[column]) for column in COLUMNS])
    return text.getvalue().encode()


def cells_of(draft: ProductDraft) -> Mapping[str, str]:
    values = ProductBody.of(draft).model_dump()
    for column in _LISTS:
        values[column] = cell.joined(values[column])
    return {column: "" if values[column] is None else str(values[column]) for column in COLUMNS}
