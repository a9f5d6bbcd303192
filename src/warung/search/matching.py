"""From a request to the index's queries, and whether a product read back still fits; knows no order."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from tantivy import FieldType, Occur, Query, Schema

from warung.geo import Coordinates
from warung.products.product import Product
from warung.search.documents import BOOSTS, WORDS
from warung.search.facets import EXACT_FACETS, Facet
from warung.search.request import SearchRequest
from warung.search.snapshot import Snapshot
from warung.search.supplier_map import Area
from warung.search.thesaurus import Terms
from warung.search.wording import Alternative, SearchTerm, Wording

# The best field decides; what else holds the word counts half. Measured as documents.BOOSTS: at 0.3 0.795,
# 0.879, 0.957, at 0.7 0.795, 0.880, 0.953.
_OTHER_FIELDS = 0.5
_NAMING_FIELDS = ("name", "tags", "kind")
# Any word that begins as the last one does: less than a match of a word that is known to.
_PREFIX_SCORE = 1.0
# A set of terms is looked up at once, which is worth its while for so many.
_MANY_TERMS = 200


class Matcher:
    """The queries of one request on one snapshot; `wording` is what its text stands for, and `terms` splits
    text as the index does."""

    def __init__(self, request: SearchRequest, snapshot: Snapshot, terms: Terms, wording: Wording) -> None:
        self._request = request
        self._snapshot = snapshot
        self.wording = wording
        self.terms = wording.terms
        purposes = sum(term.is_purpose for term in self.terms)
        self._goods = len(self.terms) - purposes
        self._words = [_term(snapshot, term, 1 / purposes if term.is_purpose else 1) for term in self.terms]
        self._vague = [(Occur.Should, _term(snapshot, term, 1)) for term in wording.vague]
        self._excluded = [words for text in request.exclude if (words := terms(text))]
        self._terms = terms
        self._filters = list(self._make_filters())

    @property
    def most_rupiah(self) -> int | None:
        """The most that the shopper wants to pay."""
        return self._request.max_price_rupiah

    def query(self, at_least: int) -> Query:
        """Products that pass the filters and hold at least so many words, with the text's score.

        What goods are for counts as much as one word, and no product is found by it alone: who asks for
        "laptop buat belajar anak sd" wants no other things of children. Vague words only order.
        """
        beside = list(self._vague)
        if at_least <= self._goods:
            beside += [(Occur.Should, query) for query in self._words[self._goods :]]
        found = self._some(self._words, at_least)
        return self._filtered(Query.boolean_query([(Occur.Must, found), *beside]) if beside else found)

    def unscored(self, at_least: int, *, without: Facet | None = None) -> Query:
        """The same products, to be counted; with `without` as if its filter had not been set."""
        # One union of all is read faster than one of unions.
        words = [list(_matches(self._snapshot.schema, term)) for term in self.terms]
        if at_least == 1:
            return self._filtered(_some(list(chain.from_iterable(words[: self._goods])), 1), without)
        return self._filtered(self._some([_some(queries, 1) for queries in words], at_least), without)

    def filters_by(self, facet: Facet) -> bool:
        """Whether the request sets a filter of this facet."""
        return any(name == facet for name, _ in self._filters)

    def near(self, query: Query, radius_km: float, center: Coordinates) -> Query:
        """The part of `query` that is within the radius."""
        area = self._snapshot.suppliers.within(radius_km, center)
        return Query.boolean_query([(Occur.Must, query), (Occur.Must, _area(self._snapshot.schema, area))])

    def only(self, query: Query, product_id: int) -> Query:
        """The part of `query` that is this product."""
        this = _silent(Query.term_query(self._snapshot.schema, "id", product_id))
        return Query.boolean_query([(Occur.Must, query), (Occur.Must, this)])

    def fits(self, product: Product) -> bool:
        """Whether the product, as it is now, passes every filter; its words are not looked at again."""
        request = self._request
        return (
            all(wanted in (None, has) for wanted, has in _exact(request, product))
            and (request.min_price_rupiah is None or product.price_rupiah >= request.min_price_rupiah)
            and (request.max_price_rupiah is None or product.price_rupiah <= request.max_price_rupiah)
            and (not request.in_stock or product.stock_quantity > 0)
            and self._is_in_reach(product)
            and not self._is_excluded(product)
        )

    def count_in_name(self, product: Product) -> int:
        """How many of the words its name and tags hold."""
        words = self._words_of_name(product)
        return sum(any(words.issuperset(a.terms) for a in term.alternatives) for term in self.terms)

    def _some(self, words: Sequence[Query], at_least: int) -> Query:
        """What at least so many find, of those of the goods first."""
        goods, purposes = words[: self._goods], words[self._goods :]
        if at_least <= len(goods):
            return _some(goods, at_least)
        both = (_some(goods, len(goods)), _some(purposes, at_least - len(goods)))
        return Query.boolean_query([(Occur.Must, query) for query in both])

    def _filtered(self, text: Query, without: Facet | None = None) -> Query:
        schema = self._snapshot.schema
        if not self.terms and self._request.text.strip():
            return Query.empty_query()  # nothing but signs, "???", which no product has
        filters = [each for facet, each in self._filters if facet is None or facet is not without]
        unwanted = [_naming(schema, words) for words in self._excluded]
        if not self.terms and not filters:
            # The one document that is no product has no word, and nothing that a filter asks for.
            unwanted.append(Query.term_query(schema, "state", "state", "basic"))
        parts = [(Occur.Must, text), *((Occur.Must, each) for each in filters)]
        return Query.boolean_query([*parts, *((Occur.MustNot, each) for each in unwanted)])

    def _words_of_name(self, product: Product) -> set[str]:
        return set(self._terms(" ".join((product.name, *product.tags))))

    def _is_in_reach(self, product: Product) -> bool:
        return all(product.supplier.location in circle for circle in self._request.circles)

    def _is_excluded(self, product: Product) -> bool:
        if not self._excluded:
            return False
        words = self._words_of_name(product)
        return any(words.issuperset(excluded) for excluded in self._excluded)

    def _make_filters(self) -> Iterator[tuple[Facet | None, Query]]:
        """Each with the facet that counts its values."""
        schema, request = self._snapshot.schema, self._request
        for facet, field in EXACT_FACETS.items():
            if (wanted := getattr(request, facet)) is not None:
                yield facet, _silent(Query.term_query(schema, field, wanted, "basic"))
        low, high = request.min_price_rupiah, request.max_price_rupiah
        if low is not None or high is not None:
            yield Facet.PRICE, _range(schema, "price", low, high)
        if request.in_stock:
            yield None, _range(schema, "stock", 1, None)
        for facet, circle in ((Facet.DISTANCE, request.around), (None, request.area)):
            if circle is not None:
                area = self._snapshot.suppliers.within(circle.radius_km, circle.center)
                yield facet, _area(schema, area)


def _exact(request: SearchRequest, product: Product) -> Iterator[tuple[str | None, str | None]]:
    """What must be as it is asked for, beside what the product has."""
    yield request.category, product.category
    yield request.condition, product.condition
    yield request.city, product.supplier.city
    yield request.brand, product.brand


def _some(queries: Sequence[Query], at_least: int) -> Query:
    """What at least so many of them find; everything where there are none."""
    if not queries:
        return Query.all_query()
    if at_least == len(queries):
        return Query.boolean_query([(Occur.Must, query) for query in queries])
    return Query.boolean_query(
        [(Occur.Should, query) for query in queries], minimum_number_should_match=at_least
    )


def _matches(schema: Schema, term: SearchTerm) -> Iterator[Query]:
    """Queries that together find what `_term` finds."""
    for each in term.alternatives:
        first, *more = each.terms
        if more or each.unless:
            yield _alternative(schema, each, BOOSTS)
        else:
            for field in BOOSTS:
                yield Query.term_query(schema, field, first, "basic")
    if term.prefix is not None:
        yield Query.fuzzy_term_query(schema, WORDS, term.prefix, 0, prefix=True)


def _term(snapshot: Snapshot, term: SearchTerm, weight: float) -> Query:
    """The best alternative alone decides. In each field none counts as rarer than the word itself or, where
    no product has that, than the most frequent of them: else a rare synonym would count more."""
    schema, rarity = snapshot.schema, snapshot.dictionary.rarity
    said = {field: rarity(field, term.alternatives[0].terms) for field in BOOSTS}
    if not all(snapshot.dictionary.frequency(word) for word in term.alternatives[0].terms):
        said = {field: min(rarity(field, each.terms) for each in term.alternatives) for field in BOOSTS}
    queries = [
        _alternative(
            schema,
            each,
            {
                field: each.weight * BOOSTS[field] * min(1.0, said[field] / rarity(field, each.terms))
                for field in BOOSTS
            },
        )
        for each in term.alternatives
    ]
    if term.prefix is not None:
        begins = Query.fuzzy_term_query(schema, WORDS, term.prefix, 0, prefix=True)
        queries.append(Query.const_score_query(begins, _PREFIX_SCORE))
    best = queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)
    return best if weight == 1 else Query.boost_query(best, weight)


def _alternative(schema: Schema, alternative: Alternative, boosts: Mapping[str, float]) -> Query:
    query = _phrase(schema, alternative.terms, boosts)
    if alternative.unless:
        named = [Query.term_set_query(schema, field, list(alternative.unless)) for field in _NAMING_FIELDS]
        query = Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, each) for each in named)])
    return query


def _phrase(schema: Schema, terms: Sequence[str], boosts: Mapping[str, float]) -> Query:
    """One word, or several side by side."""
    fields = [
        Query.boost_query(
            Query.term_query(schema, field, terms[0])
            if len(terms) == 1
            else Query.phrase_query(schema, field, list(terms)),
            boost,
        )
        for field, boost in boosts.items()
    ]
    return Query.disjunction_max_query(fields, _OTHER_FIELDS)


def _naming(schema: Schema, words: Sequence[str]) -> Query:
    """Products called so, not those that only mention it in their description."""
    return Query.boolean_query(
        [
            (
                Occur.Must,
                Query.boolean_query(
                    [(Occur.Should, Query.term_query(schema, field, word)) for field in _NAMING_FIELDS]
                ),
            )
            for word in words
        ]
    )


def _area(schema: Schema, area: Area) -> Query:
    terms = area.terms
    if len(terms) > _MANY_TERMS:
        return _silent(Query.term_set_query(schema, "place", terms))
    each = [(Occur.Should, Query.term_query(schema, "place", term, "basic")) for term in terms]
    return _silent(Query.boolean_query(each) if each else Query.empty_query())


def _range(schema: Schema, field: str, lowest: int | None, highest: int | None) -> Query:
    return _silent(Query.range_query(schema, field, FieldType.Integer, lowest, highest))


def _silent(query: Query) -> Query:
    """The same matches without a say in the score."""
    return Query.const_score_query(query, 0.0)
