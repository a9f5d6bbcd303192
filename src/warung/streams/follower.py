"""Lets any number of readers follow a session's events, stored ones and then live; knows no producer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from warung.errors import InvalidInput
from warung.streams.errors import HandedOver, SessionUnknown
from warung.streams.event import Event, Session
from warung.streams.readers import Readers
from warung.streams.store import CursorTooOld, StoreUnavailable, StreamStore

_READ_AT_ONCE = 64
_TRY_AGAIN_SECONDS = 0.5


class Follower:
    """A store that fails for less than `ride_out_seconds` costs readers no more than time."""

    def __init__(
        self, store: StreamStore, readers: Readers, *, idle_seconds: float, ride_out_seconds: float
    ) -> None:
        self._store = store
        self._readers = readers
        self._idle_seconds = idle_seconds
        self._ride_out_seconds = ride_out_seconds
        self._waits: set[asyncio.Timeout] = set()
        self._sent_away = False

    def follow(self, session: Session, index: int, idle_seconds: float | None) -> AsyncGenerator[list[Event]]:
        """As Broker.follow says."""
        if index < session.first_index:
            raise CursorTooOld(session.id, session.first_index)
        if index > session.next_index:
            latest = f"{session.id}:{session.next_index - 1}"
            raise InvalidInput(
                f"Last-Event-ID is ahead of the stream, whose latest event is {latest}", field="Last-Event-ID"
            )
        return self._follow(session.id, index, idle_seconds or self._idle_seconds)

    def send_away(self) -> None:
        """From now on readers who have all that is stored of a running turn hear HandedOver."""
        self._sent_away = True
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())

    async def _follow(self, session_id: str, index: int, idle_seconds: float) -> AsyncGenerator[list[Event]]:
        failing_since: float | None = None
        events: list[Event] | None = []
        with self._readers.one_more(session_id):
            while True:
                try:
                    async with self._patience(idle_seconds):
                        events = await self._next(session_id, index, goes_on=bool(events))
                except TimeoutError:
                    events = []
                except StoreUnavailable:
                    now = asyncio.get_running_loop().time()
                    failing_since = now if failing_since is None else failing_since
                    if now - failing_since >= self._ride_out_seconds:
                        raise
                    await asyncio.sleep(_TRY_AGAIN_SECONDS)
                    events = []
                else:
                    failing_since = None
                if events is None:
                    return
                yield events
                index += len(events)

    @asynccontextmanager
    async def _patience(self, seconds: float) -> AsyncGenerator[None]:
        """Raises TimeoutError after so long, or when all are sent away."""
        async with asyncio.timeout(seconds) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    async def _next(self, session_id: str, index: int, *, goes_on: bool) -> list[Event] | None:
        """The events from `index` on, when there are some; None when there will be none. To look
        at the session costs a way to the disk or the network: while the stream `goes_on`, that comes after
        waiting."""
        if goes_on and not self._sent_away:
            await self._store.wait(session_id, index)
        while True:
            if events := await self._store.read(session_id, index, _READ_AT_ONCE):
                return events
            session = await self._store.get(session_id)
            if session is None:
                raise SessionUnknown(session_id)
            if not session.running and index >= session.next_index:
                return None
            if self._sent_away:
                raise HandedOver("the server is stopping; come back with the last event's id")
            if session.lapsed and self._store.problem:
                raise StoreUnavailable(self._store.problem)
            await self._store.wait(session_id, index)
