"""Conversations over HTTP, held with the assistant of a live shop."""

import threading
from collections.abc import Generator, Iterator

import pytest

from assistant.chat import QUESTION, Shopper, count_messages, open_shop, own_of, shopper_at
from waiting import wait_until
from warung.engine.scripted import scripted_engine
from warung.settings import Settings

ROUTE = "/api/conversations"


@pytest.fixture
def url(shop: Settings) -> Generator[str]:
    with open_shop(shop, scripted_engine(lambda _prompt: "2] cocok untuk laptop gaming.\n")) as url:
        yield url


@pytest.fixture
def shopper(url: str) -> Generator[Shopper]:
    with shopper_at(url) as shopper:
        yield shopper


@pytest.fixture
def stranger(url: str) -> Generator[Shopper]:
    with shopper_at(url) as stranger:
        stranger.client.get("/")
        yield stranger


def test_a_conversation_is_listed_read_and_exported(shopper: Shopper) -> None:
    answer = shopper.ask().json()
    conversation = answer["conversation_id"]
    shopper.ask(message="yang lebih murah", conversation_id=conversation)
    listed = shopper.client.get(ROUTE).json()
    [item] = listed["items"]
    assert (item["id"], item["title"], listed["next_cursor"]) == (conversation, QUESTION["message"], None)

    first = shopper.client.get(f"{ROUTE}/{conversation}", params={"limit": 3}).json()
    assert [message["role"] for message in first["items"]] == ["user", "assistant", "user"]
    assert first["items"][1]["content"] == answer["answer"]
    assert first["items"][1]["products"] == answer["products"]
    cursor = first["next_cursor"]
    rest = shopper.client.get(f"{ROUTE}/{conversation}", params={"limit": 3, "cursor": cursor}).json()
    assert [message["role"] for message in rest["items"]] == ["assistant"]
    assert rest["next_cursor"] is None

    whole = shopper.client.get(f"{ROUTE}/{conversation}/export")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="warung-{conversation}.json"'
    assert whole.json() == {**item, "messages": [*first["items"], *rest["items"]]}
    text = shopper.client.get(f"{ROUTE}/{conversation}/export", params={"format": "md"})
    assert text.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert text.text.startswith(f"# {QUESTION['message']}\n")
    assert answer["products"][0]["name"] in text.text


def test_for_anybody_else_it_does_not_exist(shopper: Shopper, stranger: Shopper) -> None:
    conversation = shopper.ask().json()["conversation_id"]
    assert stranger.client.get(ROUTE).json()["items"] == []
    path = f"{ROUTE}/{conversation}"
    for method, asked in (("GET", path), ("GET", f"{path}/export"), ("DELETE", path)):
        assert stranger.client.request(method, asked).status_code == 404
    assert stranger.client.delete(ROUTE).status_code == 204
    assert shopper.client.get(path).status_code == 200


def test_with_a_conversation_go_its_messages_and_streams(shopper: Shopper, shop: Settings) -> None:
    own = own_of(shopper.frames())
    kept = own_of(shopper.frames(message="kopi"))
    conversation = own["conversation_id"]
    again = own_of(shopper.frames(message="yang lebih murah", conversation_id=conversation))
    assert shopper.client.delete(f"{ROUTE}/{conversation}").status_code == 204
    assert shopper.client.get(f"{ROUTE}/{conversation}").status_code == 404
    assert shopper.client.delete(f"{ROUTE}/{conversation}").status_code == 404
    for session_id in (own["session_id"], again["session_id"]):
        assert shopper.client.get(f"/api/chat/{session_id}").status_code == 404
    assert shopper.follow(kept["session_id"])
    assert count_messages(shop) == 2
    assert shopper.client.delete(ROUTE).status_code == 204
    assert shopper.client.get(f"/api/chat/{kept['session_id']}").status_code == 404
    assert count_messages(shop) == 0


def test_an_answer_that_is_being_given_is_stopped(shop: Settings) -> None:
    gate = threading.Event()

    def words(_prompt: str) -> str:
        assert gate.wait(30)
        return "2] cocok."

    with open_shop(shop, scripted_engine(words)) as url, shopper_at(url) as shopper:
        shopper.client.get("/")
        body = {**QUESTION, "stream": True}
        with shopper.client.stream("POST", "/api/chat", json=body) as response:
            own = first_words(response.iter_lines())
            assert shopper.client.delete(ROUTE).status_code == 204
        gate.set()
        assert shopper.client.get(f"/api/chat/{own}").status_code == 404
        wait_until(lambda: shopper.client.get("/health").json()["running"] == 0)
        assert count_messages(shop) == 0


def first_words(lines: Iterator[str]) -> str:
    """The id of the session whose stream this is."""
    return next(line for line in lines if line.startswith("id: ")).removeprefix("id: ").rpartition(":")[0]


def test_a_wrong_id_or_cursor_is_told(shopper: Shopper) -> None:
    shopper.client.get("/")
    assert shopper.client.get(f"{ROUTE}/%00").status_code == 422
    assert shopper.client.get(f"{ROUTE}/0123").status_code == 404
    refused = shopper.client.get(ROUTE, params={"cursor": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "cursor")
