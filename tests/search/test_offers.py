from pathlib import Path

import pytest

from marketplace import BANDUNG, JAKARTA, SURABAYA, StockRoom, add_products, add_supplier, product_draft
from warung.accounts.principal import Principal
from warung.database.session import Database
from warung.delivery.schemas import Tariff
from warung.delivery.service import DeliveryService
from warung.errors import NotFound
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.request import SearchRequest
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService

NAME = "Asus TUF Gaming F15"
OPERATOR = Principal("user:1", "operator", user_id="1")


class Stalls:
    """Four suppliers and a search over what they sell."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.delivery = DeliveryService(database)
        self.products, self.room = ProductService(database), StockRoom(database)
        own = add_supplier(database, "own", JAKARTA)
        add_products(database, own, product_draft("1", NAME), product_draft("2", f"{NAME} bekas"))
        far = add_supplier(database, "far", SURABAYA)
        add_products(database, far, product_draft("1", NAME, 8_000_000))
        near = add_supplier(database, "near", JAKARTA)
        add_products(
            database,
            near,
            product_draft("1", "Asus TUF Dash", description=f"bukan {NAME}"),
            product_draft("2", NAME, 9_000_000),
        )
        middle = add_supplier(database, "middle", BANDUNG)
        add_products(
            database,
            middle,
            product_draft("1", NAME, 7_000_000),
            product_draft("2", f"Tas {NAME}", category="aksesori-laptop"),
        )
        self.index = ProductIndex(folder / "index", self.products, SupplierService(database))
        self.index.catch_up()
        self.search = SearchService(self.index, self.products, self.delivery.levels)


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Stalls:
    return Stalls(database, tmp_path)


def test_one_of_each_other_supplier_nearest_first(shop: Stalls) -> None:
    offers = shop.search.offers(1, JAKARTA)
    assert [(offer.supplier.business_name, offer.name) for offer in offers] == [
        ("Toko near", NAME),
        ("Toko middle", NAME),
        ("Toko far", NAME),
    ]
    distances = [offer.distance_km for offer in offers]
    assert distances == [0.0, 120.6, 667.7]
    assert [[way.service for way in offer.delivery or []] for offer in offers] == [
        ["instant", "same_day", "next_day", "regular", "cargo"],
        ["next_day", "regular", "cargo"],
        ["next_day", "regular", "cargo"],
    ]
    assert [offer.name for offer in shop.search.offers(1, JAKARTA, limit=1)] == [NAME]


def test_without_a_place_the_cheapest_comes_first(shop: Stalls) -> None:
    offers = shop.search.offers(1, None)
    assert [offer.price for offer in offers] == [7_000_000, 8_000_000, 9_000_000]
    assert all(offer.delivery is None for offer in offers)


def test_what_is_sold_out_is_no_offer_and_fewer_words_do_where_few_have_all(shop: Stalls) -> None:
    shop.room.change(5, stock_quantity=0)
    shop.index.catch_up()
    assert [offer.id for offer in shop.search.offers(1, JAKARTA)] == [4, 6, 3]


def test_a_product_that_is_not_there(shop: Stalls) -> None:
    with pytest.raises(NotFound):
        shop.search.offers(404, JAKARTA)


def test_cards_show_what_the_operator_has_changed(shop: Stalls) -> None:
    def fee() -> int:
        [card] = shop.search.search(SearchRequest(text=f"{NAME} bekas", near=BANDUNG, limit=1)).cards
        assert card.delivery
        return {way.service: way.fee for way in card.delivery}["regular"]

    assert fee() == 9_000
    [regular] = [level for level in shop.delivery.levels() if level.slug == "regular"]
    changed = regular.model_dump(exclude={"slug"}) | {"min_fee": 12_000}
    shop.delivery.change("regular", Tariff.model_validate(changed), OPERATOR)
    assert fee() == 12_000
