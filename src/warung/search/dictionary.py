"""The words that products are named by, and how many products each; knows no query's meaning."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from tantivy import Occur, Query, Schema, Searcher

from warung.search.documents import BOOSTS, PHRASES, WORDS


class _Searcher(Protocol):
    """The part of tantivy's Searcher used here, with the types that its own stub leaves open."""

    def doc_freq(self, field_name: str, field_value: str) -> int: ...

    def terms_with_prefix(
        self, field_name: str, prefix: str, filter_query: Query | None = None, limit: int | None = None
    ) -> list[tuple[str, int]]: ...


class Dictionary:
    """The index's own list of terms at one moment; safe to share between threads.

    Counts may include products that were changed or deleted a short while ago, except in `completions`.
    """

    def __init__(self, searcher: Searcher, schema: Schema) -> None:
        self._searcher = cast("_Searcher", searcher)
        self._schema = schema
        self._size = searcher.num_docs

    def frequency(self, term: str) -> int:
        """How many products hold the index's `term` in the field that most have it in."""
        return max(self._searcher.doc_freq(field, term) for field in BOOSTS)

    def rarity(self, field: str, terms: Iterable[str]) -> float:
        """By how much BM25 weighs a match of `terms` in a field: their inverse document frequencies' sum."""
        counts = [self._searcher.doc_freq(field, term) for term in terms]
        return sum(math.log1p((max(self._size - count, 0) + 0.5) / (count + 0.5)) for count in counts)

    def count(self, word: str) -> int:
        """How many products are named by `word`, as written."""
        return self._searcher.doc_freq(WORDS, word)

    def words(self, prefix: str, limit: int | None = None) -> list[tuple[str, int]]:
        """The words that begin so, as written, in lower case and without accents; the most frequent first."""
        return self._searcher.terms_with_prefix(WORDS, prefix, limit=limit)

    def completions(
        self, prefix: str, limit: int, *, phrases: bool = False, beside: Sequence[str] = ()
    ) -> list[tuple[str, int]]:
        """The words, or the phrases, that begin so in the names of products that hold all words `beside`, and
        how many of these products; the most first."""
        products = self._named(beside) if beside else Query.all_query()
        return self._searcher.terms_with_prefix(PHRASES if phrases else WORDS, prefix, products, limit)

    def _named(self, words: Iterable[str]) -> Query:
        return Query.boolean_query(
            [(Occur.Must, Query.term_query(self._schema, WORDS, w, "basic")) for w in words]
        )
