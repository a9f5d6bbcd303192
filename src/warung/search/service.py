"""Finds products for a shopper and shows them as they are now; knows no route and no language model."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from warung.delivery.schemas import DeliveryLevel
from warung.errors import InvalidInput, NotFound
from warung.geo import Coordinates, distance_km
from warung.products.cards import ProductCard, product_card
from warung.products.product import Product
from warung.products.service import ProductService
from warung.search.completion import Completion, complete
from warung.search.counting import count_facets
from warung.search.cursor import Cursor, decode, encode, remember
from warung.search.explanation import Explained, Explanation
from warung.search.facets import Facets
from warung.search.highlights import Highlighter, Highlights
from warung.search.index import ProductIndex
from warung.search.matching import Matcher
from warung.search.offers import OfferFinder
from warung.search.ranking import Hit, Plan, Ranking, Weights
from warung.search.read_back import read_back
from warung.search.relaxation import give_way, loosen
from warung.search.request import MAX_LIMIT, SearchRequest, SearchResult, Step
from warung.search.snapshot import Snapshot
from warung.search.vocabulary import WORDS, Sort
from warung.search.wording import WordReader
from warung.synonyms.schemas import SynonymGroup

# Where fewer match all words, matches of any follow, whatever a page's size: it must not change the total.
_FILL_BELOW = MAX_LIMIT
# In the other orders nobody asks the index for scores.
_SCORED = (Sort.RELEVANCE, Sort.DISTANCE)

Found = list[tuple[Hit, Product]]


class SearchService:
    """`levels` are the delivery services and `synonyms` the groups at this moment, `weights` what counts
    beside the text; `today` is a day since 1970."""

    def __init__(
        self,
        index: ProductIndex,
        products: ProductService,
        levels: Callable[[], Sequence[DeliveryLevel]] = tuple,
        synonyms: Callable[[], Sequence[SynonymGroup]] = tuple,
        *,
        weights: Weights = Weights(),  # noqa: B008  it is frozen
        today: Callable[[], int] = lambda: int(time.time()) // 86_400,
    ) -> None:
        self._weights = weights
        self._today = today
        self._index = index
        self._products = products
        self._levels = levels
        self._reader = WordReader(index.terms, synonyms)
        self._offers = OfferFinder(index, self._match, products, levels)

    def search(self, request: SearchRequest) -> SearchResult:
        """One page of products that match all words and, with sort=relevance and too few, then any.

        The strict orders, and relevance without `fill`, take the matches of as many words as any product
        has, and nothing beside. With `relax` filters give way when nothing has all words and passes them.
        What the index finds is read back from the database and every filter applied to that row:
        an index that lags behind can miss a product, and never shows one that doesn't fit.
        Raises InvalidInput for a bad cursor, Unavailable while the index is being built.
        """
        cursor, found = decode(request), None
        if cursor is None and request.relax:
            found = give_way(request, partial(self._try, request), lambda found: found.words)
        found = found or self._page(request, cursor.relaxed if cursor else (), cursor)
        return replace(found, offers=self._offers_for(found, request)) if request.offers else found

    def complete(self, text: str, limit: int) -> tuple[list[Completion], Mapping[str, str]]:
        """What `text` may be going to be, and which of its words were put right for that.

        Raises Unavailable while the index is being built.
        """
        dictionary = self._index.snapshot().dictionary
        wording = self._reader.read(text, dictionary, prefix=True)
        return complete(wording, dictionary, limit), wording.corrected

    def explain(self, request: SearchRequest) -> Explanation:
        """Why the products of a first page stand where they do. Raises as `search` does."""
        snapshot = self._index.snapshot()
        matcher = self._match(request, snapshot)
        ranking = Ranking(matcher, snapshot, request.near, self._weights, self._today())
        plan = _make_plan(request, matcher, snapshot, ranking)
        hits = ranking.hits(request.sort, plan)
        found = islice(read_back(self._products, hits, matcher, request.limit), request.limit)
        products = [
            Explained.of(hit, product, explained)
            for hit, product in found
            if (explained := ranking.explain(hit, plan))
        ]
        return Explanation(
            words=[" ".join(term.alternatives[0].terms) for term in matcher.terms],
            at_least=plan.at_least,
            then_any=plan.then_any,
            weights=self._weights,
            products=products,
        )

    def offers(self, product_id: int, near: Coordinates | None, limit: int = 20) -> list[ProductCard]:
        """The same kind of product in stock at other suppliers, as `OfferFinder` tells. Raises NotFound."""
        product = self._products.find([product_id]).get(product_id)
        if product is None:
            raise NotFound(f"there is no product {product_id}")
        return self._offers.offers(product, near, limit)

    def matched(self, text: str) -> Callable[[ProductCard], list[str]]:
        """Tells which words of `text`, put right, or what stands for them, a product's own texts hold.

        Raises Unavailable while the index is being built.
        """
        wording = self._reader.read(text, self._index.snapshot().dictionary)
        terms: dict[str, list[Highlighter]] = {}
        for term in wording.terms:
            terms.setdefault(term.said, []).append(Highlighter([term], self._index.terms))

        def words(card: ProductCard) -> list[str]:
            texts = (card.name, *card.tags, card.description)
            return [
                said for said, all_of in terms.items() if all(any(map(each.places, texts)) for each in all_of)
            ]

        return words

    def corrections(self, text: str) -> Mapping[str, str]:
        """The misspelt words of `text`, with those that are searched in their place.

        Raises Unavailable while the index is being built.
        """
        return self._reader.read(text, self._index.snapshot().dictionary).corrected

    def unknown_words(self, text: str) -> list[str]:
        """Those of the words that no product has. Raises Unavailable while the index is being built."""
        snapshot = self._index.snapshot()

        def is_unknown(word: str) -> bool:
            matcher = self._match(SearchRequest(word), snapshot)
            return bool(matcher.terms) and not snapshot.count(matcher.unscored(len(matcher.terms)))

        words = dict.fromkeys(text.split())
        return [word for word in words if word.lower() not in WORDS.vague and is_unknown(word)]

    def _try(self, request: SearchRequest, steps: tuple[Step, ...]) -> SearchResult | None:
        """The first page after these steps, if it holds anything that they allow."""
        result = self._page(request, steps)
        return result if (result.cards if "words" in steps else result.exact) else None

    def _page(
        self, request: SearchRequest, steps: tuple[Step, ...] = (), cursor: Cursor | None = None
    ) -> SearchResult:
        snapshot, asked = self._index.snapshot(), loosen(request, steps)
        matcher = self._match(asked, snapshot)
        words = len(matcher.terms)
        if cursor and not 0 <= cursor.at_least <= words:
            raise InvalidInput("cursor is malformed; pass next_cursor as it was answered", field="cursor")
        day = cursor.day if cursor else self._today()
        ranking = Ranking(matcher, snapshot, asked.near, self._weights, day)
        plan = _plan_of(cursor) if cursor else _make_plan(asked, matcher, snapshot, ranking)
        found = self._found(asked, matcher, ranking, plan, cursor)
        page = found[: request.limit]
        exact = sum(plan.at_least == words and hit.key[0] == 0 for hit, _ in page)
        relaxed = cursor.relaxed if cursor else _relaxed(steps, in_words=bool(words and page and not exact))
        at_least = 1 if plan.then_any else plan.at_least
        known = ranking.all_matches(at_least)
        facets = count_facets(matcher, snapshot, at_least, request.facets, request.near, matches=known)
        following = _following(plan, cursor, page, relaxed, day) if len(found) > len(page) else None
        shown = _sort_anew(page, asked)
        return SearchResult(
            cards=self._cards(shown, asked, is_scored=words > 0 and asked.sort in _SCORED),
            exact=exact,
            total=_total(facets, asked),
            facets=facets,
            next_cursor=following and encode(following, request),
            words=min((plan.at_least if hit.key[0] == 0 else 1 for hit, _ in page), default=0),
            relaxed=relaxed,
            corrected=matcher.wording.corrected,
            did_you_mean=matcher.wording.did_you_mean,
            highlights=self._marks(shown, matcher) if request.highlight else None,
        )

    def _offers_for(self, found: SearchResult, request: SearchRequest) -> dict[int, list[ProductCard]]:
        near = loosen(request, found.relaxed).near
        shown = self._products.find([card.id for card in found.cards])
        return {key: self._offers.offers(product, near, request.offers) for key, product in shown.items()}

    def _match(self, request: SearchRequest, snapshot: Snapshot) -> Matcher:
        wording = self._reader.read(request.text, snapshot.dictionary, prefix=request.prefix)
        return Matcher(request, snapshot, self._index.terms, wording)

    def _marks(self, page: Found, matcher: Matcher) -> tuple[Highlights, ...]:
        highlighter = Highlighter(matcher.terms, self._index.terms)
        return tuple(highlighter.mark(product) for _, product in page)

    def _found(
        self, asked: SearchRequest, matcher: Matcher, ranking: Ranking, plan: Plan, cursor: Cursor | None
    ) -> Found:
        """The next products and, if there is one, the first of the page after them."""
        hits = ranking.hits(asked.sort, plan)
        if cursor:
            shown = frozenset(cursor.shown)
            hits = (hit for hit in hits if hit.product_id not in shown)
            if cursor.is_deep:
                hits = (hit for hit in hits if hit.key > cursor.key)
        count = asked.limit + 1
        return list(islice(read_back(self._products, hits, matcher, count), count))

    def _cards(self, page: Found, asked: SearchRequest, *, is_scored: bool) -> tuple[ProductCard, ...]:
        levels = self._levels()
        return tuple(
            product_card(product, near=asked.near, score=hit.score if is_scored else None, levels=levels)
            for hit, product in page
        )


def _make_plan(request: SearchRequest, matcher: Matcher, snapshot: Snapshot, ranking: Ranking) -> Plan:
    words = len(matcher.terms)

    def has(at_least: int) -> int:
        return snapshot.count(matcher.unscored(at_least))

    if request.fill and request.sort is Sort.RELEVANCE:
        return Plan(words, then_any=words > 1 and len(ranking.best(words)) < _FILL_BELOW)
    return Plan(next((n for n in range(words, 1, -1) if has(n)), min(words, 1)), then_any=False)


def _plan_of(cursor: Cursor) -> Plan:
    return Plan(cursor.at_least, cursor.then_any)


def _relaxed(steps: tuple[Step, ...], *, in_words: bool) -> tuple[Step, ...]:
    words: tuple[Step, ...] = ("words",) if in_words else ()
    return (*(step for step in steps if step != "words"), *words)


def _following(plan: Plan, before: Cursor | None, page: Found, relaxed: tuple[Step, ...], day: int) -> Cursor:
    shown, is_deep = remember(before, tuple(product.id for _, product in page))
    return Cursor(plan.at_least, plan.then_any, page[-1][0].key, shown, is_deep, relaxed, day)


def _total(facets: Facets, request: SearchRequest) -> int:
    return sum(count for slug, count in facets.category.items() if request.category in (None, slug))


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
