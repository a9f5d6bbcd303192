"""The web server's own life; knows no route."""

import socket
from collections.abc import Awaitable, Callable

import uvicorn


class Server(uvicorn.Server):
    """Ends the running streams when it is told to stop, as long as that takes, and only then waits for its
    connections.

    The application's own shutdown comes too late for that: it follows the last connection's end.
    """

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._end_streams()
        await super().shutdown(sockets)
