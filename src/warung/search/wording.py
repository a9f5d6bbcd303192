"""What a text's words stand for: their spelling put right, their synonyms, a last word's continuations.

Knows no query of the index and no product.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from warung.gazetteer.places import Gazetteer
from warung.search.affixes import root
from warung.search.dictionary import Dictionary
from warung.search.spelling import correct
from warung.search.thesaurus import Phrase, Synonym, Terms, Thesaurus
from warung.search.tokens import Token, split
from warung.search.vocabulary import ORDINARY, VOCABULARY, WORDS
from warung.synonyms.schemas import SynonymGroup

# What a synonym's match counts beside one of the word itself, and that of a longer word that it begins.
_SYNONYM, _CONTINUATION = 0.8, 0.6
# One word for a phrase stands for each of the phrase's words and so counts more than once.
_ONE_FOR_MANY = 0.75
_MOST_CONTINUATIONS = 3
# A word that so few products have is asked about when a neighbour has so many times more.
_RARE, _TIMES_MORE = 3, 100
# Bounds the work for a text of nothing but unknown words.
_MOST_CORRECTED = 8
# A word of fewer letters begins too many.
_LEAST_BEGUN = 5


@dataclass(frozen=True, slots=True)
class Alternative:
    """Terms of the index that a product may hold side by side; a match of them counts `weight`, and nothing
    in a product that a term of `unless` names."""

    terms: Phrase
    weight: float = 1.0
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """One word as all that stands for it, or for a phrase that it is part of; the first alternative is what
    `said`, as written or put right, says itself. With `prefix` any word that begins so stands for it too.
    "tanpa kabel" is one: what has a kabel is something else. A purpose is what the goods are for: "anak" in
    "laptop buat anak"."""

    said: str
    alternatives: tuple[Alternative, ...]
    prefix: str | None = None
    is_purpose: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """`words` are those that are searched for, as written or put right, and `is_begun` says that the last one
    may go on. `vague` find no product, but put those that hold them before others. `corrected` maps words as
    written to those that are searched in their place; `did_you_mean` is the whole text with these and with
    what is only suggested, None where there is neither."""

    words: tuple[str, ...]
    is_begun: bool
    terms: tuple[SearchTerm, ...]
    vague: tuple[SearchTerm, ...]
    corrected: Mapping[str, str]
    did_you_mean: str | None


class WordReader:
    """`terms` makes the index's terms of a word, `synonyms` are the groups at this moment."""

    def __init__(self, terms: Terms, synonyms: Callable[[], Sequence[SynonymGroup]] = tuple) -> None:
        self._terms = terms
        self._synonyms = synonyms
        self._compiled: tuple[Sequence[SynonymGroup], Thesaurus] = (), Thesaurus((), terms)

    def read(self, text: str, dictionary: Dictionary, *, prefix: bool = False) -> Wording:
        """What `text` stands for beside these words. With `prefix` its last word may be only begun."""
        return _Reading(text, dictionary, self._terms, self._thesaurus(), prefix=prefix).wording()

    def _thesaurus(self) -> Thesaurus:
        groups, thesaurus = self._compiled
        if (now := self._synonyms()) is not groups:
            thesaurus = Thesaurus(now, self._terms)
            self._compiled = now, thesaurus
        return thesaurus


