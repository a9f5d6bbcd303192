"""Numbers written in words, Indonesian and English; knows no money."""

from collections.abc import Sequence
from fractions import Fraction

# fmt: off
_INDONESIAN = [
    "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh",
    "sebelas",
]
_ENGLISH = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
]
# fmt: on
_SINGLE = {
    **{word: number for number, word in enumerate(_INDONESIAN, 1)},
    **{word: number for number, word in enumerate(_ENGLISH, 1)},
    **{word: 10 * number for number, word in enumerate(_TENS, 2)},
}
_TIMES = {"puluh": 10, "ratus": 100, "seratus": 100, "hundred": 100}
_HALF = frozenset(("setengah", "half"))
_LONGEST = 8  # words


def read_numeral(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """ "dua ratus lima belas", "dua koma lima", "satu setengah", "half a": the number and where it ends."""
    total, last, at = Fraction(0), 0, start
    while at < min(len(words), start + _LONGEST):
        word = words[at]
        if word in _SINGLE:
            last = _SINGLE[word] + (last if last >= 20 else 0)
        elif word == "belas":
            last += 10
        elif word in _TIMES:
            total, last = total + (last or 1) * _TIMES[word], 0
        elif word in _HALF:
            total += Fraction(1, 2)
        elif word == "a" and at + 1 < len(words):
            last = 0 if total else 1
        elif word == "koma" and at > start and words[at + 1 : at + 2] and _SINGLE.get(words[at + 1], 10) < 10:
            total, last, at = total + last + Fraction(_SINGLE[words[at + 1]], 10), 0, at + 1
        else:
            break
        at += 1
    return (total + last, at) if at > start else None
