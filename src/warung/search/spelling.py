"""Finds the word that a misspelt one was meant to be; knows no index and no query.

The distance is Damerau's and Levenshtein's in its restricted form (optimal string alignment): the least
number of letters to insert, delete, replace or swap with their neighbour, where no letter is changed twice.
It is never less than the unrestricted one.

The words are read from the index's own dictionary each time. Kept in memory by their first letter they would
be found 1 ms sooner of 2 to 3 ms (120,000 words), for 15 MB and a copy that ages.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

_TWO_FROM_LETTERS, _ONE_FROM_LETTERS = 8, 4
# Longer than any word; keeps the work bounded for whatever is typed.
_MOST_LETTERS = 40

# The words that begin so, with how many products have them, the most frequent first.
Words = Callable[[str], Sequence[tuple[str, int]]]


def tolerance(word: str) -> int:
    """How many typing errors `word` may hold: none in short ones, nor in numbers and names of models."""
    if not word.isalpha() or not _ONE_FROM_LETTERS <= len(word) <= _MOST_LETTERS:
        return 0
    return 2 if len(word) >= _TWO_FROM_LETTERS else 1


def correct(word: str, words: Words) -> tuple[str, int] | None:
    """The nearest other word within the tolerance and how many products have it; of equally near ones one of
    the same consonants, since vowels are what is left out and mistaken most ("kemja" is kemeja, not kerja),
    and of these the most frequent.

    The first letter counts as right, or as swapped with the second: nothing else need be looked at.
    """
    most = tolerance(word)
    if most == 0:
        return None
    consonants = _consonants(word)
    near = [
        (errors, _consonants(other) != consonants, -count, other)
        for other, count in _candidates(word, most, words)
        if 0 < (errors := distance(word, other, most)) <= most
    ]
    if not near:
        return None
    *_, count, found = min(near)
    return found, -count


def _consonants(word: str) -> str:
    return "".join(letter for letter in word if letter not in "aeiou")


def _candidates(word: str, most: int, words: Words) -> Iterable[tuple[str, int]]:
    """Those whose length and letters don't already say that they are further off."""
    letters = frozenset(word)
    beginnings = dict.fromkeys((word[0], word[1] + word[0]))
    for other, count in chain.from_iterable(words(beginning) for beginning in beginnings):
        # Each error changes the length by one at most, and the set of letters by two.
        if (
            abs(len(other) - len(word)) <= most
            and len(letters.symmetric_difference(other)) <= 2 * most
            and other.isalpha()
        ):
            yield other, count


def distance(a: str, b: str, most: int) -> int:
    """The distance between two words, or `most` + 1 when it is more than `most`."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        two_before, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
