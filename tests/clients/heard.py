"""What a client told of an answer; each client is one callable that asks in one of three ways."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Way(StrEnum):
    STREAM = "stream"
    PLAIN = "plain"
    TOOLS = "tools"  # a stream, with a function `weather(city)` that says "24" and is called


@dataclass(frozen=True, slots=True)
class Heard:
    """`usage` counts (prompt, completion) tokens, where the client shows it; `calls` the cities asked for."""

    text: str = ""
    reason: str | None = None
    usage: tuple[int, int] | None = None
    calls: list[str] = field(default_factory=list[str])
    error: str | None = None


Client = Callable[[str, Way, str], Heard]
"""From the server's URL, a way and a prompt to what was heard, an error included."""
