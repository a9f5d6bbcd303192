import pytest

from warung.conversations.conversation import title_of


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("laptop?", "laptop?"),
        ("  laptop\n\tgaming ", "laptop gaming"),
        ("kata " * 30, "kata " * 15 + "kata…"),
        ("x" * 100, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_title_is_one_line_of_whole_words(question: str, title: str) -> None:
    assert title_of(question) == title
    assert len(title) <= 81
