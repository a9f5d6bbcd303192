"""Writes tool calls that come as OpenAI's deltas in the text form of constraint.py."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from warung.engine.constraint import TOOL_CALL_BEGIN, TOOL_CALL_END


class CallWriter:
    """Text for the deltas of one answer, piece by piece, in the order of the calls."""

    def __init__(self) -> None:
        self._index: int | None = None
        self._has_arguments = False

    def write(self, deltas: Sequence[Mapping[str, Any]]) -> str:
        """Raises ValueError when the calls are mixed up."""
        return "".join(self._one(delta) for delta in deltas)

    def end(self) -> str:
        """What closes the last call, if there is one."""
        if self._index is None:
            return ""
        arguments = "" if self._has_arguments else "{}"
        return f"{arguments}}}\n{TOOL_CALL_END}"

    def _one(self, delta: Mapping[str, Any]) -> str:
        function: Mapping[str, str | None] = delta.get("function") or {}
        arguments = function.get("arguments") or ""
        opening = self._opening(delta.get("index"), function.get("name"))
        self._has_arguments = self._has_arguments or bool(arguments)
        return opening + arguments

    def _opening(self, index: int | None, name: str | None) -> str:
        """A new index, or a name where there are no indices, begins a call."""
        last = -1 if self._index is None else self._index
        index = (last + 1 if name else last) if index is None else index
        if index == last:
            return ""
        if index < last or not name:
            raise ValueError(f"a piece of tool call {index}, without its beginning")
        closing = f"{self.end()}\n" if self._index is not None else ""
        self._index, self._has_arguments = index, False
        return f'{closing}{TOOL_CALL_BEGIN}\n{{"name": {json.dumps(name)}, "arguments": '
