"""Clients as they are: each streams over a slow start, asks plainly, calls tools, hears what breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.heard import Client, Heard, Way
from clients.langchain import langchain
from clients.llm_program import llm_program
from clients.node import node_client
from clients.openai_python import openai_python
from clients.slow import PINGS, slow_start
from clients.wire import open_wire
from openai_api.house import CHAT, PING, held_engine, open_house, says
from warung.engine.features import ALL_FEATURES
from warung.engine.scripted import TURN, scripted_engine

CLIENTS: dict[str, Client] = {
    "openai-python": openai_python,
    "langchain": langchain,
    "llm": llm_program,
    "openai-node": node_client("openai_node.mjs"),
    "ai-sdk": node_client("ai_sdk.mjs"),
}
TEXT = 'Selamat pagi, "é" 🙂\n2 > 1\\'
HEARD = Heard(TEXT, "stop", (len(f"user: {TEXT}{TURN}assistant: ".encode()), len(TEXT.encode())))


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    return CLIENTS[request.param]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    engine = scripted_engine(says, features=ALL_FEATURES)
    with open_house(tmp_path_factory.mktemp("house"), engine) as house:
        yield str(house.base_url).rstrip("/")


def test_a_stream_over_a_slow_start(client: Client, tmp_path: Path) -> None:
    with slow_start(tmp_path) as slow:
        assert client(slow.wire.url, Way.STREAM, TEXT) == HEARD
    (exchange,) = slow.wire.to(CHAT)
    assert exchange.answer.partition(b'"content":"S"')[0].count(PING) >= PINGS


def test_a_plain_answer(client: Client, url: str) -> None:
    assert client(url, Way.PLAIN, TEXT) == HEARD


def test_tools_are_called_and_their_results_taken_back(client: Client, url: str) -> None:
    heard = client(url, Way.TOOLS, "weather Bogor Solo")
    assert (heard.calls, heard.text, heard.error) == (["Bogor", "Solo"], "It is warm.", None)


def test_an_error_in_mid_stream_is_no_end(client: Client, tmp_path: Path) -> None:
    with held_engine(TEXT) as (engine, valve), open_house(tmp_path, engine) as house:
        valve.give(3)
        valve.fail(RuntimeError("out of memory"))
        heard = client(str(house.base_url).rstrip("/"), Way.STREAM, "Halo")
    assert "the model worker died" in (heard.error or "")


def test_a_connection_that_breaks_is_no_end(client: Client, url: str) -> None:
    with open_wire(url) as wire:
        wire.cut(CHAT, after_events=4)
        assert client(wire.url, Way.STREAM, TEXT).error
