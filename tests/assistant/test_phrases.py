from dataclasses import replace

import pytest

from assistant.cards import card
from warung.assistant import phrases
from warung.geo import Coordinates
from warung.search.facets import Facets
from warung.search.request import SearchResult, Step
from warung.search.understood import SearchPlace, Understood
from warung.search.vocabulary import Sort

PLACE = SearchPlace("Bandung", Coordinates(-6.9, 107.6), 20)


def result(count: int, *relaxed: Step, distance_km: float | None = 1.5) -> SearchResult:
    cards = tuple(card(number, f"Laptop {number}", distance_km=distance_km) for number in range(1, count + 1))
    return SearchResult(cards, count, count, Facets({}), None, relaxed)


def test_money_and_distance_are_written_as_in_indonesia() -> None:
    assert phrases.rupiah(9_499_000) == "Rp9.499.000"
    assert phrases.rupiah(0) == "Rp0"
    assert phrases.kilometres(3.26) == "3,3 km"
    assert phrases.kilometres(1540.4) == "1.540 km"
    assert phrases.kilometres(3.26, "en") == "3.3 km"
    assert phrases.kilometres(1540.4, "en") == "1,540 km"


def test_a_label_holds_what_the_card_holds() -> None:
    assert phrases.label(card(2, "Laptop B")) == "**Laptop B** (Rp2.000.000, 3,0 km)"
    assert phrases.label(card(2, "Laptop B", distance_km=None)) == "**Laptop B** (Rp2.000.000)"
    assert phrases.line(card(2, "Laptop B"), "en").endswith("Jakarta Barat, 5 in stock.")


def test_every_phrase_is_there_in_both_languages() -> None:
    assert len(phrases.load()) > 20
    assert all(set(both) == {"id", "en"} for both in phrases.load().values())


def test_the_opening_says_what_was_understood_and_names_the_first() -> None:
    understood = Understood(
        "laptop", min_price_rupiah=2_000_000, max_price_rupiah=3_000_000, condition="used", place=PLACE
    )
    opening = phrases.opening(understood, result(2), Sort.DISTANCE)
    assert opening.startswith(
        "Ada 2 laptop bekas antara Rp2.000.000 dan Rp3.000.000 di sekitar Bandung. Terdekat: **Laptop 1**"
    )
    assert "Toko Nomor1, Jakarta Barat" in opening
    english = phrases.opening(understood, result(2), Sort.PRICE_ASC, "en")
    assert english.startswith(
        "Found 2 for laptop, used between Rp2.000.000 and Rp3.000.000 around Bandung. Cheapest: **Laptop 1**"
    )


@pytest.mark.parametrize(
    ("relaxed", "indonesian", "english"),
    [
        (("words",), "Ada 1 yang mirip.", "There are 1 much like it."),
        (("radius",), "Ada 1 di luar daerah itu.", "There are 1 outside that area."),
        (("radius", "budget", "words"),
         "Ada 1 yang mirip di luar daerah itu dengan harga sampai 15 % di luar budget.",
         "There are 1 much like it outside that area at prices up to 15% beyond the budget."),
    ],
)  # fmt: skip
def test_the_opening_tells_what_gave_way(relaxed: tuple[Step, ...], indonesian: str, english: str) -> None:
    understood, found = Understood("laptop", max_price_rupiah=10**6, place=PLACE), result(1, *relaxed)
    said = phrases.opening(understood, found, Sort.DISTANCE)
    assert said.startswith(
        f"Tidak ada yang persis laptop sampai Rp1.000.000 di sekitar Bandung. {indonesian} Terdekat:"
    )
    said = phrases.opening(understood, found, Sort.DISTANCE, "en")
    assert said.startswith(f"Nothing is exactly laptop up to Rp1.000.000 around Bandung. {english} Nearest:")


def test_the_opening_says_when_there_is_nothing() -> None:
    assert phrases.opening(Understood("laptop"), result(0), Sort.DISTANCE).startswith("Belum ada laptop yang")
    cheapest = phrases.opening(Understood("", sort=Sort.PRICE_ASC), result(0), Sort.PRICE_ASC, "en")
    assert cheapest.startswith("Nothing in stock for products. Try other words.")
    assert phrases.opening(Understood(""), result(0), Sort.DISTANCE, "en").startswith("Hello!")


def test_the_opening_asks_whether_another_spelling_was_meant() -> None:
    found = replace(result(1), did_you_mean="laptop gaming", corrected={"laptp": "laptop"})
    opening = phrases.opening(Understood("laptp gaming"), found, Sort.RELEVANCE)
    assert opening.startswith("Maksud Anda “laptop gaming”? Ada 1 laptop gaming. ")


def test_the_opening_says_when_it_cannot_tell_what_is_near() -> None:
    found, hint = result(1, distance_km=None), phrases.say("no_location", "id")
    for understood in (Understood("laptop", sort=Sort.DISTANCE), Understood("laptop", near_me=True)):
        assert hint in phrases.opening(understood, found, Sort.RELEVANCE)
    assert hint not in phrases.opening(Understood("laptop"), found, Sort.RELEVANCE)
