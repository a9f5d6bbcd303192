"""The synonyms as the index's terms: which phrases stand for the same; knows no table and no query."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from warung.search.tokens import split
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
        for group in groups:
            if group.enabled:
                self._add(group)

    def words(self, prefix: str) -> list[str]:
        """The words of all phrases that begin so, as written."""
        return [word for word in self._words if word.startswith(prefix)]

    def holds(self, word: str) -> bool:
        return word in self._words

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

    def _add(self, group: SynonymGroup) -> None:
        words = self._phrases(group.words)
        finds = self._phrases(group.finds)
        unless = frozenset(term for phrase in self._phrases(group.unless) for term in phrase)
        self._words.update(token.text for text in group.words for token in split(text))
        for said in words:
            others = [phrase for phrase in dict.fromkeys((*words, *finds)) if phrase != said]
            if others:
                self._entries.setdefault(said, []).append(_Entry(others, unless))
                self._longest[said[0]] = max(self._longest.get(said[0], 0), len(said))

    def _phrases(self, texts: Iterable[str]) -> list[Phrase]:
        """Each once; what the index makes no term of is left out."""
        phrases = (tuple(t for token in split(text) for t in self._terms(token.text)) for text in texts)
        return list(dict.fromkeys(phrase for phrase in phrases if phrase))
