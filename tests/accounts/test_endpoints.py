"""The routes of accounts over a live server."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts.people import PASSWORD, open_house
from assistant.chat import QUESTION, open_shop
from marketplace import shop_settings
from warung.database.session import Database
from warung.engine.scripted import scripted_engine
from warung.settings import Settings

SARI: dict[str, Any] = {"name": "Sari", "email": "Sari@Example.com", "password": PASSWORD}
SIGN_IN = {"email": "sari@example.COM", "password": PASSWORD}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return shop_settings(tmp_path / "shop", database_url=database_url, registrations_per_minute=100)


@pytest.fixture
def client(settings: Settings) -> Generator[httpx.Client]:
    with (
        open_shop(settings, scripted_engine(lambda _prompt: "Ini.")) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_in(client: httpx.Client) -> dict[str, Any]:
    response = client.post("/api/auth/login", json=SIGN_IN)
    assert response.status_code == 200, response.text
    return response.json()


def operator(settings: Settings, client: httpx.Client) -> dict[str, str]:
    database = Database(settings.database)
    open_house(database).accounts.make_operator("boss@example.com", PASSWORD)
    database.close()
    response = client.post("/api/auth/login", json={"email": "boss@example.com", "password": PASSWORD})
    return bearer(response.json()["access_token"])


def test_from_registration_to_deletion(client: httpx.Client) -> None:
    registered = client.post("/api/users/register", json={**SARI, "phone": "+62 812", "city": "Bandung"})
    assert registered.status_code == 201, registered.text
    user = registered.json()
    assert (user["email"], user["role"], user["ai_access_enabled"]) == ("sari@example.com", "shopper", True)
    assert user["location"]["lat"] == pytest.approx(-6.9, abs=0.2)
    assert PASSWORD not in registered.text

    response = client.post("/api/auth/login", json=SIGN_IN)
    assert response.headers["Cache-Control"] == "no-store"
    tokens = response.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    own = bearer(tokens["access_token"])
    assert client.get("/api/users/me", headers=own).json() == user

    changed = client.patch("/api/users/me", headers=own, json={"name": "Sari Dewi", "phone": None}).json()
    assert changed == {**user, "name": "Sari Dewi", "phone": None}

    newer = client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
    assert client.get("/api/users/me", headers=own).status_code == 401
    own = bearer(newer["access_token"])
    passwords = {"old_password": PASSWORD, "new_password": "teh botol 99"}
    assert client.put("/api/users/me/password", headers=own, json=passwords).status_code == 204
    assert client.put("/api/users/me/password", headers=own, json=passwords).status_code == 403
    assert client.delete("/api/users/me", headers=own).status_code == 204
    assert client.get("/api/users/me", headers=own).status_code == 401
    assert client.post("/api/auth/login", json=SIGN_IN).status_code == 401


def test_a_logout_and_a_logout_everywhere(client: httpx.Client) -> None:
    client.post("/api/users/register", json=SARI)
    first, second, third = (bearer(sign_in(client)["access_token"]) for _ in range(3))
    assert client.post("/api/auth/logout", headers=first).status_code == 204
    assert client.get("/api/users/me", headers=first).status_code == 401
    assert client.post("/api/auth/logout-everywhere", headers=second).status_code == 204
    for headers in (second, third):
        response = client.get("/api/users/me", headers=headers)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"email": "sari"}, "email"),
    ({"password": "1234567"}, "password"),
    ({"password": "x" * 257}, "password"),
    ({"name": " "}, "name"),
    ({"name": "a\x00b"}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"phone": "call me"}, "phone"),
    ({"role": "operator"}, "role"),
    ({"city": "Atlantis"}, "city"),
    ({"location": {"lat": 91, "lng": 0}}, "location.lat"),
    ({"location": {"lat": 1, "lng": 2}, "city": "Bandung"}, "city"),
    ({"ai_access_enabled": True}, "ai_access_enabled"),
    ({"id": "7"}, "id"),
]


def test_what_is_wrong_is_named_and_nobody_is_registered(client: httpx.Client, database: Database) -> None:
    for wrong, field in WRONG:
        response = client.post("/api/users/register", json={**SARI, **wrong})
        assert response.status_code == 422, response.text
        assert response.json()["errors"][0]["field"] == field
        assert PASSWORD not in response.text
    assert open_house(database).accounts.page()[0] == []


def test_an_email_has_one_account_whatever_its_case(client: httpx.Client) -> None:
    assert client.post("/api/users/register", json=SARI).status_code == 201
    again = client.post("/api/users/register", json={**SARI, "email": "SARI@example.com"})
    assert again.status_code == 409
    assert again.json()["errors"][0]["field"] == "email"


def test_sign_ins_are_limited_by_email_and_registrations_by_address(settings: Settings) -> None:
    limited = settings.model_copy(update={"logins_per_minute": 3, "registrations_per_minute": 1})
    with open_shop(limited) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.post("/api/users/register", json=SARI).status_code == 201
        refused = client.post("/api/users/register", json={**SARI, "email": "b@example.com"})
        assert (refused.status_code, refused.json()["code"]) == (429, "registration_limit")
        wrong = {**SIGN_IN, "password": "guess number 1"}
        answers = [client.post("/api/auth/login", json=wrong) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert answers[-1].json()["code"] == "login_limit"
        assert int(answers[-1].headers["Retry-After"]) in range(1, 22)


def test_passwords_can_not_be_guessed_with_a_token_either(settings: Settings) -> None:
    limited = settings.model_copy(update={"logins_per_minute": 3})
    with open_shop(limited) as url, httpx.Client(base_url=url, timeout=60) as client:
        client.post("/api/users/register", json=SARI)
        own = bearer(sign_in(client)["access_token"])
        guess = {"old_password": "guess number 1", "new_password": "teh botol 99"}
        statuses = [
            client.put("/api/users/me/password", headers=own, json=guess).status_code for _ in range(4)
        ]
        assert statuses == [403, 403, 403, 429]


def test_an_operator_pages_through_accounts_and_closes_the_assistant(
    settings: Settings, client: httpx.Client
) -> None:
    user = client.post("/api/users/register", json=SARI).json()
    own, boss = bearer(sign_in(client)["access_token"]), operator(settings, client)
    first = client.get("/api/users", headers=boss, params={"limit": 1}).json()
    last = client.get("/api/users", headers=boss, params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [item["email"] for item in first["items"] + last["items"]] == [
        "boss@example.com",
        "sari@example.com",
    ]
    assert last["next_cursor"] is None
    found = client.get("/api/users", headers=boss, params={"email": "SARI@example.com"}).json()
    assert found == {"items": [user], "next_cursor": None}

    assert client.post("/api/chat", headers=own, json=QUESTION).status_code == 200
    path = f"/api/users/{user['id']}"
    closed = client.patch(path, headers=boss, json={"ai_access_enabled": False})
    assert closed.json() == {**user, "ai_access_enabled": False}
    refused = client.post("/api/chat", headers=own, json=QUESTION)
    assert (refused.status_code, refused.json()["code"]) == (403, "ai_access_disabled")
    for wrong in ({"role": "operator"}, {"email": "x@example.com"}, {"role": None}):
        assert client.patch(path, headers=boss, json=wrong).status_code == 422
    assert client.patch("/api/users/7", headers=boss, json={}).status_code == 422

    entries = client.get("/api/audit", headers=boss, params={"action": "user.change"}).json()
    (entry,) = entries["items"]
    assert entry["target"] == f"user:{user['id']}"
    assert entry["details"] == {"ai_access_enabled": [True, False]}
    assert entries["next_cursor"] is None
    first = client.get("/api/audit", headers=boss, params={"limit": 1}).json()
    assert client.get("/api/audit", headers=boss, params={"cursor": first["next_cursor"]}).json()["items"]
    for wrong in ({"actor": "\x00"}, {"cursor": "x"}, {"sort": "up"}):
        assert client.get("/api/audit", headers=boss, params=wrong).status_code == 422


def test_a_conversation_belongs_to_the_account_that_asked(client: httpx.Client) -> None:
    user = client.post("/api/users/register", json=SARI).json()
    own = bearer(sign_in(client)["access_token"])
    answer = client.post("/api/chat", headers=own, json=QUESTION)
    assert answer.status_code == 200, answer.text
    assert "Set-Cookie" not in answer.headers
    further = {**QUESTION, "conversation_id": answer.json()["conversation_id"]}
    assert client.post("/api/chat", json=further).status_code == 404
    assert client.post("/api/chat", headers=bearer("wra_forged"), json=further).status_code == 401
    assert client.post("/api/chat", headers=own, json=further).status_code == 200
    assert user["id"] not in json.dumps(answer.json())


def test_an_account_has_an_allowance_of_its_own(settings: Settings) -> None:
    limited = settings.model_copy(update={"user_requests_per_minute": 1, "guest_requests_per_minute": 1})
    with (
        open_shop(limited, scripted_engine(lambda _prompt: "Ini.")) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        client.post("/api/users/register", json=SARI)
        own = bearer(sign_in(client)["access_token"])
        asked = [client.post("/api/chat", headers=own, json=QUESTION) for _ in range(2)]
        assert [answer.status_code for answer in asked] == [200, 429]
        assert asked[1].json()["code"] == "account_limit"
        assert client.post("/api/chat", json=QUESTION).status_code == 200
