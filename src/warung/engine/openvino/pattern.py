"""Regular expressions in XGrammar's notation: exact, or refused; knows no library.

Its own reading of them takes anchors, some escapes and some sets for something else, without a word.
"""

import re
from collections.abc import Callable

from warung.engine.openvino.characters import EVERY, Ranges, single, union, without

_DIGITS = union([(48, 57)])
_WORDS = union([(48, 57), (65, 90), (95, 95), (97, 122)])
_BLANKS = union([(9, 13), (32, 32)])
_CLASSES = {
    "d": _DIGITS, "w": _WORDS, "s": _BLANKS,
    "D": without(EVERY, _DIGITS), "W": without(EVERY, _WORDS), "S": without(EVERY, _BLANKS),
}  # fmt: skip
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([dDwWsS])|([nrtfv])|([^\w\s]))", re.ASCII)
_REPEAT = re.compile(r"([*+?]|\{(\d{1,5})(?:(,)(\d{1,5})?)?\})\??(?![*+?{])")
_MOST_REPETITIONS = 2000
_MOST_WRITTEN_OUT = 32
_MOST_WAYS = 64
_MOST_DEPTH = 50

Writer = Callable[[Ranges], str]
Namer = Callable[[str], str]


class NotEnforced(Exception):
    """Names the part of a schema or pattern that would not be enforced."""


def expression(pattern: str, write: Writer, name: Namer) -> str:
    """The texts that match as a whole; `write` spells one character of a set, or is empty where none can
    stand; `name` makes a rule. `^` and `$` are nothing more than the ends. Raises NotEnforced."""
    return _Reader(pattern, write, name).expression()


class _Reader:
    """One pass over a pattern, from left to right."""

    def __init__(self, pattern: str, write: Writer, name: Namer) -> None:
        self._pattern = pattern
        self._write = write
        self._name = name
        self._at = 0
        self._depth = 0
        self._ways = 1  # in how many ways the widest repetition of this group may end
        self._ways_within = 1  # those of the atom read last

    def expression(self) -> str:
        written = self._alternatives()
        if self._at < len(self._pattern):
            raise self._refusal("a closing bracket without its opening one")
        return written

    def _alternatives(self) -> str:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return f"({' | '.join(parts)})"

    def _sequence(self) -> str:
        parts: list[str] = []
        if not self._depth:
            self._take("^")
        while self._peek() not in {"", "|", ")"}:
            if not self._depth and self._take("$"):
                if self._peek() not in {"", "|"}:
                    raise self._refusal("'$' before the end")
                break
            parts.append(self._repeated(self._atom()))
        return " ".join(parts) or '""'

    def _repeated(self, atom: str) -> str:
        if self._peek() not in {"*", "+", "?", "{"}:
            return atom
        found = _REPEAT.match(self._pattern, self._at)
        if not found:
            raise self._refusal("a repetition of this kind")
        self._at = found.end()
        sign, least, comma, most = found.groups()
        if least is None:
            return f"{atom}{sign}"
        bounds = int(least), int(most) if most else None if comma else int(least)
        # XGrammar works on each repetition anew, unless they are of a rule.
        many = max(bounds[0], bounds[1] or 0) > _MOST_WRITTEN_OUT
        self._count_ways(*bounds)
        return repeated(self._name(atom) if many else atom, *bounds)

    def _count_ways(self, least: int, most: int | None) -> None:
        """Raises NotEnforced for repetitions within each other that XGrammar would work on for minutes."""
        varies = self._ways_within > 1 or most not in {None, least}
        ways = self._ways_within * max(1, most or least) if varies else 1
        if self._ways_within > 1 and ways > _MOST_WAYS:
            raise self._refusal("repetitions within each other that take long to work out")
        self._ways = max(self._ways, ways)

    def _atom(self) -> str:
        self._ways_within = 1
        if self._take("("):
            return self._group()
        at = self._at
        written = self._write(self._characters())
        if not written:
            raise NotEnforced(f"{self._pattern[at : self._at]!r} in the pattern {self._pattern!r}")
        return written

    def _group(self) -> str:
        if self._peek() == "?" and not self._take("?:"):
            raise self._refusal("a group that looks around, has a name or sets flags")
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self._refusal(f"more than {_MOST_DEPTH} groups within each other")
        ways, self._ways = self._ways, 1
        written = self._alternatives()
        if not self._take(")"):
            raise self._refusal("a group without its end")
        self._depth -= 1
        self._ways_within, self._ways = self._ways, max(ways, self._ways)
        return written

    def _characters(self) -> Ranges:
        if self._take("["):
            return self._set()
        if self._take("."):
            return without(EVERY, single("\n"))
        if self._peek() == "\\":
            return self._escape()
        if self._peek() in set("^$*+?{}]"):
            raise self._refusal(f"{self._peek()!r} here")
        return self._plain()

    def _set(self) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            if self._peek() in {"", "["}:
                raise self._refusal("a set without its end, or one within another")
            ranges += self._range()
        if not ranges:
            raise self._refusal("an empty set")
        return without(EVERY, union(ranges)) if negated else union(ranges)

    def _range(self) -> Ranges:
        first = self._escape() if self._peek() == "\\" else self._plain()
        if self._pattern[self._at + 1 : self._at + 2] == "]" or not self._take("-"):
            return first
        last = self._escape() if self._peek() == "\\" else self._plain()
        (low, same), *more = first
        (high, also), *others = last
        if more or others or low != same or high != also or low > high:
            raise self._refusal("a range of this kind")
        return without(((low, high),), ((0xD800, 0xDFFF),))

    def _escape(self) -> Ranges:
        found = _ESCAPE.match(self._pattern, self._at)
        if not found:
            raise self._refusal("an escape of this kind")
        self._at = found.end()
        byte, unit, kind, control, itself = found.groups()
        if kind:
            return _CLASSES[kind]
        if byte or unit:
            return self._character(chr(int(byte or unit, 16)))
        return self._character(_CONTROLS[control] if control else itself)

    def _plain(self) -> Ranges:
        char = self._peek()
        if not char:
            raise self._refusal("an end like this")
        self._at += 1
        return self._character(char)

    def _character(self, char: str) -> Ranges:
        if "\ud800" <= char <= "\udfff":
            raise self._refusal("half a surrogate pair")
        return single(char)

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _refusal(self, what: str) -> NotEnforced:
        return NotEnforced(f"{what}, at character {self._at} of the pattern {self._pattern!r}")


def repeated(part: str, least: int, most: int | None) -> str:
    """The part so many times. Raises NotEnforced for numbers that take long to work out."""
    if max(least, most or 0) > _MOST_REPETITIONS:
        raise NotEnforced(f"more than {_MOST_REPETITIONS} repetitions")
    if most is not None and most < least:
        raise NotEnforced(f"at least {least} and at most {most} of something")
    if most == 0:
        return '""'
    return f"{part}{{{least},{'' if most is None else most}}}"
