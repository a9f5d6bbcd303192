from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.errors import InvalidInput
from warung.search.cursor import Cursor, decode, encode
from warung.search.request import SearchRequest

REQUEST = SearchRequest(text="laptop", min_price_rupiah=1)
KEYS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4).map(tuple)


@given(st.integers(0, 9), st.booleans(), KEYS)
def test_a_cursor_comes_back_as_it_was(at_least: int, then_any: bool, key: tuple[float, ...]) -> None:
    cursor = Cursor(at_least, then_any, key)
    request = replace(REQUEST, cursor=encode(cursor, REQUEST), limit=7)
    assert decode(request) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(replace(REQUEST, cursor=text))
    assert refused.value.field == "cursor"


def test_the_cursor_of_another_search_is_refused() -> None:
    cursor = encode(Cursor(1, False, (1.0,)), replace(REQUEST, min_price_rupiah=2))
    with pytest.raises(InvalidInput, match="another search"):
        decode(replace(REQUEST, cursor=cursor))
