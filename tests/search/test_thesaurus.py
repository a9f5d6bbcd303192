"""Groups of synonyms, through the whole search, over a real index."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_a_phrase_and_a_word_of_one_meaning_find_each_other_the_own_words_first(shop: Shop) -> None:
    assert shop.names("kulkas 2 pintu", limit=2) == ["Kulkas 2 Pintu Sharp", "Lemari Es 2 Pintu"]
    assert shop.names("lemari es 2 pintu", limit=2) == ["Lemari Es 2 Pintu", "Kulkas 2 Pintu Sharp"]
    result = shop.find("fridge")
    assert {card.name for card in result.cards} == {"Kulkas 2 Pintu Sharp", "Lemari Es 2 Pintu"}
    assert (result.corrected, result.did_you_mean, result.relaxed) == ({}, None, ())


def test_what_holds_a_part_of_a_phrase_follows_what_it_means(shop: Shop) -> None:
    result = shop.search.search(SearchRequest("lemari es"))
    names = [card.name for card in result.cards]
    assert set(names[: result.exact]) == {"Lemari Es 2 Pintu", "Kulkas 2 Pintu Sharp"}
    assert set(names[result.exact :]) == {"Lemari Pakaian 2 Pintu", "Es Krim Vanila"}
    assert set(shop.names("lemari")) == {"Lemari Es 2 Pintu", "Lemari Pakaian 2 Pintu"}


def test_a_rare_synonym_counts_no_more_than_the_word_itself(tmp_path: Path) -> None:
    drafts = [product_draft(str(at), f"HP Baru {at}", category="sembako") for at in range(9)]
    other = product_draft("x", "Ponsel Baru x", category="sembako")
    # Frequent as the category of other goods, and yet rare in names.
    cases = [product_draft(f"c{at}", f"Kotak {at}", category="aksesori-ponsel") for at in range(9)]
    shop = open_shop(tmp_path, other, *drafts, *cases)
    names = shop.names("hp")
    assert (len(names), names[9]) == (19, "Ponsel Baru x")
    assert shop.names("ponsel")[0] == "Ponsel Baru x"


def test_a_group_says_nothing_beside_a_word_that_forbids_it(shop: Shop) -> None:
    assert set(shop.names("hp")) == {"HP Xiaomi Redmi", "Laptop HP Pavilion", "Smartphone Samsung Galaxy"}
    assert "Smartphone Samsung Galaxy" not in shop.names("laptop hp")
    assert set(shop.names("smartphone")) == {"Smartphone Samsung Galaxy", "HP Xiaomi Redmi"}


def test_what_is_found_one_way_is_not_found_back(shop: Shop) -> None:
    assert shop.names("jaket") == ["Jaket Jin", "Hoodie Polos"]
    assert shop.names("hoodie") == ["Hoodie Polos"]


def test_groups_are_those_of_the_moment(shop: Shop) -> None:
    shop.groups = ()
    assert shop.names("fridge") == []
    shop.groups = (group("x", SynonymDraft(words=("fridge", "kursi gaming"))),)
    assert shop.names("fridge") == ["Kursi Gaming"]
    shop.groups = (shop.groups[0].model_copy(update={"enabled": False}),)
    assert shop.names("fridge") == []


def test_a_phrase_of_a_group_is_known_without_the_words_that_ask_for_nothing(tmp_path: Path) -> None:
    names = ("Dompet Pria", "Rok Anak", "Kok Angsa", "Raket Badminton")
    shop = open_shop(tmp_path, *(product_draft(str(at), name) for at, name in enumerate(names)))
    shop.groups = (
        group("gift", SynonymDraft(words=("kado buat suami", "gift for him"), finds=("dompet",))),
        group("kok", SynonymDraft(words=("kok badminton", "shuttlecock"), finds=("kok angsa",))),
    )
    for text in ("kado buat suami", "kado suami", "cari kado yang buat suami", "gift for him"):
        assert shop.names(text)[:1] == ["Dompet Pria"]
    assert shop.names("shuttlecock") == ["Kok Angsa"]
    assert shop.names("badminton") == ["Raket Badminton"]  # one word alone may mean more


def test_another_form_of_a_groups_word_is_no_slip(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, product_draft("a", "Camilan Pedas"), product_draft("b", "Celana Glamis"))
    shop.groups = ()
    assert shop.search.search(SearchRequest("glamps")).corrected == {"glamps": "glamis"}
    shop.groups = (group("camilan", SynonymDraft(words=("camilan", "glamp"))),)
    result = shop.search.search(SearchRequest("glamps"))
    assert ([card.name for card in result.cards], result.corrected) == (["Camilan Pedas"], {})
