"""Streams in an SQLite file that processes may share; owns what this one remembers of it and knows no SQL."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.memory_store import BYTES_PER_SESSION, EVENTS_PER_SESSION, LEASE_SECONDS, EventRing
from warung.streams.sqlite_file import SqliteFile, Synchronous
from warung.streams.sqlite_thread import SqliteThread
from warung.streams.sqlite_turns import Grant, SqliteTurns
from warung.streams.store import Claim, Lease, LeaseLost, StoreUnavailable
from warung.streams.waits import Waits

_LOOK_EVERY_SECONDS = 0.04
_LOCK_WAIT_SECONDS = 3
_CHECKPOINT_EVERY_BYTES = 6 * 2**20
_PAGE_BYTES = 4096  # what an append writes beside its events
_CHECKPOINT_EVERY_COLLECTIONS = 16


class _Produced:
    """A turn that this process produces, as far as it is stored."""

    def __init__(self, grant: Grant, ring: EventRing) -> None:
        self.lease, self.leased_until, self.ring = grant.lease, grant.leased_until, ring


class SqliteStreamStore:
    """Keeps the latest `events_per_session` events of each session, of `bytes_per_session` in all. Whoever
    shares the file has the same `lease_seconds` and the same `clock`: seconds that only rise while the
    machine is up, for a clock on the wall may be put right by hours.

    What was stored survives the end of this process however it comes. A power cut may with `synchronous`
    NORMAL lose the last commits, though never damage the file; with FULL it loses nothing that was
    acknowledged, and every commit waits for the disk. Beyond `lock_wait_seconds` a lock that another process
    holds on the file counts as a fault.

    Opening makes the file and its folder; raises StoreUnavailable for a file that can't be used.
    """

    is_durable = True

    def __init__(
        self,
        path: Path,
        *,
        events_per_session: int = EVENTS_PER_SESSION,
        bytes_per_session: int = BYTES_PER_SESSION,
        lease_seconds: float = LEASE_SECONDS,
        synchronous: Synchronous = "NORMAL",
        lock_wait_seconds: float = _LOCK_WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lease_seconds = lease_seconds
        self._turns = SqliteTurns(events_per_session, bytes_per_session, lease_seconds, clock)
        self._ring = partial(EventRing, most_events=events_per_session, most_bytes=bytes_per_session)
        file = SqliteFile(path, synchronous, lock_wait_seconds)
        file.prepare()
        self._writer = SqliteThread(file, writes=True)
        self._reader = SqliteThread(file, writes=False)
        self._keeper = SqliteThread(file, writes=False)
        self._unsaved_bytes = 0
        self._keeping: asyncio.Task[None] | None = None
        self._produced: dict[str, _Produced] = {}
        self._waits = Waits()
        self._looking: asyncio.Task[None] | None = None
        self._foreign = asyncio.Event()

    @property
    def problem(self) -> str | None:
        return self._writer.problem or self._reader.problem or self._keeper.problem

    async def get(self, session_id: str) -> Session | None:
        return await self._reader.perform(partial(self._turns.session, session_id=session_id))

    async def begin(
        self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
    ) -> Lease:
        begin = partial(
            self._turns.begin, session_id=session_id, owner=owner, request=request, plan=plan, after=after
        )
        return (await self._writer.perform(begin, self._granted)).lease

    def _granted(self, grant: Grant) -> None:
        session_id = grant.lease.session_id
        self._produced[session_id] = _Produced(grant, self._ring(session_id, grant.next_index))

    def _held(self, session_id: str) -> _Produced | None:
        """The turn that nobody but this process can add to now: what is remembered of it is all there is."""
        produced = self._produced.get(session_id)
        return produced if produced and self._turns.holds(produced.leased_until) else None

    def _drop(self, lease: Lease) -> None:
        produced = self._produced.get(lease.session_id)
        if produced and produced.lease == lease:
            del self._produced[lease.session_id]
            self._foreign.set()

    async def append(self, lease: Lease, data: Sequence[str], memo: str = "") -> bool:
        data = tuple(data)
        append = partial(self._turns.append, lease=lease, data=data, sizes=_sizes(data), memo=memo)
        try:
            _, cancelling = await self._writer.perform(append, partial(self._appended, lease, data))
        except LeaseLost:
            self._drop(lease)
            raise
        return cancelling

    def _appended(self, lease: Lease, data: Sequence[str], outcome: tuple[int, bool]) -> None:
        next_index, produced = outcome[0], self._produced.get(lease.session_id)
        if produced and produced.lease == lease:
            produced.ring.append(data)
        self._waits.note(lease.session_id, next_index, running=True)
        self._unsaved_bytes += _PAGE_BYTES + sum(map(len, data))
        if self._unsaved_bytes >= _CHECKPOINT_EVERY_BYTES and (self._keeping is None or self._keeping.done()):
            self._unsaved_bytes = 0
            self._keeping = asyncio.create_task(self._checkpoint(), name="sessions checkpoint")

    async def _checkpoint(self) -> None:
        """By a thread of its own, so that no append waits for the disk."""
        with suppress(StoreUnavailable):  # `problem` tells
            await self._keeper.perform(self._turns.checkpoint)

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        data = tuple(data)
        end = partial(self._turns.end, lease=lease, status=status, data=data, sizes=_sizes(data))
        try:
            await self._writer.perform(end, partial(self._ended, lease))
        except LeaseLost:
            self._drop(lease)
            raise

    def _ended(self, lease: Lease, _: None) -> None:
        self._drop(lease)
        self._waits.note(lease.session_id, 0, running=False)

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        held = self._held(session_id)
        if held and index >= held.ring.first_index:
            return held.ring.read(index, limit)
        return await self._reader.perform(
            partial(self._turns.read, session_id=session_id, index=index, limit=limit)
        )

    async def wait(self, session_id: str, index: int) -> None:
        with self._waits.waiting(session_id, index) as reached:
            if held := self._held(session_id):
                self._waits.note(session_id, held.ring.next_index, running=True)
            else:
                self._foreign.set()
                await self._look([session_id])
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look_for_others(), name="sessions watch")
            await reached

    async def _look(self, session_ids: Collection[str]) -> None:
        found = await self._reader.perform(partial(self._turns.progress, session_ids=session_ids))
        for session_id in session_ids:
            next_index, running = found.get(session_id, (0, False))
            self._waits.note(session_id, next_index, running=running)

    async def _look_for_others(self) -> None:
        """Wake those who wait for what other processes store; looks only while there are such."""
        while self._waits:
            self._foreign.clear()
            foreign = [session_id for session_id in self._waits.sessions() if not self._held(session_id)]
            if foreign:
                try:
                    await self._look(foreign)
                except StoreUnavailable as error:
                    self._waits.fail(foreign, error)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
            else:
                with suppress(TimeoutError):  # what is ours becomes another's when its lease lapses
                    async with asyncio.timeout(self.lease_seconds):
                        await self._foreign.wait()

    async def renew(self, leases: Collection[Lease]) -> frozenset[str]:
        leases = tuple(leases)
        if not leases:
            return frozenset()
        renewed = await self._writer.perform(
            partial(self._turns.renew, leases=leases), partial(self._renewed, leases)
        )
        return frozenset(lease.session_id for lease, (_, cancelling) in renewed.items() if cancelling)

    def _renewed(self, leases: Collection[Lease], renewed: dict[Lease, tuple[float, bool]]) -> None:
        for lease in leases:
            produced = self._produced.get(lease.session_id)
            if lease not in renewed:
                self._drop(lease)
            elif produced and produced.lease == lease:
                produced.leased_until = renewed[lease][0]

    async def release(self, lease: Lease) -> None:
        await self._writer.perform(partial(self._turns.release, lease=lease), lambda _: self._drop(lease))

    async def claim(self, session_id: str) -> Claim | None:
        claimed = await self._writer.perform(
            partial(self._turns.claim, session_id=session_id),
            lambda claimed: claimed and self._granted(claimed[1]),
        )
        return claimed and claimed[0]

    async def lapsed(self) -> list[str]:
        return await self._reader.perform(self._turns.lapsed)

    async def ask_to_cancel(self, session_id: str) -> None:
        await self._writer.perform(partial(self._turns.ask_to_cancel, session_id=session_id))

    async def touch(self, session_ids: Collection[str]) -> None:
        if session_ids:
            await self._writer.perform(partial(self._turns.touch, session_ids=tuple(session_ids)))

    async def forget(self, session_id: str) -> None:
        await self._writer.perform(
            partial(self._turns.forget, session_id=session_id), lambda _: self._forgotten(session_id)
        )

    def _forgotten(self, session_id: str) -> None:
        if produced := self._produced.get(session_id):
            self._drop(produced.lease)
        self._waits.note(session_id, 0, running=False)

    async def collect(self, ttl_seconds: float) -> int:
        """In small transactions, so that no append waits for long."""
        collect = partial(self._turns.collect, ttl_seconds=ttl_seconds)
        collected = 0
        for number in count(1):
            forgotten = await self._writer.perform(collect)
            if forgotten is None:
                break
            collected += forgotten
            if number % _CHECKPOINT_EVERY_COLLECTIONS == 0:
                await self._checkpoint()
        while await self._writer.perform(self._turns.shrink):
            await self._checkpoint()
        await self._checkpoint()
        await self._look_again()
        return collected

    async def _look_again(self) -> None:
        """A problem that is gone is not told for ever: by now every thread has tried again, but for one."""
        await self.lapsed()
        threads = self._writer, self._reader, self._keeper
        if any(thread.damage for thread in threads) and await self._keeper.perform(self._turns.is_sound):
            for thread in threads:
                thread.trust()

    async def close(self) -> None:
        """Finish what is being stored; who still waits is told."""
        if self._looking:
            self._looking.cancel()
        self._waits.fail(
            self._waits.sessions(), StoreUnavailable("the sessions are closed: the server is stopping")
        )
        self._produced.clear()
        await self._writer.close()
        await self._reader.close()
        await self._keeper.close()


def _sizes(data: Sequence[str]) -> list[int]:
    """In bytes; raises UnicodeEncodeError for what can't be stored."""
    return [len(text.encode()) for text in data]
