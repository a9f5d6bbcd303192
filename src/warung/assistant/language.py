"""Tells whether a shopper writes Indonesian or English; knows no goods and no answer."""

import tomllib
from importlib.resources import files
from typing import Literal

from warung.search.words import split_words

Language = Literal["id", "en"]

_VOCABULARY = tomllib.loads(files("warung.assistant").joinpath("vocabulary.toml").read_text("utf-8"))
_ENGLISH = frozenset[str](_VOCABULARY["english"].split())
_INDONESIAN = frozenset[str](_VOCABULARY["indonesian"].split())


def language_of(message: str) -> Language:
    """The language of more of the words that tell it; Indonesian when they don't."""
    words = [word.text for word in split_words(message)]
    english = sum(word in _ENGLISH for word in words)
    return "en" if english > sum(word in _INDONESIAN for word in words) else "id"
