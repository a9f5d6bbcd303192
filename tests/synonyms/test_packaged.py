from collections import Counter

from warung.search.tokens import split_words
from warung.search.vocabulary import WORDS
from warung.synonyms.packaged import load_synonyms


def test_no_word_stands_in_two_groups() -> None:
    words = Counter(word for group in load_synonyms().values() for word in group.words)
    assert words["hp"] == words["lemari es"] == 1
    assert [word for word, times in words.items() if times > 1] == []


def test_slugs_are_those_that_a_route_takes() -> None:
    assert all(slug.replace("_", "").isalnum() and slug == slug.lower() for slug in load_synonyms())


def test_exceptions_are_single_words() -> None:
    """Of a phrase every word would be one: "matras yoga" would silence all mats."""
    phrases = [word for group in load_synonyms().values() for word in group.unless if " " in word]
    assert phrases == []


def test_every_phrase_can_be_asked_for() -> None:
    """One of which a question keeps a single word is never matched."""
    phrases = [split_words(word) for group in load_synonyms().values() for word in group.words]
    assert ["susah", "tidur"] in phrases
    wanted = [[word for word in words if word not in WORDS.fillers] for words in phrases]
    dead = [words for words, left in zip(phrases, wanted, strict=True) if len(left) < min(2, len(words))]
    assert dead == []
