"""Streams in this process's memory: a ring of events per session, gone when the process is."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count, islice

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import Claim, CursorTooOld, Lease, LeaseLost, SessionBusy

LEASE_SECONDS = 5
EVENTS_PER_SESSION = 2048
BYTES_PER_SESSION = 4 * 2**20


class EventRing:
    """The latest events of one session, bounded in number and bytes; the very latest is always kept."""

    def __init__(self, session_id: str, next_index: int, *, most_events: int, most_bytes: int) -> None:
        self.next_index = next_index
        self._session_id = session_id
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._events: deque[Event] = deque()
        self._bytes = 0

    @property
    def first_index(self) -> int:
        return self.next_index - len(self._events)

    def append(self, data: Iterable[str]) -> None:
        for text in data:
            self._events.append(Event(self._session_id, self.next_index, text))
            self._bytes += len(text.encode())
            self.next_index += 1
        while len(self._events) > 1 and (
            len(self._events) > self._most_events or self._bytes > self._most_bytes
        ):
            self._bytes -= len(self._events.popleft().data.encode())

    def read(self, index: int, limit: int) -> list[Event]:
        """`index` must not be less than `first_index`."""
        start = index - self.first_index
        return list(islice(self._events, start, start + limit))


class _Turns:
    """One session: its events, its state, and who waits for more."""

    def __init__(self, session_id: str, owner: str, ring: EventRing) -> None:
        self.id = session_id
        self.owner = owner
        self.ring = ring
        self.request = self.plan = ""
        self.memos: list[str] = []
        self.status = StreamStatus.FINISHED
        self.turn_index = self.epoch = 0
        self.leased_until = self.read_at = self.ended_at = 0.0
        self.cancelling = False
        self.changed = asyncio.Event()

    def holds(self, lease: Lease) -> bool:
        return self.status is StreamStatus.RUNNING and self.epoch == lease.epoch

    def has_moved(self, after: int | None) -> bool:
        """Whether there are events that one who saw the session with that next index hasn't seen."""
        return after is not None and self.ring.next_index not in {0, after}

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class MemoryStreamStore:
    """Keeps the latest `events_per_session` events of each session, of `bytes_per_session` in all. `clock`
    gives seconds that only rise."""

    is_durable = False
    problem: str | None = None

    def __init__(
        self,
        *,
        events_per_session: int = EVENTS_PER_SESSION,
        bytes_per_session: int = BYTES_PER_SESSION,
        lease_seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lease_seconds = lease_seconds
        self._events_per_session = events_per_session
        self._bytes_per_session = bytes_per_session
        self._clock = clock
        self._sessions: dict[str, _Turns] = {}
        self._epochs = count(1)  # of all sessions: no lease of a forgotten one fits another of its name

    async def get(self, session_id: str) -> Session | None:
        turns = self._sessions.get(session_id)
        return self._session(turns) if turns else None

    def _session(self, turns: _Turns) -> Session:
        now = self._clock()
        return Session(
            turns.id,
            turns.owner,
            turns.request,
            turns.status,
            turns.turn_index,
            turns.ring.first_index,
            turns.ring.next_index,
            lapsed=self._is_lapsed(turns),
            unread_seconds=now - turns.read_at,
        )

    def _is_lapsed(self, turns: _Turns) -> bool:
        return turns.status is StreamStatus.RUNNING and turns.leased_until <= self._clock()

    async def begin(
        self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
    ) -> Lease:
        turns = self._sessions.get(session_id)
        if turns is None:
            ring = EventRing(
                session_id, 0, most_events=self._events_per_session, most_bytes=self._bytes_per_session
            )
            turns = self._sessions[session_id] = _Turns(session_id, owner, ring)
        if turns.status is StreamStatus.RUNNING or turns.has_moved(after):
            raise SessionBusy(session_id)
        turns.request, turns.plan, turns.memos = request, plan, []
        turns.status, turns.turn_index, turns.cancelling = StreamStatus.RUNNING, turns.ring.next_index, False
        turns.read_at = self._clock()
        return self._lease(turns)

    def _lease(self, turns: _Turns) -> Lease:
        turns.epoch = next(self._epochs)
        turns.leased_until = self._clock() + self.lease_seconds
        return Lease(turns.id, turns.epoch)

    def _held(self, lease: Lease) -> _Turns:
        turns = self._sessions.get(lease.session_id)
        if turns is None or not turns.holds(lease):
            raise LeaseLost(lease.session_id)
        return turns

    async def append(self, lease: Lease, data: Sequence[str], memo: str = "") -> bool:
        await asyncio.sleep(0)  # where nothing is waited for, a quick producer must leave others their turn
        turns = self._held(lease)
        turns.ring.append(data)
        if memo:
            turns.memos.append(memo)
        turns.wake()
        return turns.cancelling

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        turns = self._held(lease)
        turns.ring.append(data)
        turns.status, turns.ended_at = status, self._clock()
        turns.plan, turns.memos = "", []
        turns.wake()

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        turns = self._sessions.get(session_id)
        if turns is None:
            return []
        if index < turns.ring.first_index:
            raise CursorTooOld(session_id, turns.ring.first_index)
        return turns.ring.read(index, limit)

    async def wait(self, session_id: str, index: int) -> None:
        turns = self._sessions.get(session_id)
        while turns and turns.ring.next_index <= index and turns.status is StreamStatus.RUNNING:
            await turns.changed.wait()

    async def renew(self, leases: Collection[Lease]) -> frozenset[str]:
        asked: set[str] = set()
        for lease in leases:
            turns = self._sessions.get(lease.session_id)
            if turns and turns.holds(lease):
                turns.leased_until = self._clock() + self.lease_seconds
                asked |= {turns.id} if turns.cancelling else set()
        return frozenset(asked)

    async def release(self, lease: Lease) -> None:
        turns = self._sessions.get(lease.session_id)
        if turns and turns.holds(lease):
            turns.leased_until = -math.inf

    async def claim(self, session_id: str) -> Claim | None:
        turns = self._sessions.get(session_id)
        if turns is None or not self._is_lapsed(turns):
            return None
        lease = self._lease(turns)
        return Claim(lease, self._session(turns), turns.plan, tuple(turns.memos))

    async def lapsed(self) -> list[str]:
        return [turns.id for turns in self._sessions.values() if self._is_lapsed(turns)]

    async def ask_to_cancel(self, session_id: str) -> None:
        turns = self._sessions.get(session_id)
        if turns and turns.status is StreamStatus.RUNNING:
            turns.cancelling = True

    async def touch(self, session_ids: Collection[str]) -> None:
        for session_id in session_ids:
            if turns := self._sessions.get(session_id):
                turns.read_at = self._clock()

    async def forget(self, session_id: str) -> None:
        if turns := self._sessions.pop(session_id, None):
            turns.status = StreamStatus.CANCELLED
            turns.wake()

    async def collect(self, ttl_seconds: float) -> int:
        oldest = self._clock() - ttl_seconds
        expired = [
            turns.id
            for turns in self._sessions.values()
            if turns.status is not StreamStatus.RUNNING and turns.ended_at <= oldest
        ]
        for session_id in expired:
            del self._sessions[session_id]
        return len(expired)

    async def close(self) -> None:
        """Nothing is held open."""
