"""The starting catalogue: the same everywhere, large enough, and believable."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from warung.geo import distance_km
from warung.products.categories import load_categories
from warung.products.schemas import ProductDraft
from warung.seed.articles import load_articles, shop_price, sku_of
from warung.seed.catalogue import Catalogue, SeedSupplier, build_catalogue
from warung.seed.cities import load_cities
from warung.seed.dice import Dice

DIGEST = "1d35c5fe2b559c7761bfe4dbba7b37562bc1576e01b1df0719f8b1fd8d8f95b3"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue()


@pytest.fixture(scope="module")
def products(catalogue: Catalogue) -> list[ProductDraft]:
    return [product for supplier in catalogue.suppliers for product in supplier.products]


def in_jakarta(supplier: SeedSupplier) -> bool:
    return supplier.draft.city.startswith("Jakarta")


def digest_of(catalogue: Catalogue) -> str:
    rows = [
        [s.draft.model_dump(mode="json"), [p.model_dump(mode="json") for p in s.products]]
        for s in catalogue.suppliers
    ]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def test_two_builds_are_equal_and_match_the_pinned_digest(catalogue: Catalogue) -> None:
    assert build_catalogue() == catalogue
    assert digest_of(catalogue) == DIGEST


def test_a_process_with_another_hash_seed_builds_the_same(catalogue: Catalogue) -> None:
    code = "from warung.seed.catalogue import build_catalogue as b; print(ascii(b()))"
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert printed.strip() == ascii(catalogue)


def test_there_is_enough_of_everything(catalogue: Catalogue, products: list[ProductDraft]) -> None:
    assert len(catalogue.suppliers) >= 160
    assert len(products) >= 2400
    per_city = Counter(s.draft.city for s in catalogue.suppliers)
    assert len(per_city) >= 42
    assert min(per_city.values()) >= 2
    assert sum(in_jakarta(s) for s in catalogue.suppliers) >= 12
    large = ["Bandung", "Surabaya", "Bekasi", "Tangerang", "Depok", "Yogyakarta"]
    large += ["Semarang", "Medan", "Makassar"]
    assert {city: per_city[city] for city in large if per_city[city] < 5} == {}
    per_category = Counter(p.category for p in products)
    assert {c.slug: per_category[c.slug] for c in load_categories() if per_category[c.slug] < 40} == {}
    assert set(per_category) == {c.slug for c in load_categories()}


def test_cities_lie_in_indonesia_and_suppliers_near_their_city(catalogue: Catalogue) -> None:
    cities = {city.name: city for city in load_cities()}
    assert all(-11.1 < c.location.lat < 6.1 and 95 < c.location.lng < 141.1 for c in cities.values())
    too_far = [
        s.draft.external_id
        for s in catalogue.suppliers
        if distance_km(s.draft.location, cities[s.draft.city].location) > cities[s.draft.city].reach_km + 0.01
    ]
    assert too_far == []
    assert max(c.reach_km for c in cities.values()) <= 4


@pytest.mark.parametrize(
    ("name", "lat", "lng"),
    [
        ("Jakarta Pusat", -6.18, 106.83),
        ("Bandung", -6.91, 107.61),
        ("Surabaya", -7.25, 112.75),
        ("Yogyakarta", -7.80, 110.37),
        ("Medan", 3.59, 98.67),
        ("Makassar", -5.14, 119.42),
        ("Denpasar", -8.66, 115.22),
        ("Pontianak", -0.03, 109.33),
        ("Manado", 1.48, 124.85),
        ("Jayapura", -2.54, 140.71),
    ],
)
def test_cities_stand_where_they_are(name: str, lat: float, lng: float) -> None:
    (city,) = (city for city in load_cities() if city.name == name)
    assert (city.location.lat, city.location.lng) == pytest.approx((lat, lng), abs=0.03)


def test_suppliers_are_distinct(catalogue: Catalogue) -> None:
    drafts = [s.draft for s in catalogue.suppliers]
    for values in (
        [d.external_id for d in drafts],
        [d.business_name for d in drafts],
        [d.contact for d in drafts],
    ):
        assert len(set(values)) == len(values)
    assert all(12 <= len(s.products) <= 22 for s in catalogue.suppliers)
    assert all(1 <= len({p.category for p in s.products}) <= 3 for s in catalogue.suppliers)


def test_no_supplier_lists_a_name_or_a_sku_twice(catalogue: Catalogue) -> None:
    for supplier in catalogue.suppliers:
        assert len({p.name for p in supplier.products}) == len(supplier.products)
        assert len({p.sku for p in supplier.products}) == len(supplier.products)


def test_every_price_is_within_8_percent_of_its_kinds(products: list[ProductDraft]) -> None:
    base_of = {name: article.base_price_rupiah for article in load_articles() for name in article.names()}
    assert len(base_of) == sum(len(article.names()) for article in load_articles())
    wrong = [(p.name, p.price_rupiah) for p in products if abs(p.price_rupiah / base_of[p.name] - 1) > 0.08]
    assert wrong == []


@pytest.mark.parametrize(
    "base", [5_000, 19_900, 20_100, 99_000, 101_000, 999_000, 1_010_000, 3_000_000, 28_499_000]
)
def test_shop_prices_are_round_and_near_the_base(base: int) -> None:
    prices = {shop_price(base, Dice(f"{base} {i}")) for i in range(300)}
    assert len(prices) > 3
    assert all(abs(price / base - 1) <= 0.08 and price % 100 == 0 for price in prices)


def test_some_but_few_are_sold_out(products: list[ProductDraft]) -> None:
    assert 0.04 < sum(p.stock_quantity == 0 for p in products) / len(products) < 0.12


def test_texts_are_whole_and_tags_few(products: list[ProductDraft]) -> None:
    for product in products:
        assert 3 <= len(product.tags) <= 6, product.name
        assert product.description.endswith("."), product.name
        assert 1 <= len(re.findall(r"(?<! [A-Z])\.(?: |$)", product.description)) <= 3, product.description
        assert not re.search(r"[{}]|  ", product.name + product.description), product.name


def test_a_laptops_description_states_the_memory_its_name_states(products: list[ProductDraft]) -> None:
    laptops = [p for p in products if p.category == "laptop"]
    for laptop in laptops:
        named = re.search(r" (\d+)GB (\d+(?:GB|TB))", laptop.name)
        assert named is not None, laptop.name
        assert f" {named[1]} GB" in laptop.description
        assert named[2] in laptop.description


def test_jakarta_has_gaming_laptops_for_every_budget(catalogue: Catalogue) -> None:
    gaming = [
        p
        for s in catalogue.suppliers
        if in_jakarta(s)
        for p in s.products
        if p.category == "laptop" and "gaming" in p.tags and p.stock_quantity > 0
    ]
    assert len({p.name for p in gaming if 7_000_000 <= p.price_rupiah <= 10_000_000}) >= 8
    assert len({p.name for p in gaming if 10_000_000 < p.price_rupiah <= 30_000_000}) >= 8


@pytest.mark.parametrize(
    "thing", ["HP ", "Rice Cooker", "Batik", "Kopi Arabika", "Kampas Rem", "Laptop", "Kemeja"]
)
def test_jakarta_sells_what_people_ask_for(catalogue: Catalogue, thing: str) -> None:
    names = {p.name for s in catalogue.suppliers if in_jakarta(s) for p in s.products}
    assert any(thing in name for name in names)


def test_a_long_name_has_a_short_sku_of_its_own() -> None:
    first, second = (sku_of("Laptop " * 12 + end) for end in ("Hitam", "Putih"))
    assert first != second
    assert max(len(first), len(second)) <= 64
