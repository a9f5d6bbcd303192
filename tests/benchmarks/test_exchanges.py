"""The client against a live server."""

from collections.abc import Iterator
from itertools import repeat

import pytest

from benchmarks.bare_shop import create_app, fill, open_engine
from benchmarks.exchanges import Connection, exchange, request
from benchmarks.load import LoadError
from live import serving


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('bare') / 'shop.db'}")
    fill(engine)
    with serving(create_app(engine)) as served:
        yield served
    engine.dispose()


async def test_answers_come_whole_over_one_connection(url: str) -> None:
    connection = await Connection.open(url)
    one, two = [await connection.ask(request("GET", f"/products/{number}")) for number in (1, 2)]
    changed = await connection.ask(
        request("PATCH", "/products/1", body=b'{"price": 7}', headers={"Content-Type": "application/json"})
    )
    connection.close()
    assert one.startswith(b'{"id":1,')
    assert two.startswith(b'{"id":2,')
    assert b'"price":7,' in changed


async def test_every_answer_is_counted_and_timed(url: str) -> None:
    figures = await exchange(url, lambda: repeat(request("GET", "/health")), connections=3, seconds=0.3)
    assert figures.per_second > 0
    assert 0 < figures.p50_seconds <= figures.p95_seconds


async def test_an_answer_that_is_an_error_says_so(url: str) -> None:
    with pytest.raises(LoadError, match="404"):
        await exchange(url, lambda: repeat(request("GET", "/products/999999")), connections=2, seconds=5)
