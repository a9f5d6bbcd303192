from dataclasses import replace
from datetime import date

from delivery.tariffs import REGULAR
from marketplace import BANDUNG, JAKARTA
from warung.products.cards import product_card
from warung.products.product import Product
from warung.suppliers.supplier import Supplier

SUPPLIER = Supplier(7, "a", "Siti", "Toko Siti", "Bandung", "Jalan 1", "+62", BANDUNG, date(2024, 1, 1))
DEAR = REGULAR.model_copy(update={"fee_per_km": 100})
PRODUCT = Product(3, SUPPLIER, "sku", "Laptop", "Ringan", 9_000_000, 2, "laptop", ("baru",))


def test_a_card_has_the_shape_of_the_wire() -> None:
    assert product_card(PRODUCT, near=JAKARTA, score=1.23456, levels=[DEAR]).model_dump(mode="json") == {
        "id": 3,
        "name": "Laptop",
        "description": "Ringan",
        "price": 9_000_000,
        "stock_quantity": 2,
        "category": "laptop",
        "tags": ["baru"],
        "distance_km": 120.6,
        "supplier": {
            "id": 7,
            "business_name": "Toko Siti",
            "city": "Bandung",
            "location": {"lat": BANDUNG.lat, "lng": BANDUNG.lng},
        },
        "delivery": [
            {"service": "regular", "name": "Reguler", "fee": 12_500, "min_hours": 40, "max_hours": 76}
        ],
        "score": 1.2346,
    }


def test_without_a_place_there_is_neither_distance_nor_delivery() -> None:
    card = product_card(PRODUCT, levels=[DEAR])
    assert card.delivery is None
    assert card.distance_km is None
    assert card.score is None


def test_what_is_heavier_is_dearer_to_send() -> None:
    light, heavy = (
        product_card(replace(PRODUCT, weight_grams=grams), near=JAKARTA, levels=[DEAR]).delivery
        for grams in (900, 3_000)
    )
    assert light
    assert heavy
    assert heavy[0].fee - light[0].fee == 16_000
