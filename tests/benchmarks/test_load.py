"""The streaming client and the probes against a live warung with the scripted engine."""

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.load import Client, LoadError
from benchmarks.probes import interruption, shared_prefix
from benchmarks.prompts import stories
from live import serving
from marketplace import new_database, shop_settings
from warung.app import create_app
from warung.engine.scripted import MODEL_ID, scripted_engine


@pytest.fixture
def url(tmp_path: Path) -> Generator[str]:
    """A server whose answers are long and say nothing of the question."""
    new_database(tmp_path).close()
    engine = scripted_engine(lambda _prompt: "rain " * 200)
    with serving(create_app(shop_settings(tmp_path), engine=engine)) as base_url:
        yield base_url


async def test_a_burst_counts_the_servers_tokens(url: str) -> None:
    async with Client(url, MODEL_ID) as client:
        burst = await client.burst(list(islice(stories(), 4)), tokens=16)
    assert [answer.tokens for answer in burst.answers] == [16] * 4
    for answer in burst.answers:
        assert len(answer.arrivals) == 16
        assert answer.sent < answer.arrivals[0] <= answer.arrivals[-1]
        assert answer.prompt_tokens > 100


async def test_an_answer_that_is_an_error_says_so(url: str) -> None:
    async with Client(url, "another-model") as client:
        with pytest.raises(LoadError, match="404"):
            await client.ask(next(stories()), tokens=4)


async def test_a_server_that_is_away_is_an_error() -> None:
    async with Client("http://127.0.0.1:9", MODEL_ID) as client:
        with pytest.raises(LoadError, match="ConnectError"):
            await client.ask(next(stories()), tokens=4)


async def test_the_probes_see_both_prompts(url: str) -> None:
    async with Client(url, MODEL_ID) as client:
        shared = await shared_prefix(client, repeats=1)
        read = await interruption(client, repeats=1)
    assert shared.first_seconds > 0
    assert shared.second_seconds > 0
    assert read.streams == 7
    assert read.prompt_tokens > 2000
    assert read.alone_p50_seconds >= 0
