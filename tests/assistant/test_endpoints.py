"""The assistant over a live server, with an engine that says what it is told."""

import threading
import time
from collections.abc import Generator

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
    stock_room,
    text_of,
)
from warung.database.session import Database
from warung.engine.engine import EngineUnavailable
from warung.engine.scripted import ScriptedRunner, scripted_engine
from warung.engine.text import Tokenizer
from warung.engine.worker import ThreadedEngine
from warung.settings import Settings

# The engine's answers begin with the prefix "- [".
HONEST = "2] cocok untuk laptop gaming.\n- [1] Jakarta.\n"
INVENTED = "Termurah cuma Rp 1.000!\n- ini Macbook Neo 99.\n- [9] bagus.\nGratis ongkir untuk [1].\n"


def _wait(event: threading.Event) -> None:
    assert event.wait(30)


def scripted(answer: str) -> ThreadedEngine:
    return scripted_engine(lambda _prompt: answer)


@pytest.fixture
def shopper(shop: Settings) -> Generator[Shopper]:
    with open_shop(shop, scripted(HONEST)) as url, shopper_at(url) as shopper:
        yield shopper


def test_recommends_rows_of_the_database_within_the_budget_nearest_first(
    shopper: Shopper, shop: Settings
) -> None:
    frames = shopper.frames()
    own = own_of(frames)
    cards = own["products"]
    assert cards
    distances = [card["distance_km"] for card in cards]
    assert distances == sorted(distances)
    with stock_room(shop) as products:
        rows = products.find([card["id"] for card in cards])
    for card in cards:
        row = rows[card["id"]]
        assert (row.name, row.price_rupiah, row.stock_quantity) == (
            card["name"],
            card["price"],
            card["stock_quantity"],
        )
        assert row.category == "laptop"
        assert row.price_rupiah <= 10_000_000
        assert row.stock_quantity > 0
    assert own["understood"]["max_price"] == 10_000_000
    assert own["understood"]["place"]["name"] == "Jakarta"


def test_the_model_chooses_and_the_server_writes_the_facts(shopper: Shopper) -> None:
    frames = shopper.frames()
    own = own_of(frames)
    second = own["products"][1]
    price = f"Rp{second['price']:,}".replace(",", ".")
    assert f"- **{second['name']}** ({price}, " in text_of(frames)
    assert "cocok untuk laptop gaming." in text_of(frames)
    assert own["composed"] is False
    assert own["usage"]["completion_tokens"] > 0


def test_a_model_that_cannot_be_made_to_begin_is_heard_too(shop: Settings) -> None:
    """As on a fleet of servers that continue no answer."""
    engine = scripted_engine(lambda _prompt: f"- [{HONEST}", features=frozenset())
    with open_shop(shop, engine) as url, shopper_at(url) as shopper:
        frames = shopper.frames()
    assert "cocok untuk laptop gaming." in text_of(frames)
    assert own_of(frames)["composed"] is False


def test_what_the_model_invents_is_not_sent(shop: Settings) -> None:
    with open_shop(shop, scripted(INVENTED)) as url, shopper_at(url) as shopper:
        frames = shopper.frames()
    text, own = text_of(frames), own_of(frames)
    for lie in ("1.000!", "Macbook", "Neo", "Gratis"):
        assert lie not in text
    assert own["composed"] is True
    assert own["products"][1]["name"] in text  # the shopper still gets an answer


def test_a_product_that_sells_out_in_mid_answer_is_not_recommended(shop: Settings) -> None:
    asked, sold_out = threading.Event(), threading.Event()

    def before_step() -> None:
        asked.set()
        assert sold_out.wait(30)

    engine = scripted_engine(lambda _prompt: HONEST, before_step)
    with (
        open_shop(shop, engine) as url,
        shopper_at(url) as shopper,
        stock_room(shop) as products,
        shopper.client.stream("POST", "/api/chat", json={**QUESTION, "stream": True}) as response,
    ):
        assert asked.wait(30)
        session_id = response.headers["X-Session-Id"]
        first = next(line for line in response.iter_lines() if '"products"' in line)
        second = httpx.Response(200, text=first.removeprefix("data: ")).json()["warung"]["products"][1]
        products.change(second["id"], stock_quantity=0)
        sold_out.set()
        frames = shopper.follow(session_id)
    assert "cocok untuk laptop gaming" not in text_of(frames)
    assert second["id"] not in [card["id"] for card in own_of(frames)["products"]]


def test_a_price_that_rises_over_the_budget_takes_the_product_out(shop: Settings) -> None:
    with open_shop(shop, scripted(HONEST)) as url, shopper_at(url) as shopper:
        nearest = own_of(shopper.frames())["products"][0]["id"]
        with stock_room(shop) as products:
            products.change(nearest, price_rupiah=10_000_001)
        assert nearest not in [card["id"] for card in own_of(shopper.frames())["products"]]


