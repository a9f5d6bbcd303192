"""Amounts of rupiah in a shopper's words: which numbers are money, which way they bound; knows no goods."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from warung.gazetteer.spelling import squeeze
from warung.search.numerals import read_numeral
from warung.search.vocabulary import INSTALMENTS, LEADS, TRAILS, UNITS, WHOLES, WORDS, Bound

_NUMBER = re.compile(r"([0-9]{1,15}(?:[.,][0-9]{1,15})*)([^\W\d_]*)")
_GROUPED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?")
_DECIMAL = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_LARGEST = 10**15  # beyond any price, and safely inside 64 bits

# "3 jutaan" is about three million.
_ABOUT_UNITS = frozenset(unit for unit in UNITS if unit.endswith("an"))
_TO = frozenset(
    (
        "-",
        "~",
        "\u2013",
        "\u2014",
        "sampai",
        "sampe",
        "s/d",
        "s.d",
        "sd",
        "hingga",
        "ke",
        "to",
        "until",
        "till",
    )
)
_AND = frozenset(("dan", "and", "&", "sama", "ama"))
_OR = frozenset(("atau", "or"))
_YEARS = range(1950, 2050)  # "mulai 2018" is a year, not a price; "harga 2000" is one


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Bounds in whole rupiah (None: open) said by `words` words."""

    min_rupiah: int | None
    max_rupiah: int | None
    words: int


@dataclass(frozen=True, slots=True)
class _Amount:
    """A number as written: `unit` 0 when none is said, `sure` when it can only be money."""

    number: Fraction
    unit: int
    end: int
    about: bool = False
    sure: bool = False
    plausible: bool = False

    @property
    def rupiah(self) -> int:
        return int(self.number * (self.unit or 1))


def read_price(words: Sequence[str], start: int) -> PriceRange | None:
    """The price or price range whose words begin at `words[start]`; None where no money is meant."""
    bound, at, money = _lead(words, start)
    first = _amount(words, at)
    if first is None or (not money and _is_no_price(words, start, first.end)):
        return None
    second = _amount(words, first.end + 1) if _joins(words, first, bound) else None
    pair = _pair(first, second, money=money) if second else None
    if second and pair:
        return PriceRange(*pair, _trail(words, second.end)[1] - start)
    if not _is_money(first, money=money):
        return None
    return _single(words, start, bound, first)


def _is_no_price(words: Sequence[str], start: int, end: int) -> bool:
    """ "isi 100000" counts; "diskon 20rb" and "cicilan motor 500rb sebulan" are no prices of the goods."""
    before = words[max(0, start - 2) : start]
    return (
        (bool(before) and before[-1] in WORDS.counts)
        or not WORDS.no_price.isdisjoint(before)
        or INSTALMENTS.match(words, end) is not None
    )


def _joins(words: Sequence[str], first: _Amount, bound: Bound) -> bool:
    """Whether a second bound may follow: "2 sampai 3 juta", "antara 2 dan 3 juta", "2 atau 3 juta"."""
    word = words[first.end] if first.end < len(words) else ""
    return word in _TO or (bound is Bound.BETWEEN and word in _AND) or word in _OR


def _lead(words: Sequence[str], start: int) -> tuple[Bound, int, bool]:
    bound, at, money = Bound.PRICE, start, False
    for _ in range(4):
        found = LEADS.match(words, at)
        if found is None:
            break
        money = money or words[at] not in WORDS.weak_leads
        bound = bound if found[0] is Bound.PRICE else found[0]
        at += found[1]
    return bound, at, money


def _is_money(amount: _Amount, *, money: bool) -> bool:
    return 0 < amount.rupiah <= _LARGEST and (amount.sure or (money and amount.plausible))


def _pair(first: _Amount, second: _Amount, *, money: bool) -> tuple[int, int] | None:
    """ "2-3 juta": a first number without a unit borrows the second's, or the next smaller ("500-1 juta")."""
    if first.unit == 0 and second.unit and first.number < 1000:
        unit = second.unit if first.number <= second.number else second.unit // 1000
        first = _Amount(first.number, unit, first.end, plausible=True)
    if not (_is_money(second, money=money) and _is_money(first, money=money or second.sure)):
        return None
    low, high = sorted((first.rupiah, second.rupiah))
    return low, high


