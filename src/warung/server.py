"""The web server's own life; knows no route."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

_LOOK_EVERY_SECONDS = 0.1
_LAST_WORDS_WITHIN_SECONDS = 1

Step = Callable[[], Awaitable[None]]


class Server(uvicorn.Server):
    """Told to stop, it serves on while running streams `drain`, then ends the others with `end_streams`, and
    only then closes its door and waits for its connections. Told again, it waits for nothing.

    The application's own shutdown comes too late for that: it follows the last connection's end.
    """

    def __init__(self, config: uvicorn.Config, *, drain: Step, end_streams: Step) -> None:
        super().__init__(config)
        self._drain = drain
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays: each full collection would look at all of it, for half a second.
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # whichever signal comes again, not SIGINT alone
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = await self._unless_forced(self._drain())
        draining.cancel()
        await self._end_streams()
        leaving = await self._unless_forced(super().shutdown(sockets))
        if self.force_exit:
            await asyncio.wait({leaving}, timeout=_LAST_WORDS_WITHIN_SECONDS)
            self._cut_connections()
        await leaving
        if self.force_exit:
            await self.lifespan.shutdown()

    async def _unless_forced(self, work: Awaitable[None]) -> "asyncio.Future[None]":
        """The work, done or as far as it is when this server is told again."""
        task = asyncio.ensure_future(work)
        while not task.done() and not self.force_exit:
            await asyncio.wait({task}, timeout=_LOOK_EVERY_SECONDS)
        return task

    def _cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport:
                connection.transport.abort()
