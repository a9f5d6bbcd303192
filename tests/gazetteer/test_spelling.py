import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.gazetteer.spelling import Spelling, squeeze

SPELLING = Spelling(["maksimal", "bandung", "budget"], others=["banding"])


@pytest.mark.parametrize("slip", ["maksimak", "masimal", "maksimall", "makismal"])
def test_one_slip_is_mended(slip: str) -> None:
    assert SPELLING.mend(slip) == "maksimal"


@pytest.mark.parametrize("word", ["maksimal", "banding", "gandung", "mks", "maks1mal", "minimal", ""])
def test_other_words_stay_as_they_are(word: str) -> None:
    assert SPELLING.mend(word) == word


@given(st.text(max_size=40))
def test_a_mended_word_is_one_that_was_meant_or_the_same(word: str) -> None:
    assert SPELLING.mend(word) in {word, "maksimal", "bandung", "budget"}


@given(st.text(alphabet="murah", min_size=1), st.integers(1, 5))
def test_repeats_of_the_last_letter_are_dropped(word: str, more: int) -> None:
    assert squeeze(word + word[-1] * more) == squeeze(word)
