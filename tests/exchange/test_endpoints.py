"""Imports, exports and feeds over HTTP, on both databases."""

import csv
import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from stalls import LAPTOP, Headers, open_market, put_up, register
from warung.exchange.feeds import GOOGLE_COLUMNS
from warung.exchange.service import BATCH

HEADER = "sku,name,price,stock_quantity,category,tags\n"
FILE = HEADER + "A,Tas,Rp 1.500.000,3,tas,kulit|hitam\nB,=Topi,25000,0,tas,\nC,Peci,x,1,tas,\n"
CSV, LINES = {"Content-Type": "text/csv"}, {"Content-Type": "application/x-ndjson"}
STREAMED = CSV | {"Accept": "application/x-ndjson"}


@pytest.fixture
def market(database_url: str, tmp_path: Path) -> Generator[TestClient]:
    with open_market(database_url, tmp_path) as client:
        yield client


@pytest.fixture
def key(market: TestClient) -> Headers:
    return register(market)[1]


def send(market: TestClient, headers: Headers, body: str | bytes, **params: str) -> dict[str, Any]:
    told = market.post("/api/products/import", content=body, headers=headers, params=params)
    assert told.status_code == 200, told.text
    return told.json()


def exported(market: TestClient, key: Headers, format_: str) -> str:
    told = market.get("/api/products/export", params={"format": format_}, headers=key)
    assert told.status_code == 200, told.text
    return told.text


def test_a_file_is_imported_with_an_error_for_each_bad_row(market: TestClient, key: Headers) -> None:
    report = send(market, key | CSV, FILE)
    (error,) = report.pop("errors")
    assert report == {"dry_run": False, "lines": 4, "added": 2, "changed": 0, "unchanged": 0, "failed": 1}
    assert error["line"] == 4
    assert (error["field"], error["message"]) == ("price", "'x' is not a whole number")
    assert "1.500.000" in error["fix"]
    product = market.get("/api/products/1").json()
    assert (product["name"], product["price"], product["tags"]) == ("Tas", 1_500_000, ["kulit", "hitam"])
    again = send(
        market, key | CSV | {"Content-Type": "text/csv; charset=utf-8"}, FILE.replace("25000", "26000")
    )
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 1, 1)
    entry, _first = market.get("/api/products/2/history", headers=key).json()["items"]
    assert (entry["price"], entry["actor"]) == (26_000, f"supplier:{product['supplier']['id']}")


def test_a_dry_run_stores_nothing(market: TestClient, key: Headers) -> None:
    report = send(market, key | CSV, FILE, dry_run="1")
    assert (report["dry_run"], report["added"], report["failed"]) == (True, 2, 1)
    assert market.get("/api/products/1").status_code == 404


def test_json_lines(market: TestClient, key: Headers) -> None:
    report = send(market, key | LINES, f"{json.dumps(LAPTOP)}\n" * 2)
    assert (report["added"], report["failed"]) == (1, 1)
    exported_ = json.loads(exported(market, key, "jsonl"))
    assert exported_ == LAPTOP


