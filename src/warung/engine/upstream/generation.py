"""One accepted request of the upstream engine: reads its events in a task of its own; knows no server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import structlog

from warung.engine.engine import EngineUnavailable
from warung.engine.request import TokenEvent
from warung.errors import WarungError

log = structlog.get_logger(__name__)

Source = Callable[[Callable[[], None]], AsyncGenerator[TokenEvent]]
"""Opens the request's events; calls what it is given when a server has accepted the request."""


class UpstreamGeneration:
    """Reads ahead, so that closing it at any time stops the reading at once; `on_end` frees its place."""

    def __init__(self, source: Source, on_end: Callable[[], None], *, name: str) -> None:
        self._source = source
        self._on_end = on_end
        self._closed = False
        self._arrived: asyncio.Queue[TokenEvent | WarungError | None] = asyncio.Queue()
        self._answered: asyncio.Future[WarungError | None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(), name=name)

    async def accepted(self) -> None:
        """Wait until a server has accepted it, or it was closed. Raises why none has."""
        if error := await self._answered:
            raise error

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._reading.cancel()
            self._accept(None)
            self._arrived.put_nowait(None)  # wakes an iteration that still waits
            self._on_end()

    def fail(self, error: WarungError) -> None:
        """End it with an error, which its iteration raises."""
        self._reading.cancel()
        self._accept(error)
        self._arrived.put_nowait(error)

    async def stopped(self) -> None:
        """Wait until nothing of it runs any more."""
        await asyncio.wait([self._reading])

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        try:
            while not self._closed:
                event = await self._arrived.get()
                if isinstance(event, WarungError):
                    raise event
                if event is None or self._closed:
                    return
                yield event
                if event.finish_reason:
                    return
        finally:
            self.close()

    async def _read(self) -> None:
        try:
            async with aclosing(self._source(lambda: self._accept(None))) as events:
                async for event in events:
                    self._arrived.put_nowait(event)
        except WarungError as error:
            self._accept(error)
            self._arrived.put_nowait(error)
        except Exception as error:
            log.exception("reading a model server's answer failed", exc_info=error)
            self.fail(EngineUnavailable("the model server's answer can't be read; the log has the details"))

    def _accept(self, error: WarungError | None) -> None:
        if not self._answered.done():
            self._answered.set_result(error)
