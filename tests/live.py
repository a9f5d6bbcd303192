"""A real server on loopback for a test: streams must cross a socket to be tested."""

import asyncio
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from warung.cli import listen
from warung.server import Server


class LiveServer:
    """A server in a thread of its own; `url` has no slash at its end."""

    def __init__(self, server: Server, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = server
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
        )
        self._thread.start()

    def tell_to_stop(self) -> None:
        """As a signal does; again, as another one."""
        self._server.handle_exit(signal.SIGTERM, None)

    def wait(self) -> None:
        """Until it has ended."""
        self._thread.join(timeout=20)
        assert not self._thread.is_alive(), "the server did not stop"


async def _nothing() -> None:
    """What an app without streams has to end."""


@contextmanager
def served(app: FastAPI) -> Generator[LiveServer]:
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    drain, end_streams = (getattr(app.state, name, _nothing) for name in ("drain", "end_streams"))
    with listen("127.0.0.1", 0) as listener:
        server = LiveServer(Server(config, drain=drain, end_streams=end_streams), listener)
        try:
            yield server
        finally:
            server.tell_to_stop()
            server.wait()


@contextmanager
def serving(app: FastAPI) -> Generator[str]:
    """The URL of a server of `app`."""
    with served(app) as server:
        yield server.url
