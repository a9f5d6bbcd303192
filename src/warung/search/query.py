"""Shopping language, Indonesian and English, to exact filters; knows no product, no database and no model.

It is deterministic and explains itself: every filter carries the shopper's own words (`Understood.spans`),
and what is not understood stays in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from warung.gazetteer.places import LOCATIVES, Gazetteer, Place
from warung.gazetteer.spelling import Spelling, squeeze
from warung.geo import distance_km
from warung.products.categories import Category
from warung.products.schemas import Condition
from warung.search.amounts import read_price
from warung.search.conditions import read_condition
from warung.search.distances import read_radius
from warung.search.exclusions import read_exclusion
from warung.search.nouns import read_category
from warung.search.understood import SearchPlace, Span, Understood
from warung.search.vocabulary import (
    FROM_HERE,
    IDIOMS,
    NAMES,
    NEAR,
    ORDERS,
    STOCK,
    VOCABULARY,
    WORDS,
    Sort,
)
from warung.search.words import Phrases, Word, split_words

_LONGEST_NAME = 5  # words
_ORIGINS = frozenset(("dari", "from", "of", "around", "sekitar", "dekat", "near"))


class QueryParser:
    """Reads one message at a time; holds no state between them, safe to share between threads."""

    def __init__(self, gazetteer: Gazetteer, categories: Sequence[Category]) -> None:
        self._gazetteer = gazetteer
        self._categories = Phrases((alias, c.slug) for c in categories for alias in c.aliases)
        nouns = {word for c in categories for alias in c.aliases for word in alias.split()}
        self._known = frozenset(nouns | gazetteer.words | VOCABULARY)
        self._spelling = Spelling(WORDS.misspelt.words, self._known | WORDS.misspelt.others)

    def parse(self, message: str) -> Understood:
        """Understand any text; never raises. Linear in the message's length."""
        words = split_words(message)
        texts = [self._mended(word.text) for word in words]
        return _Reading(message, words, texts, self._gazetteer).understood(self._categories)

    def _mended(self, word: str) -> str:
        """The known word meant by a slip, by "2" for saying it twice, or with "-nya"."""
        if word in self._known:
            return word
        twice = f"{word[:-1]}-{word[:-1]}"
        if word[1:].endswith("2") and twice in self._known:
            return twice
        if word.endswith("nya") and word[:-3] in self._known:
            return word[:-3]
        squeezed = squeeze(word)
        return squeezed if squeezed in self._known else self._spelling.mend(word)


