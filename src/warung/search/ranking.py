"""The orders in which matches are shown, each a lazy stream; knows no database and no wire.

Relevance, with d the distance in km to the supplier (no place: the text score alone):

    score = text * (1 + 0.25 / (1 + d / 25))

so that the same match is worth a quarter more next door, an eighth more 25 km away, and a clearly
better match wins from anywhere. `text` is BM25 with the fields weighted as in `documents.BOOSTS`.
Matches of all words come before matches of any. Without words relevance means nearest first, or
newest first where no place is known. The other orders are strict; equals stand by their ids.

Streams are exact and the same for any page size: a window onto the index is widened until no match
outside it can come before what is handed out. Relevance ranks the 5,000 best matches of the text
and ends there; the strict orders go on to the last match.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tantivy import Query

from warung.geo import Coordinates, distance_km
from warung.search.cursor import Key
from warung.search.matching import Matcher
from warung.search.query import Sort
from warung.search.snapshot import Match, Snapshot

NEARNESS_WEIGHT = 0.25
NEARNESS_HALVES_AT_KM = 25.0

_FIRST_WINDOW = 200
_GROWTH = 5
_MOST_RANKED = 5000
# So few matches are sorted by distance as a whole, rather than ring by ring.
_FEW = 500
_FIRST_RING_KM = 2.0
_HALF_AROUND_THE_EARTH_KM = 20_037.6


@dataclass(frozen=True, slots=True)
class Hit:
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
    def __init__(self, matcher: Matcher, snapshot: Snapshot, near: Coordinates | None) -> None:
        self._matcher = matcher
        self._snapshot = snapshot
        self._near = near
        self._distances_km: dict[int, float] = {}

    def hits(self, sort: Sort, plan: Plan) -> Iterator[Hit]:
        """All matches in order; the first part of a key is 0, or 1 for those that match only some words."""
        strict = self._matcher.query(plan.at_least)
        yield from _in_tier(0, self._ordered(sort, strict))
        if plan.then_any:
            loose = self._matcher.query(1, fewer_than=plan.at_least)
            yield from _in_tier(1, self._ordered(sort, loose))

    def _ordered(self, sort: Sort, query: Query) -> Iterator[Hit]:
        if sort is Sort.RELEVANCE and not self._matcher.terms:
            sort = Sort.NEWEST if self._near is None else Sort.DISTANCE
        match sort:
            case Sort.RELEVANCE:
                return self._by_relevance(query)
            case Sort.DISTANCE:
                return self._by_distance(query)
            case Sort.PRICE_ASC:
                return self._by_field(query, "price", lambda match: match.price_rupiah)
            case Sort.PRICE_DESC:
                return self._by_field(query, "price", lambda match: -match.price_rupiah, descending=True)
            case Sort.NEWEST:
                return self._by_field(query, "id", lambda match: -match.product_id, descending=True)

    def _by_relevance(self, query: Query) -> Iterator[Hit]:
        def rank(match: Match) -> Hit:
            score = match.score * self._nearness(match.supplier_id)
            return Hit((-score, match.product_id), match.product_id, score)

        def bound(matches: Sequence[Match]) -> float:
            return -matches[-1].score * (1 + NEARNESS_WEIGHT)

        return _widening(lambda size: self._snapshot.matches(query, size), rank, bound, _MOST_RANKED)

    def _by_field(
        self, query: Query, field: str, value: Callable[[Match], int], *, descending: bool = False
    ) -> Iterator[Hit]:
        return _widening(
            lambda size: self._snapshot.matches(query, size, order_by=field, descending=descending),
            lambda match: Hit((value(match), match.product_id), match.product_id, match.score),
            lambda matches: value(matches[-1]),
        )

    def _by_distance(self, query: Query) -> Iterator[Hit]:
        near = self._near
        if near is None:
            raise ValueError("an order by distance needs a place")
        inner = -1.0
        outer = _FIRST_RING_KM if self._snapshot.count(query) > _FEW else _HALF_AROUND_THE_EARTH_KM
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

    def _nearness(self, supplier_id: int) -> float:
        if self._near is None:
            return 1.0
        distance = self._distance_km(supplier_id, self._near)
        return 1 + NEARNESS_WEIGHT / (1 + distance / NEARNESS_HALVES_AT_KM)

    def _distance_km(self, supplier_id: int, near: Coordinates) -> float:
        if supplier_id not in self._distances_km:
            location = self._snapshot.suppliers.location(supplier_id)
            self._distances_km[supplier_id] = (
                _HALF_AROUND_THE_EARTH_KM if location is None else distance_km(near, location)
            )
        return self._distances_km[supplier_id]


def _in_tier(tier: int, hits: Iterator[Hit]) -> Iterator[Hit]:
    return (Hit((tier, *hit.key), hit.product_id, hit.score) for hit in hits)


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
