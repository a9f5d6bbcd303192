"""The shopping words of `vocabulary.toml` as typed tables; knows no goods and no rule that uses them."""

import tomllib
from enum import StrEnum, auto
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from warung.products.schemas import Condition
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


class _Conditions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    used: frozenset[str]
    new: frozenset[str]
    leads: frozenset[str]


class _Negated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: frozenset[str]
    min: frozenset[str]
    max: frozenset[str]


class _Misspelt(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: frozenset[str]
    others: frozenset[str]


class _Radius(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sure: frozenset[str]
    unsure: frozenset[str]
    units: dict[str, float]


class _Vocabulary(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    near_me: frozenset[str]
    near_leads: frozenset[str]
    distance_leads: frozenset[str]
    here: frozenset[str]
    other_houses: frozenset[str]
    in_stock: frozenset[str]
    negations: frozenset[str]
    negation_links: frozenset[str]
    joiners: frozenset[str]
    demonstratives: frozenset[str]
    fillers: frozenset[str]
    vague: frozenset[str]
    purposes: frozenset[str]
    greetings: frozenset[str]
    idioms: frozenset[str]
    names: frozenset[str]
    tags: frozenset[str]
    articles: frozenset[str]
    goods: frozenset[str]
    goods_modifiers: frozenset[str]
    nameless: frozenset[str]
    measures: frozenset[str]
    counts: frozenset[str]
    no_price: frozenset[str]
    instalments: frozenset[str]
    dear: frozenset[str]
    carats: frozenset[str]
    without: frozenset[str]
    weak_leads: frozenset[str]
    orders: dict[Sort, frozenset[str]]
    conditions: _Conditions
    leads: dict[Bound, frozenset[str]]
    trails: dict[Bound, frozenset[str]]
    negated: _Negated
    units: dict[int, frozenset[str]]
    wholes: dict[int, frozenset[str]]
    misspelt: _Misspelt
    radius: _Radius


def _read() -> _Vocabulary:
    text = files("warung.search").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return _Vocabulary.model_validate(tomllib.loads(text))


WORDS = _read()

_HERE = [(lead, here) for lead in WORDS.near_leads for here in WORDS.here]
NEAR = Phrases((phrase, True) for phrase in (*WORDS.near_me, *map(" ".join, _HERE)))
FROM_HERE = Phrases((f"{lead} {here}", True) for lead in WORDS.distance_leads for here in WORDS.here)
STOCK = Phrases((phrase, True) for phrase in WORDS.in_stock)
NEGATIONS = Phrases((phrase, True) for phrase in WORDS.negations)
GREETINGS = Phrases((phrase, True) for phrase in WORDS.greetings)
IDIOMS = Phrases((phrase, True) for phrase in WORDS.idioms | WORDS.greetings)
NAMES = Phrases((phrase, True) for phrase in WORDS.names)
ORDERS = Phrases((phrase, order) for order, phrases in WORDS.orders.items() for phrase in phrases)
CONDITIONS: Phrases[Condition] = Phrases(
    [
        *((phrase, "used") for phrase in WORDS.conditions.used),
        *((phrase, "new") for phrase in WORDS.conditions.new),
    ]
)
RADIUS = Phrases(
    [*((phrase, True) for phrase in WORDS.radius.sure), *((phrase, False) for phrase in WORDS.radius.unsure)]
)
# "tidak di atas" bounds like "di bawah".
_NEGATED = [
    (f"{no} {phrase}", bound)
    for no in WORDS.negated.words
    for bound, phrases in ((Bound.MAX, WORDS.negated.min), (Bound.MIN, WORDS.negated.max))
    for phrase in phrases
]
INSTALMENTS = Phrases((phrase, True) for phrase in WORDS.instalments)
LEADS = Phrases(
    [*_NEGATED, *((phrase, bound) for bound, phrases in WORDS.leads.items() for phrase in phrases)]
)
TRAILS = Phrases((phrase, bound) for bound, phrases in WORDS.trails.items() for phrase in phrases)
# Indonesian and English words that no shopper misspelt, though no product may have them.
ORDINARY = frozenset(
    files("warung.search").joinpath("ordinary_words.txt").read_text(encoding="utf-8").split()
)
UNITS = {name: rupiah for rupiah, names in WORDS.units.items() for name in names}
WHOLES = {name: rupiah for rupiah, names in WORDS.wholes.items() for name in names}

_TABLES = (NEAR, FROM_HERE, STOCK, NEGATIONS, IDIOMS, NAMES, ORDERS, CONDITIONS, RADIUS, LEADS, TRAILS)
VOCABULARY = frozenset[str]().union(
    *(table.words for table in _TABLES),
    UNITS,
    WHOLES,
    WORDS.joiners,
    WORDS.fillers,
    WORDS.vague,
    WORDS.tags,
    WORDS.articles,
    WORDS.demonstratives,
    WORDS.goods,
    WORDS.goods_modifiers,
    WORDS.measures,
)
