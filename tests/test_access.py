"""Who may do what: every route of the app as every kind of caller, over a live server.

A new route needs a line in ROWS, or `test_every_route_has_a_row` fails. Each cell has a caller of its own and
a thing of its own that the route is about (`of`), so a route may use both up.
"""

import secrets
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from accounts.people import PASSWORD, House, open_house
from delivery.tariffs import REGULAR
from live import serving
from marketplace import new_database, shop_settings, sqlite_url
from postgres_server import PostgresServer
from stalls import LAPTOP, STALL
from warung.accounts.user import AccountRole
from warung.app import create_app
from warung.database.session import Database
from warung.engine.scripted import scripted_engine
from warung.suppliers.service import SupplierService

KEY = "a-key-of-the-operator"
HEADERS = Mapping[str, str]
CALLERS = ("anonymous", "shopper", "supplier", "owner", "operator")


@dataclass(frozen=True, slots=True)
class World:
    """The server under test, and its database's back door."""

    app: FastAPI
    client: httpx.Client
    house: House

    def account(self, role: AccountRole) -> tuple[str, HEADERS]:
        """A new account's id, and what it sends to be known."""
        email = f"{secrets.token_hex(8)}@example.com"
        user = self.house.register(email, role)
        return user.id, {"Authorization": f"Bearer {self.house.logins.log_in(email, PASSWORD).access}"}

    def post(self, path: str, headers: HEADERS, body: Mapping[str, Any]) -> dict[str, Any]:
        response = self.client.post(path, headers=headers, json=body)
        assert response.is_success, response.text
        return response.json()


@dataclass(frozen=True, slots=True)
class Owned:
    """What a route is about: its owner's headers, and what it adds to path and body."""

    owner: HEADERS
    path: Mapping[str, object]
    body: Mapping[str, Any]


def owned(owner: HEADERS, body: Mapping[str, Any] | None = None, **path: object) -> Owned:
    return Owned(owner, path, body or {})


def nothing(_world: World) -> Owned:
    return owned({})


def an_account(world: World) -> Owned:
    user_id, headers = world.account("shopper")
    return owned(headers, user_id=user_id)


def a_password(world: World) -> Owned:
    email = f"{secrets.token_hex(8)}@example.com"
    world.house.register(email)
    return owned({}, {"email": email, "password": PASSWORD})


def a_refresh_token(world: World) -> Owned:
    tokens = world.house.logins.log_in(a_password(world).body["email"], PASSWORD)
    return owned({}, {"refresh_token": tokens.refresh})


def an_unknown_email(_world: World) -> Owned:
    return owned({}, {"email": f"{secrets.token_hex(8)}@example.com"})


def a_conversation(world: World) -> Owned:
    _, headers = world.account("shopper")
    answer = world.post("/api/chat", headers, {"message": "laptop"})
    return owned(headers, {"conversation_id": answer["conversation_id"]})


def a_kept_conversation(world: World) -> Owned:
    conversation = a_conversation(world)
    return owned(conversation.owner, conversation_id=conversation.body["conversation_id"])


def an_answer(world: World) -> Owned:
    _, headers = world.account("shopper")
    answer = world.post("/api/chat", headers, {"message": "laptop"})
    return owned(headers, session_id=answer["session_id"])


def a_key(_world: World) -> Owned:
    return owned({"Authorization": f"Bearer {KEY}"}, model_id="scripted")


def a_completion(world: World) -> Owned:
    session_id = secrets.token_hex(8)
    headers = a_key(world).owner
    world.post("/v1/chat/completions", headers, {**COMPLETION, "session_id": session_id})
    return owned(headers, session_id=session_id)


def a_stall(world: World) -> Owned:
    _, headers = world.account("supplier")
    stall = world.post("/api/suppliers/register", headers, STALL)
    return owned(headers, supplier_id=stall["supplier"]["id"])


def a_stall_key(world: World) -> Owned:
    stall = a_stall(world)
    key = world.post(f"/api/suppliers/{stall.path['supplier_id']}/keys", stall.owner, {})
    return owned(stall.owner, supplier_id=stall.path["supplier_id"], key_id=key["id"])


def a_product(world: World) -> Owned:
    owner = a_stall(world).owner
    return owned(owner, product_id=world.post("/api/products", owner, LAPTOP)["id"])


def a_supplier(world: World) -> Owned:
    """For what only somebody with a stall can do, each to one's own."""
    return owned(a_stall(world).owner)


def a_service(_world: World) -> Owned:
    return owned({}, slug="regular")


ASSISTANT = ("/api/chat", "/api/products/ai-search")


def a_synonym(world: World) -> Owned:
    slug = secrets.token_hex(8)
    world.client.put(f"/api/search/synonyms/{slug}", headers=world.account("operator")[1], json=SYNONYMS)
    return owned({}, slug=slug)


