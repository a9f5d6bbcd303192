"""Search in one's own words over a live server, with an engine that says what it is told."""

import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from assistant.chat import open_shop, stock_room
from warung.engine.engine import Engine
from warung.engine.features import Feature
from warung.engine.scripted import FEATURES, scripted_engine
from warung.settings import Settings

ROUTE = "/api/products/ai-search"
DOUBTFUL = "zxqv 3500500"
JAKARTA = "-6.2,106.8"
Ask = Callable[..., httpx.Response]


def reading(answer: object, before_step: Callable[[], None] | None = None) -> Engine:
    """A model that can write JSON and writes this."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return scripted_engine(lambda _prompt: text, before_step, features=FEATURES | {Feature.JSON})


@contextmanager
def asking(shop: Settings, engine: Engine | None = None, **settings: object) -> Generator[Ask]:
    """A shopper at a shop whose model is loaded."""
    shop = shop.model_copy(update={"load_model_at_start": True, **settings})
    with (
        open_shop(shop, engine or scripted_engine(lambda _prompt: "")) as url,
        httpx.Client(base_url=url, timeout=120) as client,
    ):
        deadline = time.monotonic() + 100
        while not client.get("/health").json()["modelReady"]:
            assert time.monotonic() < deadline, "the model does not load"
            time.sleep(0.05)

        def ask(query: str, **body: object) -> httpx.Response:
            return client.post(ROUTE, json={"query": query, **body})

        yield ask


def found(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return response.json()


def test_words_become_filters_and_every_product_has_its_reason(shop: Settings) -> None:
    with asking(shop) as ask, stock_room(shop) as products:
        body = found(ask("laptop gaming Jakarta budget 10 juta", location=JAKARTA, facets="all"))
        rows = products.find([card["id"] for card in body["products"]])
    assert set(body) == {
        "answer", "products", "exact", "total", "facets", "next_cursor", "understood", "relaxed", "reading",
        "corrected", "did_you_mean",
    }  # fmt: skip
    assert (body["understood"]["category"], body["understood"]["max_price"]) == ("laptop", 10_000_000)
    assert (body["reading"], body["relaxed"], body["exact"]) == ("rules", [], len(body["products"]))
    assert body["answer"].startswith(
        f"Ada {body['total']} laptop gaming sampai Rp10.000.000 di sekitar Jakarta."
    )
    assert body["products"][0]["name"] in body["answer"]
    for card in body["products"]:
        row = rows[card["id"]]
        assert (row.price_rupiah, row.stock_quantity) == (card["price"], card["stock_quantity"])
        assert row.price_rupiah <= 10_000_000
        assert 'cocok dengan "laptop gaming"' in card["reason"]
        assert f"stok {card['stock_quantity']}" in card["reason"]
        ways = [offer["distance_km"] for offer in card["offers"]]
        assert ways == sorted(ways)
        assert card["supplier"]["id"] not in [offer["supplier"]["id"] for offer in card["offers"]]
    assert sum(band["count"] for band in body["facets"]["price"]) >= body["total"]
    assert body["facets"]["distance"]


def test_an_english_question_is_answered_in_english(shop: Settings) -> None:
    with asking(shop) as ask:
        body = found(ask("laptop for school under 9 million near Bandung", limit=2))
    assert body["answer"].startswith(("Found ", "Nothing is exactly "))
    assert "in stock" in body["products"][0]["reason"]


def test_what_goods_are_for_hides_none_of_them(shop: Settings) -> None:
    with asking(shop) as ask:
        body = found(ask("tongkat buat orang tua", offers=0))
    assert (body["understood"]["text"], body["relaxed"]) == ("tongkat orang tua", ["words"])
    assert body["products"]
    assert all("Tongkat" in card["name"] for card in body["products"])


def test_what_is_second_hand_is_found_as_such(shop: Settings) -> None:
    with asking(shop) as ask:
        body = found(ask("laptop bekas di bawah 4 juta", offers=0))
    assert (body["understood"]["condition"], body["relaxed"]) == ("used", [])
    assert body["products"]
    assert all("Bekas" in card["name"] for card in body["products"])


def test_a_greeting_is_no_search(shop: Settings) -> None:
    with asking(shop) as ask:
        for greeting, answer in (("halo, apa kabar?", "Halo! Tulis"), ("hello, how are you?", "Hello! Just")):
            body = found(ask(greeting))
            assert (body["products"], body["total"], body["reading"]) == ([], 0, "rules")
            assert body["answer"].startswith(answer)


def test_what_was_not_found_is_advised_on_by_what_was_asked(shop: Settings) -> None:
    with asking(shop) as ask:
        told = [
            found(ask(query))["answer"].partition("Coba ")[2]
            for query in ("hp bekas", "hp bekas bukan samsung di bawah 2 juta dekat Bandung", "xyzzy qwerty")
        ]
    assert told == [
        "kata lain atau yang baru.",
        "kata lain, yang baru, batas harga lain, tempat lain atau tanpa pengecualian.",
        "kata lain.",
    ]


def test_a_misspelt_question_has_the_filters_of_the_right_one(shop: Settings) -> None:
    with asking(shop) as ask:
        right, wrong = (
            found(ask(f"{words} di Bandung", offers=0)) for words in ("laptop gaming", "Latop gamng")
        )
        following = found(ask("Latop gamng di Bandung", offers=0, cursor=wrong["next_cursor"]))
    assert right["understood"]["category"] == wrong["understood"]["category"] == "laptop"
    assert [card["id"] for card in right["products"]] == [card["id"] for card in wrong["products"]]
    assert {"field": "category", "text": "Latop"} in wrong["understood"]["spans"]
    assert wrong["corrected"] == {"latop": "laptop", "gamng": "gaming"}
    assert wrong["did_you_mean"] == "laptop gaming"
    assert {card["category"] for card in following["products"]} == {"laptop"}


def test_a_reason_names_the_word_that_was_meant(shop: Settings) -> None:
    with asking(shop) as ask:
        body = found(ask("laptp gaming", offers=0))
    assert body["answer"].startswith("Maksud Anda “laptop gaming”?")
    assert all('cocok dengan "laptop gaming"' in card["reason"] for card in body["products"])


def test_pages_go_on_and_end(shop: Settings) -> None:
    with asking(shop) as ask:
        whole = found(ask("kopi", limit=20, offers=0))
        ids, cursor = list[int](), None
        while True:
            page = found(ask("kopi", limit=7, offers=0, cursor=cursor))
            ids += [card["id"] for card in page["products"]]
            assert page["total"] == whole["total"]
            if (cursor := page["next_cursor"]) is None:
                break
        assert ids[:20] == [card["id"] for card in whole["products"]]
        assert len(set(ids)) == len(ids) == whole["total"]
        assert found(ask("kopi", offers=0))["products"][0]["offers"] is None


def test_what_gives_way_is_said(shop: Settings) -> None:
    with asking(shop) as ask:
        far = found(ask("laptop gaming di Merauke budget 30 juta"))
        words = found(ask("kopi rubikania"))
    assert far["relaxed"] == ["radius"]
    assert "di luar daerah itu" in far["answer"]
    assert words["relaxed"] == ["words"]
    assert words["exact"] == 0
    assert "Tidak ada yang persis kopi rubikania" in words["answer"]


def test_the_model_reads_what_the_rules_cannot(shop: Settings) -> None:
    engine = reading({"category": {"quote": "zxqv", "value": "ponsel"}, "max_price": {"quote": "3500500"}})
    with asking(shop, engine) as ask:
        first = found(ask(DOUBTFUL, limit=3, offers=0))
        second = found(ask(DOUBTFUL, limit=3, offers=0, cursor=first["next_cursor"]))
    for body in (first, second):
        assert body["reading"] == "model"
        assert (body["understood"]["category"], body["understood"]["max_price"]) == ("ponsel", 3_500_500)
        assert {card["category"] for card in body["products"]} == {"ponsel"}
        assert all(card["price"] <= 3_500_500 for card in body["products"])
        assert body["answer"].startswith('Saya mengartikan "zxqv" sebagai ')
    assert not {card["id"] for card in first["products"]} & {card["id"] for card in second["products"]}


INVENTED: tuple[object, ...] = (
    {"category": {"quote": "laptop", "value": "laptop"}},
    {"category": {"quote": "zxqv", "value": "pesawat"}, "max_price": {"quote": "1 juta"}},
    {"max_price": {"quote": "zxqv"}, "place": {"quote": "zxqv"}},
    {"category": None, "max_price": None},
    {"categories": {"quote": "zxqv"}},
    {"category": "laptop"},
    {"category": {"quote": ["zxqv"], "value": 7}},
    [1, 2],
    "",
    "not JSON at all",
    '{"category": {"quote": "zxqv", "val',
)


def test_what_the_model_invents_is_dropped(shop: Settings) -> None:
    answers = (answer if isinstance(answer, str) else json.dumps(answer) for answer in INVENTED)
    engine = scripted_engine(lambda _prompt: next(answers), features=FEATURES | {Feature.JSON})
    with asking(shop, engine) as ask:
        for _ in INVENTED:
            body = found(ask(DOUBTFUL))
            assert body["reading"] == "rules"
            for field in ("category", "min_price", "max_price", "place"):
                assert body["understood"][field] is None
            assert body["understood"]["text"] == DOUBTFUL
    assert next(answers, None) is None


def test_a_reading_that_finds_nothing_is_not_kept(shop: Settings) -> None:
    engine = reading({"category": {"quote": "zxqv", "value": "batik"}, "max_price": {"quote": "1000"}})
    with asking(shop, engine) as ask:
        body = found(ask("zxqv 1000"))
    assert body["reading"] == "rules"


def test_the_model_is_not_asked_where_the_rules_are_sure(shop: Settings) -> None:
    asked: list[str] = []

    def script(prompt: str) -> str:
        asked.append(prompt)
        return "{}"

    engine = scripted_engine(script, features=FEATURES | {Feature.JSON})
    with asking(shop, engine) as ask:
        for query in ("laptop gaming Jakarta budget 10 juta", "kopi", "laptop zxqv"):
            assert found(ask(query))["reading"] == "rules"
        assert asked == []
        found(ask("zxqv"))
    assert len(asked) == 1


def test_a_slow_model_is_not_waited_for(shop: Settings) -> None:
    go = threading.Event()
    engine = reading({"category": {"quote": "zxqv", "value": "ponsel"}}, lambda: (go.wait(60), None)[1])
    with asking(shop, engine, reading_within_seconds=0.2) as ask:
        body = found(ask(DOUBTFUL))
        go.set()
    assert body["reading"] == "rules"


@pytest.mark.parametrize("settings", [{"reading_within_seconds": 0}, {}], ids=["turned off", "no JSON"])
def test_without_a_model_that_can_the_rules_stand_alone(shop: Settings, settings: dict[str, object]) -> None:
    answer = json.dumps({"category": {"quote": "zxqv", "value": "ponsel"}})
    engine = reading(answer) if settings else scripted_engine(lambda _prompt: answer)
    with asking(shop, engine, **settings) as ask:
        assert found(ask(DOUBTFUL))["reading"] == "rules"


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"query": ""}, "query"),
    ({"query": "x" * 501}, "query"),
    ({"location": "abc"}, "location"),
    ({"limit": 0}, "limit"),
    ({"limit": 21}, "limit"),
    ({"cursor": "abc"}, "cursor"),
    ({"facets": "warna"}, "facets"),
    ({"offers": 6}, "offers"),
    ({"sort": "murah"}, "sort"),
)


def test_bad_input_names_the_field(shop: Settings) -> None:
    with asking(shop) as ask:
        for body, field in BAD:
            response = ask(**{"query": "kopi", **body})
            assert response.status_code == 422
            assert field in [error["field"] for error in response.json()["errors"]]


def test_the_cursor_of_another_question_is_refused(shop: Settings) -> None:
    with asking(shop) as ask:
        cursor = found(ask("kopi", limit=1))["next_cursor"]
        assert ask("teh", cursor=cursor).status_code == 422


def test_guests_may_be_turned_off_and_have_a_limit(shop: Settings) -> None:
    with asking(shop, guests_enabled=False) as ask:
        assert (ask("kopi").status_code, ask("kopi").json()["code"]) == (403, "guests_disabled")
    with asking(shop, guest_requests_per_minute=1) as ask:
        assert [ask("kopi").status_code for _ in range(2)] == [200, 429]
