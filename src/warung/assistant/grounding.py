"""Lets through what the model may say: a sentence that stands in the facts of the products it speaks of.

The model names a product by its reference, "[2]"; the server puts name, price and distance in its place.
Of a line that can't be vouched for only the product it picks is kept, so an invented fact never reaches
a shopper.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

from warung.products.cards import ProductCard

_REFERENCE = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"[^\W_]+(?:[-'.,][^\W_]+)*")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]+|\d{1,2}[.)])\s+")

_FULL_STOPS = (".", "!", "?", "…")
_LOOP_WORDS = 7
_LEAST_WORDS = 2  # a single word behind a reference is a rest of something, not a reason
_NAME_WORDS = 2  # a single word in common is no repetition of a name
_VOCABULARY = tomllib.loads(files("warung.assistant").joinpath("vocabulary.toml").read_text("utf-8"))
_PLAIN = frozenset[str](_VOCABULARY["plain"].split())
_FORBIDDEN = frozenset[str](_VOCABULARY["forbidden"].split())
_BOUND = frozenset[str](_VOCABULARY["bound"].split())
_NEGATIONS = frozenset[str](_VOCABULARY["negations"].split())
# What a telephone number or an address on the net looks like.
_CONTACT = re.compile(r"(?:\D*\d){8,}\D*|(?:08|628)\d\d.*|.*[^\W\d]\.[^\W\d].*")
_MARKS = frozenset(" .,;:!?\"'()-/+&%*\u2013\u2014\u2018\u2019\u201c\u201d\u2026")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked sentence: `text` with its references still in it, and the `references` in order, from 1."""

    text: str
    references: tuple[int, ...]

    @property
    def is_pick(self) -> bool:
        """Whether it is a bare reference, without a word about the product."""
        return _REFERENCE.fullmatch(self.text) is not None


class Verifier:
    """Checks sentences against the products shown, which are numbered from 1."""

    def __init__(self, cards: Sequence[ProductCard]) -> None:
        self._cards = cards
        self._facts = [Facts.of(card) for card in cards]
        self._said: set[str] = set()
        self._named: set[int] = set()

    def check(self, raw: str) -> Sentence | None:
        """What of a sentence can be vouched for: all of it, the product it picks, or nothing."""
        text = _LIST_MARK.sub("", raw).replace("**", "").strip()
        references = tuple(dict.fromkeys(int(number) for number in _REFERENCE.findall(text)))
        if not all(1 <= reference <= len(self._cards) for reference in references):
            return None
        text = self._without_names(text)
        if text in self._said:
            return None
        if self._holds(text, references):
            self._said.add(text)
            self._named.update(references)
            return Sentence(text, references)
        return self._pick(text)

    def _without_names(self, text: str) -> str:
        """The sentence without the names that stand behind its references: the label says them."""
        before, *rest = _REFERENCE.split(text)
        parts = [before]
        for number, after in zip(rest[::2], rest[1::2], strict=True):
            parts += [f"[{number}]", _without_name(after, self._cards[int(number) - 1].name)]
        return "".join(parts).strip()

    def _pick(self, text: str) -> Sentence | None:
        """The product of a line that begins with one and doesn't advise against it, without its reasons."""
        match = _REFERENCE.match(text)
        if match is None or _NEGATIONS & set(_words(text)) or int(match.group(1)) in self._named:
            return None
        reference = int(match.group(1))
        self._named.add(reference)
        return Sentence(match.group(), (reference,))

    def _holds(self, text: str, references: Sequence[int]) -> bool:
        """Whether every word is plain or stands in the facts of each product that the sentence names."""
        if not references and not (self._named and text.endswith(_FULL_STOPS)):
            return False  # a heading, or a remark before any product was named
        rest = _REFERENCE.sub(" ", text)
        words = _words(rest)
        facts = [self._facts[reference - 1] for reference in references] or [_NO_FACTS]
        return (
            len(words) >= _LEAST_WORDS
            and not text.endswith(":")
            and not _is_loop(words)
            and set(_WORD.sub("", rest)) <= _MARKS
            and all(fact.vouch_for(words) for fact in facts)
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """The words that may be said of a product, and which of them stand side by side."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, card: ProductCard) -> "Facts":
        """Price, stock and distance are left out: those are the server's to write."""
        texts = (card.name, card.description, *card.tags, card.supplier.business_name, card.supplier.city)
        split = [_words(text) for text in texts]
        return cls(
            frozenset(word for words in split for word in words),
            frozenset(pair for words in split for pair in pairwise(words)),
        )

    def vouch_for(self, words: Sequence[str]) -> bool:
        return all(self._vouches_for(words, at) for at in range(len(words)))

    def _vouches_for(self, words: Sequence[str], at: int) -> bool:
        word = words[at]
        if word in _FORBIDDEN or _CONTACT.fullmatch(word):
            return False
        if word in _BOUND or any(character.isnumeric() for character in word):
            return self._stands_between(words, at)
        return word in _PLAIN or word in self.words

    def _stands_between(self, words: Sequence[str], at: int) -> bool:
        """Whether the word has its neighbours of the facts: "8 kg" and "16 GB" don't vouch for "8 GB"."""
        sides = [pair for pair in pairwise(words[max(0, at - 1) : at + 2]) if words[at] in pair]
        known = [pair in self.pairs for pair in sides]
        strange = [not _PLAIN.intersection(pair) for pair in sides]
        alone = not sides and words[at] in self.words
        return alone or (any(known) and all(k or not s for k, s in zip(known, strange, strict=True)))


_NO_FACTS = Facts(frozenset(), frozenset())


def _is_loop(words: Sequence[str]) -> bool:
    """Whether a small model fell into saying the same over and over."""
    return len(words) > _LOOP_WORDS and len(set(words)) < len(words) / 2


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def replace_references(sentence: Sentence, labels: Mapping[int, str]) -> str:
    """The sentence with every reference replaced by its label."""
    return _REFERENCE.sub(lambda match: labels[int(match.group(1))], sentence.text)


def _without_name(text: str, name: str) -> str:
    """`text` without the beginning words of `name` at its own beginning, as often as they stand there."""
    name_words = [word.casefold() for word in _WORD.findall(name)]
    while True:
        words = list(_WORD.finditer(text))
        same = 0
        while same < min(len(words), len(name_words)) and words[same].group().casefold() == name_words[same]:
            same += 1
        if same < _NAME_WORDS or _WORD.search(text[: words[0].start()]):
            return text
        rest = text[words[same - 1].end() :]
        text = rest if _WORD.search(rest) else ""
