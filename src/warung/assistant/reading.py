"""What a model may add to the rules' reading of a message: filters that were not set, each vouched for by the
shopper's own words; knows no model and no index.

The model only chooses among what is offered here, and its choice is checked against the same offer. An amount
is read by the rules' own reader at the place where it stands in the message, a place by the gazetteer. A
category can't be proved by words that nobody knows: it is one of the shop's, stands on a quote, and the
shopper is told what was made of it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from warung.gazetteer.places import Gazetteer
from warung.products.categories import load_categories
from warung.search.amounts import read_price
from warung.search.understood import SearchPlace, Span, Understood
from warung.search.vocabulary import WORDS
from warung.search.words import Word, split_words

Field = Literal["category", "min_price", "max_price", "place"]

_LONGEST = 4
# Behind it a bare number that can be a price is one.
_MONEY = "harga"


@dataclass(frozen=True, slots=True)
class Claim:
    """The model's word that `quote` of the message sets `field`; `value` is a category's slug."""

    field: Field
    quote: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Words of the message that stand side by side, from the one at `at` on."""

    quote: str
    at: int
    words: tuple[str, ...]


def is_in_doubt(understood: Understood, unknown: Collection[str]) -> bool:
    """Whether a model is asked: no category was read, and at least half of the text's words, but for vague
    ones, stand in no product. Where more are known, a category made of the rest would hide what they find."""
    words = set(understood.text.split()) - WORDS.vague
    return understood.category is None and 0 < len(words) <= 2 * len(unknown)


class Offer:
    """The fields that are not set, each with the quotes that could set it; `unknown` are the words that no
    product has."""

    def __init__(
        self, message: str, understood: Understood, unknown: Collection[str], gazetteer: Gazetteer
    ) -> None:
        self._understood = understood
        self.unknown = tuple(unknown)
        self._gazetteer = gazetteer
        self._texts = [word.text for word in split_words(message)]
        self._stretches = list(_stretches(message, set(understood.text.split())))

    def quotes(self) -> dict[Field, list[str]]:
        """Fields without any quote are left out."""
        fields: dict[Field, list[str]] = {}
        for field in self._open_fields():
            quotes = [stretch.quote for stretch in self._stretches if self._bears(field, stretch)]
            if quotes:
                fields[field] = list(dict.fromkeys(quotes))
        return fields

    def apply(self, claims: Sequence[Claim]) -> tuple[Understood, list[Claim]]:
        """The reading with those claims that hold, and these. Words that set a filter leave the text, of a
        category's only the unknown ones."""
        understood, held = self._understood, list[Claim]()
        for claim in claims:
            stretch = next((each for each in self._stretches if each.quote == claim.quote), None)
            is_new = claim.field in self._open_fields() and not any(
                claim.field == other.field or claim.quote == other.quote for other in held
            )
            if stretch is None or not is_new or not self._bears(claim.field, stretch, claim.value):
                continue
            more = self._with(understood, claim, stretch)
            if more is not None:
                understood = more
                held.append(claim)
        return understood, held

    def _open_fields(self) -> list[Field]:
        now = self._understood
        is_set: dict[Field, bool] = {
            "category": now.category is not None,
            "min_price": now.min_price_rupiah is not None,
            "max_price": now.max_price_rupiah is not None,
            "place": now.place is not None,
        }
        return [field for field, done in is_set.items() if not done]

    def _bears(self, field: Field, stretch: _Stretch, value: str | None = "") -> bool:
        """Whether the words can set the field, a category to `value` ("" to any)."""
        if field == "category":
            is_one = value == "" or value in {category.slug for category in load_categories()}
            return is_one and not set(self.unknown).isdisjoint(stretch.words)
        if field == "place":
            return self._gazetteer.find(stretch.quote) is not None
        return self._rupiah(stretch) is not None

    def _rupiah(self, stretch: _Stretch) -> int | None:
        """The amount that stands just there; what is measured in inches or millilitres is none."""
        price = read_price([_MONEY, *self._texts[stretch.at :]], 0)
        if price is None or price.words - 1 != len(stretch.words) or price.min_rupiah is not None:
            return None
        return price.max_rupiah

    def _with(self, before: Understood, claim: Claim, stretch: _Stretch) -> Understood | None:
        """None where the claim contradicts what is known."""
        gone = set(self.unknown).intersection(stretch.words) if claim.field == "category" else stretch.words
        text = " ".join(word for word in before.text.split() if word not in gone)
        now = replace(before, text=text, spans=(*before.spans, Span(claim.field, claim.quote)))
        if claim.field == "category":
            return replace(now, category=claim.value)
        if claim.field == "place":
            place = self._gazetteer.find(stretch.quote)
            return replace(now, place=place and SearchPlace(place.name, place.location, place.radius_km))
        rupiah = self._rupiah(stretch)
        low = rupiah if claim.field == "min_price" else now.min_price_rupiah
        high = rupiah if claim.field == "max_price" else now.max_price_rupiah
        if low is not None and high is not None and low > high:
            return None
        return replace(now, min_price_rupiah=low, max_price_rupiah=high)


def _stretches(message: str, left: Collection[str]) -> Iterator[_Stretch]:
    """All of up to four words of the message that the rules made nothing of."""
    words = split_words(message)
    for first in range(len(words)):
        for end in range(first + 1, min(first + _LONGEST, len(words)) + 1):
            part: list[Word] = words[first:end]
            if part[-1].text not in left:
                break
            quote = message[part[0].start : part[-1].end]
            yield _Stretch(quote, first, tuple(word.text for word in part))
