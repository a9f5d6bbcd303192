"""A stall's products over HTTP, on both databases."""

from collections.abc import Generator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from stalls import KINDS, LAPTOP, Headers, open_market, put_up, register, shared_market, walk
from waiting import wait_until


@pytest.fixture
def market(database_url: str, tmp_path: Path) -> Generator[TestClient]:
    with open_market(database_url, tmp_path) as client:
        yield client


shared = pytest.fixture(scope="module", params=KINDS)(shared_market)


@pytest.fixture
def key(market: TestClient) -> Headers:
    return register(market)[1]


def test_a_product_comes_back_whole(market: TestClient, key: Headers) -> None:
    told = market.post("/api/products", json=LAPTOP, headers=key)
    assert told.status_code == 201
    assert told.headers["etag"] == '"1"'
    read = market.get(told.headers["location"])
    assert read.json() == told.json()
    assert {name: read.json()[name] for name in LAPTOP} == LAPTOP
    assert read.json()["supplier"]["business_name"] == "Toko Siti"
    assert read.json()["distance_km"] is None
    near = market.get(told.headers["location"], params={"location": "-6.2,106.8"}).json()
    assert near["distance_km"] == pytest.approx(118, abs=5)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"price": -1}, "price"),
        ({"price": 10**15 + 1}, "price"),
        ({"price_rupiah": 5}, "price_rupiah"),
        ({"stock_quantity": 10**9 + 1}, "stock_quantity"),
        ({"category": "mobil terbang"}, "category"),
        ({"tags": ["Baru"]}, "tags.0"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"brand": "x" * 101}, "brand"),
        ({"condition": "broken"}, "condition"),
        ({"weight_grams": 0}, "weight_grams"),
        ({"weight_grams": 1_000_001}, "weight_grams"),
        ({"images": ["javascript:alert(1)"]}, "images.0"),
        ({"images": ["https://example.com/x.jpg"] * 11}, "images"),
        ({"description": "a\u0000b"}, "description"),
        ({"sku": "a\nb"}, "sku"),
        ({"supplier_id": 1}, "supplier_id"),
        ({"version": 1}, "version"),
    ],
)
def test_what_a_product_can_not_be_is_told(shared: TestClient, fields: dict[str, object], field: str) -> None:
    _, key = register(shared)
    told = shared.post("/api/products", json=LAPTOP | fields, headers=key)
    assert told.status_code == 422
    assert [error["field"] for error in told.json()["errors"]] == [field]


def test_a_sku_is_one_products_until_that_is_deleted(market: TestClient, key: Headers) -> None:
    first = put_up(market, key)
    second = put_up(market, key, sku="L-2")
    for refused in (
        market.post("/api/products", json=LAPTOP, headers=key),
        market.patch(f"/api/products/{second}", json={"sku": "L-1"}, headers=key),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "sku_taken")
    assert market.delete(f"/api/products/{first}", headers=key).status_code == 204
    assert market.get(f"/api/products/{first}").status_code == 404
    assert market.delete(f"/api/products/{first}", headers=key).status_code == 404
    assert put_up(market, key) > second
    _, other = register(market)
    put_up(market, other)


def test_only_its_own_supplier_changes_a_product(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key)}"
    _, other = register(market)
    before = market.get(url).json()
    calls = {
        "PUT": (url, LAPTOP),
        "PATCH": (url, {"price": 1}),
        "DELETE": (url, None),
        "POST": (f"{url}/stock", {"delta": -1}),
    }
    for method, (target, body) in calls.items():
        assert market.request(method, target, json=body).status_code == 401
        assert market.request(method, target, json=body, headers=other).status_code == 403
        missing = target.replace(url, "/api/products/999")
        assert market.request(method, missing, json=body, headers=key).status_code == 404
    assert market.get(f"{url}/history").status_code == 401
    assert market.get(f"{url}/history", headers=other).status_code == 404
    assert market.post("/api/products", json=LAPTOP).status_code == 401
    assert market.get(url).json() == before


def test_put_describes_a_product_as_a_whole(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key)}"
    least = {"sku": "L-1", "name": "Laptop", "price": 5, "stock_quantity": 1, "category": "laptop"}
    told = market.put(url, json=least, headers=key)
    assert told.headers["etag"] == '"2"'
    assert told.json() == market.get(url).json()
    left_out: dict[str, object] = {
        "description": "",
        "tags": [],
        "brand": None,
        "condition": "new",
        "weight_grams": None,
        "images": [],
    }
    assert told.json() == told.json() | least | left_out


def test_a_patch_changes_what_it_names(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key)}"
    before = market.get(url).json()
    patch = {"price": 8_000_000, "brand": None, "tags": ["baru", "kuliah"]}
    merge = {"Content-Type": "application/merge-patch+json"}
    after = market.patch(url, json=patch, headers=key | merge)
    assert after.json() == before | patch | {"updated_at": after.json()["updated_at"]}
    assert after.json() == market.get(url).json()
    assert after.json()["updated_at"] > before["updated_at"]
    again = market.patch(url, json=patch, headers=key)
    assert (after.headers["etag"], again.headers["etag"]) == ('"2"', '"2"')


