"""The synonyms as the index's terms: which phrases stand for the same; knows no table and no query."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, takewhile

from warung.search.tokens import split_words
from warung.search.vocabulary import WORDS
from warung.synonyms.schemas import SynonymGroup

Phrase = tuple[str, ...]
Terms = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one phrase of one group also finds, unless a word of `unless` is near."""

    others: list[Phrase]
    unless: frozenset[str]


@dataclass(frozen=True, slots=True)
class Synonym:
    """What stands for a phrase in products that no word of `unless` names."""

    phrase: Phrase
    unless: frozenset[str]


class Thesaurus:
    """Groups of synonyms, ready to be looked up; never changed once made."""

    def __init__(self, groups: Iterable[SynonymGroup], terms: Terms) -> None:
        """`terms` makes the index's terms of a word."""
        self._terms = terms
        self._entries: dict[Phrase, list[_Entry]] = {}
        self._longest: dict[str, int] = {}  # the most words of a phrase, by its first one
        self._words: set[str] = set()
        self._stems: set[str] = set()
        phrases = _Phrases(terms)
        for group in groups:
            if group.enabled:
                self._add(group, phrases)
        self._in_order = sorted(self._words)

    def words(self, prefix: str) -> list[str]:
        """The words of all phrases that begin so, as written."""
        first = bisect_left(self._in_order, prefix)
        return list(takewhile(lambda word: word.startswith(prefix), self._in_order[first:]))

    def holds(self, word: str) -> bool:
        """Whether a phrase has the word, or another form of it: "plates" beside "plate"."""
        return word in self._words or (bool(terms := self._terms(word)) and self._stems.issuperset(terms))

    def match(self, terms: Sequence[str], at: int, most: int | None = None) -> tuple[int, list[Synonym]]:
        """The longest phrase, of `most` words at most, that begins at `terms[at]`: how many words it takes,
        and what it also finds.

        (1, []) where no phrase begins.
        """
        longest = min(self._longest.get(terms[at], 0), len(terms) - at, most or len(terms))
        for length in range(longest, 0, -1):
            entries = self._entries.get(tuple(terms[at : at + length]), ())
            said = [entry for entry in entries if entry.unless.isdisjoint(terms)]
            if said:
                return length, [Synonym(other, entry.unless) for entry in said for other in entry.others]
        return 1, []

    def _add(self, group: SynonymGroup, phrases: "_Phrases") -> None:
        texts = [split_words(text) for text in group.words]
        words, finds = phrases.of(texts), phrases.of(map(split_words, group.finds))
        unless = frozenset(chain.from_iterable(phrases.of(map(split_words, group.unless))))
        self._words.update(chain.from_iterable(texts))
        self._stems.update(chain.from_iterable(words))
        for said in phrases.of(map(_asked, texts)):
            if others := [phrase for phrase in dict.fromkeys((*words, *finds)) if phrase != said]:
                self._entries.setdefault(said, []).append(_Entry(others, unless))
                self._longest[said[0]] = max(self._longest.get(said[0], 0), len(said))


class _Phrases:
    """Makes terms of texts; keeps those of each word, which stands in many."""

    def __init__(self, terms: Terms) -> None:
        self._terms = cache(terms)

    def of(self, texts: Iterable[Sequence[str]]) -> list[Phrase]:
        """Each once; what the index makes no term of is left out."""
        phrases = (tuple(term for word in words for term in self._terms(word)) for words in texts)
        return list(dict.fromkeys(phrase for phrase in phrases if phrase))


def _asked(words: Sequence[str]) -> Sequence[str]:
    """The words of a phrase as a question's are, without those that ask for nothing; but never one alone,
    which may mean more: "kok badminton"."""
    wanted = [word for word in words if word not in WORDS.fillers]
    return wanted if len(wanted) > 1 else words
