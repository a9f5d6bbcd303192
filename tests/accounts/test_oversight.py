"""What an operator does to others' things stands in the audit log; what they do themselves doesn't."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from accounts.people import PASSWORD, open_house
from stalls import Headers, bearer, open_market, put_up, register
from warung.database.session import Database


@pytest.fixture
def market(database_url: str, tmp_path: Path) -> Generator[TestClient]:
    with open_market(database_url, tmp_path) as client:
        yield client


@pytest.fixture
def operator(market: TestClient, database: Database) -> Headers:
    house = open_house(database)
    house.register("operator@example.com", "operator")
    login = {"email": "operator@example.com", "password": PASSWORD}
    return bearer(market.post("/api/auth/login", json=login).json()["access_token"])


def deeds(market: TestClient, supplier: int, product: int, headers: Headers) -> list[str]:
    """Does all that there is to do to a stall, and tells the entries' names for it, the latest first."""
    stall, goods = f"/api/suppliers/{supplier}", f"/api/products/{product}"
    key = market.post(f"{stall}/keys", headers=headers).json()["id"]
    for told in (
        market.delete(f"{stall}/keys/{key}", headers=headers),
        market.patch(stall, headers=headers, json={"name": "Budi"}),
        market.patch(goods, headers=headers, json={"price": 7}),
        market.post(f"{goods}/stock", headers=headers, json={"delta": -1}),
        market.delete(goods, headers=headers),
        market.delete(stall, headers=headers),
    ):
        assert told.is_success, told.text
    return [
        f"supplier.close supplier:{supplier}",
        f"product.delete product:{product}",
        f"product.change_stock product:{product}",
        f"product.change product:{product}",
        f"supplier.change supplier:{supplier}",
        f"supplier.revoke_key supplier:{supplier}",
        f"supplier.add_key supplier:{supplier}",
    ]


def entries(market: TestClient, operator: Headers) -> list[str]:
    items = market.get("/api/audit", headers=operator).json()["items"]
    assert {item["actor"].partition(":")[0] for item in items} <= {"user"}
    return [f"{item['action']} {item['target']}" for item in items]


def test_an_operators_deeds_are_told(market: TestClient, operator: Headers) -> None:
    supplier, key = register(market)
    expected = deeds(market, supplier, put_up(market, key), operator)
    assert entries(market, operator) == expected


def test_ones_own_deeds_are_not(market: TestClient, operator: Headers) -> None:
    supplier, key = register(market)
    deeds(market, supplier, put_up(market, key), key)
    assert entries(market, operator) == []


def test_a_deed_that_fails_is_none(market: TestClient, operator: Headers) -> None:
    _, key = register(market)
    product = put_up(market, key, stock_quantity=1)
    told = market.post(f"/api/products/{product}/stock", headers=operator, json={"delta": -2})
    assert told.status_code == 409
    assert entries(market, operator) == []


def test_a_changed_tariff_is_told_with_what_it_is_now(market: TestClient, operator: Headers) -> None:
    services = market.get("/api/delivery/services").json()["items"]
    tariff = next(one for one in services if one.pop("slug") == "cargo") | {"min_fee": 77_000}
    told = market.put("/api/delivery/services/cargo", headers=operator, json=tariff)
    assert told.status_code == 200, told.text
    (entry,) = market.get("/api/audit", headers=operator).json()["items"]
    assert (entry["action"], entry["target"]) == ("delivery.change", "delivery:cargo")
    assert entry["details"] == tariff
