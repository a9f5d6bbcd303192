"""Accounts' conversations over HTTP, on each kind of database."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from callers import OPERATOR, OTHER_SHOPPER, SHOPPER, STRANGER, authentication
from warung import error_responses
from warung.accounts.guests import Caller
from warung.accounts.models import UserRow
from warung.conversations.endpoints import create_router
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.streams.broker import Broker
from warung.streams.memory_store import MemoryStreamStore

ROUTE = "/api/conversations"


@pytest.fixture
def service(database: Database) -> ConversationService:
    with database.transaction() as session:
        session.add_all([UserRow(id="ani", name="Ani"), UserRow(id="budi", name="Budi")])
    return ConversationService(database)


@pytest.fixture
async def client(service: ConversationService) -> AsyncIterator[httpx.AsyncClient]:
    authenticate = authentication()

    def caller_of(request: Request) -> Caller:
        principal = authenticate(request)
        principal.require("shopper", "operator")
        return Caller(principal.owner, lambda: None)

    app = FastAPI()
    error_responses.install(app)
    app.include_router(create_router(service, Broker(MemoryStreamStore()), caller_of))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warung") as client:
        yield client


async def test_a_conversation_is_its_accounts_alone(
    client: httpx.AsyncClient, service: ConversationService
) -> None:
    path = f"{ROUTE}/{service.ask('user:ani', 'session-1', 'laptop?')}"
    for headers, status in (
        (OTHER_SHOPPER, 404),
        (OPERATOR, 404),
        (STRANGER, 401),
        ({}, 401),
        (SHOPPER, 200),
    ):
        for asked in (path, f"{path}/export"):
            assert (await client.get(asked, headers=headers)).status_code == status
    assert (await client.get(ROUTE, headers=OTHER_SHOPPER)).json() == {"items": [], "next_cursor": None}
    [item] = (await client.get(ROUTE, headers=SHOPPER)).json()["items"]
    assert item["title"] == "laptop?"
    assert (await client.delete(path, headers=OTHER_SHOPPER)).status_code == 404
    assert (await client.delete(ROUTE, headers=OTHER_SHOPPER)).status_code == 204
    assert (await client.delete(path, headers=SHOPPER)).status_code == 204
    assert (await client.get(path, headers=SHOPPER)).status_code == 404


async def test_pages_follow_each_other(client: httpx.AsyncClient, service: ConversationService) -> None:
    for number in range(5):
        service.ask("user:ani", "s", str(number))
    titles: list[str] = []
    params = {"limit": "2"}
    while True:
        page = (await client.get(ROUTE, params=params, headers=SHOPPER)).json()
        titles += [item["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params = {"limit": "2", "cursor": page["next_cursor"]}
    assert titles == ["4", "3", "2", "1", "0"]
