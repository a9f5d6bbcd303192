"""The orders in which matches are shown, each a lazy stream; knows no database and no wire.

Relevance, each part from 0 to 1 and with a weight of its own (`Weights`):

    score = text * (1 + nearness / (1 + km / 25)     nothing where no place is known
                      + stock                        of what is not sold out
                      + price_fit * price / most     where the shopper says the most to pay
                      + freshness / (1 + days / 30)) since the product's last change

so that with a nearness of 0.25 the same match is worth a quarter more next door, an eighth more 25 km
away, and a clearly better match wins from anywhere. `text` is BM25 with the fields weighted as in
`documents.BOOSTS`.
Matches of all words come before matches of any. Without words relevance means nearest first, or
newest first where no place is known. The other orders are strict; equals stand by their ids.

Streams are exact and the same for any page size: a window onto the index is widened until no match
outside it can come before what is handed out. Relevance ranks the 5,000 best matches of the text
and ends there; the strict orders go on to the last match.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tantivy import Query

from warung.geo import Coordinates, distance_km
from warung.search.cursor import Key
from warung.search.matching import Matcher
from warung.search.snapshot import Match, Snapshot
from warung.search.vocabulary import Sort

NEARNESS_HALVES_AT_KM = 25.0
FRESHNESS_HALVES_AT_DAYS = 30.0

_FIRST_WINDOW = 200
_GROWTH = 5
_MOST_RANKED = 5000
# So few matches are sorted by distance as a whole, rather than ring by ring.
_FEW = 500
_FIRST_RING_KM = 2.0
_HALF_AROUND_THE_EARTH_KM = 20_037.6


@dataclass(frozen=True, slots=True)
class Weights:
    """What the parts beside the text are worth to relevance, each 0 or more; 0 switches one off."""

    nearness: float = 0.25
    stock: float = 0.5
    price_fit: float = 0.1
    freshness: float = 0.05

    @property
    def sum(self) -> float:
        return self.nearness + self.stock + self.price_fit + self.freshness


class Parts(NamedTuple):
    """A match's score before and after its weighted parts: `score` is `text` times 1 and all of these."""

    text: float
    nearness: float
    stock: float
    price_fit: float
    freshness: float

    @property
    def score(self) -> float:
        return self.text * (1 + self.nearness + self.stock + self.price_fit + self.freshness)


