"""What goes wrong at an upstream server, and whose fault it is; knows no connection."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from warung.errors import InvalidInput, WarungError

_MAX_MESSAGE_CHARACTERS = 1000
_DEFAULT_RETRY_SECONDS = 2
_MAX_RETRY_SECONDS = 3600
_REFUSED_KEY = frozenset({401, 403})
_BUSY = 429
# 501 is llama.cpp's word for a field that its build or its model can't honour.
# 404 is not among them: the path and the model's name are not the caller's.
_CALLERS_FAULT = frozenset({400, 413, 422, 501})
_CALLERS_FAULT_TYPES = frozenset({"invalid_request_error", "BadRequestError"})
# OpenAI and warung have a code for it; the others say it in words (vLLM, SGLang) or as a type (llama.cpp).
_TOO_LONG = re.compile(r"context[ _](length|size)|maximum model length", re.IGNORECASE)


class ServerFailed(Exception):
    """A server didn't answer a request that another may answer; the reason is one clause about it.

    `is_down` when it would fail the next request too.
    """

    def __init__(self, reason: str, *, retry_after_seconds: int | None = None, is_down: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.is_down = is_down

    @property
    def is_busy(self) -> bool:
        return self.retry_after_seconds is not None


def refusal(status: int, body: bytes, retry_after: str | None) -> WarungError | ServerFailed:
    """What an HTTP status other than 2xx means: the caller's fault, or this server's."""
    if status in _REFUSED_KEY:
        return ServerFailed("refuses the key (UPSTREAM_KEY)", is_down=True)
    if status == _BUSY:
        seconds = int(retry_after) if retry_after and retry_after.isdecimal() else _DEFAULT_RETRY_SECONDS
        return ServerFailed("is busy", retry_after_seconds=min(max(1, seconds), _MAX_RETRY_SECONDS))
    error = _error_object(body)
    if status in _CALLERS_FAULT and error:
        return _invalid(error)
    return ServerFailed(f"answers with status {status}")


def frame_failure(error: object) -> WarungError | ServerFailed:
    """What an error inside a stream means."""
    told = cast("Mapping[str, Any]", error) if isinstance(error, Mapping) else {"message": error}
    code = told.get("code")
    if told.get("type") in _CALLERS_FAULT_TYPES or code in _CALLERS_FAULT:
        return _invalid(told)
    return ServerFailed("ended its answer with an error")


def _error_object(body: bytes) -> Mapping[str, Any] | None:
    """OpenAI's error object, also as older servers send it: without the object around it."""
    try:
        told = json.loads(body)
        error = told.get("error", told)
        error = {"message": error} if isinstance(error, str) else error
        return error if isinstance(error.get("message"), str) else None
    except (ValueError, AttributeError):
        return None


def _invalid(error: Mapping[str, Any]) -> InvalidInput:
    message = str(error.get("message") or "the model server refuses the request")[:_MAX_MESSAGE_CHARACTERS]
    field, code = (value if isinstance(value := error.get(name), str) else None for name in ("param", "code"))
    if code != "context_length_exceeded" and _TOO_LONG.search(f"{message} {error.get('type')}"):
        field, code = field or "messages", "context_length_exceeded"
    return InvalidInput(message, field=field, code=code)
