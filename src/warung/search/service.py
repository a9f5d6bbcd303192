"""Finds products for a shopper and shows them as they are now; knows no route and no language model."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import dropwhile, islice

from warung.delivery.schemas import DeliveryLevel
from warung.errors import InvalidInput, NotFound
from warung.geo import Coordinates, distance_km
from warung.products.cards import ProductCard, product_card
from warung.products.product import Product
from warung.products.service import ProductService
from warung.search.cursor import Cursor, decode, encode
from warung.search.explanation import Explained, Explanation
from warung.search.index import ProductIndex
from warung.search.matching import Matcher
from warung.search.query import Sort
from warung.search.ranking import Hit, Plan, Ranking, Weights
from warung.search.request import SearchRequest, SearchResult
from warung.search.snapshot import Snapshot

_ENOUGH_OFFERS = 3
_MOST_OFFERS_SEEN = 1000

Found = list[tuple[Hit, Product]]


class SearchService:
    """`levels` are the delivery services at this moment, `weights` what counts beside the text; `today` is a
    day since 1970."""

    def __init__(
        self,
        index: ProductIndex,
        products: ProductService,
        levels: Callable[[], Sequence[DeliveryLevel]] = tuple,
        weights: Weights = Weights(),  # noqa: B008  it is frozen
        today: Callable[[], int] = lambda: int(time.time()) // 86_400,
    ) -> None:
        self._weights = weights
        self._today = today
        self._index = index
        self._products = products
        self._levels = levels

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

        day = cursor.day if cursor else self._today()
        hits = Ranking(matcher, snapshot, request.near, self._weights, day).hits(request.sort, plan)
        if cursor:
            hits = dropwhile(lambda hit: hit.key <= cursor.key, hits)
        found = list(islice(self._read_back(hits, matcher, request.limit + 1), request.limit + 1))
        page = found[: request.limit]
        more, levels = len(found) > len(page), self._levels()
        return SearchResult(
            cards=tuple(
                product_card(
                    product, near=request.near, score=hit.score if matcher.terms else None, levels=levels
                )
                for hit, product in _sort_anew(page, request)
            ),
            total=_total(categories, request),
            categories=categories,
            next_cursor=encode(Cursor(plan.at_least, plan.then_any, page[-1][0].key, day), request)
            if more
            else None,
            relaxed=("words",) if plan.then_any or plan.at_least < len(matcher.terms) else (),
        )

    def _read_back(
        self, hits: Iterator[Hit], matcher: Matcher, at_once: int
    ) -> Iterator[tuple[Hit, Product]]:
        """Those hits whose products exist and fit at this moment."""
        while batch := list(islice(hits, at_once)):
            rows = self._products.find([hit.product_id for hit in batch])
            for hit in batch:
                product = rows.get(hit.product_id)
                if product is not None and matcher.fits(product):
                    yield hit, product

    def explain(self, request: SearchRequest) -> Explanation:
        """Why the products of a first page stand where they do. Raises as `search` does."""
        snapshot = self._index.snapshot()
        matcher = Matcher(request, snapshot, self._index.terms)
        plan = _make_plan(request, matcher, snapshot)
        ranking = Ranking(matcher, snapshot, request.near, self._weights, self._today())
        found = islice(
            self._read_back(ranking.hits(request.sort, plan), matcher, request.limit), request.limit
        )
        products = [
            Explained.of(hit, product, explained)
            for hit, product in found
            if (explained := ranking.explain(hit, plan))
        ]
        return Explanation(
            words=list(matcher.terms),
            at_least=plan.at_least,
            then_any=plan.then_any,
            weights=self._weights,
            products=products,
        )

    def offers(self, product_id: int, near: Coordinates | None, limit: int = 20) -> list[ProductCard]:
        """The same kind of product in stock at other suppliers, of each its best match; the nearest first,
        without a place the cheapest.

        The same kind is the category and all words of the name or, where fewer than three suppliers have
        that, ever fewer of its words, down to half. Raises NotFound, and Unavailable while the index is
        being built.
        """
        product = self._products.find([product_id]).get(product_id)
        if product is None:
            raise NotFound(f"there is no product {product_id}")
        sort = Sort.PRICE_ASC if near is None else Sort.DISTANCE
        request = SearchRequest(product.name, product.category, in_stock=True, near=near, sort=sort)
        snapshot, levels = self._index.snapshot(), self._levels()
        matcher = Matcher(request, snapshot, self._index.terms)
        ranking, words = Ranking(matcher, snapshot, near), len(matcher.terms)
        offers: list[Product] = []
        for at_least in range(words, (words - 1) // 2, -1):
            hits = islice(ranking.hits(sort, Plan(at_least, then_any=False)), _MOST_OFFERS_SEEN)
            found = (offer for _, offer in self._read_back(hits, matcher, limit))
            named = (offer for offer in found if matcher.count_in_name(offer) >= at_least)
            offers = _first_of_each_supplier(named, product, limit)
            if len(offers) >= _ENOUGH_OFFERS:
                break
        return [product_card(offer, near=near, levels=levels) for offer in offers]


def _first_of_each_supplier(found: Iterator[Product], product: Product, limit: int) -> list[Product]:
    """But for the product's own."""
    offers: dict[int, Product] = {}
    for offer in found:
        if offer.supplier.id != product.supplier.id:
            offers.setdefault(offer.supplier.id, offer)
        if len(offers) == limit:
            break
    return list(offers.values())


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
