"""How far around to search, in a shopper's words; knows no place and no goods."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from warung.search.vocabulary import FROM_HERE, RADIUS, WORDS

_LENGTH = re.compile(r"([0-9]{1,5}(?:[.,][0-9]{1,2})?)([a-z]*)")
_NEAREST_KM, _FARTHEST_KM = 0.1, 20_000.0  # beyond the reach of a cable; half around the earth


@dataclass(frozen=True, slots=True)
class Radius:
    """A distance said by `words` words: `here` when they measure it from the shopper, `sure` when their lead
    means a distance to search within; else it may be the goods' own."""

    km: float
    words: int
    here: bool
    sure: bool


def read_radius(words: Sequence[str], start: int) -> Radius | None:
    """The distance whose words begin at `words[start]`, "dari sini" included; None where there is none."""
    lead = RADIUS.match(words, start)
    length = _length(words, start + (lead[1] if lead else 0))
    if length is None:
        return None
    km, end = length
    here = FROM_HERE.match(words, end)
    return Radius(km, end + (here[1] if here else 0) - start, here is not None, lead is not None and lead[0])


def _length(words: Sequence[str], at: int) -> tuple[float, int] | None:
    found = _LENGTH.fullmatch(words[at]) if at < len(words) else None
    if found is None:
        return None
    unit, end = found[2], at + 1
    if not unit and end < len(words):
        unit, end = words[end], end + 1
    per_unit = WORDS.radius.units.get(unit)
    km = float(found[1].replace(",", ".")) * (per_unit or 0)
    return (round(km, 3), end) if _NEAREST_KM <= km <= _FARTHEST_KM else None
