"""What a hurried newcomer sends: each wrong thing is told, and does nothing."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stalls import STALL, open_market, register


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
