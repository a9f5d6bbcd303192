"""Sets of characters, and texts, in XGrammar's notation; knows no pattern and no schema."""

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]  # first and last code point of each; in order, none touches the next

# Without the halves of surrogate pairs, which are no characters.
EVERY: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
_JSON_ESCAPES = {'"': '"', "\\": "\\", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_FIRST_JSON_PLAIN = 0x20


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters in order, without overlaps."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def without(ranges: Ranges, others: Ranges) -> Ranges:
    left = list(ranges)
    for first, last in others:
        left = [
            part
            for low, high in left
            for part in ((low, min(high, first - 1)), (max(low, last + 1), high))
            if part[0] <= part[1]
        ]
    return tuple(left)


def single(character: str) -> Ranges:
    return ((ord(character), ord(character)),)


def literal(text: str) -> str:
    return '"' + "".join(map(_spelled, text)) + '"'


def one_of(ranges: Ranges) -> str:
    """One character of the set."""
    parts = [
        literal(chr(first)) if first == last else f"[{_spelled(chr(first))}-{_spelled(chr(last))}]"
        for low, high in ranges
        for first, last in _even(low, high)
    ]
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def _even(first: int, last: int) -> Iterable[tuple[int, int]]:
    """Parts whose UTF-8 bytes vary independently of each other. Given others, XGrammar lets bytes through
    that are no UTF-8, and comes to points from which nothing is allowed, where the constraint is lost. Nor
    may a set begin with ^, which it reads as its opposite even when escaped."""
    for boundary in (0x5E, 0x5F, 0x80, 0x800, 0x10000):
        if first < boundary <= last:
            yield from _even(first, boundary - 1)
            yield from _even(boundary, last)
            return
    for bits in (6, 12, 18) if last >= 0x80 else ():
        below = (1 << bits) - 1
        if first | below < last:
            if first & below:
                yield from _even(first, first | below)
                yield from _even((first | below) + 1, last)
                return
            if last & below != below:
                yield from _even(first, (last & ~below) - 1)
                yield from _even(last & ~below, last)
                return
    yield first, last


def one_in_json(ranges: Ranges) -> str:
    """One character of the set as it stands in a JSON string; empty when none can."""
    escapes = [char for char in _JSON_ESCAPES if without(single(char), ranges) == ()]
    plain = without(ranges, union([(0, _FIRST_JSON_PLAIN - 1), *single('"'), *single("\\")]))
    parts = [one_of(plain)] if plain else []
    parts += [literal("\\" + _JSON_ESCAPES[char]) for char in escapes]
    return f"({' | '.join(parts)})" if parts else ""


def _spelled(char: str) -> str:
    return char if char.isascii() and (char.isalnum() or char == " ") else f"\\U{ord(char):08X}"
