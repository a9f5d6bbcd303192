import json

import pytest

from marketplace import product_draft
from warung.exchange.json_format import read_json_lines, write_json_lines

GOOD: dict[str, object] = {"sku": "A", "name": "Tas", "price": 1000, "stock_quantity": 1, "category": "tas"}


def line(**values: object) -> bytes:
    return json.dumps({**GOOD, **values}).encode()


def test_a_product_of_numbers_or_of_text() -> None:
    text = line(
        price="Rp 1.500.000", stock_quantity="1.000", weight_grams="750", tags=["a"], images=["http://a.id"]
    )
    row, plain = read_json_lines([text + b"\r\n" + line()])
    assert row.draft
    assert plain.draft
    assert (row.draft.price_rupiah, row.draft.stock_quantity, row.draft.weight_grams) == (
        1_500_000,
        1000,
        750,
    )
    assert (row.draft.tags, row.draft.images) == (("a",), ("http://a.id/",))
    assert (plain.draft.price_rupiah, plain.line) == (1000, 2)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (line(price=1.5), "price", "valid integer"),
        (line(price=True), "price", "not true or false"),
        (line(price="1,5"), "price", "comma"),
        (line(price=10**400), "price", ""),
        (line(price=None), "price", "valid integer"),
        (line(name="x" * 201), "name", "at most 200"),
        (line(name="\ud800"), None, "Invalid JSON"),
        (line(description="\0"), "description", "U+0000"),
        (line(harga=1), "harga", "no such field"),
        (line(**{"\x1b[2J": 1}), "'\\x1b[2J'", "no such field"),
        (line(tags="a|b"), "tags", "valid array"),
        (line(condition="second"), "condition", "'new' or 'used'"),
        (line(weight_grams=0), "weight_grams", "greater than or equal to 1"),
        (line(images=["javascript:alert(1)"]), "images.0", ""),
        (b"[1]", None, "object"),
        (b"{", None, "Invalid JSON"),
        (b"[" * 10_000, None, "Invalid JSON"),
        (b'{"sku": "\xff"}', None, "not UTF-8"),
        (b"x" * 2**17, None, "longer than"),
    ],
)
def test_a_bad_line_is_told_and_the_next_is_read(data: bytes, field: str | None, words: str) -> None:
    bad, good = read_json_lines([data + b"\n" + line()])
    assert (bad.draft, good.draft is None) == (None, False)
    (error,) = bad.errors
    assert (error.line, error.field, words in error.message) == (1, field, True), error
    assert "\n" not in error.message
    assert error.fix


def test_an_export_names_every_field() -> None:
    assert json.loads(write_json_lines([product_draft("A", "Tas é", 5, tags=("a",))])) == {
        "sku": "A",
        "name": "Tas é",
        "description": "",
        "price": 5,
        "stock_quantity": 5,
        "category": "laptop",
        "tags": ["a"],
        "brand": None,
        "condition": "new",
        "weight_grams": None,
        "images": [],
    }
