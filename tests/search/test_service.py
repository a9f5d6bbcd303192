from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import (
    BANDUNG,
    JAKARTA,
    SURABAYA,
    StockRoom,
    product_draft,
)
from search.shop import Shop, open_shop, pages, results_of
from warung.errors import InvalidInput
from warung.geo import Coordinates, distance_km
from warung.products.cards import ProductCard
from warung.search.facets import Facets
from warung.search.request import SearchRequest
from warung.search.vocabulary import Sort


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = open_shop(tmp_path)
    shop.stock(
        JAKARTA,
        product_draft("1", "Laptop Gaming Asus", 15_000_000, tags=("gaming", "asus")),
        product_draft("2", "Laptop Kantor Lenovo", 7_000_000, stock_quantity=0),
        product_draft(
            "3", "Tas Laptop", 150_000, category="aksesori-laptop", description="muat laptop gaming"
        ),
    )
    shop.stock(
        BANDUNG,
        product_draft("1", "Laptop Gaming Acer", 11_000_000, tags=("gaming",)),
        product_draft("2", "Kursi Gaming", 2_000_000, category="komputer"),
    )
    shop.stock(SURABAYA, product_draft("1", "Laptop Gaming MSI", 9_000_000))
    shop.index.catch_up()
    yield shop
    shop.database.close()


@pytest.fixture(scope="module")
def large_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """600 laptops, many of the same price and name, with 40 suppliers from Sabang to Merauke."""
    shop = open_shop(tmp_path_factory.mktemp("large"))
    random = Random(7)
    for _ in range(40):
        shop.stock(
            Coordinates(random.uniform(-9, 6), random.uniform(95, 141)),
            *[
                product_draft(
                    str(i),
                    f"Laptop {random.choice(['gaming', 'kantor', 'tipis gaming'])} {random.choice('ABC')}",
                    random.choice([5, 5, 6, 7, 8]) * 1_000_000,
                    stock_quantity=random.choice([0, 3]),
                    category=random.choice(["laptop", "komputer"]),
                )
                for i in range(15)
            ],
        )
    shop.index.catch_up()
    yield shop
    shop.database.close()


def test_the_title_counts_most_and_case_does_not(shop: Shop) -> None:
    assert shop.names("LAPTOP gaming asus")[0] == "Laptop Gaming Asus"
    assert shop.names("gaming laptop", limit=4)[-1] == "Tas Laptop"


def test_matches_of_any_word_fill_the_page_after_those_of_all(shop: Shop) -> None:
    result = shop.search.search(SearchRequest(text="laptop gaming asus"))
    names = [card.name for card in result.cards]
    assert names[0] == "Laptop Gaming Asus"
    assert set(names[1:]) == {
        "Laptop Gaming Acer", "Laptop Gaming MSI", "Laptop Kantor Lenovo", "Tas Laptop", "Kursi Gaming",
    }  # fmt: skip
    assert (result.exact, result.total, result.relaxed) == (1, 6, ())


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_the_size_of_a_page_changes_neither_the_total_nor_what_is_exact(shop: Shop, limit: int) -> None:
    request = SearchRequest(text="laptop gaming", limit=limit)
    results = list(results_of(shop, request))
    assert {(result.total, result.relaxed) for result in results} == {(6, ())}
    assert sum(result.exact for result in results) == 4


def test_words_gave_way_only_when_no_product_has_all_of_them(shop: Shop) -> None:
    for text, relaxed in (("laptop helikopter", ("words",)), ("laptop gaming asus", ()), ("helikopter", ())):
        request = SearchRequest(text=text, limit=2)
        assert {result.relaxed for result in results_of(shop, request)} == {relaxed}
    assert shop.search.search(SearchRequest(text="laptop helikopter")).exact == 0


def test_without_filling_only_matches_of_most_words_are_shown(shop: Shop) -> None:
    assert shop.names("laptop gaming asus", fill=False) == ["Laptop Gaming Asus"]
    result = shop.search.search(SearchRequest(text="laptop gaming helikopter", fill=False))
    assert (result.exact, result.total, result.relaxed) == (0, 4, ("words",))


@pytest.mark.parametrize("text", ["helikopter", "???", "🔥"])
def test_nothing_is_found_for_what_no_product_has(shop: Shop, text: str) -> None:
    result = shop.search.search(SearchRequest(text=text))
    assert (result.cards, result.total, result.next_cursor) == ((), 0, None)


