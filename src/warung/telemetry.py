"""Structured logs, and an id that ties the lines of one request together."""

import logging
import re
import secrets
import sys
import time
from contextlib import suppress
from typing import TextIO, cast

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import Processor

log = structlog.get_logger("warung.http")

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = re.compile(r"[\w.-]{1,64}")


def configure_logs(*, log_format: str, level: str) -> None:
    """Write log lines to stderr: JSON for machines, colours for people, by `log_format` auto as fits.

    The libraries' lines, through the standard library's logging, are written alike from warnings up.
    """
    people = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    # A traceback without the values of variables, among which are secrets.
    plain = structlog.dev.plain_traceback
    final = (
        structlog.dev.ConsoleRenderer(exception_formatter=plain)
        if people
        else structlog.processors.JSONRenderer()
    )
    gather: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = [*([] if people else [structlog.processors.format_exc_info]), final]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*gather, *render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )
    handler = logging.StreamHandler(sys.stderr)
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=gather, processors=[drop, *render])
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)


class _Unfailing:
    """A file for lines that may be lost: no request must fail for a log whose disk is full or reader gone."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


class RequestLog:
    """ASGI middleware: gives each request an id, returns it, and logs a line when the response has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(time.perf_counter() - started, 4),
                )


def _request_id(scope: Scope) -> str:
    """The caller's own id when it is harmless in a log, else a new one."""
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
