"""The questions asked: no two begin alike, so that no server answers one from another's cache."""

from collections.abc import Iterator
from itertools import count, islice

Message = dict[str, str]

_NAMES = ("Sari", "Budi", "Dewi", "Agus", "Putri", "Rizky", "Wati", "Joko", "Ayu", "Bayu", "Rina")
_PLACES = ("harbour", "rice field", "night market", "old railway", "mountain village", "lighthouse", "school")
_ANIMALS = ("cat", "goat", "parrot", "horse", "turtle")
_TOKENS_PER_WORD = 1.6  # of the text below, where every digit is a token


def stories(skip: int = 0) -> Iterator[list[Message]]:
    """Requests of 71-75 tokens for a long story, for ever; the number at the start is each one's own."""
    for number in count(skip):
        name, place = _NAMES[number % len(_NAMES)], _PLACES[number % len(_PLACES)]
        animal = _ANIMALS[number % len(_ANIMALS)]
        yield [
            {"role": "system", "content": f"{100_000 + number}: you write long stories for children."},
            {
                "role": "user",
                "content": f"Write a very long and detailed story about {name}, who lives near the {place}"
                f" and finds a {animal} that can speak. Begin with the weather of that day, and tell slowly"
                " and fully what everybody says and feels.",
            },
        ]


def long_text(number: int, tokens: int) -> str:
    """Plain text of about so many tokens, unlike that of any other `number`."""
    sentences = (
        f"On day {day} of the year {1000 + number} the stall sold {day * 7 % 90} bowls of rice."
        for day in count(1)
    )
    words = (word for sentence in sentences for word in sentence.split())
    return " ".join(islice(words, int(tokens / _TOKENS_PER_WORD)))


def behind_text(text: str, question: str) -> list[Message]:
    return [{"role": "system", "content": text}, {"role": "user", "content": question}]