def test_filters_are_exact(shop: Shop) -> None:
    assert shop.names("laptop", max_price_rupiah=9_000_000, category="laptop", in_stock=True) == [
        "Laptop Gaming MSI"
    ]
    assert shop.names(min_price_rupiah=11_000_000, max_price_rupiah=11_000_000) == ["Laptop Gaming Acer"]
    assert shop.names("laptop", near=JAKARTA, radius_km=10, in_stock=True, category="laptop") == [
        "Laptop Gaming Asus"
    ]


def test_an_excluded_word_leaves_out_what_is_called_so_not_what_mentions_it(shop: Shop) -> None:
    assert "Laptop Gaming Asus" not in shop.names("laptop", exclude=("ASUS",))
    assert set(shop.names(exclude=("gaming",))) == {"Laptop Kantor Lenovo", "Tas Laptop"}
    assert "Laptop Gaming Acer" in shop.names(exclude=("laptop gaming asus",))


def test_without_words_the_nearest_come_first_or_the_newest(shop: Shop) -> None:
    assert shop.names(limit=1) == ["Laptop Gaming MSI"]
    assert shop.names(near=BANDUNG, limit=2) == ["Laptop Gaming Acer", "Kursi Gaming"]


def test_of_equal_matches_the_nearer_comes_first_and_a_better_one_wins_from_afar(shop: Shop) -> None:
    shop.stock(SURABAYA, product_draft("x", "Panci Presto Besar"), product_draft("y", "Panci"))
    shop.stock(BANDUNG, product_draft("x", "Panci Presto Besar"))
    shop.index.catch_up()
    found = shop.search.search(SearchRequest(text="panci presto", near=BANDUNG)).cards
    assert [(card.name, card.distance_km) for card in found[:2]] == [
        ("Panci Presto Besar", 0.0),
        ("Panci Presto Besar", pytest.approx(569, abs=3)),
    ]
    assert found[2].name == "Panci"


def test_facets_count_as_if_no_category_were_chosen(shop: Shop) -> None:
    result = shop.search.search(SearchRequest(text="laptop", category="laptop", limit=1))
    assert result.total == 4
    assert result.facets == Facets(category={"laptop": 4, "aksesori-laptop": 1})


def test_a_stale_index_never_shows_what_does_not_fit(shop: Shop) -> None:
    StockRoom(shop.database).change(1, price_rupiah=20_000_000)
    StockRoom(shop.database).change(4, stock_quantity=0)
    StockRoom(shop.database).remove(6)
    cards = shop.search.search(
        SearchRequest(text="laptop gaming", max_price_rupiah=16_000_000, in_stock=True, category="laptop")
    ).cards
    assert cards == ()
    assert shop.search.search(SearchRequest(text="asus", limit=1)).cards[0].price == 20_000_000


def test_a_strict_order_holds_for_the_prices_shown_by_a_stale_index(shop: Shop) -> None:
    StockRoom(shop.database).change(6, price_rupiah=90_000_000)
    cards = shop.search.search(
        SearchRequest(text="laptop gaming", category="laptop", sort=Sort.PRICE_ASC)
    ).cards
    assert [card.price for card in cards] == [11_000_000, 15_000_000, 90_000_000]


def test_a_strict_order_takes_the_matches_of_most_words_alone(shop: Shop) -> None:
    result = shop.search.search(SearchRequest(text="laptop gaming helikopter", sort=Sort.PRICE_ASC))
    assert [card.name for card in result.cards] == [
        "Tas Laptop", "Laptop Gaming MSI", "Laptop Gaming Acer", "Laptop Gaming Asus",
    ]  # fmt: skip
    assert result.relaxed == ("words",)


