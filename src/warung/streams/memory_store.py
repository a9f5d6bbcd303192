"""Streams in this process's memory: a ring of events per session, gone when the process is."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import CursorTooOld, SessionBusy


class _Ring:
    """One session: its latest events, its state, and who waits for more."""

    def __init__(self, session_id: str, owner: str, size: int) -> None:
        self.id = session_id
        self.owner = owner
        self.request = ""
        self.status = StreamStatus.FINISHED
        self.turn_index = self.next_index = 0
        self.ended_at = 0.0
        self.events: deque[Event] = deque(maxlen=size)
        self.changed = asyncio.Event()

    @property
    def first_index(self) -> int:
        return self.next_index - len(self.events)

    def append(self, data: Sequence[str]) -> None:
        for text in data:
            self.events.append(Event(self.id, self.next_index, text))
            self.next_index += 1

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def session(self) -> Session:
        return Session(
            self.id, self.owner, self.request, self.status, self.turn_index, self.first_index, self.next_index
        )


class MemoryStreamStore:
    """Keeps the latest `events_per_session` events of each session. `clock` gives seconds that only rise."""

    def __init__(
        self, *, events_per_session: int = 2048, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._events_per_session = events_per_session
        self._clock = clock
        self._rings: dict[str, _Ring] = {}

    async def get(self, session_id: str) -> Session | None:
        ring = self._rings.get(session_id)
        return ring.session() if ring else None

    async def begin(self, session_id: str, owner: str, request: str) -> Session:
        ring = self._rings.get(session_id)
        if ring is None:
            ring = self._rings[session_id] = _Ring(session_id, owner, self._events_per_session)
        if ring.status is StreamStatus.RUNNING:
            raise SessionBusy(f"session {session_id} is still answering; wait for its end or cancel it")
        ring.request, ring.status, ring.turn_index = request, StreamStatus.RUNNING, ring.next_index
        return ring.session()

    async def append(self, session_id: str, data: Sequence[str]) -> None:
        ring = self._rings[session_id]
        ring.append(data)
        ring.wake()

    async def end(self, session_id: str, status: StreamStatus, data: Sequence[str] = ()) -> None:
        ring = self._rings[session_id]
        if ring.status is not StreamStatus.RUNNING:
            return
        ring.append(data)
        ring.status, ring.ended_at = status, self._clock()
        ring.wake()

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        ring = self._rings.get(session_id)
        if ring is None:
            return []
        if index < ring.first_index:
            raise CursorTooOld(session_id, ring.first_index)
        start = index - ring.first_index
        return list(islice(ring.events, start, start + limit))

    async def wait(self, session_id: str, index: int) -> None:
        ring = self._rings.get(session_id)
        while ring and ring.next_index <= index and ring.status is StreamStatus.RUNNING:
            await ring.changed.wait()

    async def collect(self, ttl_seconds: float) -> int:
        oldest = self._clock() - ttl_seconds
        expired = [
            ring.id
            for ring in self._rings.values()
            if ring.status is not StreamStatus.RUNNING and ring.ended_at <= oldest
        ]
        for session_id in expired:
            del self._rings[session_id]
        return len(expired)
