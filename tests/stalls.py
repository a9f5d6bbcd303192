"""Stalls over HTTP for the tests: the whole application, and suppliers with their keys."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from marketplace import new_database, shop_settings, sqlite_url
from postgres_server import PostgresServer
from warung.app import create_app

STALL: dict[str, Any] = {
    "name": "Siti Rahma",
    "business_name": "Toko Siti",
    "city": "Bandung",
    "address": "Jalan Melati 1",
    "contact": "+62 812-3456-7890",
}
LAPTOP: dict[str, Any] = {
    "sku": "L-1",
    "name": "Laptop Ringan",
    "description": "Untuk kuliah",
    "price": 9_000_000,
    "stock_quantity": 10,
    "category": "laptop",
    "tags": ["kuliah"],
    "brand": "Asus",
    "condition": "used",
    "weight_grams": 1200,
    "images": ["https://example.com/laptop.jpg"],
}

Headers = dict[str, str]
KINDS = ("sqlite", "postgresql")


def market_app(database_url: str, folder: Path, **settings: object) -> FastAPI:
    """The whole application on this database."""
    generous = {"registrations_per_minute": 10_000, **settings}
    return create_app(shop_settings(folder / "shop", database_url=database_url, **generous))


@contextmanager
def open_market(database_url: str, folder: Path, **settings: object) -> Generator[TestClient]:
    with TestClient(market_app(database_url, folder, **settings)) as client:
        yield client


def shared_market(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[TestClient]:
    """A fixture with KINDS as its parameters: one application for tests with a stall each."""
    folder = tmp_path_factory.mktemp("market")
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    else:
        new_database(folder).close()
        url = sqlite_url(folder / "warung.db")
    with open_market(url, folder) as client:
        yield client


def register(market: TestClient, **fields: object) -> tuple[int, Headers]:
    """A new stall's id, and the headers that its supplier sends."""
    told = market.post("/api/suppliers/register", json=STALL | fields)
    assert told.status_code == 201, told.text
    return told.json()["supplier"]["id"], bearer(told.json()["key"])


def bearer(credential: str) -> Headers:
    return {"Authorization": f"Bearer {credential}"}


def put_up(market: TestClient, key: Headers, **fields: object) -> int:
    """A new product's id."""
    told = market.post("/api/products", json=LAPTOP | fields, headers=key)
    assert told.status_code == 201, told.text
    return told.json()["id"]


def walk(market: TestClient, path: str, **params: str) -> list[int]:
    """The ids on all pages of a list."""
    ids: list[int] = []
    while True:
        page = market.get(path, params=params).json()
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        params["cursor"] = page["next_cursor"]
