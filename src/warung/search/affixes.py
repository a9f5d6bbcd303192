"""What an Indonesian word may be built on; knows no index and no meaning."""

import re
from collections.abc import Callable, Iterator

_LEAST_LETTERS = 3
_TWICE = re.compile(r"([a-z]+)2")
_ENDINGS = ("ku", "mu", "lah", "kah", "kan", "an", "i")
# What stands at the beginning, and the letters that may have given way to it: "memotong" has "potong".
_BEGINNINGS = (
    ("meng", ("", "k")),
    ("peng", ("", "k")),
    ("menge", ("",)),
    ("penge", ("",)),
    ("meny", ("s",)),
    ("peny", ("s",)),
    ("mem", ("", "p")),
    ("pem", ("", "p")),
    ("men", ("", "t")),
    ("pen", ("", "t")),
    ("me", ("",)),
    ("pe", ("",)),
    ("ber", ("",)),
    ("ter", ("",)),
    ("di", ("",)),
    ("se", ("",)),
)


def roots(word: str) -> Iterator[str]:
    """What may be left without affixes, the likelier first; many of them are no words."""
    if twice := _TWICE.fullmatch(word):
        yield twice[1]
    ended = [word, *(word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))]
    for each in ended:
        for beginning, letters in _BEGINNINGS:
            if each.startswith(beginning):
                yield from (lost + each.removeprefix(beginning) for lost in letters)
        yield each


def root(word: str, knows: Callable[[str], object]) -> str | None:
    """The likeliest root that is known."""
    longer = (each for each in roots(word) if len(each) >= _LEAST_LETTERS and each != word)
    return next(filter(knows, longer), None)
