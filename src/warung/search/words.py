"""A shopper's message as words that know where they stood, and a table of phrases; knows no meaning."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Meaning = TypeVar("Meaning")

# No alternative can give characters back to another one: one pass, linear in the message.
_WORD = re.compile(
    r"(?<![^\W_])(?:rp|idr)(?=[. ]{0,2}[0-9])"  # the currency apart from its number
    r"|(?<![^\W_])s[/.]d(?![^\W_])"
    r"|(?<=[a-z])-an(?![^\W_])"  # "10jt-an"
    r"|[0-9]+(?:[.,][0-9]+)*(?:/[0-9]+|[^\W_]*(?:\.[0-9]+[^\W_]*)*)"
    r"|[^\W_]+(?:[-'\u2019&][^\W_0-9][^\W_]*)*"
    r"|<=|>=|[<>~+\u2264\u2265,/;\u2013\u2014-]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word or mark: `text` in lower case, and where it lies in the message."""

    text: str
    start: int
    end: int


def split_words(message: str) -> list[Word]:
    """The words, numbers and the few marks that carry meaning, in order; other punctuation is left out."""
    return [Word(m.group().lower(), m.start(), m.end()) for m in _WORD.finditer(message)]


class Phrases(Generic[Meaning]):
    """Phrases of lower-case words, each with a meaning."""

    def __init__(self, phrases: Iterable[tuple[str, Meaning]]) -> None:
        """Pairs of phrase and meaning; the first of equal phrases counts."""
        self._by_first: dict[str, list[tuple[list[str], Meaning]]] = {}
        for phrase, meaning in phrases:
            words = [word.text for word in split_words(phrase)]
            self._by_first.setdefault(words[0], []).append((words, meaning))
        for known in self._by_first.values():
            known.sort(key=lambda entry: -len(entry[0]))

    @property
    def words(self) -> frozenset[str]:
        """Every word of every phrase."""
        entries = (phrase for known in self._by_first.values() for phrase, _ in known)
        return frozenset(word for phrase in entries for word in phrase)

    def match(self, words: Sequence[str], start: int) -> tuple[Meaning, int] | None:
        """The longest phrase that begins at `words[start]`: its meaning and how many words it takes."""
        if start >= len(words):
            return None
        for phrase, meaning in self._by_first.get(words[start], ()):
            if words[start : start + len(phrase)] == phrase:
                return meaning, len(phrase)
        return None
