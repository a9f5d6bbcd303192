from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from callers import OPERATOR, SHOPPER, STRANGER, authentication
from warung import error_responses
from warung.database.session import Database
from warung.delivery.endpoints import create_router
from warung.delivery.service import DeliveryService

ROUTE = "/api/delivery/services"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    error_responses.install(app)
    app.include_router(create_router(DeliveryService(database), authentication()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warung") as client:
        yield client


async def tariff(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    [first, *_] = (await client.get(ROUTE)).json()["items"]
    del first["slug"]
    return first | changes


async def test_everybody_sees_the_services(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROUTE)
    assert answer.status_code == 200
    assert answer.json()["items"][0] == {
        "slug": "instant",
        "name": "Instan",
        "enabled": True,
        "max_km": 40,
        "max_weight_grams": 20_000,
        "min_fee": 12_000,
        "fee_per_km": 2_500,
        "fee_per_kg": 1_000,
        "min_hours": 1,
        "max_hours": 3,
        "hours_per_100_km": 2.0,
    }


async def test_an_operator_changes_one(client: httpx.AsyncClient) -> None:
    body = await tariff(client, name="Kilat", enabled=False)
    answer = await client.put(f"{ROUTE}/instant", json=body, headers=OPERATOR)
    assert (answer.status_code, answer.json()) == (200, {"slug": "instant", **body})
    assert (await client.get(ROUTE)).json()["items"][0] == answer.json()


async def test_nobody_else_does(client: httpx.AsyncClient) -> None:
    body = await tariff(client, min_fee=0)
    for headers, status in (({}, 401), (STRANGER, 401), (SHOPPER, 403)):
        answer = await client.put(f"{ROUTE}/instant", json=body, headers=headers)
        assert answer.status_code == status
    assert (await tariff(client))["min_fee"] == 12_000


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"min_fee": -1}, "min_fee"),
        ({"max_km": 0}, "max_km"),
        ({"max_hours": 0}, "max_hours"),
        ({"name": " "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_value_is_named(client: httpx.AsyncClient, changes: dict[str, Any], named: str) -> None:
    answer = await client.put(f"{ROUTE}/instant", json=await tariff(client, **changes), headers=OPERATOR)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


async def test_a_service_that_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.put(f"{ROUTE}/drone", json=await tariff(client), headers=OPERATOR)
    assert answer.status_code == 404


async def test_hours_the_wrong_way_round_are_told_by_their_field(client: httpx.AsyncClient) -> None:
    body = await tariff(client, min_hours=9, max_hours=3)
    answer = await client.put(f"{ROUTE}/instant", json=body, headers=OPERATOR)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "max_hours"
    assert "9" in answer.json()["detail"]
