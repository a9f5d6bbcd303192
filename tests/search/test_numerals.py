from fractions import Fraction

import pytest

from warung.search.numerals import read_numeral


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("tujuh", 7),
        ("lima belas", 15),
        ("dua puluh lima", 25),
        ("seratus dua puluh", 120),
        ("tiga ratus lima puluh dua", 352),
        ("setengah", Fraction(1, 2)),
        ("satu setengah", Fraction(3, 2)),
        ("dua koma lima", Fraction(5, 2)),
        ("twenty five", 25),
        ("two hundred fifty", 250),
        ("half a", Fraction(1, 2)),
        ("a", 1),
    ],
)
def test_numbers_in_words(words: str, number: Fraction) -> None:
    assert read_numeral([*words.split(), "juta"], 0) == (number, len(words.split()))


@pytest.mark.parametrize("words", ["", "juta", "sepatu dua", "koma lima"])
def test_no_number_begins_here(words: str) -> None:
    assert read_numeral(words.split(), 0) is None
