"""How a search that finds nothing gives way, step by step; knows no index and no words to say it."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from warung.search.request import SearchRequest, Step
from warung.search.vocabulary import Sort

STEPS: tuple[Step, ...] = ("radius", "budget", "words")
BUDGET_PERCENT = 15

Found = TypeVar("Found")


def loosen(request: SearchRequest, steps: Collection[Step]) -> SearchRequest:
    """The request after these steps: anywhere, what is nearest to the named place or else the shopper first;
    15 % more to both sides of the price. The words are not a filter: the search itself takes as many as any
    product has."""
    if "radius" in steps and request.circles:
        near = request.area.center if request.area else request.near
        sort = Sort.DISTANCE if near and request.sort is Sort.RELEVANCE else request.sort
        request = replace(request, near=near, radius_km=None, area=None, sort=sort)
    if "budget" in steps:
        low, high = request.min_price_rupiah, request.max_price_rupiah
        request = replace(
            request,
            min_price_rupiah=low and low * (100 - BUDGET_PERCENT) // 100,
            max_price_rupiah=high and high * (100 + BUDGET_PERCENT) // 100,
        )
    return request


def give_way(
    request: SearchRequest,
    find: Callable[[tuple[Step, ...]], Found | None],
    words_in: Callable[[Found], int] = lambda _found: 0,
) -> Found | None:
    """What `find` brings with the fewest steps, None when it brings nothing even with all of them.

    One more step gives way at a time; then those that turn out not to be needed are taken back, the
    first ones first: without them as many of the words, `words_in`, must still be found.
    """
    possible: list[Step] = [step for step in STEPS if _holds(request, step)]
    for count in range(len(possible) + 1):
        steps: tuple[Step, ...] = tuple(possible[:count])
        found = find(steps)
        if found is None:
            continue
        for step in steps[:-1]:
            fewer: tuple[Step, ...] = tuple(each for each in steps if each != step)
            better = find(fewer)
            if better is not None and words_in(better) >= words_in(found):
                steps, found = fewer, better
        return found
    return None


def _holds(request: SearchRequest, step: Step) -> bool:
    """Whether there is something that can give way."""
    if step == "radius":
        return bool(request.circles)
    if step == "budget":
        return request.min_price_rupiah is not None or request.max_price_rupiah is not None
    return bool(request.text)