ORDERS: dict[Sort, Callable[[ProductCard], float]] = {
    Sort.PRICE_ASC: lambda card: card.price,
    Sort.PRICE_DESC: lambda card: -card.price,
    Sort.NEWEST: lambda card: -card.id,
    Sort.DISTANCE: lambda card: distance_km(
        JAKARTA, Coordinates(card.supplier.location.lat, card.supplier.location.lng)
    ),
    Sort.RELEVANCE: lambda card: -(card.score or 0),
}
REQUESTS = st.builds(
    SearchRequest,
    text=st.sampled_from(["", "laptop", "gaming", "laptop gaming a", "tipis kantor"]),
    category=st.sampled_from([None, "laptop"]),
    max_price_rupiah=st.sampled_from([None, 6_000_000]),
    in_stock=st.booleans(),
    near=st.just(JAKARTA),
    radius_km=st.sampled_from([None, 30.0, 700.0, 3000.0]),
    sort=st.sampled_from(list(Sort)),
    limit=st.sampled_from([23, 40, 100]),
)


@settings(max_examples=60, deadline=None)
@given(REQUESTS)
def test_pages_together_are_every_match_once_in_order(large_shop: Shop, request: SearchRequest) -> None:
    cards = [card for page in pages(large_shop, request) for card in page]
    first = large_shop.search.search(request)
    assert len({card.id for card in cards}) == len(cards) == first.total
    for card in cards:
        assert request.category in (None, card.category)
        assert request.max_price_rupiah is None or card.price <= request.max_price_rupiah
        assert not request.in_stock or card.stock_quantity > 0
        assert request.radius_km is None or ORDERS[Sort.DISTANCE](card) <= request.radius_km
    if request.sort is not Sort.RELEVANCE:
        order = [ORDERS[request.sort](card) for card in cards]
        assert order == sorted(order)


@settings(max_examples=20, deadline=None)
@given(
    st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180)), st.sampled_from([None, 500.0, 5000.0])
)
def test_the_order_by_distance_is_that_of_all_products(
    large_shop: Shop, near: Coordinates, radius_km: float | None
) -> None:
    request = SearchRequest(near=near, radius_km=radius_km, sort=Sort.DISTANCE, limit=100)
    shown = [card.id for page in pages(large_shop, request) for card in page]
    products = large_shop.products.after(0, 1000)
    reach = {product.id: distance_km(near, product.supplier.location) for product in products}
    wanted = [
        key for key in sorted(reach, key=lambda key: (reach[key], key)) if reach[key] <= (radius_km or 21_000)
    ]
    assert shown == wanted


def test_matches_of_all_words_come_before_the_others_on_every_page(large_shop: Shop) -> None:
    request = SearchRequest(text="tipis gaming a", near=JAKARTA, limit=100)
    cards = [card for page in pages(large_shop, request) for card in page]
    whole = [card.name == "Laptop tipis gaming A" for card in cards]
    assert whole == sorted(whole, reverse=True)
    assert 0 < sum(whole) < len(whole)


def test_relevance_is_ranked_by_text_and_nearness_over_all_matches(large_shop: Shop) -> None:
    request = SearchRequest(text="laptop", near=JAKARTA, limit=100)
    scores = [card.score or 0 for page in pages(large_shop, request) for card in page]
    assert len(scores) == 600
    assert scores == sorted(scores, reverse=True)


def test_a_search_beside_writes_shows_only_what_fits(shop: Shop) -> None:
    done = Event()

    def write() -> None:
        for round_ in range(40):
            StockRoom(shop.database).change(1, price_rupiah=9_000_000 + round_ % 2 * 9_000_000)
            shop.index.catch_up()
        done.set()

    writer = Thread(target=write)
    writer.start()
    searches = 0
    while not done.is_set():
        result = shop.search.search(SearchRequest(text="laptop gaming", max_price_rupiah=15_000_000))
        assert all(card.price <= 15_000_000 for card in result.cards)
        assert len(result.cards) >= 3
        searches += 1
    writer.join()
    assert searches > 1


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"min_price_rupiah": -1}, "min_price"),
        ({"min_price_rupiah": 2, "max_price_rupiah": 1}, "min_price"),
        ({"radius_km": 5.0}, "radius_km"),
        ({"radius_km": 0.0, "near": JAKARTA}, "radius_km"),
        ({"radius_km": float("nan"), "near": JAKARTA}, "radius_km"),
        ({"sort": Sort.DISTANCE}, "sort"),
        ({"category": "pesawat"}, "category"),
        ({"cursor": "abc"}, "cursor"),
    ],
)
def test_a_bad_request_is_refused_by_name(shop: Shop, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.search.search(SearchRequest(**asked))
    assert refused.value.field == field
