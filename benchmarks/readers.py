"""Readers that cost the machine little: they count events in what comes over a socket and parse nothing."""

import asyncio
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from benchmarks.load import LoadError

_EVENT = b"\nid: "  # the head of the answer has lines that end so, but none that begin so
_PING = b": ping"
_GOOD = b"HTTP/1.1 200"
_CONNECT_AT_ONCE = 64


class Reader(asyncio.Protocol):
    """One request over a connection of its own. `accepted` is set when its answer begins, or never will;
    `over` is done when the server has closed it, or the reader left after `most_events`, and raises LoadError
    when it went wrong."""

    def __init__(self, request: bytes, *, most_events: int | None = None) -> None:
        self.events = self.pieces = self.pings = 0
        self.asked_at = time.perf_counter()
        self.first_event_at = self.last_at = 0.0
        self.accepted = asyncio.Event()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._most_events = most_events
        self._tail = b""
        self._transport: asyncio.WriteTransport | None = None

    async def open(self, url: str) -> "Reader":
        host, _, port = urlsplit(url).netloc.partition(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  of a socket
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.last_at = time.perf_counter()
        if not self.pieces and not data.startswith(_GOOD):
            self._end(LoadError(data.decode("utf-8", "replace")[:300]))
        self.accepted.set()
        self.pieces += 1
        seen, self._tail = self._tail + data, data[1 - len(_EVENT) :]
        self.pings += data.count(_PING)
        if found := seen.count(_EVENT):
            self.first_event_at = self.first_event_at or self.last_at
            self.events += found
            if self._most_events and self.events >= self._most_events:
                self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LoadError(f"the connection broke: {exc}") if exc else None)
        self.accepted.set()

    def _end(self, error: LoadError | None = None) -> None:
        if self.over.done():
            return
        self.leave()
        if error:
            self.over.set_exception(error)
        else:
            self.over.set_result(None)

    def leave(self) -> None:
        if self._transport:
            self._transport.abort()


def ask(model: str, question: str, tokens: int, session_id: str | None = None) -> bytes:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": tokens,
        "stream": True,
        **({"session_id": session_id} if session_id else {}),
    }
    content = json.dumps(body).encode()
    return _head("POST /v1/chat/completions", len(content)) + content


def attach(session_id: str, last_index: int | None = None) -> bytes:
    """Asks for what follows the event of that index, or for the whole of the latest answer."""
    cursor = "" if last_index is None else f"?last_event_id={session_id}:{last_index}"
    return _head(f"GET /v1/chat/completions/{session_id}{cursor}", 0)


def _head(line: str, length: int) -> bytes:
    return (
        f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def open_all(url: str, requests: Sequence[bytes]) -> list[Reader]:
    """A few at a time, each until it is accepted."""
    readers: list[Reader] = []
    for start in range(0, len(requests), _CONNECT_AT_ONCE):
        some = [Reader(request) for request in requests[start : start + _CONNECT_AT_ONCE]]
        readers += await asyncio.gather(*(reader.open(url) for reader in some))
        await asyncio.gather(*(reader.accepted.wait() for reader in some))
    return readers


async def all_over(readers: Sequence[Reader]) -> None:
    await asyncio.gather(*(reader.over for reader in readers))


def leave_all(readers: Sequence[Reader]) -> None:
    """Raises LoadError when one of them was turned away or cut off."""
    for reader in readers:
        if reader.over.done():
            reader.over.result()
            raise LoadError("a stream ended that should have gone on")
        reader.leave()
