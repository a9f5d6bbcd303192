"""Which words of a name say what the product is, apart from what it goes with; knows no index."""

import re
from functools import cache
from importlib.resources import files

from warung.products.categories import load_categories
from warung.search.words import Phrases

# Nouns of what is made for another thing, in English and Indonesian. Left out is what also stands in names of
# the thing itself ("isi 10", "cap lang", "skin care").
_ADDITIONS = frozenset(files("warung.search").joinpath("additions.txt").read_text("utf-8").split())
# From here on a name tells what the product serves, or what is thrown in.
_BESIDES = re.compile(
    r"(?:\b(?:for|with|untuk|buat|bagi|dengan|bonus|free|gratis|compatible|kompatibel)\b|\bf/|\bw/|\+).*",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w+")


def headwords(name: str, brand: str | None = None) -> str:
    """Of "Sarung untuk iPhone" and "iPhone case" the sarung and the case, of "Kipas Pendingin HP" the kipas,
    of any other name all of it.

    Nouns from lists decide, not grammar: in English they stand behind what they serve, in Indonesian before.
    Names that begin with their brand ("HP LaserJet") may be of either language.
    """
    head = _BESIDES.sub("", name).strip() or name
    additions = [word for word in _WORD.findall(head.lower()) if _is_addition(word)]
    return " ".join(additions) or _first_noun(head, brand or "") or head


def _first_noun(name: str, brand: str) -> str:
    """The goods that the name begins with, if it does with such as categories list; of "meja laptop", where
    both are goods, the first."""
    words = _WORD.findall(name.lower())
    found = _goods().match(words, 0)
    if found is None or words[0] == brand.lower():
        return ""
    first, *others = words[: found[1]]
    of_two = _is_goods(first) and any(_is_goods(word) for word in others)
    return first if of_two else " ".join((first, *others))


@cache
def _goods() -> Phrases[bool]:
    return Phrases((alias, True) for category in load_categories() for alias in category.aliases)


def _is_goods(word: str) -> bool:
    return _goods().match([word], 0) is not None


def _is_addition(word: str) -> bool:
    return word in _ADDITIONS or (word.endswith("s") and word[:-1] in _ADDITIONS)
