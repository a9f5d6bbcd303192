"""Whatever is sent to the marketplace's routes, none answers with a 5xx: schemathesis makes it from the app's
own OpenAPI description."""

# The library's types are incomplete.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from accounts.people import PASSWORD, House, open_house
from live import serving
from marketplace import new_database, shop_settings, sqlite_url
from postgres_server import PostgresServer
from stalls import LAPTOP, STALL
from warung.accounts.user import AccountRole
from warung.app import create_app
from warung.database.session import Database

_PATIENCE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@dataclass(frozen=True, slots=True)
class Door:
    """A live server, and what each kind of caller sends to be known."""

    url: str
    callers: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Door]:
    """With rows to hit: those of a supplier that the fuzzer may be, and has the first ids."""
    folder = tmp_path_factory.mktemp("fuzz")
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        database_url = server.new_database()
    else:
        new_database(folder).close()
        database_url = sqlite_url(folder / "warung.db")
    settings_ = shop_settings(
        folder,
        database_url=database_url,
        guest_requests_per_minute=100_000,
        user_requests_per_minute=100_000,
        logins_per_minute=100_000,
        registrations_per_minute=100_000,
    )
    database = Database(settings_.database)
    house = open_house(database)
    with serving(create_app(settings_)) as url, httpx.Client(base_url=url) as client:
        stall = client.post("/api/suppliers/register", json=STALL).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {stall['key']}"
        for number in range(3):
            client.post("/api/products", json=LAPTOP | {"sku": f"L-{number}"}).raise_for_status()
        yield Door(
            url,
            {
                "anonymous": {},
                "supplier": {"Authorization": f"Bearer {stall['key']}"},
                "operator": house_headers(house, "operator"),
            },
        )
    database.close()


def house_headers(house: House, role: AccountRole) -> Mapping[str, str]:
    house.register(f"{role}@example.com", role)
    return {"Authorization": f"Bearer {house.logins.log_in(f'{role}@example.com', PASSWORD).access}"}


@pytest.fixture(scope="module")
def description(door: Door) -> Any:
    return schemathesis.openapi.from_url(f"{door.url}/openapi.json")


@pytest.mark.parametrize("who", ["anonymous", "supplier", "operator"])
@pytest.mark.parametrize("mode", GenerationMode)
def test_nothing_makes_the_server_fail(description: Any, door: Door, mode: GenerationMode, who: str) -> None:
    operations = [found.ok() for found in description.include(path_regex="^/api/").get_all_operations()]
    assert len(operations) >= 30
    sent = sum(bombard(one, door.url, mode, door.callers[who]) for one in operations)
    assert sent > 2 * len(operations)


def bombard(operation: Any, url: str, mode: GenerationMode, headers: Mapping[str, str]) -> int:
    """How many requests were sent."""
    sent = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=4, suppress_health_check=_PATIENCE, database=None)
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        case.call_and_validate(base_url=url, headers=dict(headers), checks=[not_a_server_error], timeout=30)

    with suppress(Unsatisfiable):  # where nothing is wrong: any text may be a path
        send()
    return sent