class _Reading:
    """One pass over one text."""

    def __init__(
        self, text: str, dictionary: Dictionary, terms: Terms, thesaurus: Thesaurus, *, prefix: bool
    ) -> None:
        self._text = text
        self._dictionary = dictionary
        self._terms = terms
        self._thesaurus = thesaurus
        tokens = split(text)
        begun = prefix and bool(tokens) and tokens[-1].end == len(text)
        self._begun = tokens[-1].text if begun else None
        self._tokens = self._once(_wanted(tokens, begun=begun))
        self._goods = _count_goods(self._tokens, tokens)
        self._frequency = cache(dictionary.frequency)
        self._words = cache(self._words_that_begin)

    def wording(self) -> Wording:
        corrected, suggested = self._spelling()
        words = [corrected.get(token, token.text) for token in self._tokens]
        terms, vague = self._search_terms(words)
        return Wording(
            words=tuple(words),
            is_begun=self._begun is not None,
            terms=self._known_goods(terms),
            vague=vague,
            corrected={self._text[token.start : token.end]: word for token, word in corrected.items()},
            did_you_mean=_replaced(self._text, {**corrected, **suggested}),
        )

    def _once(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Said twice a word is the plural, "mainan-mainan"; but "oleh-oleh" is another word than "oleh"."""

        def is_plural(a: Token, b: Token) -> bool:
            if a.text != b.text or not (terms := self._terms(a.text)):
                return False
            return self._thesaurus.match(2 * terms, 0)[0] == 1

        return [a for a, b in pairwise(tokens) if not is_plural(a, b)] + list(tokens[-1:])

    def _spelling(self) -> tuple[dict[Token, str], dict[Token, str]]:
        """Unknown words with what is searched in their place; rare words with what may have been meant."""
        corrected: dict[Token, str] = {}
        suggested: dict[Token, str] = {}
        doubtful = [token for token in self._tokens if self._is_doubtful(token)]
        for token in doubtful[:_MOST_CORRECTED]:
            products = self._products(token.text)
            if products == 0 and (built_on := root(token.text, self._products)):
                corrected[token] = built_on
                continue
            if token.text in ORDINARY:
                continue
            near = correct(token.text, self._words)
            if products == 0:
                if found := near or self._begun_by(token.text):
                    corrected[token] = found[0]
            elif near and near[1] >= products * _TIMES_MORE:
                suggested[token] = near[0]
        return corrected, suggested

    def _begun_by(self, text: str) -> tuple[str, int] | None:
        """The most frequent word that begins so, where enough of it was typed: "mikrof"; no longer number."""
        if len(text) < _LEAST_BEGUN or not text.isalpha():
            return None
        return next(iter(self._dictionary.words(text, 1)), None)

    def _is_doubtful(self, token: Token) -> bool:
        if (
            self._thesaurus.holds(token.text)
            or _names_no_goods(token.text)
            or self._products(token.text) > _RARE
        ):
            return False
        return token.text != self._begun or not self._dictionary.words(token.text, 1)

    def _products(self, word: str) -> int:
        """How many products hold the word, by its most frequent term; many for one that isn't searched by."""
        counts = [self._frequency(term) for term in self._terms(word)]
        return max(*counts, self._dictionary.count(word)) if counts else _RARE + 1

    def _words_that_begin(self, prefix: str) -> Sequence[tuple[str, int]]:
        synonyms = [(word, 0) for word in self._thesaurus.words(prefix)]
        return [*self._dictionary.words(prefix), *synonyms]

    def _search_terms(self, words: Sequence[str]) -> tuple[tuple[SearchTerm, ...], tuple[SearchTerm, ...]]:
        """Those that find products, and the vague ones.

        What stands for a phrase stands for each of its words: a product that has only some of them may follow
        those that have all.
        """
        spelled = [(word, term) for word in words for term in self._terms(word)]
        terms = [term for _, term in spelled]
        goods = sum(len(self._terms(word)) for word in words[: self._goods])
        synonyms = list(self._synonyms(terms))
        vague = self._vague([word for word, _ in spelled], synonyms)
        found: dict[int, SearchTerm] = {}
        seen: set[Phrase] = set()
        end = 0
        while end < len(terms):
            at, end = end, end + (2 if terms[end] in WORDS.without and end + 1 < len(terms) else 1)
            phrase = tuple(terms[at:end])
            begun = words[-1] if self._begun is not None and end == len(terms) else None
            if phrase not in seen or begun:
                seen.add(phrase)
                longer = self._continuations(begun) if begun else ()
                said = " ".join(dict.fromkeys(word for word, _ in spelled[at:end]))
                alternatives = self._alternatives(phrase, synonyms[at], longer)
                found[at] = SearchTerm(said, alternatives, begun, is_purpose=at >= goods)
        return (
            tuple(term for at, term in found.items() if at not in vague),
            tuple(term for at, term in found.items() if at in vague),
        )

    def _vague(self, words: Sequence[str], synonyms: Sequence[Sequence[Alternative]]) -> set[int]:
        """The places of vague words, none where there are no others: not of one that may go on, nor of those
        that alone say what a phrase of theirs stands for."""
        last = len(words) - 1 if self._begun is not None else None
        vague = {at for at, word in enumerate(words) if word in WORDS.vague and at != last}
        said = {alternative for at in range(len(words)) if at not in vague for alternative in synonyms[at]}
        vague = {at for at in vague if said.issuperset(synonyms[at])}
        return vague if len(vague) < len(words) else set()

    def _known_goods(self, terms: tuple[SearchTerm, ...]) -> tuple[SearchTerm, ...]:
        """Where no product has the goods ("sesuatu buat ibu"), the purpose is all that can be searched by."""
        goods = (each for term in terms if not term.is_purpose for each in term.alternatives)
        if any(all(map(self._frequency, each.terms)) for each in goods):
            return terms
        return tuple(replace(term, is_purpose=False) for term in terms)

    def _synonyms(self, terms: Sequence[str]) -> Iterator[list[Alternative]]:
        """For each term those of the longest phrase that it is in, and its own."""
        at = 0
        while at < len(terms):
            length, others = self._thesaurus.match(terms, at)
            shared = [_alternative(synonym, one_for_many=length > 1) for synonym in others]
            for _ in range(length):
                own = self._thesaurus.match(terms, at, most=1)[1] if length > 1 else []
                yield [*shared, *map(_alternative, own)]
                at += 1

    def _continuations(self, begun: str) -> list[Phrase]:
        found = self._dictionary.words(begun, _MOST_CONTINUATIONS)
        return [tuple(self._terms(word)) for word, _ in found if word != begun]

    def _alternatives(
        self, said: Phrase, synonyms: Iterable[Alternative], longer: Iterable[Phrase]
    ) -> tuple[Alternative, ...]:
        """What was said, and all that the index has of the others."""
        found = {said: Alternative(said)}
        others = (
            *synonyms,
            *(Alternative(phrase, _CONTINUATION) for phrase in longer if phrase),
        )
        for other in others:
            if all(self._frequency(term) for term in other.terms):
                found.setdefault(other.terms, other)
        return tuple(found.values())


def _alternative(synonym: Synonym, *, one_for_many: bool = False) -> Alternative:
    weight = _SYNONYM * (_ONE_FOR_MANY if one_for_many and len(synonym.phrase) == 1 else 1)
    return Alternative(synonym.phrase, weight, synonym.unless)


def _names_no_goods(text: str) -> bool:
    """Whether it is a place's, or a word of the shopping language: "bekasi" is no bekas."""
    return text in VOCABULARY or text in Gazetteer.load().words


def _wanted(tokens: Sequence[Token], *, begun: bool) -> Sequence[Token]:
    """Without the words that ask for nothing ("cari", "yang", "for"), unless there are no others; one that is
    only `begun` may go on to be another."""
    last = tokens[-1:] if begun else ()
    wanted = [token for token in tokens if token in last or token.text not in WORDS.fillers]
    return wanted or tokens


def _replaced(text: str, words: Mapping[Token, str]) -> str | None:
    if not words:
        return None
    for token in sorted(words, key=lambda token: -token.start):
        text = text[: token.start] + words[token] + text[token.end :]
    return text


def _count_goods(wanted: Sequence[Token], tokens: Sequence[Token]) -> int:
    """How many of the wanted stand before what the goods are for: all in "tas sekolah", one in "laptop buat
    anak sekolah"."""
    purpose = next((t.start for t in tokens if t.text in WORDS.purposes and wanted[0].start < t.start), None)
    return len(wanted) if purpose is None else sum(token.start < purpose for token in wanted)
