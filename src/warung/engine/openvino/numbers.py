"""Numbers between bounds in XGrammar's notation; knows no schema.

Its own numbers with bounds let a dot through, and lose a bound without its counterpart.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

_MOST_DIGITS = 15  # so many are exact in a 64-bit float
FAR = 10**_MOST_DIGITS - 1
_LEAST_PLACES = 2
_MOST_PLACES = 9

INTEGER = '("0" | "-"? [1-9] [0-9]{0,14})'
# Bounded, since a small model may write digits for ever.
NUMBER = '("-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] ("+" | "-")? [0-9]{1,2})?)'

Digits = tuple[tuple[str, str], ...]  # lowest and highest sign of each place


def integer_between(least: int, most: int) -> str | None:
    """None when there is no such number; bounds beyond 15 digits are brought nearer."""
    return _merged(_scaled(max(least, -FAR), min(most, FAR), 0))


def number_between(
    least: Decimal | None, most: Decimal | None, *, above: bool = False, below: bool = False
) -> str | None:
    """Whole numbers, and such with two decimal places, or as many as the bounds have; `above` and `below`
    leave the bounds themselves out. None when there is no such number, or the bounds have too many places."""
    places = max([_LEAST_PLACES, *(_places(bound) for bound in (least, most) if bound is not None)])
    if places > _MOST_PLACES:
        return None
    forms: list[Digits] = []
    for scale in (0, places):
        low = -FAR if least is None else _units(least, scale, up=True, leave_out=above)
        high = FAR if most is None else _units(most, scale, up=False, leave_out=below)
        forms += _scaled(max(low, -FAR), min(high, FAR), scale)
    return _merged(forms)


def _places(bound: Decimal) -> int:
    exponent = bound.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else _MOST_PLACES + 1


def _units(bound: Decimal, scale: int, *, up: bool, leave_out: bool) -> int:
    """The bound in units of the last place, rounded to the side where the numbers are."""
    scaled = bound.scaleb(scale)
    if up:
        return math.floor(scaled) + 1 if leave_out else math.ceil(scaled)
    return math.ceil(scaled) - 1 if leave_out else math.floor(scaled)


def _scaled(low: int, high: int, scale: int) -> list[Digits]:
    """The numbers from `low` to `high` in units of the last of `scale` decimal places."""
    negative = _spans(max(1, -high), -low, scale)
    return [(("-", "-"), *digits) for digits in negative] + _spans(max(0, low), high, scale)


def _spans(low: int, high: int, scale: int) -> list[Digits]:
    """What lies between two numbers that are not negative, by their count of digits."""
    spans: list[Digits] = []
    for count in range(scale + 1, len(str(max(high, 0)).zfill(scale + 1)) + 1):
        first = max(low, 0 if count == scale + 1 else 10 ** (count - 1))
        last = min(high, 10**count - 1)
        if first <= last:
            spans += _between(str(first).zfill(count), str(last).zfill(count))
    if not scale:
        return spans
    return [(*digits[:-scale], (".", "."), *digits[-scale:]) for digits in spans]


def _between(low: str, high: str) -> list[Digits]:
    """Between two rows of digits of one length."""
    rest = len(low) - 1
    if rest < 0:
        return [()]
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return [((low[0], high[0]), *[("0", "9")] * rest)]
    if low[0] == high[0]:
        return [((low[0], low[0]), *more) for more in _between(low[1:], high[1:])]
    lower = [((low[0], low[0]), *more) for more in _between(low[1:], "9" * rest)]
    upper = [((high[0], high[0]), *more) for more in _between("0" * rest, high[1:])]
    inner = chr(ord(low[0]) + 1), chr(ord(high[0]) - 1)
    return [*lower, *([(inner, *[("0", "9")] * rest)] if inner[0] <= inner[1] else []), *upper]


def _merged(rows: Sequence[Digits]) -> str | None:
    """The rows as one tree, in which every sign leads one way: XGrammar confuses alternatives that begin
    alike. None for no rows."""
    starts = {ord(row[0][0]) for row in rows if row} | {ord(row[0][1]) + 1 for row in rows if row}
    branches: list[tuple[str, str, list[Digits]]] = []
    for low, after in pairwise(sorted(starts)):
        first, last = chr(low), chr(after - 1)
        if rests := [row[1:] for row in rows if row and row[0][0] <= first and last <= row[0][1]]:
            branches.append((first, last, rests))
    parts = [f"{_sign(first, last)}{_rest(rests)}" for first, last, rests in branches]
    return f"({' | '.join(parts)})" if parts else None


def _rest(rows: Sequence[Digits]) -> str:
    more = _merged(rows)
    return f" {more}{'?' * (() in rows)}" if more else ""


def _sign(low: str, high: str) -> str:
    return f'"{low}"' if low == high else f"[{low}-{high}]"