@pytest.mark.parametrize(
    ("patch", "field"),
    [({"name": None}, "name"), ({"price": -1}, "price"), ({"supplier_id": 1}, "supplier_id"), ([], "body")],
)
def test_a_patch_that_would_leave_no_product_changes_nothing(
    shared: TestClient, patch: object, field: str
) -> None:
    _, key = register(shared)
    url = f"/api/products/{put_up(shared, key)}"
    told = shared.patch(url, json=patch, headers=key)
    assert told.status_code == 422
    assert told.json()["errors"][0]["field"] == field
    assert shared.get(url).headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("header", "status"),
    [('"1"', 200), ("*", 200), ('"7", "1"', 200), ('"2"', 412), ('W/"1"', 412), ("1", 412), ("", 412)],
)
def test_a_change_is_made_to_the_version_that_it_names(shared: TestClient, header: str, status: int) -> None:
    _, key = register(shared)
    url = f"/api/products/{put_up(shared, key)}"
    headers = key | {"If-Match": header}
    assert shared.patch(url, json={"price": 1}, headers=headers).status_code == status
    assert shared.get(url).json()["price"] == (1 if status == 200 else LAPTOP["price"])


def test_put_and_delete_honour_the_version_too(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key)}"
    stale = key | {"If-Match": '"7"'}
    assert market.put(url, json=LAPTOP, headers=stale).status_code == 412
    assert market.delete(url, headers=stale).status_code == 412
    assert market.delete(url, headers=key | {"If-Match": '"1"'}).status_code == 204


def test_stock_never_goes_below_zero(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key, stock_quantity=3)}"
    sold = market.post(f"{url}/stock", json={"delta": -2, "reason": "sold"}, headers=key)
    assert (sold.json()["stock_quantity"], sold.headers["etag"]) == (1, '"2"')
    refused = market.post(f"{url}/stock", json={"delta": -2}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    assert refused.json()["detail"] == "only 1 left"
    assert market.get(url).headers["etag"] == '"2"'
    too_many = market.post(f"{url}/stock", json={"delta": 10**9}, headers=key)
    assert (too_many.status_code, too_many.json()["code"]) == (409, "stock_limit")
    assert market.post(f"{url}/stock", json={"delta": -1}, headers=key).json()["stock_quantity"] == 0


def test_the_history_tells_each_change_of_price_and_stock(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key, stock_quantity=3)}"
    market.patch(url, json={"name": "Laptop"}, headers=key)
    market.patch(url, json={"price": 5}, headers=key)
    market.post(f"{url}/stock", json={"delta": -1, "reason": "sold"}, headers=key)
    first = market.get(f"{url}/history", params={"limit": 1}, headers=key).json()
    rest = market.get(f"{url}/history", params={"cursor": first["next_cursor"]}, headers=key).json()
    told = [(e["price"], e["stock_quantity"], e["reason"]) for e in first["items"] + rest["items"]]
    assert told == [(5, 2, "sold"), (5, 3, None), (9_000_000, 3, None)]
    assert first["items"][0]["actor"].startswith("supplier:")
    assert rest["next_cursor"] is None


def test_a_stalls_products_come_page_by_page(market: TestClient) -> None:
    number, key = register(market)
    _, other = register(market)
    products = [put_up(market, key, sku=str(i)) for i in range(3)]
    put_up(market, other)
    assert walk(market, f"/api/suppliers/{number}/products", limit="2") == products
    assert market.get("/api/suppliers/999/products").status_code == 404


def test_a_change_shows_in_the_next_search(market: TestClient, key: Headers) -> None:
    """What is read back from the database shows at once; what the index must learn, in a moment."""
    url = f"/api/products/{put_up(market, key)}"

    def found(**filters: str) -> list[tuple[int, int]]:
        answer = market.get("/api/products/search", params={"q": "laptop", **filters}).json()
        return [(card["price"], card["stock_quantity"]) for card in answer["products"]]

    wait_until(lambda: found() == [(9_000_000, 10)])
    market.patch(url, json={"price": 7_000_000}, headers=key)
    assert found() == [(7_000_000, 10)]
    wait_until(lambda: found(max_price="7500000") == [(7_000_000, 10)])
    market.post(f"{url}/stock", json={"delta": -10}, headers=key)
    assert found() == [(7_000_000, 0)]
    assert found(in_stock="true") == []
    market.delete(url, headers=key)
    assert found() == []


def test_a_stall_that_moves_takes_its_products_along(market: TestClient) -> None:
    number, key = register(market)
    put_up(market, key)

    def found_around(location: str) -> int:
        params = {"q": "laptop", "location": location, "radius_km": "50"}
        return len(market.get("/api/products/search", params=params).json()["products"])

    wait_until(lambda: found_around("-6.9,107.6") == 1)
    assert found_around("-7.25,112.75") == 0
    market.patch(f"/api/suppliers/{number}", json={"city": "Surabaya"}, headers=key)
    wait_until(lambda: found_around("-7.25,112.75") == 1)
    assert found_around("-6.9,107.6") == 0


def test_the_search_is_no_product(market: TestClient) -> None:
    assert "products" in market.get("/api/products/search").json()
    for number in ("0", "-1", "x", "9" * 5000):
        assert market.get(f"/api/products/{number}").status_code == 422


def test_categories_come_by_their_groups(market: TestClient) -> None:
    groups = market.get("/api/categories").json()["groups"]
    assert groups[0]["name"] == "elektronik"
    assert {"slug": "laptop", "name": "Laptop"} in groups[0]["categories"]
    assert len({group["name"] for group in groups}) == len(groups)


def test_a_change_of_stock_that_is_sent_again_counts_once(market: TestClient, key: Headers) -> None:
    url = f"/api/products/{put_up(market, key, stock_quantity=3)}"
    once = key | {"If-Match": market.get(url).headers["ETag"]}
    told = [market.post(f"{url}/stock", json={"delta": -1}, headers=once) for _ in range(2)]
    assert [one.status_code for one in told] == [200, 412]
    assert market.get(url).json()["stock_quantity"] == 2
