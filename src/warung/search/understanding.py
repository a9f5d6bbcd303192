"""From what a shopper's words mean to a search, and to the wire; knows no index and no route."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from warung.geo import Circle, Coordinates
from warung.search.query import QueryParser
from warung.search.request import SearchRequest
from warung.search.understood import Span, Understood
from warung.search.vocabulary import GREETINGS, Sort
from warung.search.words import split_words

_PICKING = re.compile(r"\b(yang|yg|the .*one)\b", re.IGNORECASE)
_CHEAPER = re.compile(r"\b(lebih murah|cheaper)\b", re.IGNORECASE)


def read(message: str, parser: QueryParser, corrections: Callable[[str], Mapping[str, str]]) -> Understood:
    """What the message means, its category also by words whose spelling was put right: `corrections` maps
    misspelt words of a text to those that were meant. The text and the spans keep the shopper's own."""
    understood = parser.parse(message)
    if understood.category is not None or not (corrected := corrections(understood.text)):
        return understood
    written = {right: wrong for wrong, right in corrected.items()}
    again = parser.parse(" ".join(corrected.get(word, word) for word in understood.text.split()))
    named = next((span.text for span in again.spans if span.field == "category"), "")
    words = " ".join(written.get(word, word) for word in named.split())
    at = message.lower().find(words)
    if not words or at < 0:
        return understood
    span = Span("category", message[at : at + len(words)])
    return replace(understood, category=again.category, spans=(*understood.spans, span))


def request_for(understood: Understood, here: Coordinates | None, *, limit: int) -> SearchRequest:
    """The search that `understood` asks for: in stock, in the named place, and nearest first unless another
    order was asked for. Distances are from `here`, else from the middle of the named place."""
    place = understood.place
    near = here or (place.location if place else None)
    sort = understood.sort
    if sort is Sort.RELEVANCE and near:
        sort = Sort.DISTANCE
    elif sort is Sort.DISTANCE and not near:
        sort = Sort.RELEVANCE
    return SearchRequest(
        text=understood.phrase,
        category=understood.category,
        min_price_rupiah=understood.min_price_rupiah,
        max_price_rupiah=understood.max_price_rupiah,
        in_stock=True,
        condition=understood.condition,
        exclude=understood.exclude,
        near=near,
        radius_km=understood.radius_km if here else None,
        area=Circle(place.location, place.radius_km) if place else None,
        sort=sort,
        limit=limit,
        fill=False,
        relax=True,
    )


def greets(understood: Understood, message: str) -> bool:
    """Whether the message greets or thanks, and asks for nothing."""
    words = [word.text for word in split_words(message)]
    follows = _PICKING.search(message) or _CHEAPER.search(message)
    return understood.is_empty and not follows and any(GREETINGS.match(words, at) for at in range(len(words)))


def refined(before: Understood, now: Understood, message: str) -> Understood:
    """A follow-up goes on from the last question: one without goods ("yang di Bandung", "maksimal 5 juta",
    "yang lebih murah"), or one that picks among them ("yang Samsung ada?"). Any other begins anew."""
    picks = not now.category and _PICKING.search(message) is not None
    if now.category or (now.text and not picks):
        return now
    priced = before if now.min_price_rupiah is None and now.max_price_rupiah is None else now
    sort = Sort.PRICE_ASC if _CHEAPER.search(message) else now.sort
    return replace(
        now,
        text=f"{before.text} {now.text}".strip(),
        purpose=now.purpose or before.purpose,
        category=before.category,
        condition=now.condition or before.condition,
        exclude=(*before.exclude, *now.exclude),
        place=now.place or before.place,
        radius_km=now.radius_km or before.radius_km,
        min_price_rupiah=priced.min_price_rupiah,
        max_price_rupiah=priced.max_price_rupiah,
        sort=before.sort if sort is Sort.RELEVANCE else sort,
    )


def wire(understood: Understood) -> dict[str, Any]:
    """The "understood" object of the API."""
    place = understood.place
    return {
        "text": understood.text,
        "category": understood.category,
        "min_price": understood.min_price_rupiah,
        "max_price": understood.max_price_rupiah,
        "in_stock": understood.in_stock,
        "condition": understood.condition,
        "exclude": list(understood.exclude),
        "sort": understood.sort,
        "place": place
        and {
            "name": place.name,
            "location": {"lat": place.location.lat, "lng": place.location.lng},
            "radius_km": place.radius_km,
        },
        "radius_km": understood.radius_km,
        "spans": [{"field": span.field, "text": span.text} for span in understood.spans],
    }
