"""The JSON of chat completions (OpenAI API reference): writes chunks, and gathers them into one answer."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from warung.engine.request import FinishReason, Usage
from warung.errors import Conflict, Unavailable, WarungError

DONE = "[DONE]"

_CALLERS_FAULT = "invalid_request_error"
_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
}


class Cancelled(Conflict):
    """The generation was stopped on request before its end."""

    default_code = "cancelled"


class AnswerFailed(WarungError):
    """A stored answer that ended in an error; carries that error's own status and code."""

    def __init__(self, error: Mapping[str, Any], status: int) -> None:
        super().__init__(str(error["message"]), field=error["param"], code=error["code"])
        self.status = status


def presentable(error: Exception | None) -> WarungError:
    """What readers are told: a deliberate error as it is, nothing of an accidental one, None as cancelled."""
    if error is None:
        return Cancelled("this answer was cancelled")
    return error if isinstance(error, WarungError) else WarungError("the server failed while answering")


def error_object(error: WarungError) -> dict[str, Any]:
    """OpenAI's error object."""
    return {
        "message": error.message,
        "type": "server_error" if error.status >= 500 else _ERROR_TYPES.get(error.status, _CALLERS_FAULT),
        "param": error.field,
        "code": error.code,
    }


def usage_object(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


# Made once: json.dumps would make an encoder for every chunk.
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def failure(session_id: str, error: Exception | None) -> list[str]:
    """The end of an answer that broke off; `error` None when it was cancelled."""
    return [_error(session_id, presentable(error)), DONE]


def interruption(session_id: str, error: Exception) -> str:
    """Tells one reader that it can read no further now. No end follows, for the answer may go on: where this
    says `resumable`, its reader may come back with the last event's id."""
    told = presentable(error)
    return _error(session_id, told, **({"resumable": True} if isinstance(told, Unavailable) else {}))


def _error(session_id: str, error: WarungError, **own: Any) -> str:
    told = {"session_id": session_id, "status": error.status, **own}
    return _dump({"error": error_object(error), "warung": told})


@dataclass(frozen=True)
class ChunkWriter:
    """Writes one answer's chunks. What is warung's own rides in each chunk's "warung" key."""

    completion_id: str
    model: str
    session_id: str
    include_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def opening(self, *, choice: int = 0, **own: Any) -> str:
        return self.part({"role": "assistant", "content": ""}, choice=choice, **own)

    def content(self, text: str, **own: Any) -> str:
        return self.part({"content": text}, **own)

    def part(
        self,
        delta: Mapping[str, Any],
        *,
        choice: int = 0,
        logprobs: Mapping[str, Any] | None = None,
        reason: str | None = None,
        **own: Any,
    ) -> str:
        """A chunk of one choice; `reason` comes with its last."""
        told = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        head = _open(self._frame(own)) if own else self._head
        return f'{head},"choices":[{_dump(told)}]}}'

    def ending(self, text: str, reason: FinishReason, usage: Usage, **own: Any) -> list[str]:
        """The last chunk of the only choice, and what follows the last of all."""
        delta = {"content": text} if text else {}
        return [self.part(delta, reason=reason, usage=usage_object(usage), **own), *self.end(usage)]

    def end(self, usage: Usage) -> list[str]:
        """The usage chunk if it was asked for, and [DONE]."""
        counted: dict[str, Any] = {**self._frame({}), "choices": [], "usage": usage_object(usage)}
        return [_dump(counted), DONE] if self.include_usage else [DONE]

    def failure(self, error: Exception | None) -> list[str]:
        return failure(self.session_id, error)

    @cached_property
    def _head(self) -> str:
        """What all chunks that bring nothing of their own begin with."""
        return _open(self._frame({}))

    def _frame(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "warung": {"session_id": self.session_id, **own},
        }


def _open(frame: Mapping[str, Any]) -> str:
    return _dump(frame).removesuffix("}")


@dataclass(slots=True)
class Choice:
    """One of the answers to a request, gathered from its chunks."""

    content: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    logprobs: list[dict[str, Any]] | None = None
    finish_reason: str | None = None

    def add(self, part: Mapping[str, Any]) -> None:
        delta = part["delta"]
        self.content += delta.get("content") or ""
        for piece in delta.get("tool_calls", ()):
            self._add_call(piece)
        if part["logprobs"]:
            self.logprobs = (self.logprobs or []) + part["logprobs"]["content"]
        self.finish_reason = part["finish_reason"] or self.finish_reason

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        if piece["index"] == len(self.tool_calls):
            self.tool_calls.append({"id": piece["id"], "type": "function", "function": {**piece["function"]}})
        else:
            self.tool_calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]

    def wire(self, index: int) -> dict[str, Any]:
        """The choice object. A message that is all tool calls has no content."""
        calls = {"tool_calls": self.tool_calls} if self.tool_calls else {}
        content = None if calls and not self.content else self.content
        message = {"role": "assistant", "content": content, "refusal": None, **calls}
        logprobs = None if self.logprobs is None else {"content": self.logprobs, "refusal": None}
        return {
            "index": index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": self.finish_reason,
        }


@dataclass(slots=True)
class Answer:
    """A whole answer gathered from its chunks; `own` merges their "warung" keys."""

    choices: dict[int, Choice] = field(default_factory=dict[int, Choice])
    first: dict[str, Any] = field(default_factory=dict[str, Any])
    own: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def content(self) -> str:
        """The text of the first choice."""
        return self.choices[0].content if self.choices else ""

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason if self.choices else None

    def add(self, data: Iterable[str]) -> bool:
        """Whether the answer has ended: what follows its [DONE] is another's. Raises AnswerFailed at an
        error frame."""
        for text in data:
            if text == DONE:
                return True
            self._add(json.loads(text))
        return False

    def _add(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            raise AnswerFailed(chunk["error"], chunk["warung"]["status"])
        self.first = self.first or chunk
        self.own |= chunk["warung"]
        for part in chunk["choices"]:
            self.choices.setdefault(part["index"], Choice()).add(part)

    def completion(self) -> dict[str, Any]:
        """The chat.completion object."""
        return {
            "id": self.first["id"],
            "object": "chat.completion",
            "created": self.first["created"],
            "model": self.first["model"],
            "choices": [choice.wire(index) for index, choice in sorted(self.choices.items())],
            "usage": self.own["usage"],
            "warung": {"session_id": self.own["session_id"]},
        }
