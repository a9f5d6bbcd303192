"""From a request to the index's queries, and whether a product read back still fits; knows no order."""

from collections.abc import Callable, Sequence

from tantivy import FieldType, Occur, Query, Schema

from warung.geo import Coordinates
from warung.products.product import Product
from warung.search.documents import BOOSTS
from warung.search.request import SearchRequest
from warung.search.snapshot import Snapshot
from warung.search.supplier_map import Area

# The best field decides; what else holds the word counts a little.
_OTHER_FIELDS = 0.2
_NAMING_FIELDS = ("name", "tags", "kind")

Terms = Callable[[str], list[str]]


class Matcher:
    """The queries of one request on one snapshot; `terms` splits text as the index does."""

    def __init__(self, request: SearchRequest, snapshot: Snapshot, terms: Terms) -> None:
        self._request = request
        self._snapshot = snapshot
        self.terms = terms(request.text)
        self._excluded = [words for text in request.exclude if (words := terms(text))]
        self._terms = terms
        self._filters = self._make_filters()

    def query(self, at_least: int, *, any_category: bool = False, fewer_than: int | None = None) -> Query:
        """Products that pass the filters and hold at least so many words, and fewer than that many."""
        parts = [*self._filters, (Occur.Must, _text(self._snapshot.schema, self.terms, at_least))]
        if self._request.category is not None and not any_category:
            wanted = Query.term_query(self._snapshot.schema, "category", self._request.category, "basic")
            parts.append((Occur.Must, _silent(wanted)))
        if fewer_than is not None:
            parts.append((Occur.MustNot, _text(self._snapshot.schema, self.terms, fewer_than)))
        return Query.boolean_query(parts)

    def near(self, query: Query, radius_km: float, center: Coordinates) -> Query:
        """The part of `query` that is within the radius."""
        area = self._snapshot.suppliers.within(radius_km, center)
        return Query.boolean_query([(Occur.Must, query), (Occur.Must, _area(self._snapshot.schema, area))])

    def fits(self, product: Product) -> bool:
        """Whether the product, as it is now, passes every filter; its words are not looked at again."""
        request = self._request
        return (
            (request.category is None or product.category == request.category)
            and (request.min_price_rupiah is None or product.price_rupiah >= request.min_price_rupiah)
            and (request.max_price_rupiah is None or product.price_rupiah <= request.max_price_rupiah)
            and (not request.in_stock or product.stock_quantity > 0)
            and self._is_in_reach(product)
            and not self._is_excluded(product)
        )

    def count_in_name(self, product: Product) -> int:
        """How many of the words its name and tags hold."""
        return len(self._words_of_name(product).intersection(self.terms))

    def _words_of_name(self, product: Product) -> set[str]:
        return set(self._terms(" ".join((product.name, *product.tags))))

    def _is_in_reach(self, product: Product) -> bool:
        return all(product.supplier.location in circle for circle in self._request.circles)

    def _is_excluded(self, product: Product) -> bool:
        if not self._excluded:
            return False
        words = self._words_of_name(product)
        return any(words.issuperset(excluded) for excluded in self._excluded)

    def _make_filters(self) -> list[tuple[Occur, Query]]:
        schema, request = self._snapshot.schema, self._request
        filters = [(Occur.MustNot, Query.term_query(schema, "state", "state", "basic"))]
        if request.min_price_rupiah is not None or request.max_price_rupiah is not None:
            prices = _range(schema, "price", request.min_price_rupiah, request.max_price_rupiah)
            filters.append((Occur.Must, prices))
        if request.in_stock:
            filters.append((Occur.Must, _range(schema, "stock", 1, None)))
        for circle in request.circles:
            area = self._snapshot.suppliers.within(circle.radius_km, circle.center)
            filters.append((Occur.Must, _area(schema, area)))
        filters.extend((Occur.MustNot, _naming(schema, words)) for words in self._excluded)
        return filters


def _text(schema: Schema, terms: Sequence[str], at_least: int) -> Query:
    if not terms:
        return Query.all_query()
    words = [(Occur.Should, _word(schema, term)) for term in terms]
    return Query.boolean_query(words, minimum_number_should_match=at_least)


def _word(schema: Schema, term: str) -> Query:
    fields = [
        Query.boost_query(Query.term_query(schema, field, term), boost) for field, boost in BOOSTS.items()
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
    return _silent(Query.term_set_query(schema, "place", area.terms))


def _range(schema: Schema, field: str, lowest: int | None, highest: int | None) -> Query:
    return _silent(Query.range_query(schema, field, FieldType.Integer, lowest, highest))


def _silent(query: Query) -> Query:
    """The same matches without a say in the score."""
    return Query.const_score_query(query, 0.0)