def test_the_plain_answer_has_the_documented_shape(shopper: Shopper) -> None:
    response = shopper.ask()
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {
        "conversation_id", "session_id", "answer", "products", "understood", "relaxed", "composed",
        "usage",
    }  # fmt: skip
    assert response.headers["X-Session-Id"] == body["session_id"]
    assert body["products"][0]["name"] in body["answer"]


def test_every_cut_of_the_stream_can_be_resumed(shopper: Shopper) -> None:
    frames = shopper.frames()
    session_id = own_of(frames)["session_id"]
    assert [event_id for event_id, _ in frames] == [f"{session_id}:{n}" for n in range(len(frames))]
    for cut in range(len(frames) - 1):
        assert shopper.follow(session_id, frames[cut][0]) == frames[cut + 1 :]
    last = shopper.client.get(f"/api/chat/{session_id}", headers={"Last-Event-ID": frames[-1][0]})
    assert last.status_code == 204


def test_the_same_question_again_joins_its_answer(shopper: Shopper, shop: Settings) -> None:
    first = shopper.frames(session_id="session-of-mine")
    before = count_messages(shop)
    assert shopper.frames(session_id="session-of-mine") == first
    assert count_messages(shop) == before == 2


def test_another_guest_finds_neither_the_session_nor_the_conversation(shop: Settings) -> None:
    with open_shop(shop, scripted(HONEST)) as url, shopper_at(url) as owner, shopper_at(url) as other:
        own = own_of(owner.frames(session_id="session-of-mine"))
        other.client.get("/")
        before = count_messages(shop)
        for response in (
            other.client.get("/api/chat/session-of-mine"),
            other.client.post("/api/chat/session-of-mine/cancel"),
            other.ask(session_id="session-of-mine"),
            other.ask(conversation_id=own["conversation_id"]),
            other.client.get("/api/chat/session-that-never-was"),
        ):
            assert response.status_code == 404, response.text
        assert count_messages(shop) == before
        assert owner.client.get("/api/chat/session-of-mine").status_code == 200


def test_a_follow_up_goes_on_in_the_conversation(shopper: Shopper) -> None:
    first = shopper.ask().json()
    second = shopper.ask(message="maksimal 8 juta", conversation_id=first["conversation_id"]).json()
    assert second["conversation_id"] == first["conversation_id"]
    assert second["understood"]["text"] == "laptop gaming"
    assert second["products"]
    assert all(card["price"] <= 8_000_000 for card in second["products"])


def test_thanks_are_no_question(shopper: Shopper) -> None:
    first = shopper.ask().json()
    thanks = shopper.ask(message="terima kasih!", conversation_id=first["conversation_id"]).json()
    assert (thanks["products"], thanks["composed"]) == ([], True)
    assert thanks["answer"].startswith("Halo!")
    third = shopper.ask(message="maksimal 8 juta", conversation_id=first["conversation_id"]).json()
    assert third["understood"]["text"] == "laptop gaming"


def test_without_a_model_the_shopper_still_gets_the_products_and_is_told(shop: Settings) -> None:
    class Broken(ScriptedRunner):
        def load(self) -> Tokenizer:
            raise EngineUnavailable("no such model")

    engine = ThreadedEngine("broken", Broken(str))
    with open_shop(shop, engine) as url, shopper_at(url) as shopper:
        body = shopper.ask().json()
        again = shopper.ask().json()
    assert body["composed"] is again["composed"] is True
    assert body["products"]
    assert "tidak bisa dihubungi" in body["answer"]
    assert body["products"][0]["name"] in body["answer"]
    assert "tidak bisa dihubungi" in again["answer"]


def test_a_misspelt_question_is_answered_and_the_spelling_asked_about(shopper: Shopper) -> None:
    answer = shopper.ask(message="laptp gamming Jakarta budget 10 juta").json()
    assert answer["answer"].startswith("Maksud Anda “laptop gaming”? Ada ")
    assert "laptop" in answer["products"][0]["name"].lower()


def test_nothing_found_is_said(shopper: Shopper) -> None:
    body = shopper.ask(message="xyzzy qwerty").json()
    assert body["products"] == []
    assert body["answer"].startswith("Belum ada xyzzy qwerty")


