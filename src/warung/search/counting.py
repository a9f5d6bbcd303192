"""Counts the facets of a search in the index; knows no database and no wire."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from warung.geo import Coordinates
from warung.products.categories import load_categories
from warung.search.documents import category_number
from warung.search.facets import EXACT_FACETS, PRICE_BANDS, RINGS_KM, Band, Facet, Facets, Ring
from warung.search.matching import Matcher
from warung.search.snapshot import Match, Snapshot

_MOST_VALUES = 100
_MOST_CATEGORIES = 1000
# As many values of a segment are counted, so that the counts of its rarer ones are exact too.
_PER_SEGMENT = 10_000

_Buckets = list[dict[str, Any]]


def count_facets(
    matcher: Matcher,
    snapshot: Snapshot,
    at_least: int,
    wanted: Collection[Facet],
    near: Coordinates | None,
    *,
    matches: Iterable[Match] | None = None,
) -> Facets:
    """The category and those `wanted`, over the matches of at least so many words; the distances are from
    `near`. What no filter was set for is counted in one pass, and the category alone by the `matches`, which
    are all of them, where they are known."""
    if matches is not None and not wanted and not matcher.filters_by(Facet.CATEGORY):
        numbers = Counter(match.category_number for match in matches)
        if numbers.keys() <= _slugs().keys():
            return Facets(category={_slugs()[number]: count for number, count in numbers.most_common()})
    alike: defaultdict[Facet | None, list[Facet]] = defaultdict(list)
    for facet in sorted({Facet.CATEGORY, *wanted} - {Facet.DISTANCE}):
        alike[facet if matcher.filters_by(facet) else None].append(facet)
    buckets: dict[Facet, _Buckets] = {}
    for without, facets in alike.items():
        found = snapshot.aggregate(
            matcher.unscored(at_least, without=without),
            {facet.value: _aggregation(facet) for facet in facets},
        )
        buckets |= {facet: found[facet.value] for facet in facets}
    values = {facet: _values(found) for facet, found in buckets.items() if facet in EXACT_FACETS}
    return Facets(
        category=values[Facet.CATEGORY],
        price=_price_bands(buckets[Facet.PRICE]) if Facet.PRICE in buckets else None,
        city=values.get(Facet.CITY),
        distance=_rings(matcher, snapshot, at_least, near) if near and Facet.DISTANCE in wanted else None,
        condition=values.get(Facet.CONDITION),
        brand=values.get(Facet.BRAND),
    )


@cache
def _slugs() -> Mapping[int, str]:
    return {category_number(category.slug): category.slug for category in load_categories()}


def _aggregation(facet: Facet) -> dict[str, Any]:
    if facet is Facet.PRICE:
        ranges = [{"from": low} if high is None else {"from": low, "to": high} for low, high in PRICE_BANDS]
        return {"range": {"field": "price", "ranges": ranges}}
    most = _MOST_CATEGORIES if facet is Facet.CATEGORY else _MOST_VALUES
    return {"terms": {"field": EXACT_FACETS[facet], "size": most, "segment_size": _PER_SEGMENT}}


def _values(buckets: _Buckets) -> Mapping[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def _price_bands(buckets: _Buckets) -> list[Band]:
    counts = {int(bucket.get("from", 0)): bucket["doc_count"] for bucket in buckets}
    return [Band(low, high, count) for low, high in PRICE_BANDS if (count := counts.get(low, 0))]


def _rings(matcher: Matcher, snapshot: Snapshot, at_least: int, near: Coordinates) -> list[Ring]:
    """By the discs around the shopper: a ring is a disc without the next smaller one."""
    everywhere = matcher.unscored(at_least, without=Facet.DISTANCE)
    discs = [0, *(snapshot.count(matcher.near(everywhere, high, near)) for _, high in RINGS_KM)]
    return [
        Ring(low, high, outer - inner)
        for (low, high), (inner, outer) in zip(RINGS_KM, pairwise(discs), strict=True)
        if outer > inner
    ]