COMPLETION = {"model": "scripted", "messages": [{"role": "user", "content": "halo"}]}
QUESTION = {"message": "laptop"}
REGISTRATION = {"name": "Sari", "password": PASSWORD}
NO_ASSISTANT = {"ai_access_enabled": False}
SYNONYMS = {"words": ["bakso", "baso"]}
TARIFF = REGULAR.model_dump(exclude={"slug"})
SHEET = "sku,name,price,stock_quantity,category\nA,Tas,1500000,3,tas\n"
PASSWORDS = {"old_password": PASSWORD, "new_password": "teh botol 99"}


@dataclass(frozen=True, slots=True)
class Row:
    """`expected` are the statuses for CALLERS, "-" where the route is about nobody's thing; "shopper" and
    "supplier" are never the owner. The body is `body` with what the thing adds, or as text a CSV file."""

    route: str
    expected: str
    of: Callable[[World], Owned] = nothing
    body: Mapping[str, Any] | str | None = None


# fmt: off
ROWS = (
    # statuses: anonymous, another shopper, another supplier, owner, operator
    Row("GET /api/analytics/conversations",           "401 403 403 - 200"),
    Row("GET /api/analytics/empty",                   "401 403 403 - 200"),
    Row("GET /api/analytics/products",                "401 403 403 - 200"),
    Row("GET /api/analytics/searches",                "401 403 403 - 200"),
    Row("GET /api/analytics/terms",                   "401 403 403 - 200"),
    Row("GET /api/analytics/usage",                   "401 403 403 - 200"),
    Row("GET /api/audit",                             "401 403 403 - 200"),
    Row("POST /api/auth/login",                       "200 200 200 - 200", a_password),
    Row("POST /api/auth/logout",                      "401 204 204 - 204"),
    Row("POST /api/auth/logout-everywhere",           "401 204 204 - 204"),
    Row("POST /api/auth/refresh",                     "200 200 200 - 200", a_refresh_token),
    Row("POST /api/chat",                             "200 200 200 - 200", body=QUESTION),
    Row("POST /api/chat",                             "404 404 404 200 404", a_conversation, QUESTION),
    Row("GET /api/chat/{session_id}",                 "404 404 404 200 404", an_answer),
    Row("POST /api/chat/{session_id}/cancel",         "404 404 404 200 404", an_answer),
    Row("GET /api/categories",                        "200 200 200 - 200"),
    Row("GET /api/conversations",                     "200 200 200 - 200"),
    Row("DELETE /api/conversations",                  "204 204 204 - 204"),
    Row("GET /api/conversations/{conversation_id}",   "404 404 404 200 404", a_kept_conversation),
    Row("DELETE /api/conversations/{conversation_id}", "404 404 404 204 404", a_kept_conversation),
    Row("GET /api/conversations/{conversation_id}/export", "404 404 404 200 404", a_kept_conversation),
    Row("GET /api/delivery/services",                 "200 200 200 - 200"),
    Row("PUT /api/delivery/services/{slug}",          "401 403 403 - 200", a_service, TARIFF),
    Row("GET /api/feeds/google.tsv",                  "200 200 200 - 200"),
    Row("POST /api/products",                         "401 403 201 201 403", a_supplier, LAPTOP),
    Row("POST /api/products/ai-search",               "200 200 200 - 200", body={"query": "laptop"}),
    Row("GET /api/products/export",                   "401 403 200 200 403", a_supplier),
    Row("POST /api/products/import",                  "401 403 200 200 403", a_supplier, SHEET),
    Row("GET /api/products/{product_id}",             "200 200 200 200 200", a_product),
    Row("PUT /api/products/{product_id}",             "401 403 403 200 200", a_product, LAPTOP),
    Row("PATCH /api/products/{product_id}",           "401 403 403 200 200", a_product, {"price": 7}),
    Row("DELETE /api/products/{product_id}",          "401 403 403 204 204", a_product),
    Row("POST /api/products/{product_id}/clicks",     "204 204 204 204 204", a_product),
    Row("GET /api/products/{product_id}/history",     "401 403 404 200 200", a_product),
    Row("GET /api/products/{product_id}/jsonld",      "200 200 200 200 200", a_product),
    Row("GET /api/products/{product_id}/offers",      "200 200 200 200 200", a_product),
    Row("POST /api/products/{product_id}/stock",      "401 403 403 200 200", a_product, {"delta": -1}),
    Row("GET /api/search/synonyms",                   "401 403 403 - 200"),
    Row("PUT /api/search/synonyms/{slug}",            "401 403 403 - 200", a_synonym, SYNONYMS),
    Row("DELETE /api/search/synonyms/{slug}",         "401 403 403 - 204", a_synonym),
    Row("GET /api/suppliers",                         "200 200 200 - 200"),
    Row("POST /api/suppliers/register",               "201 403 409 - 201", body=STALL),
    Row("GET /api/suppliers/{supplier_id}",           "200 200 200 200 200", a_stall),
    Row("PUT /api/suppliers/{supplier_id}",           "401 403 403 200 200", a_stall, STALL),
    Row("PATCH /api/suppliers/{supplier_id}",         "401 403 403 200 200", a_stall, {"name": "Budi"}),
    Row("DELETE /api/suppliers/{supplier_id}",        "401 403 403 204 204", a_stall),
    Row("GET /api/suppliers/{supplier_id}/keys",      "401 403 404 200 200", a_stall),
    Row("POST /api/suppliers/{supplier_id}/keys",     "401 403 404 201 201", a_stall),
    Row("DELETE /api/suppliers/{supplier_id}/keys/{key_id}", "401 403 404 204 204", a_stall_key),
    Row("GET /api/suppliers/{supplier_id}/products",  "200 200 200 200 200", a_stall),
    Row("GET /api/products/search",                   "200 200 200 - 200"),
    Row("GET /api/products/suggest",                  "200 200 200 - 200"),
    Row("GET /api/products/search/explain",           "401 403 403 - 200"),
    Row("GET /api/users",                             "401 403 403 - 200"),
    Row("GET /api/users/me",                          "401 200 200 - 200"),
    Row("PATCH /api/users/me",                        "401 200 200 - 200", body={"name": "Budi"}),
    Row("DELETE /api/users/me",                       "401 204 204 - 204"),
    Row("PUT /api/users/me/password",                 "401 204 204 - 204", body=PASSWORDS),
    Row("POST /api/users/register",                   "201 201 201 - 201", an_unknown_email, REGISTRATION),
    Row("PATCH /api/users/{user_id}",                 "401 403 403 403 200", an_account, NO_ASSISTANT),
    Row("POST /v1/cancel/{session_id}",               "401 401 401 200 401", a_completion),
    Row("POST /v1/chat/completions",                  "401 401 401 200 401", a_key, COMPLETION),
    Row("GET /v1/chat/completions/{session_id}",      "401 401 401 200 401", a_completion),
    Row("GET /v1/models",                             "401 401 401 200 401", a_key),
    Row("GET /v1/models/{model_id:path}",             "401 401 401 200 401", a_key),
)
# fmt: on


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder = tmp_path_factory.mktemp("access")
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        database_url = server.new_database()
    else:
        new_database(folder).close()
        database_url = sqlite_url(folder / "warung.db")
    database = Database(database_url)
    generous: dict[str, object] = {"registrations_per_minute": 10_000, "logins_per_minute": 10_000}
    generous |= {"guest_requests_per_minute": 10_000, "database_url": database_url}
    settings = shop_settings(folder, api_keys=(KEY,), **generous)
    app = create_app(settings, engine=scripted_engine(lambda _prompt: "Ini."))
    with serving(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield World(app, client, open_house(database, stall_of=SupplierService(database).by_account))
    database.close()


def routes(app: FastAPI) -> set[str]:
    """Every route under /api and /v1, shown in the schema or not."""
    return {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        if route.path and route.path.startswith(("/api", "/v1"))
        for method in route.methods or {"ANY"}
    }


def test_every_route_has_a_row(world: World) -> None:
    known = routes(world.app)
    rows = {row.route for row in ROWS}
    assert len(known) > 20
    assert (known - rows, rows - known) == (set(), set())


def call(world: World, row: Row, thing: Owned, headers: HEADERS) -> httpx.Response:
    method, path = row.route.replace(":path", "").split(" ")
    address = path.format(**thing.path)
    world.client.cookies.clear()
    if isinstance(row.body, str):
        typed = {**headers, "Content-Type": "text/csv"}
        return world.client.request(method, address, headers=typed, content=row.body)
    body = {**(row.body or {}), **thing.body}
    return world.client.request(method, address, headers=headers, json=body or None)


CELLS = [
    pytest.param(row, caller, int(expected), id=f"{number}-{row.route}-{caller}")
    for number, row in enumerate(ROWS)
    for caller, expected in zip(CALLERS, row.expected.split(), strict=True)
    if expected != "-"
]


@pytest.mark.parametrize(("row", "caller", "expected"), CELLS)
def test_each_caller_gets_what_is_theirs(world: World, row: Row, caller: str, expected: int) -> None:
    thing = row.of(world)
    headers = headers_of(world, thing, caller)
    response = call(world, row, thing, headers)
    assert response.status_code == expected, response.text


def headers_of(world: World, thing: Owned, caller: str) -> HEADERS:
    if caller == "anonymous":
        return {}
    if caller == "owner":
        return thing.owner
    if caller == "supplier":
        return a_stall(world).owner
    for role in ("shopper", "operator"):
        if caller == role:
            return world.account(role)[1]
    raise AssertionError(caller)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.route.split()[1].startswith(("/api/chat", "/api/products/ai"))],
    ids=lambda row: f"{row.route} {row.of.__name__}",
)
def test_an_account_without_the_assistant_gets_none_of_it(world: World, row: Row) -> None:
    user_id, headers = world.account("shopper")
    world.house.accounts.manage("test", user_id, {"ai_access_enabled": False})
    response = call(world, row, row.of(world), headers)
    assert (response.status_code, response.json()["code"]) == (403, "ai_access_disabled")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.expected.startswith(("401", "404"))], ids=lambda row: row.route
)
def test_a_forged_credential_opens_nothing(world: World, row: Row) -> None:
    forged = {"Authorization": f"Bearer wra_{secrets.token_urlsafe(32)}"}
    assert call(world, row, row.of(world), forged).status_code == 401
