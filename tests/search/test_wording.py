"""Misspelt, begun, vague words and purposes, through the whole search, over a real index."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import product_draft
from search.worded_shop import PACKAGED, Shop, group, open_shop, stocked
from warung.search.request import SearchRequest
from warung.synonyms.schemas import SynonymDraft


@pytest.fixture(scope="module")
def stocked_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return stocked(tmp_path_factory.mktemp("words"))


@pytest.fixture
def shop(stocked_shop: Shop) -> Iterator[Shop]:
    yield stocked_shop
    stocked_shop.groups = PACKAGED


def test_what_is_without_something_is_not_what_has_it(shop: Shop) -> None:
    result = shop.find("vacuum tanpa kabel")
    assert (result.exact, result.cards[0].name) == (1, "Vacuum Tanpa Kabel")
    result = shop.find("laptop tanpa gaming", fill=False)
    assert (result.exact, result.relaxed) == (0, ("words",))
    assert {card.name for card in result.cards} == {
        "Laptop HP Pavilion", "Laptop Gaming Asus", "Laptop Gaming Acer"
    }  # fmt: skip
    matched = shop.search.matched("laptop tanpa gaming")
    assert {" ".join(matched(card)) for card in result.cards} == {"laptop"}


def test_a_product_tells_which_words_it_has(shop: Shop) -> None:
    [card, *_] = shop.find("lemari es 2 pintu sharp", limit=1).cards
    assert shop.search.matched("lemari es 3 pintuu")(card) == ["lemari", "es", "pintu"]


def test_a_misspelt_word_is_put_right_and_told(shop: Shop) -> None:
    result = shop.find("Laptp gamng, acer!", limit=1)
    assert [card.name for card in result.cards] == ["Laptop Gaming Acer"]
    assert result.corrected == {"Laptp": "laptop", "gamng": "gaming"}
    assert result.did_you_mean == "laptop gaming, acer!"


def test_a_misspelt_word_is_put_right_to_one_that_only_its_synonyms_have(shop: Shop) -> None:
    result = shop.find("refrigertor")
    assert result.corrected == {"refrigertor": "refrigerator"}
    assert len(result.cards) == 2


def test_a_word_that_products_have_is_never_replaced(tmp_path: Path) -> None:
    drafts = [product_draft(str(at), f"Laptop {at}") for at in range(150)]
    shop = open_shop(tmp_path, product_draft("x", "Labtop Murah"), *drafts)
    result = shop.find("labtop")
    assert ([card.name for card in result.cards], result.corrected) == (["Labtop Murah"], {})
    assert result.did_you_mean == "laptop"
    assert shop.find("laptop").did_you_mean is None


@pytest.mark.parametrize(("said", "sold"), [("berat", "Beras"), ("bekasi", "Bekas"), ("good", "Gold")])
def test_a_word_of_the_language_or_a_place_is_no_slip_for_goods(tmp_path: Path, said: str, sold: str) -> None:
    shop = open_shop(tmp_path, product_draft("a", sold), product_draft("b", "Meja"))
    result = shop.find(f"meja {said}")
    assert ([card.name for card in result.cards], result.corrected) == (["Meja"], {})
    assert result.did_you_mean is None


@pytest.mark.parametrize("purpose", ["buat", "untuk", "for"])
def test_nothing_is_found_by_what_the_goods_are_for_alone(tmp_path: Path, purpose: str) -> None:
    others = [product_draft(f"o{at}", f"Topi {at}", category="pakaian") for at in range(30)]
    tas = product_draft("tas", "Tas Belajar Anak Sekolah", category="hobi")
    laptop = product_draft("laptop", "Laptop Asus", category="hobi")
    shop = open_shop(tmp_path, tas, laptop, *others)
    assert shop.names("laptop belajar anak sekolah") == ["Tas Belajar Anak Sekolah", "Laptop Asus"]
    assert shop.names(f"laptop {purpose} belajar anak sekolah") == ["Laptop Asus"]
    assert shop.names(f"laptop topi {purpose} belajar anak", limit=1) == ["Laptop Asus"]
    assert shop.names(f"sesuatu {purpose} belajar anak") == ["Tas Belajar Anak Sekolah"]
    assert shop.names(f"{purpose} laptop belajar anak sekolah") == ["Tas Belajar Anak Sekolah", "Laptop Asus"]


@pytest.mark.parametrize("fill", [True, False])
def test_of_goods_those_for_the_purpose_come_first(tmp_path: Path, *, fill: bool) -> None:
    names = ("Tongkat Jalan", "Tongkat Orang Tua", "HP Orang Tua", "Payung", "Sandal", "Topi", "Meja")
    shop = open_shop(tmp_path, *(product_draft(str(at), name) for at, name in enumerate(names)))
    found = shop.find("tongkat untuk orang tua", fill=fill)
    assert found.cards[0].name == "Tongkat Orang Tua"
    assert found.facets.category == {"laptop": found.total} == {"laptop": 2 if fill else 1}
    assert shop.names("tongkat untuk orang tua pikun", fill=fill)[0] == "Tongkat Orang Tua"
    assert shop.names("tongkat untuk bayi", fill=fill) == ["Tongkat Jalan", "Tongkat Orang Tua"]


@pytest.mark.parametrize("text", ["galaxy", "xyzzy", "rtx4061", "kus", "redmi13c", "hape", ""])
def test_known_and_hopeless_words_are_left_alone(shop: Shop, text: str) -> None:
    result = shop.find(text)
    assert (result.corrected, result.did_you_mean) == ({}, None)


def test_the_last_word_matches_as_a_beginning_only_if_asked_to(shop: Shop) -> None:
    assert shop.names("laptop gam", prefix=True, limit=2) == ["Laptop Gaming Asus", "Laptop Gaming Acer"]
    assert shop.find("laptop gam", prefix=True, limit=2).relaxed == ()
    assert shop.find("laptop gam", limit=2).relaxed == ("words",)
    assert shop.names("gam ", prefix=True) == []
    assert set(shop.names("h", prefix=True)) == {
        "HP Xiaomi Redmi", "Laptop HP Pavilion", "Hoodie Polos",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        ("kulkas", {}, [["Kulkas"], ["Lemari", "Es"]]),
        ("smartphne", {}, [["Smartphone"], ["HP"]]),
        ("laptop as", {"prefix": True, "limit": 1}, [["Laptop", "Asus"]]),
    ],
)
def test_highlights_show_what_matched(
    shop: Shop, text: str, asked: dict[str, Any], marked: list[list[str]]
) -> None:
    result = shop.find(text, highlight=True, **asked)
    assert result.highlights is not None
    assert sorted(
        [card.name[start:end] for start, end in places.name]
        for card, places in zip(result.cards, result.highlights, strict=True)
    ) == sorted(marked)
    assert shop.find(text, **asked).highlights is None


@settings(max_examples=200)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                ["lemari", "es", "kulkas", "laptp", "hp", " ", "é", "\0", "🧊", "kulkassss", "2"]
            ),
            max_size=8,
        ).map(" ".join),
    ),
    st.booleans(),
)
def test_any_text_is_answered(stocked_shop: Shop, text: str, prefix: bool) -> None:
    result = stocked_shop.find(text, prefix=prefix, highlight=True)
    assert result.highlights is not None
    for card, places in zip(result.cards, result.highlights, strict=True):
        assert all(card.name[start:end].isalnum() for start, end in places.name)
    stocked_shop.suggest(text)


def test_words_that_ask_for_nothing_are_not_searched_for(shop: Shop) -> None:
    asked = shop.search.search(SearchRequest("cari lemari yang buat pakaian dong"))
    plain = shop.search.search(SearchRequest("lemari pakaian"))
    assert [card.id for card in asked.cards] == [card.id for card in plain.cards]
    assert asked.exact == plain.exact == 1
    assert shop.names("yang") == []  # alone it is all that there is to search for


def test_an_unknown_word_is_searched_for_by_its_root(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, product_draft("a", "Mesin Pahat Mini"), product_draft("b", "Mesin Cuci"))
    result = shop.search.search(SearchRequest("memahat"))
    assert [card.name for card in result.cards] == ["Mesin Pahat Mini"]
    assert result.corrected == {"memahat": "pahat"}


def test_vague_words_find_nothing_but_in_a_phrase_of_a_group(tmp_path: Path) -> None:
    names = (
        "Laptop Asus",
        "Laptop Kerja Bagus",
        "Pompa GA-130",
        "Lilin Lavender",
        "Kunci Pintu",
        "Kunci Pas",
    )
    drafts = (product_draft(str(at), name, category="sembako") for at, name in enumerate(names))
    shop = open_shop(tmp_path, *drafts)
    shop.groups = (group("tidur", SynonymDraft(words=("ga nyenyak", "susah tidur"), finds=("lilin",))),)
    good = shop.search.search(SearchRequest("laptop asus yang bagus"))
    assert ([card.name for card in good.cards[:1]], good.exact, good.relaxed) == (["Laptop Asus"], 1, ())
    assert shop.names("laptop ga bagus") == ["Laptop Kerja Bagus", "Laptop Asus"]  # they order what is found
    assert shop.names("kunci pas") == ["Kunci Pas", "Kunci Pintu"]
    assert shop.names("yang bagus buat lilin lavender") == ["Lilin Lavender"]
    assert shop.names("tidur ga nyenyak") == ["Lilin Lavender"]
    assert shop.names("bagus") == ["Laptop Kerja Bagus"]  # alone it is all that there is to search for
    assert shop.search.unknown_words("laptop gimana blender") == ["blender"]
    assert shop.search.search(SearchRequest("laptop gimna")).corrected == {}


def test_a_vague_word_that_is_only_begun_goes_on(tmp_path: Path) -> None:
    names = ("Headphone Sony", "Headphone JBL", "Mikrofon Kondensor", "Bola 1000000")
    shop = open_shop(tmp_path, *(product_draft(str(at), name) for at, name in enumerate(names)))
    begun = shop.search.search(SearchRequest("headphone so", prefix=True))
    assert ([card.name for card in begun.cards[:1]], begun.exact) == (["Headphone Sony"], 1)
    assert shop.search.search(SearchRequest("mikrof kondensor")).corrected == {"mikrof": "mikrofon"}
    assert shop.search.search(SearchRequest("mikrofon kond")).corrected == {}  # too few letters to tell
    assert shop.search.search(SearchRequest("mikrofon 10000")).corrected == {}


def test_a_word_said_twice_is_a_plural_unless_it_is_a_word_of_its_own(tmp_path: Path) -> None:
    names = ("Mainan Anak Balok", "Mainan Kucing", "Bakpia Keju", "Boneka")
    drafts = (product_draft(str(at), name, category="sembako") for at, name in enumerate(names))
    shop = open_shop(tmp_path, *drafts)
    shop.groups = (
        group("mainan", SynonymDraft(words=("mainan anak",), finds=("boneka",))),
        group("oleh", SynonymDraft(words=("oleh-oleh",), finds=("bakpia",))),
    )
    assert shop.names("mainan-mainan anak", fill=False) == ["Mainan Anak Balok", "Boneka"]
    assert shop.names("oleh-oleh oleh-oleh") == ["Bakpia Keju"]
    assert (
        shop.names("mainan mainan mainan") == shop.names("mainan") == ["Mainan Kucing", "Mainan Anak Balok"]
    )
    assert shop.names("x" * 300 + " " + "x" * 300) == []
