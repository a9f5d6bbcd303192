import pytest

from warung.errors import InvalidInput
from warung.exchange.csv_format import read_csv, write_csv
from warung.exchange.row import COLUMNS, MAX_ROW_BYTES, RowError

HEADER = "sku,name,price,stock_quantity,category,description,tags\n"
GOOD = "A,Tas,1000,1,tas,,\n"


def errors(rows: str | bytes, header: str = HEADER) -> list[RowError]:
    data = header.encode() + (rows.encode() if isinstance(rows, str) else rows)
    return [error for row in read_csv([data]) for error in row.errors]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [b",", b";"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_spreadsheet_s_file(mark: bytes, delimiter: bytes, end: bytes) -> None:
    lines = [
        b"SKU, Name ,price,stock_quantity,category,description,tags,weight_grams,brand",
        b'A-1,Tas kulit,Rp 1.500.000,1.000,tas,"kulit ""asli""',  # the cell goes on in the next line
        b'sapi",kulit | coklat,,',
        b",, ,,,,,,",
        b"",
        b"A-2,Topi,25000,0,aksesori-laptop,, ,750,Eiger",
    ]
    one, other = read_csv([mark + end.join(lines).replace(b",", delimiter)])
    assert one.draft
    assert other.draft
    assert (one.line, one.last_line, other.line) == (2, 3, 6)
    assert (one.draft.name, one.draft.price_rupiah, one.draft.stock_quantity) == (
        "Tas kulit",
        1_500_000,
        1000,
    )
    assert one.draft.description == f'kulit "asli"{end.decode()}sapi'
    assert (one.draft.tags, one.draft.weight_grams, one.draft.brand) == (("kulit", "coklat"), None, None)
    assert (other.draft.price_rupiah, other.draft.weight_grams, other.draft.brand) == (25_000, 750, "Eiger")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "the file is empty"),
        ("\n", "missing sku, name, price, stock_quantity, category"),
        ("sku,name,harga,stok,category\n", "unknown 'harga', 'stok' (they are sku, name, description, price"),
        ("sku,name,harga,stok,category\n", "missing price, stock_quantity"),
        ("sku\tname\n", "with , or ; between them"),
        ("sku,name,price,stock_quantity,category,SKU\n", "more than once sku"),
        ('"sku"x,name\n', "must name the columns"),
        ("x" * MAX_ROW_BYTES, "must name the columns"),
    ],
)
def test_a_header_that_is_not_ours_is_one_error(header: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        list(read_csv([(header + GOOD * bool(header)).encode()]))
    assert words in refused.value.message


def test_another_encoding_is_told() -> None:
    with pytest.raises(InvalidInput, match="save it as 'CSV UTF-8'"):
        list(read_csv([HEADER.encode("utf-16")]))


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("A,,1,1,tas,,\n", "name", "missing"),
        ('A,Tas,"1,5",1,tas,,\n', "price", "'1,5' has a comma"),
        ("A,Tas,1.5,1,tas,,\n", "price", "'1.5' is not a whole number"),
        ("A,Tas,-1,1,tas,,\n", "price", "'-1' is not a whole number"),
        ("A,Tas,1,Rp 5,tas,,\n", "stock_quantity", "'Rp 5' is not a whole number"),
        ("A,Tas,9.000.000.000.000.000,1,tas,,\n", "price", "less than or equal to"),
        ("A,Tas,1,1,mobil,,\n", "category", "unknown category 'mobil'"),
        ("A,Tas,1,1,tas,,a|B\n", "tags.1", "lower case"),
        ("A,Tas,1,1,tas,x\0y,\n", "description", "U+0000"),
        ("A,T\0as,1,1,tas,,\n", "name", "control characters"),
        (b"A,Ta\xe9s,1,1,tas,,\n", "name", "not UTF-8"),
        ("A,Tas,1,1,tas\n", None, "5 cells, and the header 7"),
        ('A,"Tas"x,1,1,tas,,\n', None, "can't be read"),
    ],
)
def test_a_bad_row_is_told_and_the_next_is_read(row: str | bytes, field: str | None, words: str) -> None:
    data = row.encode() if isinstance(row, str) else row
    first, bad, last = read_csv([(HEADER + GOOD).encode() + data + GOOD.encode()])
    assert (first.draft is None, bad.draft, last.draft is None) == (False, None, False)
    (error,) = bad.errors
    assert (error.line, error.field, words in error.message) == (3, field, True), error
    assert error.fix


def test_all_that_is_wrong_with_a_row_is_told() -> None:
    assert [error.field for error in errors("A,,x,y,z,,\n")] == [
        "name",
        "stock_quantity",
        "category",
        "price",
    ]


def test_a_quote_that_is_never_closed_costs_what_can_be_held() -> None:
    assert [error.line for error in errors(f'A,"Tas,1,1,tas,,\n{GOOD * 3}')] == [2]
    rows = list(read_csv([f'{HEADER}A,"Tas,1,1,tas,,\n{GOOD * 10_000}'.encode()]))
    assert "a quote that is open" in rows[0].errors[0].fix
    assert rows[0].last_line < 8000
    assert rows[1].line == rows[0].last_line + 1
    assert all(row.draft for row in rows[1:])


def test_bad_text_inside_a_quoted_cell_does_not_end_it() -> None:
    bad, good = read_csv([HEADER.encode() + b'A,Tas,1,1,tas,"x\n\xff\ny",\n' + GOOD.encode()])
    assert (bad.errors[0].field, bad.line, bad.last_line, good.line) == ("description", 2, 4, 5)


def test_an_export_begins_with_all_columns() -> None:
    assert write_csv((), header=True) == ",".join(COLUMNS).encode() + b"\r\n"
