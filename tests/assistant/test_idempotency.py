"""The header Idempotency-Key at the assistant's route; all that isn't its own is in openai_api's tests."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from assistant.chat import (
    QUESTION,
    Shopper,
    count_messages,
    open_shop,
    own_of,
    read_frames,
    shopper_at,
    text_of,
)
from relay import relaying
from warung.engine.scripted import scripted_engine
from warung.engine.worker import ThreadedEngine
from warung.settings import Settings

KEY = {"Idempotency-Key": "order-1"}
HONEST = "2] cocok untuk laptop gaming.\n- [1] Jakarta.\n"


class Model:
    """Counts what it is asked, and says nothing while it is held."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    @property
    def engine(self) -> ThreadedEngine:
        return scripted_engine(self._script, self._wait)

    def _script(self, _prompt: str) -> str:
        self.asked += 1
        return HONEST

    def _wait(self) -> None:
        assert self.may_go_on.wait(30)


@pytest.fixture
def model() -> Model:
    return Model()


def ask(shopper: Shopper, **body: Any) -> httpx.Response:
    return shopper.client.post("/api/chat", json={**QUESTION, **body}, headers=KEY)


def welcomed(shopper: Shopper) -> Shopper:
    """A guest who is known before the first question."""
    assert shopper.client.get("/").status_code == 200
    return shopper


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_was_lost_is_there_again(shop: Settings, model: Model, *, stream: bool) -> None:
    with (
        open_shop(shop, model.engine) as url,
        relaying(url) as relay,
        shopper_at(relay.url) as shopper,
    ):
        welcomed(shopper)
        relay.losses = 1
        with pytest.raises(httpx.TransportError):
            ask(shopper, stream=stream)
        first, again = (ask(shopper, stream=stream) for _ in range(2))
        plain = ask(shopper)
    assert first.content == again.content
    assert {r.headers["X-Session-Id"] for r in (first, again, plain)} == {plain.json()["session_id"]}
    if stream:
        frames = read_frames(first)
        assert text_of(frames) == plain.json()["answer"]
        assert own_of(frames)["conversation_id"] == plain.json()["conversation_id"]
    assert model.asked == 1
    assert count_messages(shop) == 2


def test_a_plain_question_waits_for_the_answer_that_is_being_made(shop: Settings, model: Model) -> None:
    model.may_go_on.clear()
    with open_shop(shop, model.engine) as url, shopper_at(url) as shopper, ThreadPoolExecutor() as threads:
        welcomed(shopper)
        with shopper.client.stream(
            "POST", "/api/chat", json={**QUESTION, "stream": True}, headers=KEY
        ) as stream:
            waiting = [threads.submit(ask, shopper) for _ in range(3)]
            assert ask(shopper, message="kopi").status_code == 422
            model.may_go_on.set()
            text = text_of(read_frames(stream))
        assert [answer.result().json()["answer"] for answer in waiting] == [text] * 3
    assert model.asked == 1
    assert count_messages(shop) == 2


def test_another_question_with_the_key_is_refused_by_name(shop: Settings, model: Model) -> None:
    with open_shop(shop, model.engine) as url, shopper_at(url) as shopper:
        assert ask(welcomed(shopper)).status_code == 200
        refused = [ask(shopper, message="kopi gayo"), ask(shopper, location="-6.9,107.6", stream=True)]
    for response in refused:
        assert response.status_code == 422
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert problem["code"] == "idempotency_key_reused"
        assert [error["field"] for error in problem["errors"]] == ["Idempotency-Key"]
    assert count_messages(shop) == 2


def test_a_key_is_its_guests_own(shop: Settings, model: Model) -> None:
    with open_shop(shop, model.engine) as url, shopper_at(url) as ani, shopper_at(url) as budi:
        answers = [ask(welcomed(shopper)).json() for shopper in (ani, budi)]
        assert ask(ani).json() == answers[0]
        assert answers[0]["session_id"] != answers[1]["session_id"]
    assert model.asked == 2


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(shop: Settings, model: Model, key: str) -> None:
    with open_shop(shop, model.engine) as url, shopper_at(url) as shopper:
        response = shopper.client.post("/api/chat", json=QUESTION, headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_idempotency_key"
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_has_a_session_of_its_own(shop: Settings, model: Model) -> None:
    with open_shop(shop, model.engine) as url, shopper_at(url) as shopper:
        refused = ask(shopper, session_id="session-of-mine")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "session_id")
    assert count_messages(shop) == 0


def test_an_answer_that_is_there_costs_no_question(shop: Settings, model: Model) -> None:
    limited = shop.model_copy(update={"guest_requests_per_minute": 1})
    with open_shop(limited, model.engine) as url, shopper_at(url) as shopper:
        assert [ask(welcomed(shopper)).status_code for _ in range(3)] == [200] * 3
        assert shopper.ask().status_code == 429


def test_what_is_refused_does_not_use_up_the_key(shop: Settings, model: Model) -> None:
    with open_shop(shop, model.engine) as url, shopper_at(url) as shopper:
        assert ask(welcomed(shopper), location="abc").status_code == 422
        assert ask(shopper, conversation_id="no-such-one").status_code == 404
        assert ask(shopper, message="laptop").status_code == 200
    assert model.asked == 1
