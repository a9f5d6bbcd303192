from dataclasses import replace

from assistant.cards import card
from warung.assistant import phrases
from warung.search.query import Sort, Understood
from warung.search.request import SearchResult


def result(count: int, *relaxed: str) -> SearchResult:
    cards = tuple(card(number, f"Laptop {number}") for number in range(1, count + 1))
    return SearchResult(cards, count, {}, None, relaxed)


def test_money_and_distance_are_written_as_in_indonesia() -> None:
    assert phrases.rupiah(9_499_000) == "Rp9.499.000"
    assert phrases.rupiah(0) == "Rp0"
    assert phrases.kilometres(3.26) == "3,3 km"
    assert phrases.kilometres(1540.4) == "1.540 km"


def test_a_label_holds_what_the_card_holds() -> None:
    assert phrases.label(card(2, "Laptop B")) == "**Laptop B** (Rp2.000.000, 3,0 km)"
    assert phrases.label(card(2, "Laptop B", distance_km=None)) == "**Laptop B** (Rp2.000.000)"


def test_the_opening_says_what_was_understood_and_names_the_first() -> None:
    understood = Understood("laptop", min_price_rupiah=2_000_000, max_price_rupiah=3_000_000)
    opening = phrases.opening(understood, result(2), Sort.DISTANCE, widened=False)
    assert opening.startswith("Ada 2 laptop antara Rp2.000.000 dan Rp3.000.000. Terdekat: **Laptop 1**")
    assert "Toko Nomor1, Jakarta Barat" in opening


def test_the_opening_tells_what_gave_way() -> None:
    understood = Understood("laptop")
    nothing = phrases.opening(understood, result(0), Sort.DISTANCE, widened=False)
    similar = phrases.opening(understood, result(1, "words"), Sort.PRICE_ASC, widened=False)
    elsewhere = phrases.opening(understood, result(1), Sort.DISTANCE, widened=True)
    assert nothing.startswith("Belum ada laptop")
    assert similar.startswith("Tidak ada yang persis laptop. Ada 1 yang mirip. Termurah:")
    assert elsewhere.startswith("Belum ada laptop. Di luar daerah itu ada 1. Terdekat:")
    both = phrases.opening(understood, result(1, "words"), Sort.DISTANCE, widened=True)
    assert both.startswith("Belum ada laptop. Di luar daerah itu ada 1 yang mirip.")


def test_the_opening_asks_whether_another_spelling_was_meant() -> None:
    found = replace(result(1), did_you_mean="laptop gaming", corrected={"laptp": "laptop"})
    opening = phrases.opening(Understood("laptp gaming"), found, Sort.RELEVANCE, widened=False)
    assert opening.startswith("Maksud Anda “laptop gaming”? Ada 1 laptop gaming. ")


def test_the_opening_says_when_it_cannot_tell_what_is_near() -> None:
    found = SearchResult((card(1, "Laptop", distance_km=None),), 1, {}, None, ())
    for understood in (Understood("laptop", sort=Sort.DISTANCE), Understood("laptop", near_me=True)):
        opening = phrases.opening(understood, found, Sort.RELEVANCE, widened=False)
        assert phrases.NO_LOCATION in opening
    assert phrases.NO_LOCATION not in phrases.opening(
        Understood("laptop"), found, Sort.RELEVANCE, widened=False
    )
