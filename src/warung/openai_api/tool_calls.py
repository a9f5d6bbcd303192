"""Finds the tool calls in a model's text as it comes; knows no stream and no engine."""

import re
import secrets
from typing import Any

from warung.engine.constraint import TOOL_CALL_BEGIN, TOOL_CALL_END

Delta = dict[str, Any]

_OPENING = re.compile(
    rf'\s*{TOOL_CALL_BEGIN}\s{{0,8}}\{{"name": "(?P<name>[^"\\]{{1,64}})", "arguments": (?=\{{)'
)
_LONGEST_OPENING = 120  # of all that the pattern matches after the mark, and then some


class ToolCallReader:
    """Turns text in the form of constraint.py into deltas of OpenAI's form; `calls` counts the calls.

    However the text comes in pieces, it gives the same calls and the same content. White space around calls
    only separates them. What begins like a call and turns out to be none is content: no text is lost.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._held = ""
        self._read = self._text
        self._arguments = _JsonObject()
        self._follows_call = False

    @property
    def is_whole(self) -> bool:
        """Whether the arguments of all calls have ended."""
        return self._read != self._pieces

    def feed(self, text: str, *, last: bool = False) -> list[Delta]:
        """Deltas of content and of tool_calls; with `last`, also the text that could have become a call."""
        self._held += text
        deltas: list[Delta] = []
        while (delta := self._read(last)) is not None:
            deltas += [delta] if delta else []
        return deltas

    def _text(self, last: bool) -> Delta | None:
        mark = self._held.find(TOOL_CALL_BEGIN)
        end = mark if mark >= 0 else len(self._held) - (0 if last else _longest_start(self._held))
        if self._held[:end].strip():
            return self._content(len(self._held[:end].rstrip()))
        if opening := _OPENING.match(self._held):
            return self._call(opening)
        if mark >= 0 and (last or len(self._held) - mark > _LONGEST_OPENING):
            return self._content(mark + len(TOOL_CALL_BEGIN))
        if last and self._held:
            return self._content(len(self._held))
        return None

    def _content(self, end: int) -> Delta:
        text, self._held = self._held[:end], self._held[end:]
        text = text.lstrip() if self._follows_call else text
        self._follows_call = self._follows_call and not text
        return {"content": text} if text else {}

    def _call(self, opening: re.Match[str]) -> Delta:
        self._held = self._held[opening.end() :]
        self._read, self._arguments = self._pieces, _JsonObject()
        function = {"name": opening["name"], "arguments": ""}
        self.calls += 1
        identity = {"index": self.calls - 1, "id": f"call_{secrets.token_hex(12)}", "type": "function"}
        return {"tool_calls": [{**identity, "function": function}]}

    def _pieces(self, _last: bool) -> Delta | None:
        if not self._held:
            return None
        end = self._arguments.end(self._held)
        if end is not None:
            self._read = self._closing
        piece, self._held = self._held[:end], "" if end is None else self._held[end:]
        return {"tool_calls": [{"index": self.calls - 1, "function": {"arguments": piece}}]}

    def _closing(self, _last: bool) -> Delta | None:
        rest = self._held.lstrip().removeprefix("}").lstrip()
        if not rest.startswith(TOOL_CALL_END) and TOOL_CALL_END.startswith(rest):
            return None  # a cut may leave it so: it says nothing that the call doesn't
        if rest.startswith(TOOL_CALL_END):
            self._held = rest.removeprefix(TOOL_CALL_END)
        self._read, self._follows_call = self._text, True
        return {}


class _JsonObject:
    """Follows one JSON object to its end, character by character."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def end(self, text: str) -> int | None:
        """The place after the object's last character, None while it goes on."""
        for place, character in enumerate(text, 1):
            if self._in_string:
                self._read_string(character)
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if not self._depth:
                    return place
        return None

    def _read_string(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = False


def _longest_start(text: str) -> int:
    """Length of the longest end of the text that may begin a call."""
    return next(n for n in range(len(TOOL_CALL_BEGIN) - 1, -1, -1) if text.endswith(TOOL_CALL_BEGIN[:n]))
