"""Lets through what the model may say: a sentence whose numbers and names stand in the facts it speaks of.

The model names a product by its reference, "[2]"; the server puts name, price and distance in its place.
A sentence that can't be checked is dropped, so an invented fact never reaches a shopper.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from warung.products.cards import ProductCard

_REFERENCE = re.compile(r"\[(\d{1,3})\]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:[-'.,][^\W_]+)*")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]+|\d{1,2}[.)])\s+")

_LOOP_WORDS = 7
_VOCABULARY = tomllib.loads(files("warung.assistant").joinpath("vocabulary.toml").read_text("utf-8"))
_OPENERS = frozenset[str](_VOCABULARY["openers"].split())
_CLAIMS = frozenset[str](_VOCABULARY["claims"].split())


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked sentence: `text` with its references still in it, and the `references` in order, from 1."""

    text: str
    references: tuple[int, ...]


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
        self._facts = [_facts(card) for card in cards]
        self._names = frozenset[str]().union(*(_words(card.name) for card in cards))
        self._question = _words(question)
        self._said: set[str] = set()
        self._spoke = False  # general remarks count for nothing until a product was named

    def check(self, raw: str) -> Sentence | None:
        """The sentence when all of it can be vouched for and it wasn't said before, else None."""
        text = _LIST_MARK.sub("", raw).replace("**", "").strip()
        references = tuple(dict.fromkeys(int(number) for number in _REFERENCE.findall(text)))
        if not text or text in self._said or not all(1 <= r <= len(self._facts) for r in references):
            return None
        known = self._question.union(*(self._facts[r - 1] for r in references))
        words = _WORD.findall(_REFERENCE.sub(" ", text))
        if _is_loop(words) or (not references and not self._spoke):
            return None
        if any(self._unvouched(word, position, known) for position, word in enumerate(words)):
            return None
        self._said.add(text)
        self._spoke = True
        return Sentence(text, references)

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


def replace_references(sentence: Sentence, labels: dict[int, str], names: dict[int, str]) -> str:
    """The sentence with every reference replaced by its label, and no name said twice in a row."""

    def label(match: re.Match[str]) -> str:
        return labels[int(match.group(1))]

    text = sentence.text
    for reference in sentence.references:
        repeated = re.compile(
            rf"\[{reference}\](?:[\s:\u2013-]*{re.escape(names[reference])})+", re.IGNORECASE
        )
        text = repeated.sub(f"[{reference}]", text)
    return _REFERENCE.sub(label, text)