@dataclass(slots=True)
class _Reading:
    """One pass over one message: at each word the first reader that takes words wins."""

    message: str
    words: list[Word]
    texts: list[str]  # of the words, with slips mended
    gazetteer: Gazetteer
    kept: list[int] = field(default_factory=list[int])
    spans: list[Span] = field(default_factory=list[Span])
    low: int | None = None
    high: int | None = None
    in_stock: bool | None = None
    condition: Condition | None = None
    exclude: list[str] = field(default_factory=list[str])
    sort: Sort = Sort.RELEVANCE
    place: Place | None = None
    near_me: bool = False
    radius_km: float | None = None
    _purpose: int | None = None
    _place_end: int = -1
    _goods_end: int = -1
    _distance_end: int = -1

    def understood(self, categories: Phrases[str]) -> Understood:
        readers = (
            self._name,
            self._near,
            self._radius,
            self._price,
            self._stock,
            self._order,
            self._idiom,
            self._condition,
            self._negation,
            self._where,
            self._idle,
        )
        at = 0
        while at < len(self.words):
            taken = next((n for reader in readers if (n := reader(at))), 0)
            if not taken:
                self.kept.append(at)
            at += taken or 1
        if self.low is not None and self.high is not None and self.low > self.high:
            self.low, self.high = self.high, self.low
        category = self._category(categories)
        return Understood(
            text=" ".join(self.words[at].text for at in self.kept),
            category=category,
            min_price_rupiah=self.low,
            max_price_rupiah=self.high,
            in_stock=self.in_stock,
            condition=self.condition,
            exclude=tuple(dict.fromkeys(self.exclude)),
            sort=self.sort,
            place=self.place
            and SearchPlace(self.place.name, self.place.location, self.radius_km or self.place.radius_km),
            near_me=self.near_me or (self.radius_km is not None and not self.place),
            radius_km=None if self.place else self.radius_km,
            spans=tuple(self.spans),
            purpose=self._said_purpose(),
        )

    def _said_purpose(self) -> str:
        """Empty where nothing stands before the first word that says so, or behind it."""
        if self._purpose is None or not (behind := [at for at in self.kept if at > self._purpose]):
            return ""
        return " ".join(self.words[at].text for at in (self._purpose, *behind))

    def _span(self, name: str, at: int, taken: int) -> int:
        self.spans.append(Span(name, self.message[self.words[at].start : self.words[at + taken - 1].end]))
        return taken

    def _name(self, at: int) -> int:
        found = NAMES.match(self.texts, at)
        if found is None:
            return 0
        self.kept.extend(range(at, at + found[1]))
        return found[1]

    def _near(self, at: int) -> int:
        found = NEAR.match(self.texts, at)
        if found is None and self._distance_end == at:
            found = FROM_HERE.match(self.texts, at)
        if found is None or not WORDS.other_houses.isdisjoint(self.texts[at + found[1] : at + found[1] + 1]):
            return 0
        self.near_me = True
        return self._span("near_me", at, found[1])

    def _radius(self, at: int) -> int:
        radius = read_radius(self.texts, at)
        if radius is None or not (radius.here or radius.sure or self._is_place(at + radius.words)):
            return 0
        self.radius_km = radius.km
        self.near_me = self.near_me or radius.here
        return self._span("radius_km", at, radius.words)

    def _is_place(self, at: int) -> bool:
        """ "5 km" + "dari Bandung"."""
        behind = self.texts[at : at + 1]
        return (
            bool(behind)
            and behind[0] in _ORIGINS
            and at + 1 < len(self.texts)
            and (self.gazetteer.match(self.texts, at + 1) is not None)
        )

    def _price(self, at: int) -> int:
        if self.texts[at] == "max" and self.texts[:at][-1:] == ["pro"]:
            return 0  # a model's name; an amount behind it is a most without it, too
        price = read_price(self.texts, at)
        if price is None:
            return 0
        if price.min_rupiah is not None:
            self.low = price.min_rupiah
            self._span("min_price", at, price.words)
        if price.max_rupiah is not None:
            self.high = price.max_rupiah
            self._span("max_price", at, price.words)
        return price.words

    def _stock(self, at: int) -> int:
        found = STOCK.match(self.texts, at)
        if found is None:
            return 0
        self.in_stock = True
        return self._span("in_stock", at, found[1])

    def _order(self, at: int) -> int:
        found = ORDERS.match(self.texts, at)
        if found is None:
            return 0
        self.sort = Sort(found[0])
        if self.sort is Sort.DISTANCE:
            self._distance_end = at + found[1]
        return self._span("sort", at, found[1])

    def _condition(self, at: int) -> int:
        found = read_condition(self.texts, at)
        if found is None:
            return 0
        self.condition = found.condition
        return self._span("condition", at, found.words) if found.condition else found.words

    def _negation(self, at: int) -> int:
        found = read_exclusion(self.texts, at, self.gazetteer, goods_follow=not self.kept)
        if found is None:
            return 0
        self.exclude.extend(" ".join(self.words[n].text for n in item) for item in found.items)
        return self._span("exclude", at, found.words)

    def _where(self, at: int) -> int:
        led, place, end = self._named(at)
        if place is None or self.texts[at - 1 : at] == ["luar"]:
            return 0
        if not led and self._names_goods(at, place):
            self.kept.extend(range(at, end))
            self._goods_end = end
            return end - at
        if self.place is not None:
            return end - at if self._repeats(place, at, end) else 0
        self.place, self._place_end = place, end
        return self._span("place", at, end - at)

    def _named(self, at: int) -> tuple[bool, Place | None, int]:
        """Whether a lead stands at `at`, the place that is named behind up to three of them, and its end.

        "daerah" may also begin a name itself, and "di" be written together with it.
        """
        for name in range(at, min(len(self.texts), at + 4)):
            word, rest = self.texts[name], self.texts[name + 1 : name + _LONGEST_NAME]
            led = name > at
            found = self.gazetteer.match(self.texts, name) if word != "di" else None
            if found is None and word.startswith("di") and len(word) >= _LONGEST_NAME + len("di"):
                found, led = self.gazetteer.match([word[2:], *rest], 0), True
            if found is None and word not in LOCATIVES:
                found, led = self.gazetteer.match_misspelt(self.texts, name, sure=name > at), name > at
            if found:
                return led, found[0], name + found[1]
            if word not in LOCATIVES:
                break
        return False, None, at

    def _names_goods(self, at: int, place: Place) -> bool:
        if at == 0 or place.name in WORDS.nameless:
            return False
        if place.kind == "province" and self.texts[at] != place.name.lower().split()[0]:
            return False  # no good is named after "jatim"
        before = self.texts[at - 1]
        noun = self.texts[at - 2] if before in WORDS.goods_modifiers and at > 1 else before
        return before in WORDS.goods or noun in WORDS.goods or self._goods_end == at

    def _repeats(self, place: Place, at: int, end: int) -> bool:
        """ "Lembang, Bandung, Jawa Barat": a second name right behind the first that holds it too."""
        adjacent = at - self._place_end == 0 or (at - self._place_end == 1 and self.texts[at - 1] == ",")
        if self.place is None or not adjacent:
            return False
        self._place_end = end
        return distance_km(self.place.location, place.location) <= self.place.radius_km + place.radius_km

    def _idiom(self, at: int) -> int:
        found = IDIOMS.match(self.texts, at)
        return found[1] if found else 0

    def _idle(self, at: int) -> int:
        word = self.texts[at]
        if word in WORDS.tags:
            return int(self._ends_a_question(at))
        if word in WORDS.purposes and self.kept and self._purpose is None:
            self._purpose = at
        return int(
            word in WORDS.fillers or not word[0].isalnum() or (word in WORDS.articles and not self.kept)
        )

    def _ends_a_question(self, at: int) -> bool:
        end = self.words[at].end
        behind = self.texts[at + 1 : at + 2]
        if not behind or behind[0] in LOCATIVES or behind[0] in (",", ";", "kak"):
            return True
        return "?" in self.message[end : end + 2]

    def _category(self, categories: Phrases[str]) -> str | None:
        found = read_category(self.texts, self.kept, categories)
        if found is None:
            return None
        self._span("category", found.start, found.words)
        return found.slug
