from collections import Counter

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
