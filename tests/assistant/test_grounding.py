import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.cards import card
from warung.assistant.grounding import Sentence, SentenceSplitter, Verifier, replace_references

CARDS = [
    card(1, "Laptop Gaming ASUS TUF A15 16GB", "Prosesor Ryzen 7, layar 144 Hz, cocok untuk pelajar."),
    card(2, "Laptop Lenovo Slim 8GB", "Ringan dan hemat baterai."),
    card(3, "Laptop MSI Thin", "Tipis."),
]
QUESTION = "laptop gaming Jakarta budget 10 juta"


def checked(text: str) -> Sentence | None:
    return Verifier(CARDS, QUESTION).check(text)


@pytest.mark.parametrize(
    "text",
    [
        "[1] cocok untuk pelajar.",
        "[1] punya layar 144 Hz dan Ryzen 7.",
        "- [2] ringan dan hemat baterai.",
        "Pilih [1] untuk layar 144 Hz, atau [2] yang ringan.",
        "Di Jakarta ada [2], hemat baterai.",
    ],
)
def test_lets_through_what_stands_in_the_facts(text: str) -> None:
    sentence = checked(text)
    assert sentence is not None
    assert not sentence.is_pick
    assert sentence.text == text.removeprefix("- ")


@pytest.mark.parametrize(
    "text",
    [
        "Harganya cuma Rp 5.000.000 untuk [1].",
        "Untuk pelajar, [2] punya layar 144 Hz.",  # a fact of another product
        "Ringan seperti Macbook, itulah [2].",  # a name from nowhere
        "Pelajar suka lenovo, jadi pilih [1].",  # another product's name
        "Dengan garansi resmi, [1] cocok untuk pelajar.",
        "Cocok untuk pelajar, [1] diskon lima puluh persen.",
        "Pilih [4] untuk pelajar.",
        "Pilih [0] untuk pelajar.",
        "Laptop ini cocok untuk pelajar.",  # speaks of no product, and none was named before
        "Untuk pelajar [1] dan [catatan] cocok.",
        "kalian kalian kalian kalian kalian kalian kalian kalian [1]",
        "",
        "[]",
    ],
)
def test_drops_what_does_not(text: str) -> None:
    assert checked(text) is None


@pytest.mark.parametrize(
    "text", ["[2] seharga Rp 99!", "- [2] dengan RTX 9090 dan diskon.", "[2]", "2. [2] zzz qqq vvv xxx."]
)
def test_of_a_line_with_bad_reasons_only_the_picked_product_is_kept(text: str) -> None:
    sentence = checked(text)
    assert sentence is not None
    assert sentence.is_pick
    assert sentence.references == (2,)


def test_a_line_that_may_advise_against_a_product_is_no_pick() -> None:
    assert checked("[2] tidak disarankan karena RTX 9090 rusak.") is None


def test_nothing_is_said_twice() -> None:
    verifier = Verifier(CARDS, QUESTION)
    assert verifier.check("[1] cocok untuk pelajar.") is not None
    assert verifier.check("[1] cocok untuk pelajar.") is None
    assert verifier.check("[1] seharga Rp 1!") is None


def test_a_remark_may_follow_a_named_product() -> None:
    verifier = Verifier(CARDS, QUESTION)
    assert verifier.check("Semoga membantu.") is None
    assert verifier.check("[1] cocok untuk pelajar.") is not None
    assert verifier.check("Kedua laptop gaming.") is not None
    assert verifier.check("Kedua laptop gaming:") is None


def test_the_name_behind_a_reference_is_left_out() -> None:
    sentence = checked("[1] Laptop Gaming ASUS TUF A15 16GB - Laptop Gaming ASUS TUF cocok untuk pelajar.")
    assert sentence is not None
    assert replace_references(sentence, {1: "**A**"}) == "**A** cocok untuk pelajar."


_TEXT = st.text(st.sampled_from("abc ASUS 0123456789[].,!?\n-RpRTXjuta"), max_size=80)


@given(_TEXT)
def test_no_number_leaves_that_is_in_no_fact(text: str) -> None:
    verifier = Verifier(CARDS, QUESTION)
    known = " ".join([QUESTION, *(f"{c.name} {c.description} {c.supplier.business_name}" for c in CARDS)])
    for raw in SentenceSplitter().feed(text, last=True):
        sentence = verifier.check(raw)
        if sentence is not None:
            shown = replace_references(sentence, dict.fromkeys(sentence.references, ""))
            assert set(re.findall(r"\d+", shown)) <= set(re.findall(r"\d+", known))


@given(st.text(st.sampled_from("ab.!?\n 1,"), max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_sentences_do_not_depend_on_how_the_text_arrives(text: str, cuts: list[int]) -> None:
    bounds = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    splitter, got = SentenceSplitter(), list[str]()
    for start, end in pairwise(bounds):
        got += splitter.feed(text[start:end])
    got += splitter.feed("", last=True)
    assert got == SentenceSplitter().feed(text, last=True)


def test_the_prefix_belongs_to_the_first_sentence() -> None:
    assert SentenceSplitter("- [").feed("1] bagus. [2", last=True) == ["- [1] bagus.", "[2"]
