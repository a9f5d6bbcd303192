"""The same kind of product at other suppliers; knows no route and no wire."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from warung.delivery.schemas import DeliveryLevel
from warung.geo import Coordinates
from warung.products.cards import ProductCard, product_card
from warung.products.product import Product
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.matching import Matcher
from warung.search.ranking import Plan, Ranking
from warung.search.read_back import read_back
from warung.search.request import SearchRequest
from warung.search.snapshot import Snapshot
from warung.search.vocabulary import Sort

_ENOUGH_OFFERS = 3
_MOST_OFFERS_SEEN = 1000
_FEWEST_READ = 6


class OfferFinder:
    """Compares suppliers; `match` makes a request's queries, `levels` are the delivery services at this
    moment."""

    def __init__(
        self,
        index: ProductIndex,
        match: Callable[[SearchRequest, Snapshot], Matcher],
        products: ProductService,
        levels: Callable[[], Sequence[DeliveryLevel]],
    ) -> None:
        self._index = index
        self._match = match
        self._products = products
        self._levels = levels

    def offers(self, product: Product, near: Coordinates | None, limit: int) -> list[ProductCard]:
        """In stock, of each supplier its best match; the nearest first, without a place the cheapest.

        The same kind is the category and all words of the name or, where fewer than three suppliers have
        that, ever fewer of its words, down to half. Raises Unavailable while the index is being built.
        """
        sort = Sort.PRICE_ASC if near is None else Sort.DISTANCE
        request = SearchRequest(product.name, product.category, in_stock=True, near=near, sort=sort)
        snapshot, levels = self._index.snapshot(), self._levels()
        matcher = self._match(request, snapshot)
        ranking, words = Ranking(matcher, snapshot, near), len(matcher.terms)
        offers: list[Product] = []
        for at_least in range(words, (words - 1) // 2, -1):
            hits = islice(ranking.hits(sort, Plan(at_least, then_any=False)), _MOST_OFFERS_SEEN)
            found = (offer for _, offer in read_back(self._products, hits, matcher, max(limit, _FEWEST_READ)))
            named = (offer for offer in found if matcher.count_in_name(offer) >= at_least)
            offers = _first_of_each_supplier(named, product, limit)
            if len(offers) >= min(limit, _ENOUGH_OFFERS):
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