class Hit(NamedTuple):
    """A match in its order: `key` ascends, and its last part is the product's id."""

    key: Key
    product_id: int
    score: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`at_least` words must match; `then_any` lets matches of any word follow."""

    at_least: int
    then_any: bool


class Ranking:
    """`today` is the day from which ages are told, since 1970."""

    def __init__(
        self,
        matcher: Matcher,
        snapshot: Snapshot,
        near: Coordinates | None,
        weights: Weights = Weights(),
        today: int = 0,
    ) -> None:
        self._matcher = matcher
        self._weights = weights
        self._today = today
        self._snapshot = snapshot
        self._near = near
        self._distances_km: dict[int, float] = {}
        self._best: dict[int, Sequence[Match]] = {}

    def hits(self, sort: Sort, plan: Plan) -> Iterator[Hit]:
        """All matches in order; the first part of a key is 0, or 1 for those that match only some words."""
        with_all: set[int] = set()
        for hit in self._ordered(sort, plan.at_least):
            with_all.add(hit.product_id)
            yield _in_tier(0, hit)
        if plan.then_any:
            for hit in self._ordered(sort, 1):
                if hit.product_id not in with_all:
                    yield _in_tier(1, hit)

    def best(self, at_least: int) -> Sequence[Match]:
        """The first matches by their text alone, 200 at most."""
        if at_least not in self._best:
            self._best[at_least] = self._snapshot.matches(self._matcher.query(at_least), _FIRST_WINDOW)
        return self._best[at_least]

    def all_matches(self, at_least: int) -> Sequence[Match] | None:
        """Every match of so many words, in no certain order, where ranking had to read them all."""
        best = self._best.get(at_least)
        return best if best is not None and len(best) < _FIRST_WINDOW else None

    def explain(self, hit: Hit, plan: Plan) -> tuple[Parts, dict[str, Any]] | None:
        """The parts of a hit's score, and how Tantivy makes the text's; None when it matches no more."""
        query = self._matcher.query(plan.at_least if hit.key[0] == 0 else 1)
        this = self._matcher.only(query, hit.product_id)
        tree = self._snapshot.explain(query, this)
        matches = self._snapshot.matches(this, 1)
        return (self.parts(matches[0]), tree) if matches and tree else None

    def _ordered(self, sort: Sort, at_least: int) -> Iterator[Hit]:
        query = self._matcher.query(at_least)
        if sort is Sort.RELEVANCE and not self._matcher.terms:
            sort = Sort.NEWEST if self._near is None else Sort.DISTANCE
        match sort:
            case Sort.RELEVANCE:
                return self._by_relevance(query, at_least)
            case Sort.DISTANCE:
                return self._by_distance(query, at_least)
            case Sort.PRICE_ASC:
                return self._by_field(query, "price", lambda match: match.price_rupiah)
            case Sort.PRICE_DESC:
                return self._by_field(query, "price", lambda match: -match.price_rupiah, descending=True)
            case Sort.NEWEST:
                return self._by_field(query, "id", lambda match: -match.product_id, descending=True)

    def _by_relevance(self, query: Query, at_least: int) -> Iterator[Hit]:
        def window(size: int) -> Sequence[Match]:
            return self.best(at_least) if size == _FIRST_WINDOW else self._snapshot.matches(query, size)

        def rank(match: Match) -> Hit:
            score = self.parts(match).score
            return Hit((-score, match.product_id), match.product_id, score)

        def bound(matches: Sequence[Match]) -> float:
            return -matches[-1].score * (1 + self._weights.sum)

        return _widening(window, rank, bound, _MOST_RANKED)

    def _by_field(
        self, query: Query, field: str, value: Callable[[Match], int], *, descending: bool = False
    ) -> Iterator[Hit]:
        return _widening(
            lambda size: self._snapshot.matches(query, size, order_by=field, descending=descending),
            lambda match: Hit((value(match), match.product_id), match.product_id, match.score),
            lambda matches: value(matches[-1]),
        )

    def _by_distance(self, query: Query, at_least: int) -> Iterator[Hit]:
        near = self._near
        if near is None:
            raise ValueError("an order by distance needs a place")
        inner = -1.0
        count = self._snapshot.count(self._matcher.unscored(at_least))
        outer = _FIRST_RING_KM if count > _FEW else _HALF_AROUND_THE_EARTH_KM
        while inner < _HALF_AROUND_THE_EARTH_KM:
            everywhere = outer >= _HALF_AROUND_THE_EARTH_KM
            disc = query if everywhere else self._matcher.near(query, outer, near)
            ring = [
                Hit((distance, -match.score, match.product_id), match.product_id, match.score)
                for match in self._snapshot.matches(disc)
                if inner < (distance := self._distance_km(match.supplier_id, near)) <= outer
            ]
            yield from sorted(ring, key=lambda hit: hit.key)
            inner, outer = outer, min(outer * 2, _HALF_AROUND_THE_EARTH_KM)

    def parts(self, match: Match) -> Parts:
        weights, most = self._weights, self._matcher.most_rupiah
        age = max(0, self._today - match.updated_day)
        return Parts(
            text=match.score,
            nearness=weights.nearness * self._nearness(match.supplier_id),
            stock=weights.stock if match.stock_quantity > 0 else 0.0,
            price_fit=weights.price_fit * min(1.0, match.price_rupiah / most) if most else 0.0,
            freshness=weights.freshness / (1 + age / FRESHNESS_HALVES_AT_DAYS),
        )

    def _nearness(self, supplier_id: int) -> float:
        if self._near is None:
            return 0.0
        return 1 / (1 + self._distance_km(supplier_id, self._near) / NEARNESS_HALVES_AT_KM)

    def _distance_km(self, supplier_id: int, near: Coordinates) -> float:
        if supplier_id not in self._distances_km:
            location = self._snapshot.suppliers.location(supplier_id)
            self._distances_km[supplier_id] = (
                _HALF_AROUND_THE_EARTH_KM if location is None else distance_km(near, location)
            )
        return self._distances_km[supplier_id]


def _in_tier(tier: int, hit: Hit) -> Hit:
    return Hit((tier, *hit.key), hit.product_id, hit.score)


def _widening(
    window: Callable[[int], Sequence[Match]],
    rank: Callable[[Match], Hit],
    bound: Callable[[Sequence[Match]], float],
    most: float = math.inf,
) -> Iterator[Hit]:
    """The hits of ever larger windows, in order of their keys.

    `window(size)` brings the first matches by what the index can order by; no match beyond it has a
    key whose first part is less than `bound` of it. Ends with the window of `most`.
    """
    size, done = _FIRST_WINDOW, 0
    while True:
        matches = window(size)
        complete = len(matches) < size or size >= most
        hits = sorted((rank(match) for match in matches), key=lambda hit: hit.key)
        sure = hits if complete else [hit for hit in hits if hit.key[0] < bound(matches)]
        yield from sure[done:]
        if complete:
            return
        done, size = len(sure), size * _GROWTH
