import pytest

from warung.database.text import one_line, storable


@pytest.mark.parametrize("text", ["", "Jalan Melati 1", "é 🛒"])
def test_plain_text_passes(text: str) -> None:
    assert storable(text) == one_line(text) == text


def test_a_text_may_have_lines_but_no_null_character() -> None:
    assert storable("a\nb\tc") == "a\nb\tc"
    with pytest.raises(ValueError, match=r"U\+0000"):
        storable("a\0b")


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\0b", "a\x7fb", "a\x85b"])
def test_one_line_has_no_control_characters(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        one_line(text)
