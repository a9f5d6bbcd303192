"""Finds products for a shopper and shows them as they are now; knows no route and no language model."""

from collections.abc import Iterator, Mapping
from itertools import dropwhile, islice

from warung.errors import InvalidInput
from warung.geo import distance_km
from warung.products.cards import product_card
from warung.products.product import Product
from warung.products.service import ProductService
from warung.search.cursor import Cursor, decode, encode
from warung.search.index import ProductIndex
from warung.search.matching import Matcher
from warung.search.query import Sort
from warung.search.ranking import Hit, Plan, Ranking
from warung.search.request import SearchRequest, SearchResult
from warung.search.snapshot import Snapshot

Found = list[tuple[Hit, Product]]


class SearchService:
    def __init__(self, index: ProductIndex, products: ProductService) -> None:
        self._index = index
        self._products = products

    def search(self, request: SearchRequest) -> SearchResult:
        """One page of products that match all words and, with sort=relevance and too few, then any.

        The strict orders take the matches of as many words as any product has, and nothing beside.
        What the index finds is read back from the database and every filter applied to that row:
        an index that lags behind can miss a product, and never shows one that doesn't fit.
        Raises InvalidInput for a bad cursor, Unavailable while the index is being built.
        """
        snapshot = self._index.snapshot()
        matcher = Matcher(request, snapshot, self._index.terms)
        cursor = decode(request)
        if cursor and not 0 <= cursor.at_least <= len(matcher.terms):
            raise InvalidInput("cursor is malformed; pass next_cursor as it was answered", field="cursor")
        plan = Plan(cursor.at_least, cursor.then_any) if cursor else _make_plan(request, matcher, snapshot)
        categories = _categories(matcher, snapshot, 1 if plan.then_any else plan.at_least)

        hits = Ranking(matcher, snapshot, request.near).hits(request.sort, plan)
        if cursor:
            hits = dropwhile(lambda hit: hit.key <= cursor.key, hits)
        found = self._read_back(hits, matcher, request.limit + 1)
        page = found[: request.limit]
        more = len(found) > len(page)
        return SearchResult(
            cards=tuple(
                product_card(product, near=request.near, score=hit.score if matcher.terms else None)
                for hit, product in _sort_anew(page, request)
            ),
            total=_total(categories, request),
            categories=categories,
            next_cursor=encode(Cursor(plan.at_least, plan.then_any, page[-1][0].key), request)
            if more
            else None,
            relaxed=("words",) if plan.then_any or plan.at_least < len(matcher.terms) else (),
        )

    def _read_back(self, hits: Iterator[Hit], matcher: Matcher, wanted: int) -> Found:
        """The first hits whose products exist and fit at this moment."""
        found: Found = []
        while len(found) < wanted and (batch := list(islice(hits, wanted))):
            rows = self._products.find([hit.product_id for hit in batch])
            for hit in batch:
                product = rows.get(hit.product_id)
                if product is not None and matcher.fits(product):
                    found.append((hit, product))
        return found[:wanted]


def _make_plan(request: SearchRequest, matcher: Matcher, snapshot: Snapshot) -> Plan:
    def total(at_least: int) -> int:
        return _total(_categories(matcher, snapshot, at_least), request)

    words = len(matcher.terms)
    if request.sort is Sort.RELEVANCE:
        found = total(words)
        return Plan(words, then_any=found < request.limit and words > 1 and total(1) > found)
    return Plan(next((n for n in range(words, 1, -1) if total(n)), min(words, 1)), then_any=False)


def _categories(matcher: Matcher, snapshot: Snapshot, at_least: int) -> Mapping[str, int]:
    return snapshot.categories(matcher.query(at_least, any_category=True))


def _total(categories: Mapping[str, int], request: SearchRequest) -> int:
    return sum(count for slug, count in categories.items() if request.category in (None, slug))


def _sort_anew(page: Found, request: SearchRequest) -> Found:
    """A strict order holds for what is shown, even where the index has not caught up yet."""
    near = request.near
    match request.sort:
        case Sort.PRICE_ASC:
            return sorted(page, key=lambda found: found[1].price_rupiah)
        case Sort.PRICE_DESC:
            return sorted(page, key=lambda found: -found[1].price_rupiah)
        case Sort.DISTANCE if near is not None:
            return sorted(page, key=lambda found: distance_km(near, found[1].supplier.location))
        case _:
            return page
