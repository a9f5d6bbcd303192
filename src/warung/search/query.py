"""Shopping language, Indonesian and English, to exact filters; knows no product, no database and no model.

It is deterministic and explains itself: every filter carries the shopper's own words (`Understood.spans`),
and what is not understood stays in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from warung.gazetteer.places import LOCATIVES, Gazetteer, Place
from warung.geo import Coordinates, distance_km
from warung.products.categories import Category
from warung.products.schemas import Condition
from warung.search.amounts import read_price
from warung.search.vocabulary import IDIOMS, NEAR, NEGATIONS, ORDERS, STOCK, WORDS, Sort
from warung.search.words import Phrases, Word, split_words

_PLACE_LEADS = LOCATIVES - {"kota", "kab", "kabupaten", "prov", "provinsi"}


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """Where to search: a circle with the name to show."""

    name: str
    location: Coordinates
    radius_km: float


@dataclass(frozen=True, slots=True)
class Span:
    """The literal part of the message, `text`, behind the filter `field` (its name on the wire)."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message asks for. `text` is what is left to search by; None or empty fields ask for nothing.

    `radius_km` is said about the shopper's own place; one said about a named place is in `place`.
    """

    text: str
    category: str | None = None
    min_price_rupiah: int | None = None
    max_price_rupiah: int | None = None
    in_stock: bool | None = None
    condition: Condition | None = None
    exclude: tuple[str, ...] = ()
    sort: Sort = Sort.RELEVANCE
    place: SearchPlace | None = None
    near_me: bool = False
    radius_km: float | None = None
    spans: tuple[Span, ...] = ()


class QueryParser:
    """Reads one message at a time; holds no state between them, safe to share between threads."""

    def __init__(self, gazetteer: Gazetteer, categories: Sequence[Category]) -> None:
        self._gazetteer = gazetteer
        self._categories = Phrases((alias, c.slug) for c in categories for alias in c.aliases)

    def parse(self, message: str) -> Understood:
        """Understand any text; never raises. Linear in the message's length."""
        return _Reading(message, self._gazetteer).understood(self._categories)


