"""Which words of a name say what the product is, apart from what it goes with; knows no index."""

import re
from importlib.resources import files

# Nouns of what is made for another thing, in English and Indonesian. Left out is what also stands in names of
# the thing itself ("isi 10", "cap lang", "skin care").
_ADDITIONS = frozenset(files("warung.search").joinpath("additions.txt").read_text("utf-8").split())
# From here on a name tells what the product serves, or what is thrown in.
_BESIDES = re.compile(
    r"(?:\b(?:for|with|untuk|buat|bagi|dengan|bonus|free|gratis|compatible|kompatibel)\b|\bf/|\bw/|\+).*",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"\w+")


def headwords(name: str) -> str:
    """Of "Sarung untuk iPhone" and "iPhone case" the sarung and the case, of any other name all of it.

    A noun from a list decides, not grammar: in English it stands behind what it is for, in Indonesian before.
    """
    head = _BESIDES.sub("", name).strip() or name
    additions = [word for word in _WORD.findall(head.lower()) if _is_addition(word)]
    return " ".join(additions) or head


def _is_addition(word: str) -> bool:
    return word in _ADDITIONS or (word.endswith("s") and word[:-1] in _ADDITIONS)
