"""Why a product is shown, out of facts alone; knows no model and no index."""

from collections.abc import Callable, Iterator, Sequence

from warung.assistant.language import Language
from warung.assistant.phrases import kilometres, rupiah, say
from warung.products.cards import ProductCard
from warung.search.query import Understood

Terms = Callable[[str], list[str]]


def reasons(
    cards: Sequence[ProductCard], understood: Understood, terms: Terms, language: Language
) -> list[str]:
    """One for each card; `terms` splits text as the search does."""
    return ["; ".join(_reasons(card, cards, understood, terms, language)) or card.name for card in cards]


def _reasons(
    card: ProductCard, cards: Sequence[ProductCard], understood: Understood, terms: Terms, language: Language
) -> Iterator[str]:
    if words := _matched(card, understood.text, terms):
        yield say("reason.words", language, words=words)
    if understood.max_price_rupiah is not None:
        yield _budget(understood.max_price_rupiah - card.price, language)
    yield from _firsts(card, cards, language)
    if card.distance_km is not None:
        yield say("reason.distance", language, distance=kilometres(card.distance_km, language))
    yield say("stock.left", language, count=card.stock_quantity)
    if card.delivery:
        quickest = card.delivery[0]
        hours = {"low": quickest.min_hours, "high": quickest.max_hours}
        yield say("reason.delivery", language, service=quickest.name, fee=rupiah(quickest.fee), **hours)


def _matched(card: ProductCard, text: str, terms: Terms) -> str:
    """The shopper's words that stand in the product's own."""
    has = set(terms(" ".join((card.name, *card.tags, card.description))))
    return " ".join(word for word in text.split() if has.intersection(terms(word)))


def _budget(left: int, language: Language) -> str:
    key = "under" if left > 0 else "over" if left < 0 else "at"
    return say(f"reason.{key}_budget", language, amount=rupiah(abs(left)))


def _firsts(card: ProductCard, cards: Sequence[ProductCard], language: Language) -> Iterator[str]:
    """Among what is shown, where that is more than one."""
    if len(cards) == 1:
        return
    if card.price < min(other.price for other in cards if other is not card):
        yield say("reason.cheapest", language)
    ways = [other.distance_km for other in cards if other is not card and other.distance_km is not None]
    if card.distance_km is not None and ways and card.distance_km < min(ways):
        yield say("reason.nearest", language)
