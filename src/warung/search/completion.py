"""Continues what a shopper has begun to type by the words that products are named by; knows no route."""

from dataclasses import dataclass

from warung.search.dictionary import Dictionary
from warung.search.wording import Wording


@dataclass(frozen=True, slots=True)
class Completion:
    """A text to search for, in lower case, and how many products are named so."""

    text: str
    count: int


def complete(wording: Wording, dictionary: Dictionary, limit: int) -> list[Completion]:
    """Texts that continue the last word, if it may be only begun, or follow it; the most frequent first."""
    words = wording.words
    if not words:
        return []
    before = words[:-1] if wording.is_begun else words
    begun = " ".join(words) if wording.is_begun else " ".join((*words, ""))
    found = dict(dictionary.completions(begun, limit, phrases=True))
    if wording.is_begun:
        # One more for each word that may be found again.
        for word, count in dictionary.completions(words[-1], limit + len(before), beside=before):
            if word not in before:
                found.setdefault(" ".join((*before, word)), count)
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [Completion(text, count) for text, count in ordered[:limit]]