def test_cancel_stops_and_keeps_what_was_said(shop: Settings) -> None:
    go = threading.Event()
    engine = scripted_engine(lambda _prompt: HONEST, lambda: _wait(go))
    with open_shop(shop, engine) as url, shopper_at(url) as shopper:
        with shopper.client.stream(
            "POST", "/api/chat", json={**QUESTION, "stream": True, "session_id": "to-be-cancelled"}
        ) as response:
            lines = response.iter_lines()
            next(line for line in lines if '"products"' in line)
            assert shopper.client.post("/api/chat/to-be-cancelled/cancel").status_code == 200
            assert shopper.client.post("/api/chat/to-be-cancelled/cancel").status_code == 200
            rest = list(lines)
        go.set()
    assert any('"code":"cancelled"' in line for line in rest)
    assert count_messages(shop) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"location": "abc"}, "location"),
        ({"location": "95,10"}, "location"),
        ({"message": ""}, "message"),
        ({"message": "   "}, "message"),
        ({"message": "x" * 2001}, "message"),
        ({"message": None}, "message"),
        ({"mesage": "typo"}, "mesage"),
        ({"session_id": "a b"}, "session_id"),
        ({"stream": "perhaps"}, "stream"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(
    shopper: Shopper, shop: Settings, body: dict[str, object], field: str
) -> None:
    response = shopper.ask(**body)
    assert response.status_code == 422
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in problem["errors"]]
    assert count_messages(shop) == 0


def test_a_body_that_is_not_json_is_refused(shopper: Shopper) -> None:
    headers = {"content-type": "application/json"}
    response = shopper.client.post("/api/chat", content=b"{message:", headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body"


def test_guests_can_be_turned_off(shop: Settings) -> None:
    closed = shop.model_copy(update={"guests_enabled": False})
    with open_shop(closed, scripted(HONEST)) as url, shopper_at(url) as shopper:
        response = shopper.ask()
        assert response.status_code == 403
        assert response.json()["code"] == "guests_disabled"
        assert shopper.client.get("/").status_code == 200


def test_a_guest_who_asks_too_much_is_told_when_to_return(shop: Settings) -> None:
    limited = shop.model_copy(update={"guest_requests_per_minute": 2})
    with open_shop(limited, scripted(HONEST)) as url, shopper_at(url) as shopper:
        assert [shopper.ask().status_code for _ in range(2)] == [200, 200]
        response = shopper.ask()
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 31


@pytest.mark.parametrize("stream", [True, False])
def test_a_cursor_that_fits_nothing_asks_nothing(shop: Settings, stream: bool) -> None:
    limited = shop.model_copy(update={"guest_requests_per_minute": 1})
    with open_shop(limited, scripted(HONEST)) as url, shopper_at(url) as shopper:
        for cursor, status in (("garbage", 422), ("another-one:0", 422), ("session-of-mine:3", 404)):
            refused = shopper.client.post(
                "/api/chat",
                json={**QUESTION, "stream": stream, "session_id": "session-of-mine"},
                headers={"Last-Event-ID": cursor},
            )
            assert refused.status_code == status, cursor
        assert count_messages(shop) == 0
        assert shopper.client.get("/api/chat/session-of-mine").status_code == 404
        assert shopper.ask().status_code == 200  # the one question a minute was not spent


@pytest.mark.parametrize("stream", [True, False])
def test_a_database_that_fails_in_mid_answer_is_told_of(shop: Settings, stream: bool) -> None:
    asked, broken = threading.Event(), threading.Event()

    def before_step() -> None:
        asked.set()
        _wait(broken)

    def break_it() -> None:
        _wait(asked)
        database = Database(shop.database)
        with database.transaction() as session:
            session.connection().exec_driver_sql("DROP TABLE messages")
        database.close()
        broken.set()

    breaking = threading.Thread(target=break_it)
    breaking.start()
    engine = scripted_engine(lambda _prompt: HONEST, before_step)
    with open_shop(shop, engine) as url, shopper_at(url) as shopper:
        response = shopper.ask(stream=stream)
    breaking.join()
    if stream:
        *_, (_, failure), (_, done) = read_frames(response)
        assert (failure or {})["error"]["code"] == "database_unavailable"
        assert done is None  # [DONE]
    else:
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


def test_a_plain_answer_that_nobody_waits_for_is_given_up(shop: Settings) -> None:
    go = threading.Event()
    impatient = shop.model_copy(update={"cancel_after_disconnect_seconds": 0.2})
    engine = scripted_engine(lambda _prompt: HONEST, lambda: _wait(go))
    with open_shop(impatient, engine) as url, shopper_at(url) as shopper:
        with pytest.raises(httpx.ReadTimeout):
            shopper.client.post("/api/chat", json=QUESTION, timeout=1)
        deadline = time.monotonic() + 10
        while shopper.client.get("/health").json()["running"]:
            assert time.monotonic() < deadline, "the model still works for a shopper who left"
            time.sleep(0.1)
        go.set()
    assert count_messages(shop) == 2
