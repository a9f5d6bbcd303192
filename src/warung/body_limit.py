"""ASGI middleware that refuses a body larger than the limit, before it is held in memory."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warung.error_responses import HttpError, respond


class BodyLimit:
    """`larger` has the limits of paths that take more than the others."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._larger.get(scope["path"], self._max_bytes)
        declared = Headers(scope=scope).get("Content-Length", "0")
        if declared.isdigit() and int(declared) > max_bytes:
            await respond(Request(scope), [_too_large(max_bytes)])(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise HTTPException(413, _too_large(max_bytes).message)  # FastAPI lets only this kind pass
            return message

        await self._app(scope, counted, send)


def _too_large(max_bytes: int) -> HttpError:
    return HttpError(413, f"the body must not exceed {max_bytes} bytes")
