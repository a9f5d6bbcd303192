"""The JSON of chat completions (OpenAI API reference): writes chunks, and gathers them into one answer."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from warung.engine.request import FinishReason, Usage
from warung.errors import Conflict, WarungError

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


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def failure(session_id: str, error: Exception | None) -> list[str]:
    """The end of an answer that broke off; `error` None when it was cancelled."""
    told = presentable(error)
    own = {"session_id": session_id, "status": told.status}
    return [_dump({"error": error_object(told), "warung": own}), DONE]


@dataclass(frozen=True, slots=True)
class ChunkWriter:
    """Writes one answer's chunks. What is warung's own rides in each chunk's "warung" key."""

    completion_id: str
    model: str
    session_id: str
    include_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def opening(self, **own: Any) -> str:
        return self._chunk({"role": "assistant", "content": ""}, None, own)

    def content(self, text: str, **own: Any) -> str:
        return self._chunk({"content": text}, None, own)

    def ending(self, text: str, reason: FinishReason, usage: Usage, **own: Any) -> list[str]:
        """The last content chunk, the usage chunk if it was asked for, and [DONE]."""
        counted = usage_object(usage)
        chunks = [self._chunk({"content": text} if text else {}, reason, {"usage": counted, **own})]
        if self.include_usage:
            chunks.append(_dump({**self._frame({}), "choices": [], "usage": counted}))
        return [*chunks, DONE]

    def failure(self, error: Exception | None) -> list[str]:
        return failure(self.session_id, error)

    def _chunk(self, delta: Mapping[str, str], reason: FinishReason | None, own: Mapping[str, Any]) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _dump({**self._frame(own), "choices": [choice]})

    def _frame(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "warung": {"session_id": self.session_id, **own},
        }


@dataclass(slots=True)
class Answer:
    """A whole answer gathered from its chunks; `own` merges their "warung" keys."""

    content: str = ""
    finish_reason: str | None = None
    first: dict[str, Any] = field(default_factory=dict[str, Any])
    own: dict[str, Any] = field(default_factory=dict[str, Any])

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
        for choice in chunk["choices"]:
            self.content += choice["delta"].get("content", "")
            self.finish_reason = choice["finish_reason"] or self.finish_reason

    def completion(self) -> dict[str, Any]:
        """The chat.completion object."""
        message = {"role": "assistant", "content": self.content, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {
            "id": self.first["id"],
            "object": "chat.completion",
            "created": self.first["created"],
            "model": self.first["model"],
            "choices": [choice],
            "usage": self.own["usage"],
            "warung": {"session_id": self.own["session_id"]},
        }
