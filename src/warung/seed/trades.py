"""What kinds of stall there are, their signs and their owners' names; knows no city and no product."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter

from warung.seed.dice import Dice


class Trade(BaseModel):
    """`categories` are dealt in turn, one named twice gets twice the shelf; `signs` are name templates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: tuple[str, ...]
    signs: tuple[str, ...]


class _People(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    given: tuple[str, ...]
    family: tuple[str, ...]


class Street(BaseModel):
    """All trades by key, and the words that make owners' and stalls' names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...]
    trade: dict[str, Trade]
    people: tuple[_People, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The owner's name and the name on the sign."""

    owner: str
    business: str


@cache
def load_street() -> Street:
    """The packaged trades and names."""
    text = files("warung.seed").joinpath("trades.toml").read_text(encoding="utf-8")
    return TypeAdapter(Street).validate_python(tomllib.loads(text))


def name_stall(trade: Trade, taken: set[str], dice: Dice) -> Names:
    """An owner and a sign that is not in `taken`."""
    street = load_street()
    while True:
        people = dice.pick(street.people)
        family = dice.pick(people.family)
        business = dice.pick(trade.signs).format(w=dice.pick(street.words), p=family)
        if business not in taken:
            return Names(owner=f"{dice.pick(people.given)} {family}", business=business)
