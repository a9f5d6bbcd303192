"""A conversation as its owner sees it in a list; knows no table."""

from dataclasses import dataclass
from datetime import datetime

_TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Conversation:
    """`title` is the beginning of the first question, on one line."""

    id: str
    title: str
    created_at: datetime


def title_of(question: str) -> str:
    """The first words of a question, as many as have room."""
    line = " ".join(question.split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    words = line[:_TITLE_CHARACTERS].rpartition(" ")[0]
    return (words or line[: _TITLE_CHARACTERS - 1]) + "…"
