import pytest

from warung.search.nouns import CategoryWords, read_category
from warung.search.words import Phrases

CATEGORIES: Phrases[str] = Phrases(
    [("laptop", "laptop"), ("tas laptop", "aksesori"), ("tas", "tas"), ("kacamata", "jam")]
)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("laptop gaming", CategoryWords("laptop", 0, 1)),
        ("beli tas laptop", CategoryWords("aksesori", 1, 2)),
        ("kaca mata hitam", CategoryWords("jam", 0, 2)),
        ("laptop dan tas", None),
        ("laptop asus dan tas", CategoryWords("laptop", 0, 1)),
        ("tas dan tas", CategoryWords("tas", 0, 1)),
        ("meja", None),
        ("", None),
    ],
)
def test_the_first_noun_decides(message: str, found: CategoryWords | None) -> None:
    words = message.split()
    assert read_category(words, [n for n, word in enumerate(words) if word != "dan"], CATEGORIES) == found


def test_a_noun_is_read_over_words_that_were_taken() -> None:
    assert read_category(["tas", "bekas", "laptop"], [0, 2], CATEGORIES) == CategoryWords("aksesori", 0, 3)
