import base64
import zlib
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.errors import InvalidInput
from warung.search.cursor import MAX_CHARACTERS, Cursor, decode, encode, remember
from warung.search.request import SearchRequest

REQUEST = SearchRequest(text="laptop", min_price_rupiah=1)
KEYS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4).map(tuple)


CURSORS = st.builds(
    Cursor,
    st.integers(0, 9),
    st.booleans(),
    KEYS,
    st.lists(st.integers(1, 2**63 - 1), max_size=500).map(tuple),
    st.booleans(),
    st.sampled_from([(), ("radius", "words")]),
)


@given(CURSORS)
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
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


def test_a_cursor_remembers_the_last_results_in_a_length_that_passes() -> None:
    random, cursor = Random(7), None
    pages = [tuple(random.sample(range(1, 10**7), 100)) for _ in range(8)]
    for number, page in enumerate(pages, start=1):
        shown, is_deep = remember(cursor, page)
        assert is_deep == (number > 5)
        assert shown == tuple(key for each in pages[max(0, number - 5) : number] for key in each)
        cursor = Cursor(3, then_any=True, key=(1.0, -12.345678901234567, 3.0), shown=shown, is_deep=is_deep)
        assert len(encode(cursor, REQUEST)) <= MAX_CHARACTERS


def test_a_cursor_that_unpacks_to_very_much_is_refused() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 10**7)).decode().rstrip("=")
    with pytest.raises(InvalidInput, match="malformed"):
        decode(replace(REQUEST, cursor=bomb))
