import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.assistant.reading import Claim, Offer, is_in_doubt
from warung.gazetteer.places import Gazetteer
from warung.products.categories import load_categories
from warung.search.query import QueryParser
from warung.search.understood import Span, Understood

GAZETTEER = Gazetteer.load()
PARSER = QueryParser(GAZETTEER, load_categories())


def offer(message: str, *unknown: str) -> Offer:
    return Offer(message, PARSER.parse(message), unknown, GAZETTEER)


def test_the_model_is_asked_only_about_words_that_nobody_knows() -> None:
    assert is_in_doubt(Understood("zxqv"), ["zxqv"])
    assert not is_in_doubt(Understood("zxqv"), [])
    assert not is_in_doubt(Understood("laptop zxqv", category="laptop"), ["zxqv"])
    assert is_in_doubt(Understood("zxqv bagus banget putih"), ["zxqv"])  # vague words tell nothing
    assert not is_in_doubt(Understood("kado ulang tahun zxqv"), ["zxqv"])
    assert is_in_doubt(Understood("zxqv zxqv zxqv"), ["zxqv"])
    assert not is_in_doubt(Understood("bagus"), [])


def test_only_what_the_rules_left_open_is_offered_and_only_what_could_be_meant() -> None:
    quotes = offer("zxqv besar 3500500", "zxqv").quotes()
    assert set(quotes) == {"category", "min_price", "max_price"}
    assert "zxqv" in quotes["category"]
    assert "besar" not in quotes["category"]
    assert quotes["max_price"] == ["3500500"]
    assert set(offer("zxqv di Bandung budget 2 juta", "zxqv").quotes()) == {"category"}


def test_claims_that_hold_become_filters_with_the_words_behind_them() -> None:
    claims = [Claim("category", "zxqv", "ponsel"), Claim("max_price", "3500500")]
    understood, held = offer("zxqv besar 3500500", "zxqv", "3500500").apply(claims)
    assert held == claims
    assert (understood.category, understood.max_price_rupiah, understood.text) == (
        "ponsel",
        3_500_500,
        "besar",
    )
    assert understood.spans[-2:] == (Span("category", "zxqv"), Span("max_price", "3500500"))


@pytest.mark.parametrize(
    ("message", "claim"),
    [
        ("zxqv besar", Claim("category", "zxqv", "pesawat")),  # no such category
        ("zxqv besar", Claim("category", "zxqv", None)),
        ("zxqv besar", Claim("category", "besar", "ponsel")),  # a word that products have proves nothing
        ("zxqv besar", Claim("category", "kulkas", "ponsel")),  # not the shopper's words
        ("zxqv 5000 mah", Claim("max_price", "5000")),  # measured
        ("zxqv 16", Claim("max_price", "16")),
        ("zxqv besar", Claim("max_price", "10 juta")),
        ("zxqv besar", Claim("max_price", "besar")),
        ("zxqv besar", Claim("place", "besar")),
        ("zxqv besar", Claim("place", "Jakarta")),
        ("zxqv di Bandung", Claim("place", "Bandung")),  # set by the rules
        ("zxqv budget 2 juta 3500500", Claim("max_price", "3500500")),  # set by the rules
        ("zxqv budget 2 juta 3500500", Claim("min_price", "3500500")),  # more than the most
    ],
)
def test_what_the_words_do_not_vouch_for_is_dropped(message: str, claim: Claim) -> None:
    plain = PARSER.parse(message)
    assert offer(message, "zxqv").apply([claim]) == (plain, [])


def test_one_quote_sets_one_field_and_one_field_is_set_once() -> None:
    understood, held = offer("zxqv 3500500", "zxqv").apply(
        [Claim("max_price", "3500500"), Claim("min_price", "3500500"), Claim("category", "zxqv", "ponsel"),
         Claim("category", "zxqv", "laptop")]
    )  # fmt: skip
    assert (understood.min_price_rupiah, understood.category, len(held)) == (None, "ponsel", 2)


MESSAGES = st.lists(
    st.sampled_from(["zxqv", "batu", "di", "3500500", "12.000", "2 juta", "mah", "16", "laptop", "bukan"]),
    max_size=7,
).map(" ".join)
CLAIMS = st.lists(
    st.builds(
        Claim,
        st.sampled_from(["category", "min_price", "max_price", "place"]),
        st.sampled_from(["zxqv", "batu", "3500500", "12.000", "16", "2 juta", "zxqv batu", ""])
        | st.text(max_size=5),
        st.sampled_from([None, "laptop", "ponsel", "pesawat"]),
    ),
    max_size=5,
)


@given(MESSAGES, CLAIMS)
def test_whatever_is_claimed_the_rules_reading_stands_and_what_is_added_is_quoted(
    message: str, claims: list[Claim]
) -> None:
    before = PARSER.parse(message)
    after, held = offer(message, "zxqv").apply(claims)
    for name in ("category", "min_price_rupiah", "max_price_rupiah", "place", "condition"):
        assert getattr(before, name) in (None, getattr(after, name))
    assert (before.exclude, before.sort, before.in_stock) == (after.exclude, after.sort, after.in_stock)
    assert all(claim.quote in message for claim in held)
    assert after.spans == (*before.spans, *(Span(claim.field, claim.quote) for claim in held))
    assert set(after.text.split()) <= set(before.text.split())
    low, high = after.min_price_rupiah or 0, after.max_price_rupiah
    assert high is None or low <= high
