"""Plain requests, errors and health, over a live server; streams are in test_streaming.py."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from openai_api.house import CHAT, held_engine, open_house, question
from warung.engine.engine import EngineUnavailable
from warung.engine.scripted import MODEL_ID, ScriptedRunner, echo, scripted_engine
from warung.engine.text import Tokenizer
from warung.engine.worker import ThreadedEngine
from warung.openai_api.endpoints import CompletionDefaults, Completions
from warung.openai_api.schemas import ChatCompletionRequest
from warung.streams.broker import Broker
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.store import Lease


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with open_house(tmp_path_factory.mktemp("house"), max_body_bytes=4096) as client:
        yield client


def error_of(response: httpx.Response) -> dict[str, Any]:
    error = response.json()["error"]
    assert set(response.json()) == {"error"}
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_a_whole_answer(house: httpx.Client) -> None:
    response = house.post(CHAT, json=question("Selamat pagi"))
    body = response.json()
    assert body.pop("id").startswith("chatcmpl-")
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "chat.completion",
        "model": MODEL_ID,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Selamat pagi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        # The scripted tokenizer's tokens are bytes: "user: …", the end of the turn, "assistant: ".
        "usage": {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42},
        "warung": {"session_id": response.headers["X-Session-Id"]},
    }


def test_the_token_limit_and_the_stop_string(house: httpx.Client) -> None:
    cut = house.post(CHAT, json=question("Selamat pagi", max_tokens=7)).json()["choices"][0]
    assert (cut["message"]["content"], cut["finish_reason"]) == ("Selamat", "length")
    stopped = house.post(CHAT, json=question("Selamat pagi", stop=["pag"])).json()["choices"][0]
    assert (stopped["message"]["content"], stopped["finish_reason"]) == ("Selamat ", "stop")


def test_the_same_request_in_the_same_session_gets_the_same_answer(house: httpx.Client) -> None:
    body = question("Lagi", session_id="the-same-session")
    assert house.post(CHAT, json=body).json() == house.post(CHAT, json=body).json()


def test_models(house: httpx.Client) -> None:
    model = house.get(f"/v1/models/{MODEL_ID}").json()
    assert model["created"] > 1_700_000_000
    assert (model["id"], model["object"], model["owned_by"]) == (MODEL_ID, "model", "warung")
    assert house.get("/v1/models").json() == {"object": "list", "data": [model]}
    absent = house.get("/v1/models/someone/else")
    assert (absent.status_code, error_of(absent)["code"]) == (404, "model_not_found")


def test_streams_in_a_file_are_there_again_in_the_next_life(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"persist_sessions": True, "sessions_db_path": tmp_path / "sessions.db"}
    asked = question(stream=True, session_id="session-a")
    with open_house(tmp_path, **kept) as client:
        assert client.get("/health").json()["sessions"] == {"store": "sqlite", "problem": None}
        first = client.post(CHAT, json=asked).content
    with open_house(tmp_path, **kept) as client:
        assert client.post(CHAT, json=asked).content == first


def test_another_model_is_not_found(house: httpx.Client) -> None:
    response = house.post(CHAT, json={**question(), "model": "gpt-4o"})
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "'gpt-4o'" in error["message"]
    assert f"'{MODEL_ID}'" in error["message"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]},
            "messages.0.content.0",
        ),
        ({"model": None}, "model"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 40_000}, "messages"),  # more than the context holds
        ({"n": 17}, "n"),
        ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"store": True}, "store"),
        ({"stop": [5]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"temprature": 1}, "temprature"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"session_id": "a b"}, "session_id"),
        ({"session_id": "short"}, "session_id"),
    ],
)
def test_a_bad_field_is_a_400_that_names_it(house: httpx.Client, fields: dict[str, Any], named: str) -> None:
    for body in (
        {**question(), **fields},
        {"stream": "stream_options" not in fields, **question(), **fields},
    ):
        response = house.post(CHAT, json=body)
        error = error_of(response)
        assert (response.status_code, error["type"]) == (400, "invalid_request_error"), error
        assert error["param"] == named
        assert response.headers["Content-Type"] == "application/json"
        assert "X-Session-Id" not in response.headers


@pytest.mark.parametrize(
    "content",
    [b"", b"Halo", b'{"model": ', b'{"model": "\xff\xfe"}', b"[" * 2000, b"[]", b"null", b"\xef\xbb\xbf{}x"],
)
def test_text_that_is_no_request_is_a_400_that_names_the_body(house: httpx.Client, content: bytes) -> None:
    response = house.post(CHAT, content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, error_of(response)["param"]) == (400, "body")


def test_half_a_character_in_a_field_is_refused(house: httpx.Client) -> None:
    for text in ('"a": "\\ud83d"', '"\\ud83d": 1', '"stop": "\\ud83d"', '"session_id": "\\ud83d"'):
        body = json.dumps(question())[:-1] + f", {text}}}"
        response = house.post(CHAT, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 400, (text, response.text)


def test_a_declared_and_a_chunked_body_over_the_limit(house: httpx.Client) -> None:
    large = json.dumps(question("x" * 5000)).encode()
    pieces = iter([large[:2000], large[2000:4000], large[4000:]])
    for response in (house.post(CHAT, content=large), house.post(CHAT, content=pieces)):
        error = error_of(response)
        assert (response.status_code, error["code"]) == (413, "body_too_large")
        assert "4096 bytes" in error["message"]
    assert house.post(CHAT, json=question("x" * 3000)).status_code == 200


def test_what_the_routes_do_not_have(house: httpx.Client) -> None:
    unknown, wrong = house.get("/v1/nothing"), house.delete(CHAT)
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "not_found")
    assert (wrong.status_code, error_of(wrong)["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"


def test_keys_open_the_api_and_bound_its_sessions(tmp_path: Path) -> None:
    ani, budi = ({"Authorization": f"Bearer {key}"} for key in ("key-of-ani", "key-of-budi"))
    with open_house(tmp_path, api_keys="key-of-ani, key-of-budi") as client:
        for headers in ({}, {"Authorization": "Bearer key-of"}, {"Authorization": "Basic key-of-ani"}):
            for refused in (
                client.post(CHAT, json=question(), headers=headers),
                client.get(f"{CHAT}/a-session", headers=headers),
                client.post("/v1/cancel/a-session", headers=headers),
                client.get("/v1/models", headers=headers),
                client.get(f"/v1/models/{MODEL_ID}", headers=headers),
            ):
                error = error_of(refused)
                assert (refused.status_code, error["code"]) == (401, "invalid_api_key")
                assert error["type"] == "authentication_error"
                assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert client.get("/health").status_code == 200

        mine = question("Rahasia", session_id="session-of-ani", stream=True)
        assert client.post(CHAT, json=mine, headers=ani).status_code == 200

        def ask_about(session_id: str) -> list[httpx.Response]:
            cursor = {**budi, "Last-Event-ID": f"{session_id}:0"}
            return [
                client.get(f"{CHAT}/{session_id}", headers=budi),
                client.get(f"{CHAT}/{session_id}", headers=cursor),
                client.post(CHAT, json={**mine, "session_id": session_id}, headers=cursor),
                client.post(f"/v1/cancel/{session_id}", headers=budi),
            ]

        for theirs, absent in zip(ask_about("session-of-ani"), ask_about("session-of-eka"), strict=True):
            assert (theirs.status_code, error_of(theirs)["code"]) == (404, "session_not_found")
            assert theirs.text.replace("-of-ani", "-of-eka") == absent.text
            assert theirs.status_code == absent.status_code
        assert client.post(CHAT, json=mine, headers=budi).status_code == 404
        assert client.get(f"{CHAT}/session-of-ani", headers=ani).status_code == 200


def test_a_full_engine_says_when_to_return(tmp_path: Path) -> None:
    with (
        held_engine(max_requests=1) as (engine, valve),
        open_house(tmp_path, engine) as client,
        client.stream("POST", CHAT, json=question(stream=True)) as first,
    ):
        for stream in (False, True):
            refused = client.post(CHAT, json=question("Lagi", stream=stream))
            assert (refused.status_code, error_of(refused)["code"]) == (429, "engine_full")
            assert (refused.headers["Retry-After"], refused.headers["x-should-retry"]) == ("2", "true")
        assert client.get("/health").json()["running"] == 1
        valve.open()
        first.read()
        assert client.post(CHAT, json=question("Lagi")).status_code == 200


class BrokenRunner(ScriptedRunner):
    def load(self) -> Tokenizer:
        raise EngineUnavailable("model x could not be downloaded: check the network")


def test_a_model_that_fails_to_load(tmp_path: Path) -> None:
    with open_house(tmp_path, ThreadedEngine(MODEL_ID, BrokenRunner(echo))) as client:
        for _ in range(2):  # while it loads, and after
            refused = client.post(CHAT, json=question())
            error = error_of(refused)
            assert (refused.status_code, error["code"]) == (503, "engine_unavailable")
            assert error["message"] == "model x could not be downloaded: check the network"
            assert error["type"] == "server_error"
            assert refused.headers["x-should-retry"] == "false"
        assert client.post(CHAT, json=question(stream=True)).status_code == 503
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json() == {
            "ok": False,
            "modelReady": False,
            "modelId": MODEL_ID,
            "status": "failed",
            "running": 0,
            "error": "model x could not be downloaded: check the network",
            "degraded": False,
            "stopping": False,
            "sessions": {"store": "memory", "problem": None},
            "database": {"problem": None},
        }


def test_a_plain_answer_that_nobody_waits_for_is_given_up(tmp_path: Path) -> None:
    patience = {"cancel_after_disconnect_seconds": 0.2}
    with held_engine() as (engine, valve), open_house(tmp_path, engine, **patience) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(CHAT, json=question(), timeout=0.5)
        assert client.get("/health").json()["running"] == 1
        deadline = time.monotonic() + 10
        while client.get("/health").json()["running"]:
            assert time.monotonic() < deadline, "the model still works for a client that left"
            time.sleep(0.1)
        valve.open()


async def test_a_store_that_fails_does_not_keep_a_place_in_the_engine() -> None:
    class Full(MemoryStreamStore):
        async def begin(
            self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
        ) -> Lease:
            raise OSError(f"no space left for {session_id}, {owner}, {request}, {plan}, {after}")

    engine = scripted_engine()
    completions = Completions(engine, Broker(Full()), CompletionDefaults())
    body = ChatCompletionRequest.model_validate(question())
    with pytest.raises(OSError, match="no space left"):
        await completions.session(body, "ani", None)
    assert engine.state().running == 0
    await engine.close()


def test_the_user_of_a_request_is_named_in_its_log_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_house(tmp_path) as client:
        assert client.post(CHAT, json=question(user="budi-17")).status_code == 200
        assert client.post(CHAT, json=question(user="x" * 257)).status_code == 400
    lines = [line for line in capsys.readouterr().out.splitlines() if CHAT in line]
    assert ["budi-17" in line for line in lines] == [True, False]