@dataclass(slots=True)
class _Reading:
    """One pass over one message: at each word the first reader that takes words wins."""

    message: str
    gazetteer: Gazetteer
    words: list[Word] = field(init=False)
    texts: list[str] = field(init=False)
    kept: list[Word] = field(default_factory=list[Word])
    spans: list[Span] = field(default_factory=list[Span])
    low: int | None = None
    high: int | None = None
    in_stock: bool | None = None
    exclude: list[str] = field(default_factory=list[str])
    sort: Sort = Sort.RELEVANCE
    place: Place | None = None
    near_me: bool = False
    _place_end: int = -1
    _goods_end: int = -1

    def __post_init__(self) -> None:
        self.words = split_words(self.message)
        self.texts = [word.text for word in self.words]

    def understood(self, categories: Phrases[str]) -> Understood:
        readers = (
            self._near,
            self._price,
            self._stock,
            self._order,
            self._idiom,
            self._negation,
            self._where,
            self._idle,
        )
        at = 0
        while at < len(self.words):
            taken = next((n for reader in readers if (n := reader(at))), 0)
            if not taken:
                self.kept.append(self.words[at])
            at += taken or 1
        if self.low is not None and self.high is not None and self.low > self.high:
            self.low, self.high = self.high, self.low
        category = self._category(categories)
        place = self.place and SearchPlace(self.place.name, self.place.location, self.place.radius_km)
        return Understood(
            text=" ".join(word.text for word in self.kept),
            category=category,
            min_price_rupiah=self.low,
            max_price_rupiah=self.high,
            in_stock=self.in_stock,
            exclude=tuple(dict.fromkeys(self.exclude)),
            sort=self.sort,
            place=place,
            near_me=self.near_me,
            spans=tuple(self.spans),
        )

    def _span(self, name: str, at: int, taken: int) -> int:
        self.spans.append(Span(name, self.message[self.words[at].start : self.words[at + taken - 1].end]))
        return taken

    def _near(self, at: int) -> int:
        found = NEAR.match(self.texts, at)
        if found is None or (
            self.texts[at] in ("dari", "to", "lokasi", "from") and not self._after_order(at)
        ):
            return 0
        self.near_me = True
        return self._span("near_me", at, found[1])

    def _after_order(self, at: int) -> bool:
        return at > 0 and self.sort is Sort.DISTANCE and ORDERS.match(self.texts, at - 1) is not None

    def _price(self, at: int) -> int:
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
        return self._span("sort", at, found[1])

    def _negation(self, at: int) -> int:
        found = NEGATIONS.match(self.texts, at)
        if found is None:
            return 0
        item = at + found[1]
        while item < len(self.texts) and self.texts[item] in _PLACE_LEADS:
            item += 1
        end = self._excluded(item)
        return self._span("exclude", at, end - at) if end > item else 0

    def _excluded(self, item: int) -> int:
        """Take "asus, acer dan dell" from `item` on; the position behind it (`item` if nothing fits)."""
        end = item
        while self._can_be_excluded(item):
            found = self.gazetteer.match(self.texts, item)
            length = found[1] if found else 1
            self.exclude.append(" ".join(self.texts[item : item + length]))
            item = end = item + length
            if item >= len(self.texts) or self.texts[item] not in WORDS.joiners:
                break
            listed = self.texts[item] == ","
            while item < len(self.texts) and self.texts[item] in WORDS.joiners:
                listed = listed and self.texts[item] == ","
                item += 1
            if listed and not self._ends_a_list(item + 1):
                break
        return end

    def _can_be_excluded(self, at: int) -> bool:
        if at >= len(self.texts) or not self.texts[at][0].isalnum():
            return False
        word = self.texts[at]
        return not (word in WORDS.fillers or word in WORDS.demonstratives or self._begins_a_filter(at))

    def _ends_a_list(self, at: int) -> bool:
        return at >= len(self.texts) or self.texts[at] in WORDS.joiners or self._begins_a_filter(at)

    def _begins_a_filter(self, at: int) -> bool:
        if any(table.match(self.texts, at) for table in (STOCK, ORDERS, NEGATIONS, NEAR)):
            return True
        return self.texts[at] in _PLACE_LEADS or read_price(self.texts, at) is not None

    def _where(self, at: int) -> int:
        name = at
        while name < min(len(self.texts), at + 3) and self.texts[name] in _PLACE_LEADS:
            name += 1
        found = self.gazetteer.match(self.texts, name) if name < len(self.texts) else None
        if found is None:
            return 0
        place, length = found
        if name == at and self._names_goods(at, place):
            self.kept.extend(self.words[at : at + length])
            self._goods_end = at + length
            return length
        end = name + length
        if self.place is not None:
            return end - at if self._repeats(place, at, end) else 0
        self.place, self._place_end = place, end
        return self._span("place", at, end - at)

    def _names_goods(self, at: int, place: Place) -> bool:
        if at == 0 or place.name in WORDS.nameless:
            return False
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
        return int(
            word in WORDS.fillers or not word[0].isalnum() or (word in WORDS.articles and not self.kept)
        )

    def _ends_a_question(self, at: int) -> bool:
        end = self.words[at].end
        behind = self.texts[at + 1 : at + 2]
        return (
            not behind
            or "?" in self.message[end : end + 2]
            or behind[0] in _PLACE_LEADS
            or behind[0] == "kak"
        )

    def _category(self, categories: Phrases[str]) -> str | None:
        """Indonesian nouns come first, so the first alias decides; the longest where several begin there."""
        kept = [word.text for word in self.kept]
        for at in range(len(kept)):
            found = categories.match(kept, at)
            if found:
                first, last = self.kept[at], self.kept[at + found[1] - 1]
                self.spans.append(Span("category", self.message[first.start : last.end]))
                return found[0]
        return None
