from collections import Counter
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warung.search.spelling import correct, distance, tolerance

COUNTS = {
    "laptop": 900, "lampu": 50, "samsung": 300, "keyboard": 80, "kulkas": 70, "kursi": 60, "televisi": 40,
    "lapton": 1, "handphone": 30, "rtx4060": 9, "galaxy": 20,
    "kemeja": 10, "kerja": 500,
}  # fmt: skip
LETTERS = st.text("abcde", max_size=9)


def words(prefix: str) -> list[tuple[str, int]]:
    return Counter({word: count for word, count in COUNTS.items() if word.startswith(prefix)}).most_common()


def reference(a: str, b: str) -> int:
    """By its definition, from the ends."""

    @cache
    def between(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        ways = [
            between(i - 1, j) + 1,
            between(i, j - 1) + 1,
            between(i - 1, j - 1) + (a[i - 1] != b[j - 1]),
        ]
        if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
            ways.append(between(i - 2, j - 2) + 1)
        return min(ways)

    return between(len(a), len(b))


@given(LETTERS, LETTERS, st.integers(0, 4))
@example("ab", "ba", 1)
@example("abcd", "badc", 2)
def test_the_distance_is_the_defined_one_up_to_the_most(a: str, b: str, most: int) -> None:
    assert distance(a, b, most) == min(reference(a, b), most + 1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("laptp", "laptop"),
        ("laptopp", "laptop"),
        ("latpop", "laptop"),
        ("alptop", "laptop"),
        ("samsng", "samsung"),
        ("keybord", "keyboard"),
        ("kyeboard", "keyboard"),
        ("hnadphnoe", "handphone"),
    ],
)
def test_a_typing_error_is_put_right(typed: str, meant: str) -> None:
    found = correct(typed, words)
    assert found == (meant, COUNTS[meant])


@pytest.mark.parametrize(
    "typed", ["kls", "kuls", "rtx4061", "4060", "xyzzy", "laaaatop", "", "l", "ab", "x" * 500]
)
def test_what_is_too_far_or_short_or_a_number_stays(typed: str) -> None:
    assert correct(typed, words) is None


def test_of_equally_near_words_the_most_frequent_is_taken() -> None:
    assert correct("laptox", words) == ("laptop", 900)


@pytest.mark.parametrize(("typed", "meant"), [("kemja", "kemeja"), ("kerka", "kerja")])
def test_a_vowel_is_missed_sooner_than_a_consonant(typed: str, meant: str) -> None:
    assert correct(typed, words) == (meant, COUNTS[meant])


@given(st.text(max_size=50), st.dictionaries(st.text(min_size=1, max_size=50), st.integers(0, 9)))
def test_any_text_is_taken_and_what_is_found_lies_within_the_tolerance(
    typed: str, counts: dict[str, int]
) -> None:
    found = correct(typed, lambda prefix: [each for each in counts.items() if each[0].startswith(prefix)])
    if found is not None:
        assert counts[found[0]] == found[1]
        assert 0 < reference(typed, found[0]) <= tolerance(typed)


@given(st.text("abcdefgh", min_size=4, max_size=12), st.data())
def test_one_error_behind_the_first_letter_is_always_found(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(word)))
    typed = word[:at] + data.draw(st.sampled_from("abcdefgh")) + word[at:]
    assert correct(typed, lambda prefix: [(word, 1)] if word.startswith(prefix) else []) == (word, 1)
