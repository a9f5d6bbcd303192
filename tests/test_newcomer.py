"""What a hurried newcomer sends: each wrong thing is told, and does nothing."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stalls import STALL, bearer, open_market, put_up, register
from waiting import wait_until


@pytest.fixture
def market(database_url: str, tmp_path: Path) -> Generator[TestClient]:
    with open_market(database_url, tmp_path) as client:
        yield client


@pytest.mark.parametrize("path", ["/api/chat", "/api/users/register", "/api/products"])
def test_a_body_without_its_type_names_the_header(market: TestClient, path: str) -> None:
    headers = register(market)[1] if path == "/api/products" else {}
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    told = market.post(path, content='{"message": "kopi"}', headers=form)
    assert told.status_code == 422, told.text
    assert told.json()["detail"] == "the body must be JSON: send 'Content-Type: application/json'"


def test_a_misspelt_dry_run_stores_nothing(market: TestClient) -> None:
    supplier, key = register(market)
    sheet = "sku,name,price,stock_quantity,category\nA,Tas,1500000,3,tas\n"
    headers = key | {"Content-Type": "text/csv"}
    told = market.post("/api/products/import?dryrun=1", content=sheet, headers=headers)
    assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "dryrun")
    assert market.get(f"/api/suppliers/{supplier}/products").json()["items"] == []


def test_a_question_that_no_database_holds_is_refused(market: TestClient) -> None:
    told = market.post("/api/chat", json={"message": "kopi \0 gayo"})
    assert (told.status_code, told.json()["errors"][0]["field"]) == (422, "message")


def test_a_stalls_key_is_told_from_an_account(market: TestClient) -> None:
    _, key = register(market)
    told = market.post("/api/chat", json={"message": "kopi"}, headers=key)
    assert (told.status_code, told.json()["code"]) == (403, "forbidden")
    assert "for accounts, not for a stall's key" in told.json()["detail"]


def test_one_address_opens_few_stalls_a_minute(database_url: str, tmp_path: Path) -> None:
    with open_market(database_url, tmp_path, registrations_per_minute=2) as market:
        told = [market.post("/api/suppliers/register", json=STALL) for _ in range(3)]
    assert [one.status_code for one in told] == [201, 201, 429]
    assert "2 stalls a minute" in told[-1].json()["detail"]


def test_a_product_is_shown_with_its_delivery_wherever_it_is_shown(market: TestClient) -> None:
    supplier, key = register(market)
    product = put_up(market, key)
    here = {"location": "-6.92,107.61"}
    detail = market.get(f"/api/products/{product}", params=here).json()
    (card,) = market.get(f"/api/suppliers/{supplier}/products", params=here).json()["items"]
    assert detail["delivery"] == card["delivery"]
    assert "instant" in [way["service"] for way in card["delivery"]]
    assert market.get(f"/api/products/{product}").json()["delivery"] is None


def test_a_products_history_begins_with_its_first_price(market: TestClient) -> None:
    _, key = register(market)
    product = put_up(market, key, price=9_000_000)
    market.patch(f"/api/products/{product}", headers=key, json={"price": 8_500_000})
    history = market.get(f"/api/products/{product}/history", headers=key).json()["items"]
    assert [entry["price"] for entry in history] == [8_500_000, 9_000_000]


def test_an_account_is_asked_from_where_it_said_it_is(market: TestClient) -> None:
    sari = {"name": "Sari", "email": "sari@example.com", "password": "kopi tubruk 7", "city": "Surabaya"}
    market.post("/api/users/register", json=sari).raise_for_status()
    told = market.post("/api/auth/login", json={"email": sari["email"], "password": sari["password"]})
    put_up(market, register(market)[1], name="Laptop Ringan")
    wait_until(lambda: market.get("/api/products/search", params={"q": "laptop"}).json()["total"] == 1)
    account = bearer(told.json()["access_token"])
    (card,) = market.post("/api/chat", headers=account, json={"message": "laptop"}).json()["products"]
    assert card["distance_km"] > 500  # Bandung from Surabaya
    (card,) = market.post("/api/chat", json={"message": "laptop"}).json()["products"]
    assert card["distance_km"] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "short"}, "password: a password has 8 to 256 characters"),
        ({"city": "Bandnug"}, "did you mean Bandung"),
        ({"name": "a\nb"}, "use one line"),
    ],
)
def test_a_registration_says_what_is_wrong_with_it(
    market: TestClient, wrong: dict[str, str], said: str
) -> None:
    sari = {"name": "Sari", "email": "sari@example.com", "password": "kopi tubruk 7"}
    told = market.post("/api/users/register", json=sari | wrong)
    assert told.status_code == 422
    assert said in told.json()["detail"]
    assert "Value error" not in told.text
