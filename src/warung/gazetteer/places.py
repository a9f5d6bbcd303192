"""Indonesia's places by the names people type; knows no query, no product and no shopper.

Sources and terms of the packaged tables: LICENSE-DATA.md beside this file.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from warung.errors import InvalidInput
from warung.geo import Coordinates

Kind = Literal["kota", "kabupaten", "province", "region"]

# A name that is also an everyday word ("batu" is a stone, "palu" a hammer) is a place only behind these.
LOCATIVES = frozenset(
    {
        "di",
        "dekat",
        "deket",
        "sekitar",
        "daerah",
        "area",
        "wilayah",
        "kawasan",
        "seputar",
        "lokasi",
        "domisili",
    }
    | {
        "kota",
        "kab",
        "kabupaten",
        "provinsi",
        "prov",
        "kirim",
        "dari",
        "ke",
        "near",
        "in",
        "from",
        "around",
        "at",
    }
)

_PREFIXES: dict[Kind, tuple[str, ...]] = {
    "kota": ("kota", "kotamadya"),
    "kabupaten": ("kabupaten", "kab"),
    "province": ("provinsi", "prov", "propinsi"),
    "region": (),
}
# Where several kinds share a bare name, the first of these owns it.
_OWNER: tuple[Kind, ...] = ("kota", "province", "kabupaten", "region")


@dataclass(frozen=True, slots=True)
class Place:
    """A named circle on the map. `population` 0 means unknown; a region's `province` may be empty."""

    name: str
    kind: Kind
    province: str
    location: Coordinates
    radius_km: float
    population: int


class Gazetteer:
    """Places by name and by nearness. Immutable, safe to share between threads."""

    def __init__(
        self,
        named: Iterable[tuple[str, Place]],
        *,
        ambiguous: Iterable[str] = (),
    ) -> None:
        """`named`: lower-case names and places, the first of a name wins."""
        self._places: dict[tuple[str, ...], Place] = {}
        for name, place in named:
            self._places.setdefault(tuple(name.split()), place)
        self._ambiguous = frozenset(tuple(name.split()) for name in ambiguous)
        self._lengths: dict[str, tuple[int, ...]] = {}
        for words in sorted(self._places, key=len, reverse=True):
            lengths = self._lengths.get(words[0], ())
            if len(words) not in lengths:
                self._lengths[words[0]] = (*lengths, len(words))

    @classmethod
    def load(cls) -> "Gazetteer":
        """The packaged gazetteer, read once per process."""
        return _packaged()

    def places(self) -> list[Place]:
        """All of them, each once."""
        return list(dict.fromkeys(self._places.values()))

    def match(self, words: Sequence[str], start: int) -> tuple[Place, int] | None:
        """The longest name that begins at `words[start]` (lower case), with the number of words it takes.

        A name that is also an everyday word counts only when `words[start - 1]` is one of LOCATIVES.
        """
        for length in self._lengths.get(words[start], ()):
            name = tuple(words[start : start + length])
            place = self._places.get(name) if len(name) == length else None
            if place and (name not in self._ambiguous or (start and words[start - 1] in LOCATIVES)):
                return place, length
        return None

    def find(self, name: str) -> Place | None:
        """The place of exactly this name, whatever its case and punctuation; None if there is none."""
        return self._places.get(tuple(_plain(name).split()))

    def suggest(self, name: str) -> list[str]:
        """Up to three names of places that are written much like `name`, the likeliest first."""
        known = {" ".join(words): place.name for words, place in self._places.items()}
        close = get_close_matches(_plain(name[:100]), known, n=6, cutoff=0.75)
        return list(dict.fromkeys(known[key] for key in close))[:3]

    def locate(self, name: str) -> Coordinates:
        """Where the city of this name is. Raises InvalidInput, with names that are much like it."""
        if place := self.find(name):
            return place.location
        close = self.suggest(name)
        hint = (
            f"did you mean {' or '.join(close)}? Else" if close else "use the name of a kota or kabupaten, or"
        )
        raise InvalidInput(f"city {name[:60]!r} is unknown: {hint} send location", field="city")


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _rows(name: str) -> list[dict[str, str]]:
    text = files("warung.gazetteer").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _place(row: dict[str, str], name: str) -> Place:
    (kind,) = (known for known in get_args(Kind) if known == row["kind"])
    location = Coordinates(float(row["lat"]), float(row["lng"]))
    return Place(name, kind, row["province"], location, float(row["radius_km"]), int(row["population"]))


def _names(place: Place) -> list[str]:
    name = _plain(place.name)
    short = [name.removeprefix("kepulauan ")] if place.name.startswith("Kepulauan ") else []
    joined = [name.replace(" ", "")] if place.kind == "kota" and " " in name else []
    prefixed = [f"{prefix} {name}" for prefix in _PREFIXES[place.kind]]
    return [*prefixed, name, *joined, *short]


@cache
def _packaged() -> Gazetteer:
    by_code = {row["code"]: _place(row, row["name"]) for row in _rows("places.tsv")}
    named: list[tuple[str, Place]] = []
    for row in _rows("aliases.tsv"):
        place = by_code[row["place"]] if row["place"] in by_code else _place(row, row["place"])
        named.extend((alias, place) for alias in row["aliases"].split("|"))
    for place in sorted(by_code.values(), key=lambda place: _OWNER.index(place.kind)):
        named.extend((name, place) for name in _names(place))
    ambiguous = files("warung.gazetteer").joinpath("ambiguous.txt").read_text(encoding="utf-8").splitlines()
    return Gazetteer(named, ambiguous=ambiguous)
