from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marketplace import BANDUNG, JAKARTA, SURABAYA, StockRoom, product_draft
from search.shop import Shop, open_shop, results_of
from warung.geo import Circle
from warung.search.relaxation import give_way, loosen
from warung.search.request import SearchRequest, Step
from warung.search.vocabulary import Sort

BANDUNG_AREA = Circle(BANDUNG, 20)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = open_shop(tmp_path)
    shop.stock(JAKARTA, product_draft("1", "Laptop Gaming Asus", 11_000_000))
    shop.stock(
        BANDUNG, product_draft("1", "Laptop Tipis", 5_000_000), product_draft("2", "Laptop Besar", 11_500_000)
    )
    shop.stock(SURABAYA, product_draft("1", "Laptop Gaming MSI", 9_000_000))
    shop.index.catch_up()
    yield shop
    shop.database.close()


@pytest.mark.parametrize(
    ("asked", "names", "relaxed"),
    [
        ({"text": "laptop tipis", "area": BANDUNG_AREA}, ["Laptop Tipis"], ()),
        ({"text": "laptop gaming", "area": BANDUNG_AREA}, ["Laptop Gaming Asus", "Laptop Gaming MSI"],
         ("radius",)),
        ({"text": "laptop gaming", "near": BANDUNG, "radius_km": 5.0, "max_price_rupiah": 10_000_000},
         ["Laptop Gaming MSI"], ("radius",)),
        ({"text": "laptop besar", "area": BANDUNG_AREA, "max_price_rupiah": 10_000_000},
         ["Laptop Besar"], ("budget",)),
        ({"text": "gaming asus", "area": BANDUNG_AREA, "max_price_rupiah": 10_000_000},
         ["Laptop Gaming Asus"], ("radius", "budget")),
        ({"text": "laptop helikopter", "area": BANDUNG_AREA, "max_price_rupiah": 10_000_000},
         ["Laptop Tipis"], ("words",)),
        ({"text": "gaming helikopter", "area": BANDUNG_AREA, "max_price_rupiah": 8_000_000},
         ["Laptop Gaming MSI"], ("radius", "budget", "words")),
        ({"text": "laptop gaming asus helikopter", "area": BANDUNG_AREA}, ["Laptop Gaming Asus"],
         ("radius", "words")),
        ({"text": "asus helikopter", "area": BANDUNG_AREA}, ["Laptop Gaming Asus"], ("radius", "words")),
        ({"text": "besar helikopter", "area": BANDUNG_AREA, "max_price_rupiah": 10_000_000},
         ["Laptop Besar"], ("budget", "words")),
        ({"text": "helikopter", "area": BANDUNG_AREA}, [], ()),
        ({"text": "laptop besar", "max_price_rupiah": 9_999_999},
         ["Laptop Tipis", "Laptop Gaming MSI"], ("words",)),
        ({"text": "tipis", "min_price_rupiah": 5_800_000}, ["Laptop Tipis"], ("budget",)),
        ({"text": "laptop", "category": "komputer"}, [], ()),
    ],
)  # fmt: skip
def test_what_is_needed_gives_way_and_nothing_else(
    shop: Shop, asked: dict[str, Any], names: list[str], relaxed: tuple[Step, ...]
) -> None:
    strict = replace(SearchRequest(near=JAKARTA, fill=False), **asked)
    request = replace(strict, relax=True)
    result = shop.search.search(request)
    assert ([card.name for card in result.cards], result.relaxed) == (names, relaxed)
    assert result.exact == (0 if "words" in relaxed else len(names))
    assert not (relaxed and shop.search.search(strict).exact)


def test_the_next_pages_are_of_the_relaxed_search(shop: Shop) -> None:
    request = SearchRequest("laptop gaming", near=JAKARTA, area=BANDUNG_AREA, relax=True, fill=False, limit=1)
    results = list(results_of(shop, request))
    assert [result.cards[0].name for result in results] == ["Laptop Gaming Asus", "Laptop Gaming MSI"]
    assert {(result.relaxed, result.total) for result in results} == {(("radius",), 2)}


def test_what_has_just_sold_out_is_found_elsewhere(shop: Shop) -> None:
    """Whatever the index still believes."""
    StockRoom(shop.database).change(2, stock_quantity=0)
    asked = SearchRequest("laptop", near=JAKARTA, area=Circle(BANDUNG, 20), in_stock=True, relax=True)
    StockRoom(shop.database).change(3, stock_quantity=0)
    result = shop.search.search(asked)
    assert [card.name for card in result.cards] == ["Laptop Gaming Asus", "Laptop Gaming MSI"]
    assert result.relaxed == ("radius",)


def test_a_place_that_gave_way_leaves_the_nearest_first() -> None:
    asked = SearchRequest("laptop", near=JAKARTA, radius_km=5, area=BANDUNG_AREA)
    assert loosen(asked, ["radius"]) == SearchRequest("laptop", near=BANDUNG, sort=Sort.DISTANCE)
    cheapest = SearchRequest("laptop", near=JAKARTA, radius_km=5, sort=Sort.PRICE_ASC)
    assert loosen(cheapest, ["radius"]).sort is Sort.PRICE_ASC
    assert loosen(asked, []) == asked


def test_a_budget_gives_way_by_fifteen_percent_on_both_sides() -> None:
    loose = loosen(SearchRequest(min_price_rupiah=1_000_000, max_price_rupiah=2_000_001), ["budget"])
    assert (loose.min_price_rupiah, loose.max_price_rupiah) == (850_000, 2_300_001)
    assert loosen(SearchRequest(), ["budget"]) == SearchRequest()


def test_a_search_without_anything_to_give_is_tried_once() -> None:
    tried: list[tuple[Step, ...]] = []
    assert give_way(SearchRequest(in_stock=True), tried.append) is None
    assert tried == [()]
