"""A file that is sent over HTTP: read by a thread as it comes, its progress told as it is stored."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import asdict
from typing import Any

import structlog
from anyio import CapacityLimiter, fail_after, from_thread, to_thread
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from warung.errors import InvalidInput, TooManyRequests, WarungError
from warung.exchange.json_format import MEDIA_TYPE
from warung.exchange.service import ImportReport

log = structlog.get_logger(__name__)

_STALL_SECONDS = 60
_RETRY_SECONDS = 10

Load = Callable[[Iterator[bytes], Callable[[ImportReport], None]], ImportReport]
"""Reads pieces of a file and stores what is in them; tells how far it is."""


class Uploads:
    """At most `at_once` files are read at a time, each by a thread of its own: a body may take its time to
    come, and must not keep the threads that answer other requests."""

    def __init__(self, at_once: int = 4) -> None:
        self._threads = CapacityLimiter(at_once)

    async def receive(self, request: Request, load: Load) -> ImportReport:
        """What became of the request's body.

        Raises what `load` raises, TooManyRequests, and InvalidInput when the body breaks off.
        """
        return await self._run(request, load, lambda _report: None)

    async def follow(self, request: Request, load: Load) -> StreamingResponse:
        """The same as it goes: a line {"progress": {…}} for each batch, then {"report": …} or {"error": …}.

        Raises what goes wrong before the first of them.
        """
        told: asyncio.Queue[dict[str, int] | None] = asyncio.Queue()

        def tell(report: ImportReport) -> None:
            from_thread.run_sync(told.put_nowait, report.counts)

        work = asyncio.create_task(self._run(request, load, tell))
        work.add_done_callback(lambda _done: told.put_nowait(None))
        first = await told.get()
        if first is None:
            await work
        return _Lines(_progress(first, told, work), media_type=MEDIA_TYPE)

    async def _run(self, request: Request, load: Load, tell: Callable[[ImportReport], None]) -> ImportReport:
        if self._threads.available_tokens < 1:
            raise TooManyRequests("other files are being imported", retry_after_seconds=_RETRY_SECONDS)
        pieces = request.stream()
        return await to_thread.run_sync(lambda: load(_in_thread(pieces), tell), limiter=self._threads)


class _Lines(StreamingResponse):
    """A response that begins before the request's body has ended: it must leave reading to others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await self.stream_response(send)


def _in_thread(pieces: AsyncIterator[bytes]) -> Iterator[bytes]:
    while (piece := from_thread.run(_next, pieces)) is not None:
        yield piece


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    try:
        with fail_after(_STALL_SECONDS):
            return await anext(pieces, None)
    except (ClientDisconnect, TimeoutError):
        message = "the body broke off: send the file again; what is stored already will be left as it is"
        raise InvalidInput(message, field="body", code="body_broke_off") from None


async def _progress(
    first: dict[str, int] | None,
    told: asyncio.Queue[dict[str, int] | None],
    work: asyncio.Task[ImportReport],
) -> AsyncGenerator[bytes]:
    counts = first
    while counts is not None:
        yield _line({"progress": counts})
        counts = await told.get()
    try:
        yield _line({"report": asdict(await work)})
    except (WarungError, HTTPException) as error:
        yield _line({"error": _told(error)})
    except Exception as error:  # the status is sent: this line is all that can tell
        log.exception("an import failed", exc_info=error)
        yield _line({"error": _told(WarungError("the server failed; its log has the details"))})


def _told(error: WarungError | HTTPException) -> dict[str, Any]:
    if isinstance(error, HTTPException):
        return {"status": error.status_code, "detail": error.detail}
    return {"status": error.status, "code": error.code, "detail": error.message}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
