"""What a shopper does not want, in their words: "bukan Samsung, Oppo dan Vivo"; knows no goods."""

from collections.abc import Sequence
from dataclasses import dataclass

from warung.gazetteer.places import LOCATIVES, Gazetteer
from warung.search.amounts import read_price
from warung.search.vocabulary import NEAR, NEGATIONS, ORDERS, STOCK, WORDS

_LINKS = WORDS.negation_links | LOCATIVES


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The positions of each excluded thing's words, all said by `words` words."""

    items: tuple[range, ...]
    words: int


def read_exclusion(
    words: Sequence[str], start: int, gazetteer: Gazetteer, *, goods_follow: bool
) -> Exclusion | None:
    """The exclusion whose words begin at `words[start]`; None where nothing is excluded.

    While the goods are still to be named (`goods_follow`), a comma ends it: "jangan asus, laptop".
    """
    negation = NEGATIONS.match(words, start)
    if negation is None:
        return None
    at = start + negation[1]
    while at + 1 < len(words) and words[at] in _LINKS:
        at += 1
    items = _items(words, at, gazetteer, goods_follow=goods_follow)
    return Exclusion(items, items[-1].stop - start) if items else None


def _items(words: Sequence[str], at: int, gazetteer: Gazetteer, *, goods_follow: bool) -> tuple[range, ...]:
    """Take "asus, acer dan dell" from `at` on."""
    items: list[range] = []
    while _can_be_excluded(words, at):
        found = gazetteer.match(words, at)
        end = at + (found[1] if found else 1)
        items.append(range(at, end))
        at = _behind_joiners(words, end)
        commas_only = all(word == "," for word in words[end:at])
        if at == end or (commas_only and (goods_follow or not _ends_a_list(words, at + 1))):
            break
    return tuple(items)


def _behind_joiners(words: Sequence[str], at: int) -> int:
    while at < len(words) and words[at] in WORDS.joiners:
        at += 1
    return at


def _can_be_excluded(words: Sequence[str], at: int) -> bool:
    if at >= len(words) or not words[at][0].isalnum():
        return False
    word = words[at]
    return not (word in WORDS.fillers or word in WORDS.demonstratives or _begins_a_filter(words, at))


def _ends_a_list(words: Sequence[str], at: int) -> bool:
    return at >= len(words) or words[at] in WORDS.joiners or _begins_a_filter(words, at)


def _begins_a_filter(words: Sequence[str], at: int) -> bool:
    if any(table.match(words, at) for table in (STOCK, ORDERS, NEGATIONS, NEAR)):
        return True
    return words[at] in LOCATIVES or read_price(words, at) is not None
