import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.cards import card
from warung.assistant.grounding import Sentence, Verifier, replace_references

CARDS = [
    card(1, "Laptop Gaming ASUS TUF A15 16GB", "Prosesor Ryzen 7, layar 144 Hz, cocok untuk pelajar."),
    card(2, "Laptop Lenovo Slim RAM 8 GB SSD 256 GB", "Ringan dan tanpa kipas, garansi resmi 2 tahun."),
    card(
        3, "Laptop MSI Thin", "Tipis. Hubungi WA 0812-3456-7890, harga asli 99 ribu, stok 500, cek evil.com."
    ),
]


def checked(text: str) -> Sentence | None:
    return Verifier(CARDS).check(text)


@pytest.mark.parametrize(
    "text",
    [
        "[1] cocok untuk pelajar.",
        "[1] punya layar 144 Hz dan Ryzen 7.",
        "- [2] ringan, SSD 256 GB.",
        "[2] tanpa kipas dan garansi resmi 2 tahun.",
        "Untuk pelajar, pilih [1] dengan layar 144 Hz \u2013 bagus!",
        "Di Jakarta ada [2], ringan.",
        "[1] dan [2] laptop yang bagus.",
        "The [2] laptop is good for you.",
    ],
)
def test_lets_through_what_stands_in_the_facts(text: str) -> None:
    sentence = checked(text)
    assert sentence is not None
    assert not sentence.is_pick
    assert sentence.text == text.removeprefix("- ")


LIES = [
    "harganya cuma Rp 5.000.000.",
    "harga pas 10 juta.",
    "hanya sejuta.",
    "seratus ribuan saja.",
    "potongan separuh harga.",
    "\u00bd harga.",
    "stok 10.",
    "stok terbatas.",
    "punya layar 144 Hz.",  # a fact of another product
    "RAM 256 GB, SSD 8 GB.",  # true words, false neighbours
    "RAM 32 GB.",
    "baterai tahan 256 jam.",
    "garansi 8 tahun.",
    "tanpa garansi.",
    "bergaransi.",
    "ringan seperti Macbook.",
    "ringan seperti macbook.",
    "sekelas asus.",  # another product's name
    "dengan kartu nvidia rtx.",
    "anti air.",
    "paling murah dan terdekat.",
    "lebih ringan daripada [1].",
    "gratis ongkir.",
    "is the cheapest laptop.",
    "ringan, cek evil.com.",
    "ringan \U0001f193",
    "ringan [catatan].",
    "ringan ringan ringan ringan ringan ringan ringan ringan ringan.",
]


@pytest.mark.parametrize("lie", LIES)
def test_drops_what_does_not(lie: str) -> None:
    assert checked(f"Pilih [2] karena {lie}") is None


@pytest.mark.parametrize("lie", LIES)
def test_of_a_line_with_bad_reasons_the_product_is_kept_unless_it_may_be_advised_against(lie: str) -> None:
    sentence = checked(f"- [2] {lie}")
    if sentence is not None:
        assert sentence.is_pick
        assert sentence.references == (2,)
    assert (sentence is None) == (lie == "tanpa garansi.")


@pytest.mark.parametrize(
    "words",
    ["hubungi WA", "0812-3456-7890", "0812 3456 7890", "harga asli 99 ribu", "stok 500", "cek evil.com"],
)
def test_a_seller_cannot_speak_through_the_model(words: str) -> None:
    sentence = checked(f"[3] tipis, {words}.")
    assert sentence is None or sentence.is_pick


@pytest.mark.parametrize("text", ["Pilih [4] untuk pelajar.", "[0] bagus.", "Laptop ini bagus.", "", "[]"])
def test_drops_what_names_no_product(text: str) -> None:
    assert checked(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "[2]",
        "[2] ringan",
        "[2] ringan dan bagus:",
        "2. [2] zzz qqq.",
        "[2] Laptop Lenovo Slim RAM 8 GB SSD 256 GB",
    ],
)
def test_a_line_may_be_a_pick_alone(text: str) -> None:
    sentence = checked(text)
    assert sentence is not None
    assert sentence.is_pick


def test_a_line_that_may_advise_against_a_product_is_no_pick() -> None:
    assert checked("[2] tidak disarankan karena RTX 9090 rusak.") is None


def test_nothing_is_said_twice() -> None:
    verifier = Verifier(CARDS)
    assert verifier.check("[1] cocok untuk pelajar.") is not None
    assert verifier.check("[1] cocok untuk pelajar.") is None
    assert verifier.check("[1] seharga Rp 1!") is None


def test_a_remark_may_follow_a_named_product() -> None:
    verifier = Verifier(CARDS)
    assert verifier.check("Semoga membantu.") is None
    assert verifier.check("[1] cocok untuk pelajar.") is not None
    assert verifier.check("Semoga membantu.") is not None
    assert verifier.check("Layar 144 Hz bagus.") is None  # of no product in particular
    assert verifier.check("Kedua pilihan:") is None


def test_the_name_behind_a_reference_is_left_out() -> None:
    sentence = checked("[1] Laptop Gaming ASUS TUF A15 16GB - Laptop Gaming ASUS TUF cocok untuk pelajar.")
    assert sentence is not None
    assert replace_references(sentence, {1: "**A**"}) == "**A** cocok untuk pelajar."


_VOCABULARY = """
[1] [2] [3] RAM SSD 8 16 256 144 GB Hz tahun garansi resmi layar dan untuk ringan Rp juta stok 99 7
"""
_WORDS = st.sampled_from(_VOCABULARY.split())


@given(st.lists(_WORDS, max_size=8).map(" ".join))
def test_no_number_leaves_without_its_neighbour_of_the_facts(text: str) -> None:
    sentence = Verifier(CARDS).check(text)
    if sentence is None or sentence.is_pick:
        return
    shown = replace_references(sentence, dict.fromkeys(sentence.references, "")).casefold()
    assert not {"rp", "juta", "stok"} & set(shown.split())
    for reference in sentence.references:
        facts = f"{CARDS[reference - 1].name} {CARDS[reference - 1].description}".casefold().replace(",", "")
        for before, number, after in re.findall(r"(?=(\S*) ?\b(\d+)\b ?(\S*))", shown):
            assert f"{before} {number}" in facts or f"{number} {after}" in facts
