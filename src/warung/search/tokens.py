"""A text's words as written, each with its place in the text; knows no index and no stem."""

from dataclasses import dataclass
from functools import cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters and digits, in lower case and without accents; it is `text[start:end]`."""

    text: str
    start: int
    end: int


def split(text: str) -> list[Token]:
    """The words of `text` in their order; places count code points."""
    tokens = _analyzer().pre_tokenize(text).tokens
    return [Token(token.text, token.char_offset_from, token.char_offset_to) for token in tokens]


def split_words(text: str) -> list[str]:
    """The same without their places, which is quicker."""
    return _analyzer().analyze(text)


@cache
def _analyzer() -> TextAnalyzer:
    simple = TextAnalyzerBuilder(Tokenizer.simple())
    return simple.filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()
