from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from callers import OPERATOR, SHOPPER, STRANGER, authentication
from warung import error_responses
from warung.accounts.endpoints import operator_of
from warung.database.session import Database
from warung.synonyms.endpoints import create_router
from warung.synonyms.packaged import load_synonyms
from warung.synonyms.service import SynonymService

ROUTE = "/api/search/synonyms"
BAKSO = {"words": ["bakso", "baso"], "finds": [], "unless": [], "enabled": True}


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    error_responses.install(app)
    app.include_router(create_router(SynonymService(database), operator_of(authentication())))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warung") as client:
        yield client


async def test_an_operator_lists_writes_and_deletes(client: httpx.AsyncClient) -> None:
    written = await client.put(f"{ROUTE}/bakso", json=BAKSO, headers=OPERATOR)
    whole = {"slug": "bakso", "packaged": False, "changed": False, **BAKSO}
    assert (written.status_code, written.json()) == (200, whole)
    items = (await client.get(ROUTE, headers=OPERATOR)).json()["items"]
    assert whole in items
    assert len(items) == len(load_synonyms()) + 1
    assert (await client.delete(f"{ROUTE}/bakso", headers=OPERATOR)).status_code == 204
    assert (await client.delete(f"{ROUTE}/bakso", headers=OPERATOR)).status_code == 404


async def test_nobody_else_does(client: httpx.AsyncClient) -> None:
    for headers, status in (({}, 401), (STRANGER, 401), (SHOPPER, 403)):
        assert (await client.get(ROUTE, headers=headers)).status_code == status
        assert (await client.put(f"{ROUTE}/bakso", json=BAKSO, headers=headers)).status_code == status
        assert (await client.delete(f"{ROUTE}/kulkas", headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("bakso", {"words": ["bakso"]}, "words"),
        ("bakso", {"words": ["bakso", "?"]}, "words.1"),
        ("bakso", {"words": ["a", "b"], "find": ["c"]}, "find"),
        ("Bakso!", BAKSO, "slug"),
    ],
)
async def test_a_wrong_value_is_named(
    client: httpx.AsyncClient, path: str, body: dict[str, object], named: str
) -> None:
    answer = await client.put(f"{ROUTE}/{path}", json=body, headers=OPERATOR)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]
