from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from warung.search.documents import make_analyzer
from warung.search.highlights import Highlighter
from warung.search.wording import Alternative, SearchTerm

analyze = make_analyzer().analyze


def stem(word: str) -> list[str]:
    """Enough of one to tell a stem from its word."""
    return [term.removesuffix("nya") for term in analyze(word)]


def marked(text: str, *wanted: SearchTerm) -> list[str]:
    return [text[start:end] for start, end in Highlighter(wanted, stem).places(text)]


def term(*alternatives: Sequence[str], prefix: str | None = None) -> SearchTerm:
    return SearchTerm("", tuple(Alternative(tuple(terms)) for terms in alternatives), prefix)


def test_words_are_marked_as_they_stand_in_the_text() -> None:
    assert marked("Laptop, LAPTOP & laptopnya; Tas", term(["laptop"])) == ["Laptop", "LAPTOP", "laptopnya"]


def test_accents_and_characters_beyond_the_basic_plane_shift_nothing() -> None:
    assert marked("🧊🧊 Kafé <b>Kafé</b> kafe\u0301", term(["kafe"]))[:2] == ["Kafé", "Kafé"]


def test_a_phrase_is_marked_only_where_its_words_stand_together() -> None:
    fridge = term(["kulkas"], ["lemari", "es"])
    assert marked("Lemari Es 2 Pintu, bukan lemari baju. Es krim!", fridge) == ["Lemari", "Es"]


def test_what_a_begun_word_may_become_is_marked() -> None:
    assert marked("Laptop Gaming Gamers", term(["ga"], prefix="ga")) == ["Gaming", "Gamers"]


def test_nothing_is_marked_without_words() -> None:
    assert marked("Laptop") == []


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_places_are_in_order_apart_and_within_the_text(text: str, terms: list[str]) -> None:
    places = Highlighter([term([each], prefix=each) for each in terms], stem).places(text)
    bounds = [bound for place in places for bound in place]
    assert bounds == sorted(bounds)
    assert all(0 <= start < end <= len(text) for start, end in places)
