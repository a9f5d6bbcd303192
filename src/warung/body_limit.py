"""ASGI middleware that refuses a body larger than the limit, before it is held in memory."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warung.error_responses import HttpError, respond


class BodyLimit:
    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("Content-Length", "0")
        if declared.isdigit() and int(declared) > self._max_bytes:
            await respond(Request(scope), [self._too_large()])(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413, self._too_large().message)  # FastAPI lets only this kind pass
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> HttpError:
        return HttpError(413, f"the body must not exceed {self._max_bytes} bytes")
