"""What the producer of an answer notes for whoever takes over: one JSON line with each batch; knows no store.

A line holds the engine's version, once, and of every choice what came since the line before:
[tokens, text, prompt tokens, completion tokens, finish reason]. Beside them the producer's own keys.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from warung.engine.begun import Begun
from warung.engine.request import FinishReason, TokenEvent, Usage

_VERSION, _CHOICES = "version", "choices"
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class MemoWriter:
    """`version` is empty until the weights that answer are known."""

    def __init__(self) -> None:
        self.version = ""
        self._told_version = ""
        self._new: dict[int, Begun] = {}

    def add(self, choice: int, event: TokenEvent) -> None:
        self._new.setdefault(choice, Begun()).add(event)

    def line(self, **own: Any) -> str:
        """All that was added since the last one."""
        choices = {choice: _listed(begun) for choice, begun in self._new.items()}
        told: dict[str, Any] = {_CHOICES: choices, **own}
        if self.version != self._told_version:
            told[_VERSION] = self._told_version = self.version
        self._new.clear()
        return _dump(told)


def _listed(begun: Begun) -> list[Any]:
    usage = begun.usage or Usage(0, 0)
    return [begun.tokens, begun.text, usage.prompt_tokens, usage.completion_tokens, begun.finish_reason]


@dataclass(slots=True)
class Past:
    """What the memos of a turn tell: the version that answers, empty before its first word, its choices, and
    the lines themselves."""

    choices: list[Begun]
    version: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @classmethod
    def of(cls, memos: Sequence[str], count: int = 1) -> "Past":
        past = cls([Begun() for _ in range(count)])
        for memo in memos:
            past._add(json.loads(memo))
        return past

    def _add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        self.version = line.get(_VERSION, self.version)
        for choice, told in line[_CHOICES].items():
            self.choices[int(choice)].add(event_of(told))


def event_of(told: Sequence[Any]) -> TokenEvent:
    """What a line tells of a choice, as one event."""
    tokens, text, prompt, completion, reason = told
    return TokenEvent(
        tuple(tokens), text, Usage(prompt, completion), FinishReason(reason) if reason else None
    )


def pieces(line: dict[str, Any], choice: int = 0) -> list[TokenEvent]:
    """What a line tells of one choice: nothing, or one event."""
    told = line[_CHOICES].get(str(choice))
    return [event_of(told)] if told else []
