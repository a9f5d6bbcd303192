import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.made import TEXTS
from warung.exchange import cells


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+62", "'+62"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("'tas'", "'tas'"),
        ("''", "''"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_a_formula_gets_an_apostrophe(text: str, cell: str) -> None:
    assert cells.quoted(text) == cell
    assert cells.unquoted(cell) == text


@given(text=TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert cells.unquoted(cells.quoted(text)) == text


@given(items=st.lists(st.text("ab|\\", min_size=1), min_size=1).map(tuple))
def test_every_list_comes_back(items: tuple[str, ...]) -> None:
    assert cells.split(cells.joined(items)) == items


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("kuliah|baru", ("kuliah", "baru")),
        (" kuliah | baru ", ("kuliah", "baru")),
        ("a||b", ("a", "", "b")),
        ("|", ("", "")),
        (r"a\|b|c\\", ("a|b", "c\\")),
        (r"c:\folder", (r"c:\folder",)),
    ],
)
def test_a_list_as_people_write_it(cell: str, items: tuple[str, ...]) -> None:
    assert cells.split(cell) == items
