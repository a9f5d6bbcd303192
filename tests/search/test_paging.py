"""Paging while products and the index change under the reader."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import BANDUNG, JAKARTA, SURABAYA, StockRoom, product_draft
from search.shop import Shop, open_shop, results_of
from warung.search.cursor import Cursor, decode, encode
from warung.search.request import SearchRequest, Step
from warung.search.vocabulary import Sort

_COUNT = 90


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = open_shop(tmp_path_factory.mktemp("paged"))
    random = Random(3)
    for place in (JAKARTA, BANDUNG, SURABAYA):
        shop.stock(
            place,
            *[
                product_draft(str(n), f"Laptop {random.choice(['gaming', 'tipis', 'gaming tipis'])}",
                              random.randint(1, 9) * 1_000_000)
                for n in range(_COUNT // 3)
            ],
        )  # fmt: skip
    shop.index.catch_up()
    yield shop
    shop.database.close()


REQUESTS = st.builds(
    SearchRequest,
    text=st.sampled_from(["", "laptop", "laptop gaming", "gaming tipis", "laptop helikopter"]),
    near=st.just(JAKARTA),
    sort=st.sampled_from(list(Sort)),
    fill=st.booleans(),
    relax=st.booleans(),
    limit=st.sampled_from([4, 13]),
)
CHANGES = st.lists(
    st.tuples(
        st.integers(1, _COUNT),
        st.sampled_from(["Laptop gaming", "Laptop tipis", "Kursi gaming tipis gaming", "Meja"]),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40)
@given(REQUESTS, st.lists(CHANGES, max_size=12), st.booleans())
def test_pages_never_repeat_and_lose_nothing_that_stays(
    shop: Shop, request: SearchRequest, rounds: list[list[tuple[int, str, int]]], is_caught_up: bool
) -> None:
    room = StockRoom(shop.database)
    shop.index.catch_up()
    first = {card.id for result in results_of(shop, request) for card in result.cards}
    shown: list[int] = []
    changed: set[int] = set()
    relaxed: set[tuple[Step, ...]] = set()
    for number, result in enumerate(results_of(shop, request)):
        shown += [card.id for card in result.cards]
        relaxed.add(result.relaxed)
        for product_id, name, millions in rounds[number] if number < len(rounds) else ():
            room.change(product_id, name=name, price_rupiah=millions * 1_000_000)
            changed.add(product_id)
        if is_caught_up:
            shop.index.catch_up()
    assert len(set(shown)) == len(shown)
    assert len(relaxed) == 1
    assert first - changed <= set(shown) <= first | changed


@settings(max_examples=20)
@given(REQUESTS)
def test_a_cursor_that_has_forgotten_goes_on_behind_its_key(shop: Shop, request: SearchRequest) -> None:
    shop.index.catch_up()
    whole = [card.id for result in results_of(shop, request) for card in result.cards]
    cursor, shown = None, list[int]()
    while True:
        result = shop.search.search(replace(request, cursor=cursor))
        shown += [card.id for card in result.cards]
        if result.next_cursor is None:
            break
        content = decode(replace(request, cursor=result.next_cursor))
        assert isinstance(content, Cursor)
        cursor = encode(replace(content, shown=content.shown[-1:], is_deep=True), request)
    assert sorted(shown) == sorted(whole)
