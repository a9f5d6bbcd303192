from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from callers import OPERATOR, SHOPPER, STRANGER, authentication
from marketplace import add_products, add_supplier, product_draft
from warung import error_responses
from warung.accounts.rate_limiter import RateLimiter
from warung.analytics.endpoints import Clicks, create_click_router, create_router
from warung.analytics.recorder import Recorder
from warung.analytics.service import AnalyticsService
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.database.types import utc_now
from warung.engine.request import Usage
from warung.products.service import ProductService

REPORTS = ["searches", "terms", "empty", "products", "conversations", "usage"]


@pytest.fixture
def recorder(database: Database) -> Recorder:
    return Recorder(AnalyticsService(database, ProductService(database)).write)


@pytest.fixture
async def client(database: Database, recorder: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    products = ProductService(database)
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop"))
    ConversationService(database).ask("guest:1", "s", "laptop?")
    recorder.start()
    app = FastAPI()
    error_responses.install(app)
    app.include_router(create_click_router(Clicks(recorder, products, RateLimiter(3))))
    by_day = ConversationService(database).by_day
    app.include_router(create_router(AnalyticsService(database, products), authentication(), by_day))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warung") as client:
        yield client
    recorder.stop()


async def test_an_operator_is_told(client: httpx.AsyncClient, recorder: Recorder) -> None:
    recorder.searched("guest:1", "Kulkas?", term="kulkas", understood="", total=0, place=None)
    recorder.shown([1])
    recorder.used("key:a", "/v1/chat/completions", Usage(5, 7))
    assert (await client.post("/api/products/1/clicks")).status_code == 204
    recorder.stop()
    today = utc_now().date().isoformat()
    expected = {
        "searches": {"day": today, "searches": 1, "without_results": 1},
        "terms": {"term": "kulkas", "searches": 1, "without_results": 1},
        "empty": {"term": "kulkas", "searches": 1, "without_results": 1},
        "products": {"product_id": 1, "name": "Laptop", "shown": 1, "clicked": 1, "rate": 1.0},
        "conversations": {"day": today, "conversations": 1},
        "usage": {
            "day": today, "owner": "key:a", "answers": 1, "prompt_tokens": 5, "completion_tokens": 7,
        },
    }  # fmt: skip
    for report, item in expected.items():
        answer = await client.get(f"/api/analytics/{report}", headers=OPERATOR)
        assert answer.json() == {"items": [item]}
        table = await client.get(f"/api/analytics/{report}", params={"format": "csv"}, headers=OPERATOR)
        assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert table.text.splitlines() == [",".join(item), ",".join(str(value) for value in item.values())]
        past = {"from": "2020-01-01", "to": "2020-01-31"}
        empty = await client.get(f"/api/analytics/{report}", params=past, headers=OPERATOR)
        assert empty.json() == {"items": []}


@pytest.mark.parametrize("report", REPORTS)
async def test_nobody_else_is(client: httpx.AsyncClient, report: str) -> None:
    for headers, status in (({}, 401), (STRANGER, 401), (SHOPPER, 403)):
        answer = await client.get(f"/api/analytics/{report}", headers=headers)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"limit": "0"}, "limit"),
        ({"format": "xml"}, "format"),
        ({"since": "2026-01-01"}, "since"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: httpx.AsyncClient, params: dict[str, str], field: str
) -> None:
    answer = await client.get("/api/analytics/terms", params=params, headers=OPERATOR)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("params", [{"to": "2000-01-01"}, {"from": "2999-12-31"}, {"from": "2026-01-01"}])
async def test_half_a_period_is_enough(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await client.get("/api/analytics/conversations", params=params, headers=OPERATOR)
    assert answer.status_code == 200


async def test_clicks_are_of_products_and_not_too_many(client: httpx.AsyncClient) -> None:
    statuses = [
        (await client.post(f"/api/products/{product_id}/clicks")).status_code
        for product_id in (404, 2**63, 0, 1, 1, 1)
    ]
    assert statuses == [404, 422, 422, 204, 204, 429]
