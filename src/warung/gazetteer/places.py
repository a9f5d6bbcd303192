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
from warung.gazetteer.spelling import Spelling
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
        "dkt",
        "sekitaran",
        "seputaran",
        "dr",
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

_LONG = 7  # letters of a name that is still known with a slip in it
_MOST_WORDS = 4
_MILLION = 1_000_000

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
        not_places: Iterable[str] = (),
    ) -> None:
        """`named`: lower-case names and places, the first of a name wins. `ambiguous` names are everyday
        words too, `not_places` everyday words that look like a misspelt name."""
        self._places: dict[tuple[str, ...], Place] = {}
        for name, place in named:
            self._places.setdefault(tuple(name.split()), place)
        self._ambiguous = frozenset(tuple(name.split()) for name in ambiguous)
        self._lengths: dict[str, tuple[int, ...]] = {}
        for words in sorted(self._places, key=len, reverse=True):
            lengths = self._lengths.get(words[0], ())
            if len(words) not in lengths:
                self._lengths[words[0]] = (*lengths, len(words))

        self.words = frozenset(word for known in self._places for word in known)
        self._spelling = Spelling(
            (word for word in self.words if len(word) >= _LONG and (word,) not in self._ambiguous),
            self.words.union(not_places),
        )

    @classmethod
    def load(cls) -> "Gazetteer":
        """The packaged gazetteer, read once per process."""
        return _packaged()

    def places(self) -> list[Place]:
        """All of them, each once."""
        return list(dict.fromkeys(self._places.values()))

    def match(self, words: Sequence[str], start: int) -> tuple[Place, int] | None:
        """The longest name that begins at `words[start]` (lower case), with the number of words it takes.

        A name that is also an everyday word counts only behind one of LOCATIVES, or before its province.
        """
        for length in self._lengths.get(words[start], ()):
            name = tuple(words[start : start + length])
            place = self._places.get(name) if len(name) == length else None
            if place and (
                name not in self._ambiguous
                or (start and words[start - 1] in LOCATIVES)
                or self._is_province(place.province, words, start + length)
            ):
                return place, length
        return None

    def _is_province(self, province: str, words: Sequence[str], at: int) -> bool:
        if words[at : at + 1] == [","]:
            at += 1
        for length in self._lengths.get(words[at], ()) if at < len(words) else ():
            place = self._places.get(tuple(words[at : at + length]))
            if place:
                return place.kind == "province" and place.name == province
        return False

    def match_misspelt(self, words: Sequence[str], start: int, *, sure: bool) -> tuple[Place, int] | None:
        """Like `match`, with a slip in any word of a long name; unless a place must stand here (`sure`), only
        cities of a million are looked for."""
        mended = [self._spelling.mend(word) for word in words[start : start + _MOST_WORDS]]
        found = self.match(mended, 0) if mended and mended[0] in self._lengths else None
        return found if found and (sure or _is_large_city(found[0])) else None

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


def _is_large_city(place: Place) -> bool:
    return place.kind in ("kota", "region") and place.population >= _MILLION


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _lines(name: str) -> list[str]:
    return files("warung.gazetteer").joinpath(name).read_text(encoding="utf-8").splitlines()


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_lines(name), delimiter="\t", quoting=csv.QUOTE_NONE))


def _place(row: dict[str, str], name: str) -> Place:
    (kind,) = (known for known in get_args(Kind) if known == row["kind"])
    location = Coordinates(float(row["lat"]), float(row["lng"]))
    return Place(name, kind, row["province"], location, float(row["radius_km"]), int(row["population"]))


def _names(place: Place) -> list[str]:
    name = _plain(place.name)
    short = [name.removeprefix("kepulauan ")] if place.name.startswith("Kepulauan ") else []
    joined = [name.replace(" ", "")] if place.kind == "kota" and " " in name else []
    hyphened = [place.name.lower()] if "-" in place.name else []
    full = [f"{prefix} {each}" for prefix in _PREFIXES[place.kind] for each in (name, *hyphened)]
    return [*full, name, *hyphened, *joined, *short]


@cache
def _packaged() -> Gazetteer:
    by_code = {row["code"]: _place(row, row["name"]) for row in _rows("places.tsv")}
    named: list[tuple[str, Place]] = []
    for row in _rows("aliases.tsv"):
        place = by_code[row["place"]] if row["place"] in by_code else _place(row, row["place"])
        named.extend((alias, place) for alias in row["aliases"].split("|"))
    for place in sorted(by_code.values(), key=lambda place: _OWNER.index(place.kind)):
        named.extend((name, place) for name in _names(place))
    return Gazetteer(named, ambiguous=_lines("ambiguous.txt"), not_places=_lines("not_places.txt"))
