"""Errors as HTTP responses: OpenAI's shape under /v1, problem details (RFC 9457) everywhere else."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warung.completions.chunk import error_object
from warung.completions.idempotency import KeyReused
from warung.errors import InvalidInput, WarungError

log = structlog.get_logger(__name__)

# What Pydantic's locations begin with, and the marks it adds for the branches of a union.
_SOURCES = {"body", "query", "path", "header", "cookie"}
_BRANCHES = {"str", "list[str]"}


class HttpError(WarungError):
    """An error of the framework itself, such as an unknown route."""

    def __init__(self, status: int, detail: str) -> None:
        # The phrase of 413 depends on Python's version.
        phrase = "body too large" if status == 413 else HTTPStatus(status).phrase
        super().__init__(detail, code=phrase.lower().replace(" ", "_"))
        self.status = status


def install(app: FastAPI) -> None:
    """Make every error of `app` a response in its route's dialect."""

    async def warung_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, WarungError)  # noqa: S101  registered for this type alone
        return respond(request, [error])

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        entries = error.errors()
        if any(entry["loc"] == ("body",) for entry in entries) and not _is_json(request):
            return respond(request, [_NOT_JSON])
        return respond(request, [_invalid_input(entry) for entry in entries])

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        if isinstance(error.__cause__, (UnicodeDecodeError, RecursionError)):  # no JSON that can be read
            return respond(request, [_invalid_json("it is no UTF-8 text, or too deeply nested")])
        return respond(request, [HttpError(error.status_code, error.detail)], error.headers)

    app.add_exception_handler(WarungError, warung_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_middleware(Accidents)


class Accidents:
    """ASGI middleware that answers what nobody foresaw with a 500 that tells nothing of it.

    The framework's own handler stands outside all other middleware: its responses would have neither a
    request id nor a line in the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            log.exception("unexpected error", exc_info=error)
            sorry = WarungError("the server failed; its log has the details")
            await respond(Request(scope), [sorry])(scope, receive, send)


_NOT_JSON = InvalidInput(
    "the body must be JSON: send 'Content-Type: application/json'", field="Content-Type", code="not_json"
)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _invalid_input(entry: Mapping[str, Any]) -> InvalidInput:
    if entry["type"] == "json_invalid":
        return _invalid_json(entry.get("ctx", {}).get("error", "it can't be read"))
    location = [str(part) for part in entry["loc"] if part not in _BRANCHES]
    if len(location) > 1 and location[0] in _SOURCES:
        location = location[1:]
    field = ".".join(location)
    return InvalidInput(f"{field}: {entry['msg'].removeprefix('Value error, ')}", field=field)


def _invalid_json(reason: str) -> InvalidInput:
    return InvalidInput(f"the body is not valid JSON: {reason}", field="body", code="invalid_json")


def respond(
    request: Request, errors: Sequence[WarungError], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The response for what went wrong; the first error decides its status."""
    first = errors[0]
    extra = {**(headers or {}), **_retry_headers(first)}
    if first.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    if request.url.path.startswith("/v1"):
        # This dialect says 400 where others say 422, but for the one that clients know as such.
        is_invalid = first.status == HTTPStatus.UNPROCESSABLE_ENTITY and not isinstance(first, KeyReused)
        status = 400 if is_invalid else first.status
        return JSONResponse({"error": error_object(first)}, status_code=status, headers=extra)
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(first.status).phrase,
        "status": first.status,
        "detail": first.message,
        "code": first.code,
        "errors": [{"field": e.field, "message": e.message} for e in errors if e.field],
    }
    return JSONResponse(
        problem, status_code=first.status, headers=extra, media_type="application/problem+json"
    )


def _retry_headers(error: WarungError) -> Mapping[str, str]:
    """Whether and when to try again; the OpenAI clients obey `x-should-retry` before their own rules."""
    if error.retry_after_seconds is not None:
        return {"Retry-After": str(error.retry_after_seconds), "x-should-retry": "true"}
    hopeless = error.status in {HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}
    return {"x-should-retry": "false"} if hopeless else {}
