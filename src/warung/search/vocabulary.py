"""The shopping words of `vocabulary.toml` as typed tables; knows no goods and no rule that uses them."""

import tomllib
from enum import StrEnum, auto
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from warung.search.words import Phrases


class Sort(StrEnum):
    """The order of the results."""

    RELEVANCE = "relevance"
    DISTANCE = "distance"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"
    NEWEST = "newest"


class Bound(StrEnum):
    """What the words around an amount make of it; PRICE only says that money is meant."""

    MAX = auto()
    MIN = auto()
    ABOUT = auto()
    BETWEEN = auto()
    PRICE = auto()


class _Vocabulary(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    near_me: frozenset[str]
    in_stock: frozenset[str]
    negations: frozenset[str]
    joiners: frozenset[str]
    demonstratives: frozenset[str]
    fillers: frozenset[str]
    idioms: frozenset[str]
    tags: frozenset[str]
    articles: frozenset[str]
    goods: frozenset[str]
    goods_modifiers: frozenset[str]
    nameless: frozenset[str]
    measures: frozenset[str]
    weak_leads: frozenset[str]
    orders: dict[Sort, frozenset[str]]
    leads: dict[Bound, frozenset[str]]
    trails: dict[Bound, frozenset[str]]
    units: dict[int, frozenset[str]]


def _read() -> _Vocabulary:
    text = files("warung.search").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return _Vocabulary.model_validate(tomllib.loads(text))


WORDS = _read()

NEAR = Phrases((phrase, True) for phrase in WORDS.near_me)
STOCK = Phrases((phrase, True) for phrase in WORDS.in_stock)
NEGATIONS = Phrases((phrase, True) for phrase in WORDS.negations)
IDIOMS = Phrases((phrase, True) for phrase in WORDS.idioms)
ORDERS = Phrases((phrase, order) for order, phrases in WORDS.orders.items() for phrase in phrases)
LEADS = Phrases((phrase, bound) for bound, phrases in WORDS.leads.items() for phrase in phrases)
TRAILS = Phrases((phrase, bound) for bound, phrases in WORDS.trails.items() for phrase in phrases)
UNITS = {name: rupiah for rupiah, names in WORDS.units.items() for name in names}
