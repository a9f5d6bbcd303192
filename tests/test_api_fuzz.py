"""Whatever is sent to the marketplace's routes, none answers with a 5xx: schemathesis makes it from the app's
own OpenAPI description."""

# The library's types are incomplete.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from live import serving
from marketplace import shop_settings
from warung.app import create_app

_PATIENCE = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def url(seeded_folder: Path) -> Generator[str]:
    with serving(create_app(shop_settings(seeded_folder, guest_requests_per_minute=100_000))) as served:
        yield served


@pytest.fixture(scope="module")
def description(url: str) -> Any:
    return schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode)
def test_nothing_makes_the_server_fail(description: Any, url: str, mode: GenerationMode) -> None:
    operations = [found.ok() for found in description.include(path_regex="^/api/").get_all_operations()]
    assert len(operations) >= 3
    sent = sum(bombard(operation, url, mode) for operation in operations)
    assert sent > 10 * len(operations)


def bombard(operation: Any, url: str, mode: GenerationMode) -> int:
    """How many requests were sent."""
    sent = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, suppress_health_check=_PATIENCE, database=None)
    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        case.call_and_validate(base_url=url, checks=[not_a_server_error], timeout=30)

    with suppress(Unsatisfiable):  # where nothing is wrong: any text may be a path
        send()
    return sent
