"""The catalogue a fresh shop starts with: invented stalls in real cities; knows no database.

The same on every machine and in every Python: each stall is drawn from dice keyed by its own id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle

from warung.products.schemas import ProductDraft
from warung.seed.articles import Article, load_articles
from warung.seed.cities import City, load_cities, scatter
from warung.seed.dice import Dice
from warung.seed.trades import Trade, load_street, name_stall
from warung.suppliers.schemas import SupplierDraft

_FIRST_DAY = date(2019, 1, 2)
_DAYS = 2300
_FEWEST_PRODUCTS, _MOST_PRODUCTS = 12, 22


@dataclass(frozen=True, slots=True)
class SeedSupplier:
    draft: SupplierDraft
    products: tuple[ProductDraft, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    suppliers: tuple[SeedSupplier, ...]


def build_catalogue() -> Catalogue:
    """All suppliers with their products, city by city; two calls give equal values."""
    trades = load_street().trade
    taken: set[str] = set()
    suppliers: list[SeedSupplier] = []
    for city, number, trade in _stalls():
        draft = _supplier(city, number, trades[trade], taken)
        taken.add(draft.business_name)
        suppliers.append(SeedSupplier(draft, _products(draft.external_id, trades[trade])))
    return Catalogue(tuple(suppliers))


def _stalls() -> Iterator[tuple[City, int, str]]:
    """Each city's first trades, then the next ones of a round through all trades that the city lacks."""
    turn = cycle(Dice("trades").shuffled(list(load_street().trade)))
    for city in load_cities():
        chosen = list(city.first_trades[: city.stalls])
        while len(chosen) < city.stalls:
            trade = next(turn)
            if trade not in chosen:
                chosen.append(trade)
        for number, trade in enumerate(chosen, start=1):
            yield city, number, trade


def _supplier(city: City, number: int, trade: Trade, taken: set[str]) -> SupplierDraft:
    external_id = f"{city.slug}-{number:02d}"
    dice = Dice(external_id)
    names = name_stall(trade, taken, dice)
    return SupplierDraft(
        external_id=external_id,
        name=names.owner,
        business_name=names.business,
        city=city.name,
        address=f"{dice.pick(city.streets)} No. {dice.whole(1, 199)}, {city.name}, {city.province}",
        contact=_phone(dice),
        location=scatter(city, dice),
        registration_date=_FIRST_DAY + timedelta(days=dice.whole(0, _DAYS)),
    )


def _phone(dice: Dice) -> str:
    # No operator has numbers that begin with +62 84, so nobody's telephone rings.
    return f"+62 84{dice.whole(1, 9)}-{dice.whole(1000, 9999)}-{dice.whole(1000, 9999)}"


def _products(external_id: str, trade: Trade) -> tuple[ProductDraft, ...]:
    dice = Dice(f"{external_id} shelf")
    shelves = {
        category: iter(dice.shuffled(_sold_in(category))) for category in dict.fromkeys(trade.categories)
    }
    wanted = dice.whole(_FEWEST_PRODUCTS, _MOST_PRODUCTS)
    turn = (shelves[trade.categories[i % len(trade.categories)]] for i in range(wanted))
    return tuple(next(shelf).offer(dice) for shelf in turn)


def _sold_in(category: str) -> list[Article]:
    return [article for article in load_articles() if article.category == category]
