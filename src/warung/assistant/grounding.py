"""Lets through what the model may say: a sentence whose numbers and names stand in the facts it speaks of.

The model names a product by its reference, "[2]"; the server puts name, price and distance in its place.
Of a line that can't be vouched for only the product it picks is kept, so an invented fact never reaches
a shopper.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from warung.products.cards import ProductCard

_REFERENCE = re.compile(r"\[(\d{1,3})\]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:[-'.,][^\W_]+)*")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]+|\d{1,2}[.)])\s+")

_FULL_STOPS = (".", "!", "?", "…")
_LOOP_WORDS = 7
_NAME_WORDS = 2  # a single word in common is no repetition of a name
_VOCABULARY = tomllib.loads(files("warung.assistant").joinpath("vocabulary.toml").read_text("utf-8"))
_OPENERS = frozenset[str](_VOCABULARY["openers"].split())
_CLAIMS = frozenset[str](_VOCABULARY["claims"].split())
_NEGATIONS = frozenset[str](_VOCABULARY["negations"].split())


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked sentence: `text` with its references still in it, and the `references` in order, from 1."""

    text: str
    references: tuple[int, ...]

    @property
    def is_pick(self) -> bool:
        """Whether it is a bare reference, without a word about the product."""
        return _REFERENCE.fullmatch(self.text) is not None


class SentenceSplitter:
    """Cuts streamed text, which begins with `prefix`, into sentences."""

    def __init__(self, prefix: str = "") -> None:
        self._held = prefix

    def feed(self, text: str, *, last: bool = False) -> list[str]:
        """The sentences completed by `text`; with `last` also the one that never ended."""
        self._held += text
        *sentences, self._held = _SENTENCE_END.split(self._held)
        if last:
            sentences.append(self._held)
            self._held = ""
        return [sentence.strip() for sentence in sentences if sentence.strip()]


class Verifier:
    """Checks sentences against the products shown, numbered from 1, and the shopper's own words."""

    def __init__(self, cards: Sequence[ProductCard], question: str) -> None:
        self._cards = cards
        self._facts = [_facts(card) for card in cards]
        self._names = frozenset[str]().union(*(_words(card.name) for card in cards))
        self._question = _words(question)
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
        """The sentence without the names that the model wrote behind its references: the label says them."""
        before, *rest = _REFERENCE.split(text)
        parts = [before]
        for number, after in zip(rest[::2], rest[1::2], strict=True):
            parts += [f"[{number}]", _without_name(after, self._cards[int(number) - 1].name)]
        return "".join(parts).strip()

    def _pick(self, text: str) -> Sentence | None:
        """The product of a line that begins with one and doesn't advise against it, without its reasons."""
        match = _REFERENCE.match(text)
        if match is None or _NEGATIONS & _words(text) or int(match.group(1)) in self._named:
            return None
        reference = int(match.group(1))
        self._named.add(reference)
        return Sentence(match.group(), (reference,))

    def _holds(self, text: str, references: Sequence[int]) -> bool:
        if any(mark in _REFERENCE.sub("", text) for mark in "[]"):
            return False
        words = _WORD.findall(_REFERENCE.sub(" ", text))
        if not references and not (self._named and text.endswith(_FULL_STOPS)):
            return False  # a heading, or a remark before any product was named
        facts = frozenset[str]().union(*(self._facts[r - 1] for r in references))
        return (
            not _is_loop(words)
            and _is_covered(words, facts if references else self._names)
            and not any(self._unvouched(word, at, facts | self._question) for at, word in enumerate(words))
        )

    def _unvouched(self, word: str, position: int, known: frozenset[str]) -> bool:
        folded = word.casefold()
        if folded in known:
            return False
        if any(character.isdigit() for character in word) or folded in _CLAIMS:
            return True
        if folded in self._names and folded not in _OPENERS:
            return True  # another product's name
        capitalised = any(character.isupper() for character in word)
        return capitalised and not (position == 0 and folded in _OPENERS)


def _is_covered(words: Sequence[str], facts: frozenset[str]) -> bool:
    """Whether at least half of what is said, little words aside, stands in the facts."""
    content = [folded for word in words if (folded := word.casefold()) not in _OPENERS]
    return 2 * sum(word in facts for word in content) >= len(content)


def _is_loop(words: Sequence[str]) -> bool:
    """Whether a small model fell into saying the same over and over."""
    return len(words) > _LOOP_WORDS and len({word.casefold() for word in words}) < len(words) / 2


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))


def _facts(card: ProductCard) -> frozenset[str]:
    """Every word that may be said of a product. Price and distance are the server's to write."""
    texts: Iterable[str] = (
        card.name,
        card.description,
        *card.tags,
        card.supplier.business_name,
        card.supplier.city,
    )
    return frozenset[str]().union(*(_words(text) for text in texts))


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
