"""A listener before a server, which loses answers on their way when a test says so."""

import socket
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay(socketserver.ThreadingTCPServer):
    """`target` is the URL of the server behind it, `taken` counts the connections that came, and `losses` is
    the number of coming answers to be cut off before their first byte."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = target
        self.taken = self.losses = 0
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def hang_up(self) -> None:
        """Cut every connection."""
        for client in list(self._open):
            _shut(client)

    def pass_on(self, client: socket.socket) -> None:
        parts = urlsplit(self.target)
        self._open.add(client)
        self.taken += 1
        with suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 0)) as server:
            asking = threading.Thread(target=_pump, args=(client, server), daemon=True)
            asking.start()
            while data := server.recv(65536):
                if self.losses:
                    self.losses -= 1
                    break
                client.sendall(data)
            _shut(client)
            asking.join(timeout=20)
        self._open.discard(client)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Relay)
        self.server.pass_on(self.request)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _shut(target)


def _shut(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)


@contextmanager
def relaying(target: str) -> Generator[Relay]:
    with Relay(target) as relay:
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.hang_up()
            relay.shutdown()
            thread.join(timeout=20)
