"""A text's words as written, each with its place in the text; knows no index and no stem."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

# "10.000" and "10,000" are one number, however they are grouped.
_GROUPING = re.compile(r"(?<=\d)[.,](?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters and digits, in lower case and without accents; it is `text[start:end]`, where a number
    may be grouped."""

    text: str
    start: int
    end: int


def split(text: str) -> list[Token]:
    """The words of `text` in their order; places count code points."""
    marks = [match.start() - number for number, match in enumerate(_GROUPING.finditer(text))]

    def written(place: int) -> int:
        """Where a place of the ungrouped text, never one before a mark, is in the text."""
        return place + bisect_right(marks, place)

    tokens = _analyzer().pre_tokenize(ungrouped(text)).tokens
    return [Token(t.text, written(t.char_offset_from), written(t.char_offset_to)) for t in tokens]


def ungrouped(text: str) -> str:
    """Numbers without the marks that group their digits."""
    return _GROUPING.sub("", text)


def split_words(text: str) -> list[str]:
    """The same without their places, which is quicker."""
    return _analyzer().analyze(ungrouped(text))


@cache
def _analyzer() -> TextAnalyzer:
    simple = TextAnalyzerBuilder(Tokenizer.simple())
    return simple.filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()
