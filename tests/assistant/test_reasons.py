from assistant.cards import card
from warung.assistant.reasons import reasons
from warung.delivery.schemas import Delivery
from warung.search.query import Understood

INSTANT = Delivery(service="instant", name="Instan", fee=15_000, min_hours=1, max_hours=3)


def terms(text: str) -> list[str]:
    return text.lower().split()


def test_a_reason_is_made_of_facts() -> None:
    cards = [card(1, "Laptop Gaming", "untuk kuliah"), card(2, "Laptop Kantor", delivery=[INSTANT])]
    understood = Understood("laptop gaming murah", max_price_rupiah=1_500_000)
    sent = "Instan mulai Rp15.000, 1-3 jam"
    firsts = "termurah di sini; terdekat di sini"
    assert reasons(cards, understood, terms, "id") == [
        f'cocok dengan "laptop gaming"; Rp500.000 di bawah budget; {firsts}; jarak 1,5 km; stok 5',
        f'cocok dengan "laptop"; Rp500.000 di atas budget; jarak 3,0 km; stok 5; {sent}',
    ]
    sent = "Instan from Rp15.000, 1-3 hours"
    assert reasons(cards[1:], understood, terms, "en") == [
        f'matches "laptop"; Rp500.000 over the budget; 3.0 km away; 5 in stock; {sent}'
    ]


def test_nothing_is_said_of_what_is_not_known_or_shared() -> None:
    twins = [card(1, "Teh", distance_km=None, price=5), card(2, "Kopi", distance_km=None, price=5)]
    understood = Understood("susu", max_price_rupiah=5)
    assert reasons(twins, understood, terms, "id") == ["pas dengan budget; stok 5"] * 2
