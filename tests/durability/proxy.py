"""A TCP proxy before one server, as bad as the test wants it to be."""

import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from urllib.parse import urlsplit


class Cut(StrEnum):
    """What becomes of both connections."""

    RESET = "reset"
    HALF_CLOSED = "the client finds its end, and the server a reader that doesn't read"


_WINDOW_BYTES = 4096  # so that what is held piles up at its sender, not in here


class Proxy:
    """`url` is the server's, seen through it.

    `cut_after` is the number of bytes of the server's after which a connection is cut. With `dribbles` the
    bytes go on one by one.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (str(parts.hostname), parts.port)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self.cut_after: int | None = None
        self.cut = Cut.RESET
        self.cuts = 0
        self.dribbles = False
        self._flows = threading.Event()
        self._flows.set()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.go_on()
        for connection in list(self._open):
            _reset(connection)

    def stall(self) -> None:
        """Forward nothing, and take nothing either."""
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
                try:
                    server.connect(self._server)
                except OSError:
                    _reset(client)
                    continue
                self._open |= {client, server}
                for pump in (self._forward, self._bring_back):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := self._take(client):
                self._give(server, data)
            server.shutdown(socket.SHUT_WR)

    def _bring_back(self, client: socket.socket, server: socket.socket) -> None:
        left = self.cut_after
        with suppress(OSError):
            while data := self._take(server):
                data, left = data[:left], None if left is None else max(0, left - len(data))
                self._give(client, data)
                if left == 0:
                    self._cut(client, server)
                    return
            client.shutdown(socket.SHUT_WR)

    def _take(self, giver: socket.socket) -> bytes:
        data = giver.recv(_WINDOW_BYTES)
        self._flows.wait()
        return data

    def _give(self, taker: socket.socket, data: bytes) -> None:
        for piece in (data[at : at + 1] for at in range(len(data))) if self.dribbles else (data,):
            self._flows.wait()
            taker.sendall(piece)

    def _cut(self, client: socket.socket, server: socket.socket) -> None:
        self.cuts += 1
        if self.cut is Cut.HALF_CLOSED:
            client.shutdown(socket.SHUT_WR)
        else:
            _reset(client)
            _reset(server)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
