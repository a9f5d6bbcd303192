"""Stalls over HTTP, on both databases."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from stalls import KINDS, LAPTOP, STALL, bearer, open_market, put_up, register, shared_market, walk
from warung.accounts.models import UserRow
from warung.accounts.principal import ANONYMOUS, Principal
from warung.database.session import Database
from warung.errors import Conflict, Forbidden
from warung.gazetteer.places import Gazetteer
from warung.suppliers.place import located
from warung.suppliers.schemas import SupplierBody
from warung.suppliers.service import SupplierService


@pytest.fixture
def market(database_url: str, tmp_path: Path) -> Generator[TestClient]:
    with open_market(database_url, tmp_path) as client:
        yield client


shared = pytest.fixture(scope="module", params=KINDS)(shared_market)


def test_a_stall_is_registered_with_a_key_that_is_shown_once(market: TestClient, database_url: str) -> None:
    told = market.post("/api/suppliers/register", json=STALL | {"email": "siti@example.com"})
    supplier, key = told.json()["supplier"], told.json()["key"]
    assert (told.status_code, told.headers["location"]) == (201, f"/api/suppliers/{supplier['id']}")
    assert supplier["location"] == pytest.approx({"lat": -6.9, "lng": 107.6}, abs=0.1)
    assert supplier["email"] == "siti@example.com"
    assert key.startswith("wrs_")
    assert len(key) > 40
    read = market.get(f"/api/suppliers/{supplier['id']}")
    assert read.json() == supplier
    assert key not in read.text
    database = Database(database_url)
    with database.reading() as session:
        kept = session.execute(text("SELECT * FROM supplier_keys")).one()
    database.close()
    assert key not in str(kept)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"city": "Bandug"}, "city", "did you mean Bandung"),
        ({"city": "Xyzzy"}, "city", "send location"),
        ({"contact": "none"}, "contact", "such as +62"),
        ({"email": "siti"}, "email", "email"),
        ({"location": {"lat": 91, "lng": 0}}, "location.lat", "90"),
        ({"business_name": "  "}, "business_name", "at least 1"),
        ({"name": "a\u0000b"}, "name", "one line"),
        ({"supplier_id": 1}, "supplier_id", "not permitted"),
    ],
)
def test_what_a_stall_can_not_be_is_told(
    shared: TestClient, fields: dict[str, object], field: str, words: str
) -> None:
    told = shared.post("/api/suppliers/register", json=STALL | fields)
    assert told.status_code == 422
    assert told.json()["errors"][0]["field"] == field
    assert words in told.json()["detail"]


def test_a_place_of_ones_own_needs_no_known_city(market: TestClient) -> None:
    here = {"lat": -6.2, "lng": 106.8}
    number, _ = register(market, city="Kampung Durian", location=here)
    assert market.get(f"/api/suppliers/{number}").json()["location"] == here


def test_all_stalls_come_page_by_page(market: TestClient) -> None:
    numbers = [register(market)[0] for _ in range(5)]
    assert walk(market, "/api/suppliers", limit="2") == numbers


def test_the_nearest_stall_comes_first(market: TestClient) -> None:
    cities = {register(market, city=city)[0]: city for city in ("Surabaya", "Bandung", "Bandung", "Jakarta")}
    found = walk(market, "/api/suppliers", limit="1", location="-6.2,106.8")
    assert [cities[number] for number in found] == ["Jakarta", "Bandung", "Bandung", "Surabaya"]
    first = market.get("/api/suppliers?limit=1&location=-6.2,106.8").json()["items"][0]
    assert first["distance_km"] < 20


@pytest.mark.parametrize(
    "query", ["cursor=x", "location=-6,106&cursor=1", "cursor=99999999999999999999", "location=x", "limit=0"]
)
def test_a_bad_page_is_told(shared: TestClient, query: str) -> None:
    assert shared.get(f"/api/suppliers?{query}").status_code == 422


def test_a_stall_is_described_anew_by_its_own_supplier_only(market: TestClient) -> None:
    number, key = register(market)
    _, other = register(market)
    url = f"/api/suppliers/{number}"
    whole = STALL | {"business_name": "Toko Baru", "city": "Surabaya"}
    assert market.put(url, json=whole).status_code == 401
    assert market.put(url, json=whole, headers=other).status_code == 403
    told = market.put(url, json=whole, headers=key)
    assert told.json()["business_name"] == "Toko Baru"
    assert told.json()["location"]["lat"] == pytest.approx(-7.25, abs=0.1)
    assert market.put("/api/suppliers/999", json=whole, headers=key).status_code == 404


def test_a_patch_changes_what_it_names(market: TestClient) -> None:
    number, key = register(market, email="siti@example.com", location={"lat": -6.8, "lng": 107.5})
    url = f"/api/suppliers/{number}"
    before = market.get(url).json()
    after = market.patch(url, json={"email": None, "location": {"lat": -6.81}}, headers=key).json()
    changed = {"email": None, "location": {"lat": -6.81, "lng": 107.5}, "updated_at": after["updated_at"]}
    assert after == before | changed
    moved = market.patch(url, json={"city": "Surabaya"}, headers=key).json()
    assert moved["location"]["lat"] == pytest.approx(-7.25, abs=0.1)
    refused = market.patch(url, json={"name": None}, headers=key)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "name")


def test_a_change_of_another_version_is_refused(market: TestClient) -> None:
    number, key = register(market)
    url = f"/api/suppliers/{number}"
    first = market.get(url).headers["etag"]
    second = market.patch(url, json={"name": "Ani"}, headers=key | {"If-Match": first}).headers["etag"]
    assert (first, second) == ('"1"', '"2"')
    assert market.patch(url, json={"name": "Budi"}, headers=key | {"If-Match": first}).status_code == 412
    assert market.put(url, json=STALL, headers=key | {"If-Match": first}).status_code == 412
    assert market.delete(url, headers=key | {"If-Match": first}).status_code == 412
    assert market.patch(url, json={"name": "Ani"}, headers=key).headers["etag"] == second
    assert market.delete(url, headers=key | {"If-Match": second}).status_code == 204


def test_a_closed_stall_is_gone_with_its_products_and_keys(market: TestClient) -> None:
    number, key = register(market)
    _, other = register(market)
    product = put_up(market, key)
    url = f"/api/suppliers/{number}"
    assert market.delete(url, headers=other).status_code == 403
    assert market.delete(url, headers=key).status_code == 204
    assert market.get(url).status_code == 404
    assert market.get(f"/api/products/{product}").status_code == 404
    assert market.get(f"{url}/products").status_code == 404
    assert market.post("/api/products", json=LAPTOP, headers=key).status_code == 401
    assert number not in walk(market, "/api/suppliers")
    assert number not in walk(market, "/api/suppliers", location="-6,106")


def test_a_key_can_be_added_and_revoked(market: TestClient) -> None:
    number, key = register(market)
    _, other = register(market)
    url = f"/api/suppliers/{number}/keys"
    added = market.post(url, headers=key)
    second = bearer(added.json()["key"])
    assert added.status_code == 201
    assert added.json()["key"].startswith(added.json()["hint"])
    listed = market.get(url, headers=second)
    assert [each["revoked_at"] for each in listed.json()["items"]] == [None, None]
    assert added.json()["key"] not in listed.text

    (first, _) = (each["id"] for each in listed.json()["items"])
    assert market.delete(f"{url}/{first}", headers=second).status_code == 204
    assert market.get(url, headers=key).status_code == 401
    assert market.delete(f"{url}/{first}", headers=second).status_code == 404
    assert market.get(url, headers=second).json()["items"][0]["revoked_at"] is not None
    for call in (market.get(url, headers=other), market.post(url, headers=other)):
        assert call.status_code == 404
    assert market.delete(f"{url}/{added.json()['id']}", headers=other).status_code == 404
    assert market.get(url).status_code == 401


def test_an_account_runs_one_stall(database: Database) -> None:
    with database.transaction() as session:
        session.add(UserRow(id="u1", name="Siti"))
    service = SupplierService(database)
    stall = located(SupplierBody.model_validate(STALL), Gazetteer.load())
    account = Principal("user:u1", "supplier", user_id="u1")
    supplier, _ = service.register(stall, account)
    assert service.by_account("u1") == supplier.id
    with pytest.raises(Conflict) as refused:
        service.register(stall, account)
    assert refused.value.code == "stall_exists"
    with pytest.raises(Conflict):
        service.register(stall, Principal("supplier:1", "supplier", supplier_id=1))
    with pytest.raises(Forbidden, match="a shopper's account runs no stall"):
        service.register(stall, Principal("user:u1", "shopper", user_id="u1"))
    own, _ = service.register(stall, ANONYMOUS)

    service.close(supplier.id, Principal("user:u1", "supplier", user_id="u1", supplier_id=supplier.id))
    assert service.by_account("u1") is None
    assert service.register(stall, account)[0].id > own.id


def test_a_stall_outlives_its_account(database: Database) -> None:
    with database.transaction() as session:
        session.add(UserRow(id="u1", name="Siti"))
    service = SupplierService(database)
    stall = located(SupplierBody.model_validate(STALL), Gazetteer.load())
    supplier, key = service.register(stall, Principal("user:u1", "supplier", user_id="u1"))
    with database.transaction() as session:
        session.delete(session.get_one(UserRow, "u1"))
    assert service.by_account("u1") is None
    assert service.by_key(key) == Principal(f"supplier:{supplier.id}", "supplier", supplier_id=supplier.id)
