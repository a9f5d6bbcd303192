import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from warung.analytics.schemas import ProductViews, Term
from warung.analytics.tables import csv_text

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
starts = st.sampled_from(["=", "+", "-", "@", "\t", "\r", ""])


@given(st.tuples(starts, words).map("".join))
def test_no_cell_is_a_formula_and_nothing_else_changes(text: str) -> None:
    table = csv_text(Term, [Term(term=text, searches=1, without_results=0)])
    header, row = csv.reader(StringIO(table, newline=""))
    assert header == ["term", "searches", "without_results"]
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row == [text if row[0] == text else f"'{text}", "1", "0"]


def test_what_is_unknown_is_empty_and_a_table_without_rows_has_its_header() -> None:
    row = ProductViews(product_id=1, name=None, shown=0, clicked=0, rate=None)
    assert csv_text(ProductViews, [row]) == "product_id,name,shown,clicked,rate\r\n1,,0,0,\r\n"
    assert csv_text(ProductViews, []) == "product_id,name,shown,clicked,rate\r\n"
