"""Finds the tool calls in a model's text as it comes; knows no stream and no engine."""

import re
import secrets
from typing import Any

from warung.engine.constraint import TOOL_CALL_BEGIN, TOOL_CALL_END

Delta = dict[str, Any]

_OPENING = re.compile(r'\s*\{"name": "(?P<name>[^"]*)", "arguments": ')


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


class ToolCallReader:
    """Turns text in the form of constraint.py into deltas of OpenAI's form; `calls` counts the calls."""

    def __init__(self) -> None:
        self.calls = 0
        self._held = ""
        self._read = self._text
        self._arguments = _JsonObject()

    def feed(self, text: str, *, last: bool = False) -> list[Delta]:
        """Deltas of content and of tool_calls; with `last`, also the text that could have become a call.

        What a cut leaves of a call's opening is left out: it is neither text nor a call.
        """
        self._held += text
        deltas: list[Delta] = []
        while (delta := self._read(last)) is not None:
            deltas += [delta] if delta else []
        return deltas

    def _text(self, last: bool) -> Delta | None:
        at = self._held.find(TOOL_CALL_BEGIN)
        if at >= 0:
            text, self._held = self._held[:at], self._held[at + len(TOOL_CALL_BEGIN) :]
            self._read = self._opening
            return self._content(text)
        keep = 0 if last else _longest_start(self._held)
        text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return self._content(text) if text else None

    def _content(self, text: str) -> Delta:
        """White space around calls only separates them."""
        return {"content": text} if text.strip() or (text and not self.calls) else {}

    def _opening(self, _last: bool) -> Delta | None:
        match = _OPENING.match(self._held)
        if not match:
            return None
        self._held = self._held[match.end() :]
        self._read, self._arguments = self._pieces, _JsonObject()
        function = {"name": match["name"], "arguments": ""}
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
        at = self._held.find(TOOL_CALL_END)
        if at < 0:
            return None
        self._held = self._held[at + len(TOOL_CALL_END) :]
        self._read = self._text
        return {}


def _longest_start(text: str) -> int:
    """Length of the longest end of the text that may begin a call."""
    return next(n for n in range(len(TOOL_CALL_BEGIN) - 1, -1, -1) if text.endswith(TOOL_CALL_BEGIN[:n]))
