"""A warung in front of others: real servers in processes of their own, ended as kill -9 ends them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from engine.upstream.fleet import (
    MODEL,
    NEVER_SECONDS,
    Peer,
    WarungProcess,
    ask,
    engine_over,
    events_of,
    live,
    reach,
    text_of,
    until,
)
from openai_api.house import Valve, open_house, question
from warung.engine.engine import EngineStatus, EngineUnavailable
from warung.engine.scripted import FEATURES, MODEL_ID, scripted_engine
from warung.errors import InvalidInput

LONG = "a long way to say it " * 700


def folder_in(place: Path, name: str) -> Path:
    folder = place / name
    folder.mkdir()
    return folder


async def test_one_that_was_killed_is_left_and_found_again_when_it_is_back(tmp_path: Path) -> None:
    with WarungProcess(tmp_path) as process:
        async with engine_over([process.url], model=MODEL_ID) as engine:
            assert await text_of(engine, ask("Halo 👋🏽")) == "Halo 👋🏽"
            process.kill()
            await reach(engine, EngineStatus.FAILED)
            with WarungProcess(tmp_path, port=process.port):
                await reach(engine, EngineStatus.READY)
                assert await text_of(engine, ask("lagi")) == "lagi"


async def test_one_that_is_killed_in_an_answer_breaks_it_off_and_the_next_goes_elsewhere(
    tmp_path: Path,
) -> None:
    with (
        WarungProcess(folder_in(tmp_path, "one")) as first,
        WarungProcess(folder_in(tmp_path, "two")) as second,
    ):
        urls = [first.url, second.url]
        async with engine_over(urls, model=MODEL_ID, check_every_seconds=3600) as engine:
            events = aiter(await engine.submit(ask(LONG, len(LONG))))
            assert (await anext(events)).text
            first.kill()
            with pytest.raises(EngineUnavailable, match="broke off"):
                [event async for event in events]
            assert await text_of(engine, ask("Halo")) == "Halo"


async def test_the_key_opens_it_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    with WarungProcess(tmp_path, API_KEYS="kunci") as process:
        async with engine_over([process.url], model=MODEL_ID, key="kunci") as engine:
            assert await text_of(engine, ask("Halo")) == "Halo"
        async with engine_over([process.url], model=MODEL_ID, key="salah") as engine:
            await reach(engine, EngineStatus.FAILED)
            assert "refuses the key (UPSTREAM_KEY)" in (engine.state().error or "")
        async with engine_over([process.url], model="other/model") as engine:
            await reach(engine, EngineStatus.FAILED)
        async with engine_over([process.url], model="other/model", key="kunci") as engine:
            await reach(engine, EngineStatus.FAILED)
            assert f"serves {MODEL_ID} and not other/model" in (engine.state().error or "")


async def test_it_does_there_what_that_one_says_it_can(tmp_path: Path) -> None:
    with WarungProcess(tmp_path) as process:
        async with engine_over([process.url], model=MODEL_ID) as engine:
            await reach(engine, EngineStatus.READY)
            assert engine.features == FEATURES
            assert await text_of(engine, ask("Halo", answer_prefix="Ha")) == "Halo"
            with pytest.raises(InvalidInput) as caught:
                await text_of(engine, ask("Halo", 40_000))
            assert caught.value.code == "context_length_exceeded"


async def test_the_usage_is_that_of_its_tokenizer(tmp_path: Path) -> None:
    with WarungProcess(tmp_path) as process:
        async with engine_over([process.url], model=MODEL_ID) as engine:
            told = (await events_of(engine, ask("café")))[-1].usage
    assert told.completion_tokens == len("café".encode())
    assert told.prompt_tokens == len("user: café\x02assistant: ".encode())


async def test_an_abort_reaches_the_model_behind_it(tmp_path: Path) -> None:
    valve = Valve()
    model = scripted_engine(before_step=valve)
    with open_house(tmp_path, model) as house:
        async with engine_over([str(house.base_url)], model=MODEL_ID) as engine:
            try:
                valve.give(3)
                request = ask("a long answer")
                events = aiter(await engine.submit(request))
                assert (await anext(events)).text
                assert model.state().running == 1
                engine.abort(request.id)
                await until(lambda: model.state().running == 0)
            finally:
                valve.open()


@contextmanager
def in_front_of(urls: Sequence[str], folder: Path, model: str = MODEL) -> Generator[httpx.Client]:
    """A client of a warung whose model runs on these servers."""
    with (
        WarungProcess(folder, ENGINE="auto", UPSTREAM_URL=", ".join(urls), MODEL_REPO_ID=model) as process,
        httpx.Client(base_url=process.url, timeout=NEVER_SECONDS) as client,
    ):
        while client.get("/health").json()["status"] == "loading":
            pass
        yield client


def test_a_warung_in_front_answers_as_the_one_behind_it(tmp_path: Path) -> None:
    with (
        WarungProcess(folder_in(tmp_path, "behind")) as process,
        in_front_of([process.url], folder_in(tmp_path, "front"), MODEL_ID) as house,
    ):
        reply = house.post("/v1/chat/completions", json=question("Halo 👋🏽"))
        assert reply.json()["choices"][0]["message"]["content"] == "Halo 👋🏽"
        assert house.get("/health").json()["modelReady"] is True
        told = house.get("/v1/models").json()["data"][0]
        assert (told["id"], told["warung"]["features"]) == (MODEL_ID, sorted(FEATURES))
        refused = house.post("/v1/chat/completions", json=question("Halo", top_k=5))
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "top_k")


def test_a_warung_in_front_says_when_to_return_to_a_busy_fleet(tmp_path: Path) -> None:
    peer = Peer()
    peer.status, peer.error_headers = 429, {"Retry-After": "17"}
    with live(peer) as urls, in_front_of(urls, tmp_path) as house:
        reply = house.post("/v1/chat/completions", json={**question("Halo"), "model": MODEL})
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "17")
        assert reply.json()["error"]["code"] == "engine_full"


def test_in_front_of_a_dead_fleet_it_is_not_well(tmp_path: Path) -> None:
    with in_front_of(["http://127.0.0.1:9"], tmp_path) as house:
        reply = house.get("/health")
        assert reply.status_code == 503
        told = reply.json()
        assert (told["ok"], told["modelReady"], told["status"]) == (False, False, "failed")
        assert "server 1 can't be reached" in told["error"]
        reply = house.post("/v1/chat/completions", json={**question("Halo"), "model": MODEL})
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
