"""What shoppers ask the made-up shop: words, a price and a radius; knows no index and no figure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.search_catalogue import draw_place, draw_price, draw_words, vocabulary
from warung.geo import Coordinates
from warung.search.request import SearchRequest
from warung.synonyms.schemas import SynonymGroup

_RADII_KM = (5.0, 10.0, 25.0, 50.0, 100.0)
_SPANS = (2, 5, 20)  # the highest price over the lowest
_WORDS = (1, 2, 2, 3)
_COMMON_WORDS, _COMMON = 6, 1 / 3  # words that 35 to 66 % of all products hold, and how often one is asked


@dataclass(frozen=True, slots=True)
class Question:
    words: tuple[str, ...]
    min_price: int
    max_price: int
    near: Coordinates
    radius_km: float

    def request(self, limit: int = 20) -> SearchRequest:
        return SearchRequest(
            text=" ".join(self.words),
            min_price_rupiah=self.min_price,
            max_price_rupiah=self.max_price,
            near=self.near,
            radius_km=self.radius_km,
            limit=limit,
        )


def make_questions(count: int, seed: str = "questions") -> Sequence[Question]:
    """One to three words, each third one of the six most common and the others drawn as often as products
    hold them; a price range, and a circle around where people live."""
    dice = random.Random(seed)
    return [_question(dice) for _ in range(count)]


def make_synonyms(questions: Sequence[Question]) -> Sequence[SynonymGroup]:
    """A group for each word of the questions, which finds two other words, drawn as products' words are. In
    the judged queries (benchmarks/judged) 1.7 to 3.8 words, itself included, stand for one."""
    dice = random.Random("synonyms")
    words = dict.fromkeys(word for question in questions for word in question.words)
    return [
        SynonymGroup(slug=word, words=(word,), finds=tuple(found), packaged=False, changed=False)
        for word in words
        if (found := dict.fromkeys(other for other in draw_words(dice, 2) if other != word))
    ]


def _question(dice: random.Random) -> Question:
    words = tuple(dict.fromkeys(_word(dice) for _ in range(dice.choice(_WORDS))))
    _, lat, lng = draw_place(dice)
    price = draw_price(dice)
    return Question(words, price, price * dice.choice(_SPANS), Coordinates(lat, lng), dice.choice(_RADII_KM))


def _word(dice: random.Random) -> str:
    if dice.random() < _COMMON:
        return dice.choice(vocabulary()[:_COMMON_WORDS])
    return draw_words(dice, 1)[0]