def test_progress_is_told_after_every_batch(market: TestClient, key: Headers) -> None:
    rows = "".join(f"{number},Tas,1,1,tas,\n" for number in range(BATCH + 1))
    told = market.post("/api/products/import", content=HEADER + rows, headers=key | STREAMED)
    assert (told.status_code, told.headers["content-type"]) == (200, "application/x-ndjson")
    one, two, last = map(json.loads, told.text.splitlines())
    assert [each["progress"]["added"] for each in (one, two)] == [BATCH, BATCH + 1]
    assert last["report"] | {"errors": []} == {**two["progress"], "dry_run": False, "errors": []}


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize(
    ("file", "told"),
    [
        (("sku,nama\n", "text/csv"), (422, "unknown 'nama'")),
        (("", "text/csv"), (422, "the file is empty")),
        ((FILE, "application/json"), (415, "text/csv or application/x-ndjson")),
    ],
)
def test_a_file_that_can_t_be_read_is_a_problem(
    market: TestClient, key: Headers, accept: str, file: tuple[str, str], told: tuple[int, str]
) -> None:
    body, content_type = file
    headers = key | {"Content-Type": content_type, "Accept": accept}
    answer = market.post("/api/products/import", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (told[0], "application/problem+json")
    assert told[1] in answer.json()["detail"]


def test_an_empty_file_of_json_lines_changes_nothing(market: TestClient, key: Headers) -> None:
    assert send(market, key | LINES, "")["added"] == 0
    told = market.post(
        "/api/products/import", content="", headers=key | LINES | {"Accept": "application/x-ndjson"}
    )
    assert list(json.loads(told.text)) == ["report"]


def test_a_file_has_a_limit_of_its_own(market: TestClient, key: Headers) -> None:
    row = "A,Tas,1,1,tas," + " " * 100_000 + "\n"
    big = HEADER + row * 30  # more than MAX_BODY_BYTES
    assert send(market, key | CSV, big)["added"] == 1
    declared = key | CSV | {"Content-Length": str(10**9)}
    told = market.post("/api/products/import", content=FILE, headers=declared)
    assert (told.status_code, "200000000 bytes" in told.text) == (413, True)
    assert market.post("/api/products", content="x" * 2_000_001, headers=key).status_code == 413


def test_only_suppliers_import_and_export(market: TestClient) -> None:
    put_up(market, register(market)[1])
    for headers, status in ((Headers(), 401), ({"Authorization": "Bearer wrs_nonsense"}, 401)):
        assert market.post("/api/products/import", content=FILE, headers=headers | CSV).status_code == status
        assert market.get("/api/products/export", headers=headers).status_code == status
    _, other = register(market, business_name="Toko Lain")
    assert exported(market, other, "csv").count("\n") == 1


def test_an_export_is_imported_unchanged(market: TestClient, key: Headers) -> None:
    send(market, key | CSV, FILE)
    put_up(market, key, description='=cmd|"x"\n+1', sku="-1")
    file = exported(market, key, "csv")
    assert [row[0] for row in csv.reader(io.StringIO(file))] == ["sku", "A", "B", "'-1"]
    assert "'=Topi" in file
    assert send(market, key | CSV, file)["unchanged"] == 3
    assert send(market, key | LINES, exported(market, key, "jsonl"))["unchanged"] == 3


def test_google_s_feed_has_all_products(market: TestClient, key: Headers) -> None:
    put_up(
        market,
        key,
        description='Ringan\tdan\n\n"kuat"',
        images=["https://a.id/1,2.jpg", "https://a.id/3,4.jpg"],
    )
    put_up(
        market,
        key,
        sku="2",
        name="=Tas",
        description="",
        stock_quantity=0,
        brand=None,
        images=[],
        weight_grams=None,
    )
    told = market.get("/api/feeds/google.tsv")
    assert told.headers["content-type"].startswith("text/tab-separated-values")
    header, one, two = csv.reader(io.StringIO(told.text), delimiter="\t")
    assert tuple(header) == GOOGLE_COLUMNS
    assert one == [
        "1",
        "Laptop Ringan",
        'Ringan dan "kuat"',
        "http://testserver/?product=1",
        "https://a.id/1,2.jpg",
        "https://a.id/3%2C4.jpg",
        "in_stock",
        "9000000 IDR",
        "used",
        "Asus",
        "1200 g",
    ]
    assert two == ["2", "=Tas", "=Tas", two[3], "", "", "out_of_stock", "9000000 IDR", "used", "", ""]


def test_one_product_in_schema_org_s_words(market: TestClient, key: Headers) -> None:
    number = put_up(market, key)
    told = market.get(f"/api/products/{number}/jsonld")
    assert told.headers["content-type"] == "application/ld+json"
    product = told.json()
    offer = product.pop("offers")
    assert product == {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": f"http://testserver/api/products/{number}",
        "name": "Laptop Ringan",
        "description": "Untuk kuliah",
        "sku": "L-1",
        "category": "Laptop",
        "image": ["https://example.com/laptop.jpg"],
        "brand": {"@type": "Brand", "name": "Asus"},
        "weight": {"@type": "QuantitativeValue", "value": 1200, "unitCode": "GRM"},
    }
    assert (offer["price"], offer["priceCurrency"]) == ("9000000", "IDR")
    assert offer["availability"] == "https://schema.org/InStock"
    assert offer["itemCondition"] == "https://schema.org/UsedCondition"
    assert (offer["seller"]["name"], offer["seller"]["address"]["addressLocality"]) == (
        "Toko Siti",
        "Bandung",
    )
    assert market.get("/api/products/404/jsonld").status_code == 404
    bare = put_up(market, key, sku="2", brand=None, images=[], weight_grams=None, stock_quantity=0)
    other = market.get(f"/api/products/{bare}/jsonld").json()
    assert other.keys().isdisjoint({"brand", "image", "weight"})
    assert other["offers"]["availability"] == "https://schema.org/OutOfStock"
