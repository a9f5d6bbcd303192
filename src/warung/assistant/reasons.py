"""Why a product is shown, out of facts alone; knows no model and no index."""

from collections.abc import Callable, Iterator, Sequence

from warung.assistant.language import Language
from warung.assistant.phrases import kilometres, rupiah, say
from warung.products.cards import ProductCard
from warung.search.understood import Understood

Matched = Callable[[ProductCard], list[str]]
"""The words of the question that a product has."""


def reasons(
    cards: Sequence[ProductCard], understood: Understood, matched: Matched, language: Language
) -> list[str]:
    """One for each card."""
    return ["; ".join(_reasons(card, cards, understood, matched, language)) for card in cards]


def _reasons(
    card: ProductCard,
    cards: Sequence[ProductCard],
    understood: Understood,
    matched: Matched,
    language: Language,
) -> Iterator[str]:
    if words := matched(card):
        yield say("reason.words", language, words=" ".join(words))
    yield from _budget(card.price, understood.min_price_rupiah, understood.max_price_rupiah, language)
    yield from _firsts(card, cards, language)
    if card.distance_km is not None:
        yield say("reason.distance", language, distance=kilometres(card.distance_km, language))
    yield say("stock.left", language, count=card.stock_quantity)
    if card.delivery:
        quickest = card.delivery[0]
        hours = {"low": quickest.min_hours, "high": quickest.max_hours}
        yield say("reason.delivery", language, service=quickest.name, fee=rupiah(quickest.fee), **hours)


def _budget(price: int, low: int | None, high: int | None, language: Language) -> Iterator[str]:
    """A most alone is a budget, to have something left of; with a least it is a range to be in."""
    if low is not None and price < low:
        yield say("reason.under_range", language, amount=rupiah(low - price))
    elif high is not None and price > high:
        yield say(
            "reason.over_budget" if low is None else "reason.over_range",
            language,
            amount=rupiah(price - high),
        )
    elif low is not None:
        yield say("reason.in_range", language)
    elif high is not None:
        key = "reason.under_budget" if price < high else "reason.at_budget"
        yield say(key, language, amount=rupiah(high - price))


def _firsts(card: ProductCard, cards: Sequence[ProductCard], language: Language) -> Iterator[str]:
    """Among what is shown, where that is more than one."""
    if len(cards) == 1:
        return
    if card.price < min(other.price for other in cards if other is not card):
        yield say("reason.cheapest", language)
    ways = [other.distance_km for other in cards if other is not card and other.distance_km is not None]
    if card.distance_km is not None and ways and card.distance_km < min(ways):
        yield say("reason.nearest", language)
