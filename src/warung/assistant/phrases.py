"""The sentences that the server itself says to a shopper; the facts in them come from the database."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

from warung.assistant.language import Language
from warung.products.cards import ProductCard
from warung.search.relaxation import BUDGET_PERCENT
from warung.search.request import SearchResult
from warung.search.understood import Understood
from warung.search.vocabulary import Sort

_WHOLE_FROM_KM = 100


def say(key: str, language: Language, **facts: object) -> str:
    """The phrase "table.name" of `phrases.toml` with these facts put in."""
    return load()[key][language].format(**facts)


@cache
def load() -> dict[str, dict[Language, str]]:
    """All phrases by their keys, each in both languages."""
    text = files("warung.assistant").joinpath("phrases.toml").read_text("utf-8")
    return TypeAdapter(dict[str, dict[Language, str]]).validate_python(_flat(tomllib.loads(text)))


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= {prefix + name: value} if "id" in value else _flat(value, f"{prefix}{name}.")
    return flat


def rupiah(amount: int) -> str:
    """Rp9.499.000, as Indonesians write it."""
    return "Rp" + f"{amount:,}".replace(",", ".")


def kilometres(distance_km: float, language: Language = "id") -> str:
    """3,2 km, in English 3.2 km; from 100 km on whole ones, 1.540 km."""
    number = f"{distance_km:,.0f}" if distance_km >= _WHOLE_FROM_KM else f"{distance_km:.1f}"
    return (number if language == "en" else number.translate(str.maketrans(",.", ".,"))) + " km"


def label(card: ProductCard, language: Language = "id") -> str:
    """A product in running text: its name, price and distance, as the database has them now."""
    facts = [rupiah(card.price)]
    if card.distance_km is not None:
        facts.append(kilometres(card.distance_km, language))
    return f"**{card.name}** ({', '.join(facts)})"


def line(card: ProductCard, language: Language = "id") -> str:
    """A product in a list, with who sells it and what is left."""
    return f"- {offer(card, language)}, {say('stock.left', language, count=card.stock_quantity)}."


def offer(card: ProductCard, language: Language = "id") -> str:
    """A product and who sells it."""
    return f"{label(card, language)}, {card.supplier.business_name}, {card.supplier.city}"


def opening(understood: Understood, found: SearchResult, sort: Sort, language: Language = "id") -> str:
    """What was found, what gave way for it, and the first of it in the shopper's order, before anything is
    recommended."""
    asked = say("did_you_mean", language, text=found.did_you_mean) + " " if found.did_you_mean else ""
    return asked + _summary(understood, found, sort, language)


def _summary(understood: Understood, found: SearchResult, sort: Sort, language: Language) -> str:
    text = found.did_you_mean if found.corrected and found.did_you_mean else understood.text
    wish = _wish(understood, text, language)
    if understood.is_empty:
        return say("welcome", language)
    if not found.cards:
        return say("found.nothing", language, wish=wish, advice=_advice(understood, language))
    key = "found.relaxed" if found.relaxed else "found.all"
    sentences = [say(key, language, wish=wish, total=found.total, how=_how(found, language))]
    asks_for_near = understood.near_me or understood.radius_km or understood.sort is Sort.DISTANCE
    if asks_for_near and found.cards[0].distance_km is None:
        sentences.append(say("no_location", language))
    first = say(f"first.{sort}", language)
    return f"{' '.join(sentences)} {first}: {offer(found.cards[0], language)}."


def _advice(understood: Understood, language: Language) -> str:
    """Other words and other filters than those that were set."""
    is_set = {
        "words": True,
        understood.condition or "": understood.condition,
        "price": (understood.min_price_rupiah, understood.max_price_rupiah) != (None, None),
        "place": understood.place or understood.radius_km,
        "exclude": understood.exclude,
    }
    *first, last = [say(f"advice.{key}", language) for key, value in is_set.items() if value]
    return say("advice.or", language, first=", ".join(first), last=last) if first else last


def _how(found: SearchResult, language: Language) -> str:
    steps = (step for step in ("words", "radius", "budget") if step in found.relaxed)
    return "".join(say(f"relaxed.{step}", language, percent=BUDGET_PERCENT) for step in steps)


def _wish(understood: Understood, text: str, language: Language) -> str:
    """The understood question, said back with these words."""
    low, high = understood.min_price_rupiah, understood.max_price_rupiah
    facts = {
        "low": None if low is None else rupiah(low),
        "high": None if high is None else rupiah(high),
        "place": understood.place and understood.place.name,
        "radius": understood.radius_km and f"{understood.radius_km:g}",
    }
    bounds = {(True, True): "between", (False, True): "up_to", (True, False): "from"}
    bound = bounds.get((low is not None, high is not None))
    keys = (understood.condition, bound, understood.place and "around", understood.radius_km and "within")
    said = (say(f"wish.{key}", language, **facts) for key in keys if key)
    return (text or say("wish.anything", language)) + "".join(said)
