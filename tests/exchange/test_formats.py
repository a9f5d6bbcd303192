import csv
import io
import tracemalloc
from collections.abc import Iterator
from itertools import chain
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exchange.made import DIFFERENT_DRAFTS, in_pieces
from warung.errors import InvalidInput
from warung.exchange.formats import MEDIA_TYPES, Format, read_rows, write_rows
from warung.exchange.row import COLUMNS, MAX_ROW_BYTES
from warung.products.schemas import ProductDraft

FORMATS: tuple[Format, ...] = get_args(Format)
HEADER = b"sku,name,price,stock_quantity,category\n"
PIECES = st.binary(max_size=30) | st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b'"',
        b",",
        b";",
        b"A,Tas,1,1,tas",
        b'{"sku": ',
        b"[" * 300,
        b"\0",
        b"\xff",
        b"'=",
        b"9" * 5000,
    ]
)


@given(format_=st.sampled_from(FORMATS), pieces=st.lists(PIECES), header=st.booleans())
@example(format_="jsonl", pieces=[b"[" * 100_000], header=False)
@example(format_="csv", pieces=[b'"' * 200_001], header=True)
def test_whatever_comes_in_is_rows_and_errors(format_: Format, pieces: list[bytes], header: bool) -> None:
    lines = b"".join(pieces).count(b"\n") + 2
    if format_ == "csv" and not header:
        with pytest.raises(InvalidInput, match=r"first line|UTF-8"):
            list(read_rows(format_, pieces))
        return
    rows = list(read_rows(format_, [HEADER, *pieces] if header else pieces))
    for row in rows:
        assert 1 <= row.line <= row.last_line <= lines
        assert (row.draft is None) == bool(row.errors)
        assert all(error.message and error.fix and error.line == row.line for error in row.errors)


@given(format_=st.sampled_from(FORMATS), drafts=DIFFERENT_DRAFTS, size=st.integers(1, 200))
def test_what_is_exported_is_imported_the_same(
    format_: Format, drafts: list[ProductDraft], size: int
) -> None:
    data = b"".join(write_rows(format_, [drafts[:2], drafts[2:]]))
    rows = list(read_rows(format_, in_pieces(data, size)))
    assert [row.errors for row in rows] == [()] * len(drafts)
    assert [row.draft for row in rows] == drafts


@given(drafts=DIFFERENT_DRAFTS)
def test_no_exported_cell_is_a_formula(drafts: list[ProductDraft]) -> None:
    text = b"".join(write_rows("csv", [drafts])).decode()
    for cells in csv.reader(io.StringIO(text, newline="")):
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        ("csv", HEADER + b"A,Tas,1,1,tas\n\nB,Tas,1,1,tas\nA,Topi,2,2,tas\n"),
        (
            "jsonl",
            b'\n{"sku": "A", "name": "Tas", "price": 1, "stock_quantity": 1, "category": "tas"}\n' * 2,
        ),
    ],
)
def test_the_same_sku_twice_names_both_lines(format_: Format, data: bytes) -> None:
    *_, last = read_rows(format_, [data])
    (error,) = last.errors
    first = 2
    assert (error.line, error.field) == (last.line, "sku")
    assert (f"line {first}" in error.message, f"line {last.line}" in error.fix) == (True, True)


def test_a_sku_of_a_bad_row_is_still_free() -> None:
    bad, good = read_rows("csv", [HEADER + b"A,Tas,x,1,tas\nA,Tas,1,1,tas\n"])
    assert (bad.draft, good.errors) == (None, ())


def test_every_format_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) == set(FORMATS)


@pytest.mark.parametrize("format_", FORMATS)
def test_memory_does_not_grow_with_the_file(format_: Format) -> None:
    def data(count: int) -> Iterator[bytes]:
        """As if from a disk: nothing of it is held."""
        if format_ == "csv":
            yield ",".join(COLUMNS).encode() + b"\n"
        for number in range(count):
            draft = ProductDraft(
                sku=f"SKU-{number}",
                name="Tas",
                description="x" * 500,
                price_rupiah=1,
                stock_quantity=1,
                category="tas",
            )
            yield from list(write_rows(format_, [[draft]]))[-1:]

    def peak(count: int) -> int:
        tracemalloc.start()
        assert sum(row.draft is not None for row in read_rows(format_, data(count))) == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)  # what is loaded once
    assert peak(20_000) < peak(200) + 1_000_000  # the file has 12 MB


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("open_", [b'"', b""])
def test_a_row_without_an_end_is_not_held(format_: Format, open_: bytes) -> None:
    pieces = (b"x" * 60_000 + b"\n" * (number % 100 == 0) for number in range(1000))
    start = HEADER if format_ == "csv" else b""
    tracemalloc.start()
    rows = list(read_rows(format_, chain([start + open_], pieces)))
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows
    assert all(row.draft is None for row in rows)
    assert used < 20 * MAX_ROW_BYTES
