from assistant.cards import card
from warung.assistant.reasons import Matched, reasons
from warung.delivery.schemas import Delivery
from warung.search.understood import Understood

INSTANT = Delivery(service="instant", name="Instan", fee=15_000, min_hours=1, max_hours=3)


def matched(text: str) -> Matched:
    return lambda card: [word for word in text.split() if word in f"{card.name} {card.description}".lower()]


def test_a_reason_is_made_of_facts() -> None:
    cards = [card(1, "Laptop Gaming", "untuk kuliah"), card(2, "Laptop Kantor", delivery=[INSTANT])]
    understood = Understood("laptop gaming murah", max_price_rupiah=1_500_000)
    sent = "Instan mulai Rp15.000, 1-3 jam"
    firsts = "termurah di sini; terdekat di sini"
    assert reasons(cards, understood, matched(understood.text), "id") == [
        f'cocok dengan "laptop gaming"; Rp500.000 di bawah budget; {firsts}; jarak 1,5 km; stok 5',
        f'cocok dengan "laptop"; Rp500.000 di atas budget; jarak 3,0 km; stok 5; {sent}',
    ]
    sent = "Instan from Rp15.000, 1-3 hours"
    assert reasons(cards[1:], understood, matched(understood.text), "en") == [
        f'matches "laptop"; Rp500.000 over the budget; 3.0 km away; 5 in stock; {sent}'
    ]


def test_nothing_is_said_of_what_is_not_known_or_shared() -> None:
    twins = [card(1, "Teh", distance_km=None, price=5), card(2, "Kopi", distance_km=None, price=5)]
    understood = Understood("susu", max_price_rupiah=5)
    assert reasons(twins, understood, matched(understood.text), "id") == ["pas dengan budget; stok 5"] * 2


def test_a_range_is_no_budget_to_have_something_left_of() -> None:
    cards = [
        card(number, "Teh", distance_km=None, price=price) for number, price in enumerate((4, 5, 9, 12), 1)
    ]
    understood = Understood("", min_price_rupiah=5, max_price_rupiah=10)
    told = [text.split("; ")[0] for text in reasons(cards, understood, matched(""), "id")]
    assert told == [
        "Rp1 di bawah harga yang diminta",
        *("harganya sesuai",) * 2,
        "Rp2 di atas harga yang diminta",
    ]
