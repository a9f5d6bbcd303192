import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import JAKARTA, add_products, product_draft, supplier_draft
from search.shop import Shop, open_shop
from warung.accounts.principal import Principal
from warung.geo import Coordinates
from warung.products.repository import ProductShelf
from warung.search.facets import PRICE_BANDS, Band, Facet, Facets
from warung.search.request import SearchRequest
from warung.suppliers.schemas import LocatedStall
from warung.suppliers.service import SupplierService

CITIES = ("Jakarta", "Bandung", "Depok")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = open_shop(tmp_path_factory.mktemp("counted"))
    random = Random(5)
    suppliers = SupplierService(shop.database)
    for number in range(24):
        place = Coordinates(-6.2 + random.choice([0, 0.1, 0.5, 3]), 106.8 + random.uniform(-0.05, 0.05))
        draft = supplier_draft(f"s{number}", place, city=random.choice(CITIES))
        supplier_id = suppliers.add_missing([draft]).ids[f"s{number}"]
        drafts = [
            product_draft(
                str(n),
                random.choice(["Laptop gaming", "Laptop kantor"]),
                random.choice([9_000, 10_000, 2_500_000, 2_499_999, 10**8, 5 * 10**8]),
                category=random.choice(["laptop", "komputer"]),
            ).model_copy(
                update={
                    "condition": random.choice(["new", "used"]),
                    "brand": random.choice([None, "Asus", "Acer"]),
                }
            )
            for n in range(10)
        ]
        add_products(shop.database, supplier_id, *drafts)
    shop.index.catch_up()
    yield shop
    shop.database.close()


REQUESTS = st.builds(
    SearchRequest,
    text=st.sampled_from(["", "laptop", "gaming", "gaming helikopter"]),
    category=st.sampled_from([None, "laptop"]),
    min_price_rupiah=st.sampled_from([None, 10_000]),
    max_price_rupiah=st.sampled_from([None, 2_500_000]),
    condition=st.sampled_from([None, "used"]),
    city=st.sampled_from([None, "Bandung"]),
    brand=st.sampled_from([None, "Asus"]),
    near=st.just(JAKARTA),
    radius_km=st.sampled_from([None, 20.0]),
    facets=st.just(frozenset(Facet)),
)


def bands(counted: Any) -> list[Band]:
    assert counted is not None
    return list(counted)


@settings(max_examples=40)
@given(REQUESTS)
def test_each_count_is_the_total_of_the_search_that_asks_for_it(shop: Shop, request: SearchRequest) -> None:
    def total(**filters: Any) -> int:
        return shop.search.search(replace(request, **filters)).total

    facets = shop.search.search(request).facets
    for name in ("category", "condition", "city", "brand"):
        counted = getattr(facets, name)
        assert sum(counted.values()) <= total(**{name: None})
        for value, count in counted.items():
            assert count == total(**{name: value}) > 0
    for band in bands(facets.price):
        high = None if band.high is None else band.high - 1
        assert band.count == total(min_price_rupiah=band.low, max_price_rupiah=high)
    assert sum(b.count for b in bands(facets.price)) == total(min_price_rupiah=None, max_price_rupiah=None)
    within = 0
    assert facets.distance is not None
    for ring in facets.distance:
        within += ring.count
        assert within == total(radius_km=ring.high)
    assert within == total(radius_km=50.0)


def test_only_the_category_is_counted_unasked(shop: Shop) -> None:
    facets = shop.search.search(SearchRequest()).facets
    assert facets == Facets(category=facets.category)


@settings(max_examples=30)
@given(REQUESTS)
def test_the_category_alone_is_counted_as_beside_others(shop: Shop, request: SearchRequest) -> None:
    alone = shop.search.search(replace(request, facets=frozenset()))
    assert alone.facets.category == shop.search.search(request).facets.category


def test_price_bands_leave_no_gap_and_end_in_round_amounts() -> None:
    assert PRICE_BANDS[0] == (0, 10_000)
    assert PRICE_BANDS[-1] == (100_000_000, None)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(PRICE_BANDS))


def test_a_stall_that_moves_is_counted_in_its_new_city(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.stock(JAKARTA, product_draft("1", "Laptop"))
    shop.index.catch_up()
    moved = LocatedStall.model_validate(supplier_draft("s0", city="Bogor"), from_attributes=True)
    operator = Principal("user:1", "operator", user_id="1")
    SupplierService(shop.database, ProductShelf()).change(1, operator, lambda _before: moved)
    shop.index.catch_up()
    found = shop.search.search(SearchRequest(city="Bogor", facets=frozenset({Facet.CITY})))
    assert (found.total, found.facets.city) == (1, {"Bogor": 1})
    shop.database.close()
