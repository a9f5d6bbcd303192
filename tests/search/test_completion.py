"""Suggestions, through the whole search, over a real index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace import StockRoom, add_products, add_supplier, new_database, product_draft
from search.worded_shop import PACKAGED, Shop, stocked
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService


@pytest.fixture(scope="module")
def stocked_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return stocked(tmp_path_factory.mktemp("words"))


@pytest.fixture
def shop(stocked_shop: Shop) -> Iterator[Shop]:
    yield stocked_shop
    stocked_shop.groups = PACKAGED


def test_suggestions_continue_words_and_follow_them(shop: Shop) -> None:
    assert shop.suggest("lapt") == [("laptop", 3), ("laptop gaming", 2), ("laptop hp", 1)]
    assert shop.suggest("laptop ga") == [("laptop gaming", 2)]
    assert shop.suggest("gaming la") == [("gaming laptop", 2)]
    assert shop.suggest("LAPTOP ") == [("laptop gaming", 2), ("laptop hp", 1)]
    assert shop.suggest("l", limit=2) == [("laptop", 3), ("laptop gaming", 2)]


def test_suggestions_put_words_right(shop: Shop) -> None:
    found, corrected = shop.search.complete("laptp ga", 8)
    assert ([each.text for each in found], corrected) == (["laptop gaming"], {"laptp": "laptop"})
    assert shop.suggest("samsng") == [("samsung", 1)]
    assert shop.suggest("") == shop.suggest("?!") == shop.suggest("xyzzy") == []


def test_suggestions_count_only_what_is_still_there(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    add_products(database, add_supplier(database, "a"), *(product_draft(str(n), "Tas") for n in range(5)))
    products = ProductService(database)
    index = ProductIndex(tmp_path / "index", products, SupplierService(database))
    index.catch_up()
    shop = Shop(SearchService(index, products))
    for quantity in (7, 8):
        StockRoom(database).change(1, stock_quantity=quantity)
        index.catch_up()
    assert shop.suggest("ta") == [("tas", 5)]
    database.close()
