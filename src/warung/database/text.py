"""Text as every database can hold it; knows no table."""

import unicodedata


def storable(text: str) -> str:
    """`text` itself. Raises ValueError for the one character that PostgreSQL can't store."""
    if "\0" in text:
        raise ValueError("the character U+0000 can't be stored: leave it out")
    return text


def one_line(text: str) -> str:
    """`text` itself. Raises ValueError when it holds a line break or another control character."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("control characters and line breaks have no place here: use one line")
    return text
