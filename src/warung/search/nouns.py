"""The category of the goods that a message names; knows no filter."""

from collections.abc import Sequence
from dataclasses import dataclass

from warung.search.vocabulary import WORDS
from warung.search.words import Phrases

_LONGEST = 4  # words of an alias


@dataclass(frozen=True, slots=True)
class CategoryWords:
    """A category's slug, and the `words` words from `start` on that name it."""

    slug: str
    start: int
    words: int


def read_category(
    words: Sequence[str], kept: Sequence[int], categories: Phrases[str]
) -> CategoryWords | None:
    """The category of the first noun among the words at `kept`; the longest where several begin there.

    Indonesian nouns come first. Goods of two categories, "laptop dan printer", have none in common.
    """
    for at in range(len(kept)):
        found = _noun(words, kept[at : at + _LONGEST], categories)
        if found is None:
            continue
        slug, end = found[0], at + found[1]
        if _are_joined(words, kept, end):
            other = _noun(words, kept[end : end + _LONGEST], categories)
            if other and other[0] != slug:
                return None
        return CategoryWords(slug, kept[at], kept[end - 1] - kept[at] + 1)
    return None


def _noun(words: Sequence[str], at: Sequence[int], categories: Phrases[str]) -> tuple[str, int] | None:
    """The category of the alias that begins with the word `at[0]`, even one written apart: "kaca mata"."""
    texts = [words[n] for n in at]
    found = categories.match(texts, 0)
    if found or len(texts) < 2:
        return found
    joined = categories.match(["".join(texts[:2]), *texts[2:]], 0)
    return joined and (joined[0], joined[1] + 1)


def _are_joined(words: Sequence[str], kept: Sequence[int], at: int) -> bool:
    """Whether only joiners stand before the word at `kept[at]`."""
    if at >= len(kept):
        return False
    between = words[kept[at - 1] + 1 : kept[at]]
    return bool(between) and all(word in WORDS.joiners for word in between)