def _single(words: Sequence[str], start: int, bound: Bound, amount: _Amount) -> PriceRange:
    trail, end = _trail(words, amount.end)
    if bound in (Bound.PRICE, Bound.BETWEEN):
        bound = trail or (Bound.ABOUT if amount.about else Bound.MAX)
    rupiah, taken = amount.rupiah, end - start
    if bound is Bound.ABOUT:
        return PriceRange(rupiah * 85 // 100, rupiah * 115 // 100, taken)
    return PriceRange(rupiah, None, taken) if bound is Bound.MIN else PriceRange(None, rupiah, taken)


def _trail(words: Sequence[str], at: int) -> tuple[Bound | None, int]:
    trail: Bound | None = None
    for _ in range(3):
        found = TRAILS.match(words, at)
        if found is None or (LEADS.match(words, at) and _amount(words, at + found[1])):
            break  # "minimal 3 juta maksimal 6 juta": it leads the next amount
        trail = found[0] if found[0] is not Bound.PRICE else trail
        at += found[1]
    return trail, at


def _amount(words: Sequence[str], at: int) -> _Amount | None:
    """One amount, "1 juta 500 ribu" and "2 juta setengah" included."""
    currency = at < len(words) and words[at] in ("rp", "idr")
    amount = (
        _figures(words, at + 1, currency=True) if currency else _figures(words, at) or _spelled(words, at)
    )
    if amount is None or amount.unit <= 1000 or not amount.sure:
        return amount
    if words[amount.end : amount.end + 1] == ["setengah"]:
        return replace(amount, number=amount.number + Fraction(1, 2), end=amount.end + 1)
    rest = _figures(words, amount.end) or _spelled(words, amount.end)
    if rest is None or rest.unit != 1000 or rest.rupiah >= amount.unit:
        return amount
    return _Amount(Fraction(amount.rupiah + rest.rupiah), 1, rest.end, about=rest.about, sure=True)


def _figures(words: Sequence[str], at: int, *, currency: bool = False) -> _Amount | None:
    found = _NUMBER.fullmatch(words[at]) if at < len(words) else None
    number = _value(found[1]) if found else None
    if found is None or number is None:
        return None
    name, end = found[2], at + 1
    if not name and end < len(words) and words[end] in UNITS:
        name, end = words[end], end + 1
    if name and name not in UNITS:
        name = squeeze(name)
    if name and name not in UNITS:
        return None
    behind = words[end] if end < len(words) else ""
    measured = behind in WORDS.measures or (name == "k" and at > 0 and words[at - 1] in WORDS.carats)
    currency = currency or behind in ("rupiah", "perak")
    dear = name == "m" and not WORDS.dear.isdisjoint(words[max(0, at - 4) : at])
    sure, plausible = _judge(found[1], number, name, measured=measured, dear=dear)
    return _Amount(number, UNITS.get(name, 0), end, name in _ABOUT_UNITS, currency or sure, plausible)


def _judge(digits: str, number: Fraction, unit: str, *, measured: bool, dear: bool) -> tuple[bool, bool]:
    """Whether a number is money by itself, and whether it is behind a price word."""
    if unit in ("", "k", "m") and measured:
        return False, False
    if unit == "k":
        return number >= 15, True  # "tv 4k", "10k run"
    if unit == "m":
        return dear, True  # metres, unless a price word or the goods say otherwise
    if unit:
        return True, True
    if digits.isdigit():
        round_price = number >= 100_000 and digits.endswith("000") and digits[0] != "0"
        return round_price, number >= 1000 and not (number in _YEARS and number % 1000)
    return number >= 10_000, number >= 1000


def _value(digits: str) -> Fraction | None:
    """The number in Indonesian or English notation: "1.500.000", "1,5", "1,500.00"."""
    if _GROUPED.fullmatch(digits):
        group = next(c for c in digits if c in ",.")
        return Fraction(digits.replace(group, "").replace(",", "."))
    return Fraction(digits.replace(",", ".")) if _DECIMAL.fullmatch(digits) else None


def _spelled(words: Sequence[str], at: int) -> _Amount | None:
    """ "goceng", "dua ratus ribu", "two million"; a number needs a unit."""
    if at < len(words) and (whole := _whole(words, at)):
        return whole
    numeral = read_numeral(words, at)
    if numeral is None:
        return None
    number, end = numeral
    unit = words[end] if end < len(words) else ""
    if unit in ("k", "m") or unit not in UNITS:
        return None
    return _Amount(number, UNITS[unit], end + 1, unit in _ABOUT_UNITS, sure=True)


def _whole(words: Sequence[str], at: int) -> _Amount | None:
    """ "sejuta", "sejutaan", "goceng"; "gopek ribu" says no more than "gopek"."""
    word = words[at]
    rupiah = WHOLES.get(word) or WHOLES.get(word.removesuffix("an"))
    if rupiah is None:
        return None
    end = at + 1
    if end < len(words) and rupiah > 1000 and UNITS.get(words[end]) == 1000:
        end += 1
    return _Amount(Fraction(1), rupiah, end, about=word not in WHOLES, sure=True)
