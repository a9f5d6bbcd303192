import pytest

from warung.gazetteer.places import Gazetteer
from warung.geo import Circle, Coordinates
from warung.products.categories import load_categories
from warung.search.query import QueryParser
from warung.search.understanding import greets, read, refined, request_for, wire
from warung.search.understood import Span, Understood
from warung.search.vocabulary import Sort

parser = QueryParser(Gazetteer.load(), load_categories())
HERE = Coordinates(-6.2, 106.8)


def test_a_named_place_limits_and_the_shopper_measures() -> None:
    request = request_for(parser.parse("laptop gaming Bandung budget 10 juta"), HERE, limit=5)
    assert (request.near, request.sort, request.max_price_rupiah) == (HERE, Sort.DISTANCE, 10_000_000)
    assert request.in_stock
    assert request.area is not None
    assert Coordinates(-6.92, 107.61) in request.area
    assert HERE not in request.area


def test_without_a_location_the_named_place_measures() -> None:
    request = request_for(parser.parse("laptop Bandung"), None, limit=5)
    assert request.area is not None
    assert request.near == request.area.center


def test_nearest_without_any_place_falls_back_to_relevance() -> None:
    assert request_for(parser.parse("beras terdekat"), None, limit=5).sort is Sort.RELEVANCE


def test_an_order_that_was_asked_for_is_kept() -> None:
    assert request_for(parser.parse("beras termurah"), HERE, limit=5).sort is Sort.PRICE_ASC


def test_condition_and_radius_reach_the_search() -> None:
    asked = Understood("laptop", condition="used", radius_km=5)
    request = request_for(asked, HERE, limit=5)
    assert (request.condition, request.around) == ("used", Circle(HERE, 5))
    assert request_for(asked, None, limit=5).circles == ()
    picked = refined(asked, parser.parse("yang Samsung ada?"), "yang Samsung ada?")
    assert (picked.condition, picked.radius_km) == ("used", 5)


@pytest.mark.parametrize(
    ("message", "text", "searched"),
    [
        ("tongkat buat orang tua di Bandung", "tongkat orang tua", "tongkat buat orang tua"),
        ("cari tas untuk laptop buat kerja", "tas laptop kerja", "tas untuk laptop kerja"),
        ("laptop for budget 5 juta", "laptop", "laptop"),
        ("buat masak nasi", "masak nasi", "masak nasi"),
        ("tas sekolah", "tas sekolah", "tas sekolah"),
    ],
)
def test_goods_are_searched_apart_from_what_they_are_for(message: str, text: str, searched: str) -> None:
    understood = parser.parse(message)
    assert (understood.text, request_for(understood, None, limit=5).text) == (text, searched)


def test_what_goods_are_for_is_kept_where_the_question_goes_on() -> None:
    before = parser.parse("tongkat buat orang tua")
    elsewhere = refined(before, parser.parse("di Bandung"), "di Bandung")
    assert elsewhere.phrase == "tongkat buat orang tua"
    assert refined(before, parser.parse("yang aluminium ada?"), "yang aluminium ada?").phrase == (
        "tongkat orang tua aluminium"
    )


def test_a_follow_up_without_goods_goes_on_from_the_last_question() -> None:
    before = parser.parse("laptop gaming Jakarta budget 10 juta")
    elsewhere = refined(before, parser.parse("di Bandung"), "di Bandung")
    assert (elsewhere.text, elsewhere.category, elsewhere.max_price_rupiah) == (
        "laptop gaming",
        "laptop",
        10_000_000,
    )
    assert elsewhere.place is not None
    assert elsewhere.place.name == "Bandung"
    cheaper = refined(before, parser.parse("maksimal 8 juta"), "maksimal 8 juta")
    assert (cheaper.max_price_rupiah, cheaper.min_price_rupiah) == (8_000_000, None)
    assert cheaper.place is not None
    assert cheaper.place.name == "Jakarta"


def test_a_new_question_forgets_the_last_one() -> None:
    now = parser.parse("beras 5 kg")
    assert refined(parser.parse("laptop gaming Jakarta budget 10 juta"), now, "beras 5 kg") == now


def test_the_wire_names_what_was_understood() -> None:
    said = wire(parser.parse("laptop gaming Jakarta budget 10 juta"))
    assert said["text"] == "laptop gaming"
    assert said["max_price"] == 10_000_000
    assert said["place"]["name"] == "Jakarta"
    assert {"field": "max_price", "text": "budget 10 juta"} in said["spans"]
    assert set(said) == {
        "min_price", "max_price", "in_stock", "condition", "exclude", "sort",
        "place", "radius_km", "spans", "text", "category",
    }  # fmt: skip
    assert wire(parser.parse("beras"))["place"] is None


def test_a_follow_up_may_pick_among_what_was_asked_for() -> None:
    before = parser.parse("HP di bawah 3 juta di Bandung")
    picked = refined(before, parser.parse("ada yang Samsung?"), "ada yang Samsung?")
    assert (picked.category, picked.max_price_rupiah) == (before.category, 3_000_000)
    assert picked.text == f"{before.text} samsung"
    assert picked.place == before.place


def test_a_follow_up_may_ask_for_something_cheaper() -> None:
    before = parser.parse("HP di bawah 3 juta di Bandung")
    cheaper = refined(before, parser.parse("yang lebih murah ada?"), "yang lebih murah ada?")
    assert (cheaper.category, cheaper.sort) == (before.category, Sort.PRICE_ASC)
    assert refined(cheaper, parser.parse("yang putih"), "yang putih").sort is Sort.PRICE_ASC


@pytest.mark.parametrize(
    ("message", "is_greeting"),
    [
        ("terima kasih ya kak", True), ("Halo, apa kabar?", True), ("thanks!", True),
        ("halo, yang lebih murah ada?", False), ("ada lagi?", False), ("halo, cari beras", False),
        ("selamat pagi, yang di Bandung?", False),
    ],
)  # fmt: skip
def test_a_greeting_asks_for_nothing(message: str, is_greeting: bool) -> None:
    assert greets(parser.parse(message), message) == is_greeting


def test_a_misspelt_category_is_read_from_what_was_meant() -> None:
    def corrections(text: str) -> dict[str, str]:
        return {word: {"latop": "laptop"}[word] for word in text.split() if word == "latop"}

    understood = read("Cari Latop asus 5 jt", parser, corrections)
    assert (understood.text, understood.category) == ("latop asus", "laptop")
    assert Span("category", "Latop") in understood.spans
    assert read("beras 5 kg", parser, corrections) == parser.parse("beras 5 kg")
    assert read("xyzzy", parser, corrections) == parser.parse("xyzzy")
