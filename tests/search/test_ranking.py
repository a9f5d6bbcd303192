from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketplace import BANDUNG, JAKARTA, add_products, add_supplier, new_database, product_draft
from warung.database.session import Database
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.ranking import Weights
from warung.search.request import SearchRequest
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService

NOTHING = Weights(0, 0, 0, 0)
TODAY = int(datetime.now(UTC).timestamp()) // 86_400


class Shop:
    def __init__(self, folder: Path) -> None:
        self.database: Database = new_database(folder)
        self.products = ProductService(self.database)
        self.index = ProductIndex(folder / "index", self.products, SupplierService(self.database))

    def service(self, weights: Weights, today: int = TODAY) -> SearchService:
        return SearchService(self.index, self.products, weights=weights, today=lambda: today)

    def prices(self, weights: Weights, request: SearchRequest) -> list[int]:
        return [card.price for card in self.service(weights).search(request).cards]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The same laptop in Jakarta for 1, 4 and 9 juta, the cheapest sold out, and in Bandung for 16."""
    shop = Shop(tmp_path)
    add_products(
        shop.database,
        add_supplier(shop.database, "near"),
        product_draft("1", "Laptop", 1_000_000, stock_quantity=0),
        product_draft("2", "Laptop", 4_000_000),
        product_draft("3", "Laptop", 9_000_000),
    )
    add_products(
        shop.database, add_supplier(shop.database, "far", BANDUNG), product_draft("4", "Laptop", 16_000_000)
    )
    shop.index.catch_up()
    yield shop
    shop.database.close()


def test_without_weights_the_text_alone_decides(shop: Shop) -> None:
    request = SearchRequest("laptop", near=BANDUNG, max_price_rupiah=20_000_000)
    assert shop.prices(NOTHING, request) == [1_000_000, 4_000_000, 9_000_000, 16_000_000]


def test_each_weight_moves_its_own(shop: Shop) -> None:
    request = SearchRequest("laptop", near=BANDUNG, max_price_rupiah=20_000_000)
    assert shop.prices(replace(NOTHING, nearness=1), request)[0] == 16_000_000
    assert shop.prices(replace(NOTHING, stock=1), request)[-1] == 1_000_000
    by_fit = shop.prices(replace(NOTHING, price_fit=1), request)
    assert by_fit == [16_000_000, 9_000_000, 4_000_000, 1_000_000]
    unlimited = replace(request, max_price_rupiah=None)
    assert shop.prices(replace(NOTHING, price_fit=1), unlimited)[0] == 1_000_000


def test_a_late_change_counts_by_its_age_on_the_day_of_the_first_page(shop: Shop) -> None:
    weights = replace(NOTHING, freshness=1)
    fresh = shop.service(weights).search(SearchRequest("laptop", limit=2))
    old = shop.service(weights, TODAY + 30).search(SearchRequest("laptop", limit=2))
    assert fresh.cards[0].score == pytest.approx(2 / 1.5 * (old.cards[0].score or 0), rel=1e-3)
    later = shop.service(weights, TODAY + 30).search(
        SearchRequest("laptop", limit=2, cursor=fresh.next_cursor)
    )
    assert later.cards[0].score == fresh.cards[0].score
    assert len({card.id for card in (*fresh.cards, *later.cards)}) == 4


def test_many_sold_out_matches_never_hide_one_in_stock(tmp_path: Path) -> None:
    """It lies beyond the first window onto the index."""
    shop = Shop(tmp_path)
    drafts = [product_draft(str(i), "Panci", 1, stock_quantity=0) for i in range(400)]
    add_products(shop.database, add_supplier(shop.database, "a"), *drafts, product_draft("x", "Panci", 2))
    shop.index.catch_up()
    assert shop.prices(Weights(), SearchRequest("panci", limit=1)) == [2]
    shop.database.close()


def test_an_explanation_adds_up_to_the_score_shown(shop: Shop) -> None:
    service = shop.service(Weights())
    request = SearchRequest("laptop gaming", near=JAKARTA, max_price_rupiah=18_000_000)
    explanation, shown = service.explain(request), service.search(request).cards
    assert [one.id for one in explanation.products] == [card.id for card in shown]
    assert explanation.words == ["laptop", "game"]
    assert (explanation.at_least, explanation.then_any) == (2, True)
    for one, card in zip(explanation.products, shown, strict=True):
        parts = 1 + one.nearness + one.stock + one.price_fit + one.freshness
        assert one.score == pytest.approx(one.text * parts)
        assert card.score == pytest.approx(one.score, abs=1e-4)
        assert one.text_parts["value"] == pytest.approx(one.text, rel=1e-4)
        assert not one.has_all_words
    sold_out = next(one for one in explanation.products if one.id == 1)
    assert sold_out.stock == 0
    assert "laptop" in str(sold_out.text_parts)


def test_brands_and_endings_are_found_and_an_accessory_comes_after_the_thing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    add_products(
        shop.database,
        add_supplier(shop.database, "a"),
        product_draft("1", "Keyboard cover black"),
        product_draft("2", "Comfort keyboards black").model_copy(update={"brand": "Cherry"}),
    )
    shop.index.catch_up()
    service = shop.service(Weights())

    def found(text: str) -> list[str]:
        return [card.name for card in service.search(SearchRequest(text)).cards]

    assert found("cherry keyboard")[0] == "Comfort keyboards black"
    assert found("keyboard") == ["Comfort keyboards black", "Keyboard cover black"]
    shop.database.close()
