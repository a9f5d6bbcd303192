"""A client that costs the machine little: requests over connections that are kept, one at a time on each."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.load import LoadError
from benchmarks.measure import percentile

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "


@dataclass(frozen=True, slots=True)
class Exchanges:
    """`p50_seconds` and `p95_seconds` from a request's first byte to its answer's last."""

    per_second: float
    p50_seconds: float
    p95_seconds: float

    @classmethod
    def of(cls, seconds: list[float], whole: float) -> "Exchanges":
        return cls(len(seconds) / whole, percentile(seconds, 50), percentile(seconds, 95))


def request(method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + _HEAD_END + body


class Connection(asyncio.Protocol):
    """Kept open by an HTTP/1.1 server; every answer has a Content-Length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def open(cls, url: str) -> "Connection":
        host, _, port = urlsplit(url).netloc.partition(":")
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, int(port))
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  of a socket
        self._transport = transport

    async def ask(self, content: bytes) -> bytes:
        """The answer's body. Raises LoadError unless the status is 2xx."""
        assert self._transport  # noqa: S101  open() waits for it
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(_HEAD_END)
        if head < 0 or self._answer is None or self._answer.done():
            return
        start = self._received.lower().find(_LENGTH, 0, head + 2)
        length = int(self._received[start + len(_LENGTH) :].split(b"\r", 1)[0]) if start >= 0 else 0
        end = head + len(_HEAD_END) + length
        if len(self._received) < end:
            return
        whole = bytes(self._received[:end])
        del self._received[:end]
        if whole[9:10] == b"2":
            self._answer.set_result(whole[head + len(_HEAD_END) :])
        else:
            self._answer.set_exception(LoadError(whole.decode("utf-8", "replace")[:400]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(LoadError(f"the connection broke: {exc or 'it was closed'}"))

    def close(self) -> None:
        if self._transport:
            self._transport.abort()


async def exchange(
    url: str, contents: Callable[[], Iterator[bytes]], *, connections: int, seconds: float
) -> Exchanges:
    """So many connections, each asking as soon as it was answered. Each has `contents` of its own, endless;
    the first tenth of the time isn't counted."""
    opened = [await Connection.open(url) for _ in range(connections)]
    begun = time.perf_counter()
    counted_from, until = begun + seconds / 10, begun + seconds
    taken: list[float] = []

    async def ask_on(connection: Connection) -> None:
        for content in contents():
            asked = time.perf_counter()
            if asked >= until:
                return
            await connection.ask(content)
            if asked >= counted_from:
                taken.append(time.perf_counter() - asked)

    try:
        await asyncio.gather(*(ask_on(connection) for connection in opened))
    finally:
        for connection in opened:
            connection.close()
    return Exchanges.of(taken, time.perf_counter() - counted_from)
