"""One committed state of the index, for reading; knows no database and no shopper."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

from tantivy import DocAddress, Order, Query, Schema, Searcher

from warung.search.dictionary import Dictionary
from warung.search.supplier_map import SupplierMap

_MOST_CATEGORIES = 1000


class Match(NamedTuple):
    """A product that matches; `score` is the text's, 0 when the order didn't ask for it. Days since 1970."""

    product_id: int
    supplier_id: int
    price_rupiah: int
    stock_quantity: int
    updated_day: int
    category_number: int
    score: float


class _Searcher(Protocol):
    """The part of tantivy's Searcher used here, with the types that its own stub leaves open."""

    def search(
        self, query: Query, limit: int, count: bool, order_by_field: str | None, *, order: Order
    ) -> "_Hits": ...

    def aggregate(self, query: Query, agg: dict[str, Any]) -> dict[str, Any]: ...

    def fast_field_values(
        self, field_name: str, doc_addresses: list[DocAddress]
    ) -> list[int | float | bool | None]: ...


class _Hits(Protocol):
    hits: list[tuple[Any, DocAddress]]


class Snapshot:
    """Safe to share between threads; `suppliers` may be newer than it."""

    def __init__(self, searcher: Searcher, schema: Schema, suppliers: SupplierMap) -> None:
        self._searcher = cast("_Searcher", searcher)
        self._size = searcher.num_docs
        self.schema = schema
        self.dictionary = Dictionary(searcher, schema)
        self.suppliers = suppliers

    def matches(
        self, query: Query, limit: int | None = None, *, order_by: str | None = None, descending: bool = True
    ) -> list[Match]:
        """The first `limit` matches (all if None), by score or by an integer field."""
        if self._size == 0:
            return []
        hits = self._searcher.search(
            query,
            max(1, min(self.count(query) if limit is None else limit, self._size)),
            False,
            order_by,
            order=Order.Desc if descending else Order.Asc,
        ).hits
        addresses = [address for _, address in hits]
        scores = [0.0 if order_by else float(score) for score, _ in hits]
        columns = (
            self._integers(field, addresses)
            for field in ("id", "supplier", "price", "stock", "updated", "category_number")
        )
        return [Match(*row) for row in zip(*columns, scores, strict=True)]

    def explain(self, query: Query, part: Query) -> dict[str, Any] | None:
        """How Tantivy scores by `query` the first match of a `part` of it; None where that has none."""
        hits = self._searcher.search(part, 1, False, None, order=Order.Desc).hits
        if not hits:
            return None
        return json.loads(query.explain(cast("Searcher", self._searcher), hits[0][1]).to_json())

    def count(self, query: Query) -> int:
        return sum(self.categories(query).values())

    def categories(self, query: Query) -> dict[str, int]:
        """How many products of each category match, most first."""
        terms = {"terms": {"field": "category", "size": _MOST_CATEGORIES, "segment_size": _MOST_CATEGORIES}}
        answer = self._searcher.aggregate(query, {"categories": terms})
        return {bucket["key"]: bucket["doc_count"] for bucket in answer["categories"]["buckets"]}

    def aggregate(self, query: Query, wanted: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The buckets of aggregations over the matches, by their names."""
        answer = self._searcher.aggregate(query, wanted)
        return {name: answer[name]["buckets"] for name in wanted}

    def _integers(self, field: str, addresses: Sequence[DocAddress]) -> list[int]:
        return [int(value or 0) for value in self._searcher.fast_field_values(field, list(addresses))]
