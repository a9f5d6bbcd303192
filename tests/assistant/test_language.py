import pytest

from warung.assistant.language import Language, language_of


@pytest.mark.parametrize(
    ("message", "language"),
    [
        ("laptop gaming Jakarta budget 10 juta", "id"),
        ("cheap laptop near Bandung", "en"),
        ("I need a laptop for school under 5 million", "en"),
        ("HP samsung bekas", "id"),
        ("yang lebih murah ada?", "id"),
        ("laptop", "id"),
        ("", "id"),
        ("looking for kopi gayo", "en"),
    ],
)
def test_the_words_tell_the_language(message: str, language: Language) -> None:
    assert language_of(message) == language
