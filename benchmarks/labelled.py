"""Queries labelled with what a shopper means, and where a reading differs; knows no rule of the parser.

A file has a line a query: the message, a tab, a JSON object. A label names every filter that is set; the
category "*" and a missing `text` are left open, and `kind` tells a kabupaten from the kota of its name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warung.gazetteer.places import Gazetteer
from warung.search.understood import Understood

FOLDER = Path(__file__).parent.parent / "tests" / "search"
_UNSET: Mapping[str, Any] = {
    "category": None,
    "min": None,
    "max": None,
    "in_stock": None,
    "condition": None,
    "exclude": [],
    "sort": "relevance",
    "place": None,
    "radius_km": None,
    "near_me": False,
}
FIELDS = ("text", *_UNSET)


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """One line: `label` as it is written."""

    message: str
    label: Mapping[str, Any]

    @property
    def sets(self) -> frozenset[str]:
        """The fields that the label sets."""
        return frozenset(name for name in FIELDS if self.label.get(name) not in (None, "*", False, [], ""))

    def misses(self, found: Understood) -> dict[str, tuple[object, object]]:
        """The fields that differ, each with what was wanted and what was found."""
        wanted, read = {**_UNSET, **self.label}, _as_label(found)
        kind = wanted.pop("kind", None)
        if wanted["category"] == "*":
            del wanted["category"]
        differing = {
            name: (value, read[name]) for name, value in wanted.items() if not _same(value, read[name])
        }
        if kind and not differing and not _is_kind(kind, found):
            differing["place"] = f"{kind} {wanted['place']}", "another kind"
        return differing


def file_names() -> list[str]:
    """The labelled files that are there."""
    return sorted(path.name for path in FOLDER.glob("queries*.tsv"))


def read(name: str) -> list[LabelledQuery]:
    """The queries of one file of FOLDER."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()[1:]
    pairs = (line.split("\t", 1) for line in lines)
    return [LabelledQuery(message, json.loads(label)) for message, label in pairs]


def _as_label(found: Understood) -> dict[str, object]:
    place = found.place
    return {
        "text": found.text,
        "category": found.category,
        "min": found.min_price_rupiah,
        "max": found.max_price_rupiah,
        "in_stock": found.in_stock,
        "condition": found.condition,
        "exclude": list(found.exclude),
        "sort": found.sort.value,
        "place": place and place.name,
        "radius_km": _said_radius_km(found),
        "near_me": found.near_me,
    }


def _said_radius_km(found: Understood) -> float | None:
    """A named place has a radius, said or not."""
    if found.place and any(span.field == "radius_km" for span in found.spans):
        return found.place.radius_km
    return found.radius_km


def _same(wanted: object, found: object) -> bool:
    """What is excluded has no order."""
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, wanted)) == sorted(map(str, found))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return wanted == found


def _is_kind(kind: str, found: Understood) -> bool:
    place = Gazetteer.load().find(f"{kind} {found.place.name}") if found.place else None
    return bool(place and found.place and place.location == found.place.location)
