"""A wire on loopback between clients and a server, which tells what passed and breaks where it is told to."""

import asyncio
import re
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.1\r\n")
_LAST_EVENT_ID = re.compile(rb"^last-event-id: (.*)\r$", re.IGNORECASE | re.MULTILINE)
_INTO_AN_EVENT = 28  # bytes, fewer than the shortest has


@dataclass(slots=True)
class Exchange:
    """A request and what has come back."""

    request: bytes
    answer: bytes = b""

    @property
    def path(self) -> str:
        found = _REQUEST.match(self.request)
        return found[1].decode() if found else ""

    @property
    def last_event_id(self) -> str | None:
        found = _LAST_EVENT_ID.search(self.request)
        return found[1].decode() if found else None


class Wire:
    """`exchanges` are all that passed; a client may keep its connection for the next."""

    def __init__(self, target: str) -> None:
        self.url = ""
        self.exchanges: list[Exchange] = []
        self._target = urlsplit(target)
        self._cuts: dict[str, int] = {}
        self._watches: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def to(self, path: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.path == path]

    def cut(self, path: str, *, after_events: int) -> None:
        """Break the next answer to `path` within the event that follows so many whole ones."""
        self._cuts[path] = after_events

    def when(self, happened: Callable[[], bool], then: Callable[[], None]) -> None:
        """Do it once, after the bytes from the server that made it so have passed."""
        self._watches.append((happened, then))

    async def serve(self, listening: threading.Event, stop: asyncio.Event) -> None:
        joined: set[asyncio.Task[None]] = set()

        def join(client_in: StreamReader, client_out: StreamWriter) -> None:
            joined.add(asyncio.create_task(self._join(client_in, client_out)))

        server = await asyncio.start_server(join, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        listening.set()
        await stop.wait()
        server.close()

    async def _join(self, client_in: StreamReader, client_out: StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection(self._target.hostname, self._target.port)
        passed: list[Exchange] = []
        asking = asyncio.create_task(self._ask(client_in, server_out, passed))
        try:
            with suppress(ConnectionError):
                await self._answer(server_in, client_out, passed)
        finally:
            asking.cancel()
            client_out.close()
            server_out.close()

    async def _ask(self, client_in: StreamReader, server_out: StreamWriter, passed: list[Exchange]) -> None:
        with suppress(ConnectionError):
            while data := await client_in.read(65536):
                if _REQUEST.match(data):
                    passed.append(Exchange(data))
                    self.exchanges.append(passed[-1])
                server_out.write(data)
        server_out.close()

    async def _answer(
        self, server_in: StreamReader, client_out: StreamWriter, passed: list[Exchange]
    ) -> None:
        while data := await server_in.read(65536):
            exchange = passed[-1]
            sent = len(exchange.answer)
            exchange.answer += data
            end = self._end(exchange)
            exchange.answer = exchange.answer[:end]
            client_out.write(exchange.answer[sent:])
            await client_out.drain()
            self._heed()
            if end:
                return

    def _end(self, exchange: Exchange) -> int | None:
        """Where in the answer the wire breaks, once that much of it has come."""
        events = self._cuts.get(exchange.path)
        if events is None or exchange.answer.count(b"\n\n") < events:
            return None
        end = exchange.answer.index(b"\r\n\r\n")
        for _ in range(events):
            end = exchange.answer.index(b"\n\n", end) + 1
        end += _INTO_AN_EVENT
        if len(exchange.answer) < end:
            return None
        del self._cuts[exchange.path]
        return end

    def _heed(self) -> None:
        due = [watch for watch in self._watches if watch[0]()]
        self._watches = [watch for watch in self._watches if watch not in due]
        for _, then in due:
            then()


@contextmanager
def open_wire(target: str) -> Generator[Wire]:
    """A wire to the server at `target`."""
    wire, listening, loop, stop = Wire(target), threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(wire.serve(listening, stop))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        assert listening.wait(20), "the wire did not open"
        yield wire
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=20)
        assert not thread.is_alive(), "the wire did not close"
