"""Streams in Redis, shared by replicas; owns what is kept there and what is known without asking."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from warung.errors import InvalidInput
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.memory_store import BYTES_PER_SESSION, EVENTS_PER_SESSION, LEASE_SECONDS, EventRing
from warung.streams.redis_changes import RedisChanges
from warung.streams.redis_pipeline import Argument, RedisPipeline
from warung.streams.store import (
    Claim,
    CursorTooOld,
    Lease,
    LeaseLost,
    SessionBusy,
    StoreUnavailable,
)

_TIMEOUT_SECONDS = 2
_SCRIPT = files("warung.streams").joinpath("redis_store.lua").read_text(encoding="utf-8")


@dataclass(slots=True)
class _Turn:
    """A turn produced here. `sent` is the index after the last event sent; `ring` has those acknowledged, as
    long as that is known of each; nobody else produces it before `held_until`."""

    epoch: int
    sent: int
    ring: EventRing | None
    held_until: float


class RedisStreamStore:
    """Needs Redis 7 or later: a single primary (no cluster: all sessions share two indices) that evicts
    nothing (`maxmemory-policy noeviction`). What is acknowledged is as durable as its `appendfsync` makes it.

    Leases are measured by Redis' clock, or by `clock` where one is given. Ended sessions that nobody collects
    vanish after `forget_seconds`. Calls are not repeated: after StoreUnavailable from a write it is unknown
    whether that was stored, and every later write under the same lease is refused if it doesn't fit on to it.
    """

    is_durable = True

    def __init__(
        self,
        url: str,
        *,
        events_per_session: int = EVENTS_PER_SESSION,
        bytes_per_session: int = BYTES_PER_SESSION,
        lease_seconds: float = LEASE_SECONDS,
        forget_seconds: float = 7 * 24 * 3600,
        clock: Callable[[], float] | None = None,
        prefix: str = "warung:",
    ) -> None:
        self.lease_seconds = lease_seconds
        self._events_per_session = events_per_session
        self._bytes_per_session = bytes_per_session
        self._forget_seconds = forget_seconds
        self._clock = clock
        self._prefix = prefix
        self._redis = _connect(url)
        self._writes = RedisPipeline(self._redis, _SCRIPT)
        self._reads = RedisPipeline(self._redis, _SCRIPT)
        self._changes = RedisChanges(self._redis, f"{prefix}changes")
        self._turns: dict[str, _Turn] = {}

    @property
    def problem(self) -> str | None:
        return self._writes.problem or self._reads.problem

    def _now(self) -> float:
        return self._clock() if self._clock else time.monotonic()

    def _read(self, operation: str, session_id: str, *own: Argument) -> asyncio.Future[Any]:
        return self._ask(self._reads, operation, session_id, *own)

    def _write(self, operation: str, session_id: str, *own: Argument) -> asyncio.Future[Any]:
        return self._ask(self._writes, operation, session_id, *own)

    def _ask(
        self, pipeline: RedisPipeline, operation: str, session_id: str, *own: Argument
    ) -> asyncio.Future[Any]:
        of_session = f"{self._prefix}{{{session_id}}}:"
        keys = [f"{of_session}{part}" for part in ("state", "events", "memos")]
        keys += [f"{self._prefix}running", f"{self._prefix}ended"]
        now = _milliseconds(self._clock()) if self._clock else ""
        return pipeline.call(keys, [operation, session_id, now, _milliseconds(self.lease_seconds), *own])

    async def get(self, session_id: str) -> Session | None:
        reply = await self._read("get", session_id)
        return _session(session_id, reply) if reply else None

    async def begin(
        self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
    ) -> Lease:
        held_until = self._now() + self.lease_seconds
        reply = await self._write("begin", session_id, owner, request, plan, "" if after is None else after)
        if not reply:
            raise SessionBusy(session_id)
        epoch, next_index = reply
        return self._take(session_id, epoch, next_index, held_until)

    def _take(self, session_id: str, epoch: int, next_index: int, held_until: float) -> Lease:
        ring = EventRing(
            session_id, next_index, most_events=self._events_per_session, most_bytes=self._bytes_per_session
        )
        self._turns[session_id] = _Turn(epoch, next_index, ring, held_until)
        return Lease(session_id, epoch)

    def _turn(self, lease: Lease) -> _Turn | None:
        turn = self._turns.get(lease.session_id)
        return turn if turn and turn.epoch == lease.epoch else None

    def _drop(self, lease: Lease) -> None:
        if self._turn(lease):
            del self._turns[lease.session_id]

    async def append(self, lease: Lease, data: Sequence[str], memo: str = "") -> bool:
        return await self._put(lease, StreamStatus.RUNNING, data, memo)

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        await self._put(lease, status, data)
        self._drop(lease)

    async def _put(self, lease: Lease, status: StreamStatus, data: Sequence[str], memo: str = "") -> bool:
        turn = self._turn(lease)
        try:
            reply = await self._send(lease, turn, status, data, memo)
        except BaseException:
            if turn:
                turn.ring = None
            raise
        if not reply:
            self._drop(lease)
            raise LeaseLost(lease.session_id)
        if turn and turn.ring:
            turn.ring.append(data)
        self._changes.wake(lease.session_id)
        return bool(reply[0])

    def _send(
        self, lease: Lease, turn: _Turn | None, status: StreamStatus, data: Sequence[str], memo: str
    ) -> asyncio.Future[Any]:
        expected = turn.sent if turn else ""
        limits = (self._events_per_session, self._bytes_per_session, _milliseconds(self._forget_seconds))
        own = (lease.epoch, expected, status, memo, *limits, self._changes.channel, *data)
        answer = self._write("put", lease.session_id, *own)
        if turn:
            turn.sent += len(data)
        return answer

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        ring = self._live(session_id)
        if ring and index >= ring.first_index:
            return ring.read(index, limit)
        first_index, data = await self._read("read", session_id, index, limit)
        if index < first_index:
            raise CursorTooOld(session_id, first_index)
        return [Event(session_id, index + offset, text) for offset, text in enumerate(data)]

    def _live(self, session_id: str) -> EventRing | None:
        """The latest events of a running turn that is produced here, surely all of them. Should Redis' clock
        jump, so that another replica claims it, that is noticed a lease's time later."""
        turn = self._turns.get(session_id)
        return turn.ring if turn and self._now() < turn.held_until else None

    async def wait(self, session_id: str, index: int) -> None:
        with self._changes.watch(session_id) as changed:
            while not await self._has_come(session_id, index):
                await changed.wait()
                changed.clear()

    async def _has_come(self, session_id: str, index: int) -> bool:
        if ring := self._live(session_id):
            return index < ring.next_index
        self._changes.listen()
        session = await self.get(session_id)
        return session is None or index < session.next_index or not session.running

    async def renew(self, leases: Collection[Lease]) -> frozenset[str]:
        held_until = self._now() + self.lease_seconds
        answers = await asyncio.gather(
            *(self._write("renew", lease.session_id, lease.epoch) for lease in leases)
        )
        for lease, cancelling in zip(leases, answers, strict=True):
            if cancelling is None:
                self._drop(lease)
            elif turn := self._turn(lease):
                turn.held_until = held_until
        return frozenset(lease.session_id for lease, asked in zip(leases, answers, strict=True) if asked)

    async def release(self, lease: Lease) -> None:
        self._drop(lease)
        await self._write("release", lease.session_id, lease.epoch)

    async def claim(self, session_id: str) -> Claim | None:
        held_until = self._now() + self.lease_seconds
        reply = await self._write("claim", session_id)
        if not reply:
            return None
        epoch, plan, memos, fields = reply
        session = _session(session_id, fields)
        lease = self._take(session_id, epoch, session.next_index, held_until)
        return Claim(lease, session, plan, tuple(memos))

    async def lapsed(self) -> list[str]:
        return await self._read("lapsed", "")

    async def ask_to_cancel(self, session_id: str) -> None:
        await self._write("ask_to_cancel", session_id)

    async def touch(self, session_ids: Collection[str]) -> None:
        await asyncio.gather(*(self._write("touch", session_id) for session_id in session_ids))

    async def forget(self, session_id: str) -> None:
        self._turns.pop(session_id, None)
        await self._write("forget", session_id, self._changes.channel)
        self._changes.wake(session_id)

    async def collect(self, ttl_seconds: float) -> int:
        ttl, had_problem = _milliseconds(ttl_seconds), self._writes.problem
        expired = await self._read("expired", "", ttl)
        forgotten = await asyncio.gather(
            *(self._write("forget_expired", session_id, ttl) for session_id in expired)
        )
        if had_problem:  # it is told until something can be stored again, and not for ever
            with suppress(StoreUnavailable):
                await self._write("try", "")
        return sum(forgotten)

    async def close(self) -> None:
        await self._writes.close()
        await self._reads.close()
        await self._changes.close()
        await self._redis.aclose()


def _connect(url: str) -> Redis:
    wrong = InvalidInput(
        "REDIS_URL must be like redis://user:password@host:6379/0, where %40 stands for @ and %2F for /",
        field="REDIS_URL",
    )
    try:
        parts = urlsplit(url)
        if "@" in parts.path + parts.query + parts.fragment:
            raise wrong
        return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            decode_responses=True,
            protocol=2,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise wrong from None


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _session(session_id: str, fields: Sequence[Any]) -> Session:
    owner, request, status, turn, first, following, lapsed, unread = fields
    return Session(
        session_id,
        owner,
        request,
        StreamStatus(status),
        int(turn),
        int(first),
        int(following),
        lapsed=bool(lapsed),
        unread_seconds=unread / 1000,
    )
