"""Whatever is asked of it, a store that replicas share, in SQLite or Redis, answers as one in memory does."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.conformance import Clock
from streams.redis_server import RedisServer
from streams.sqlite_files import opened
from warung.errors import WarungError
from warung.streams.event import StreamStatus
from warung.streams.memory_store import LEASE_SECONDS, MemoryStreamStore
from warung.streams.redis_store import RedisStreamStore
from warung.streams.store import Claim, Lease, StreamStore

NAMES = st.sampled_from(["session-a", "session-b"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
DATA = st.lists(TEXTS, max_size=6)
STATUSES = st.sampled_from([StreamStatus.FINISHED, StreamStatus.FAILED, StreamStatus.CANCELLED])
LEASE = st.integers(1, 4)  # which of the latest; 1 is the last
STEP = st.one_of(
    st.tuples(st.just("begin"), NAMES, TEXTS, TEXTS, TEXTS, st.none() | st.integers(0, 9)),
    st.tuples(st.just("append"), LEASE, DATA, TEXTS),
    st.tuples(st.just("append"), st.just(1), DATA, TEXTS),
    st.tuples(st.just("end"), LEASE, STATUSES, DATA),
    st.tuples(st.just("renew"), LEASE),
    st.tuples(st.just("release"), LEASE),
    st.tuples(st.just("claim"), NAMES),
    st.tuples(st.just("ask_to_cancel"), NAMES),
    st.tuples(st.just("touch"), st.lists(NAMES, max_size=2)),
    st.tuples(st.just("read"), NAMES, st.integers(0, 20), st.integers(1, 9)),
    st.tuples(st.just("forget"), NAMES),
    st.tuples(st.just("pass"), st.integers(1, 4)),
    st.tuples(st.just("collect"), st.integers(0, 9)),
)
STEPS = st.lists(st.tuples(STEP, st.integers(0, 1)), min_size=12, max_size=40)  # fewer meet too seldom
LIMITS: dict[str, Any] = {"events_per_session": 5, "bytes_per_session": 40}
Step = tuple[Any, ...]


class Replicas:
    """A store of which one or another does what it is asked; who was given a lease uses it."""

    def __init__(self, *stores: StreamStore) -> None:
        self._stores = stores
        self._leases: list[tuple[StreamStore, Lease]] = []

    async def take(self, step: Step, replica: int) -> Any:
        kind, rest = step[0], list(step[1:])
        store = self._stores[replica % len(self._stores)]
        if kind in {"append", "end", "renew", "release"}:
            if not self._leases:
                return None
            back: int = rest[0]
            store, lease = self._leases[-min(back, len(self._leases))]
            rest[0] = [lease] if kind == "renew" else lease
        call: Callable[..., Awaitable[Any]] = getattr(store, kind)
        try:
            outcome = await call(*rest)
        except WarungError as error:
            return type(error), error.message
        return await self._noted(store, outcome)

    async def _noted(self, store: StreamStore, outcome: Any) -> Any:
        """What can be compared: the numbers of leases are a store's own."""
        if isinstance(outcome, Lease):
            self._leases.append((store, outcome))
            return outcome.session_id
        if isinstance(outcome, Claim):
            self._leases.append((store, outcome.lease))
            return outcome.session, outcome.plan, outcome.memos
        return outcome

    async def seen(self) -> list[list[Any]]:
        """By each of them, also what sessions aren't compared by."""
        return [await self._seen(store) for store in self._stores]

    async def _seen(self, store: StreamStore) -> list[Any]:
        seen: list[Any] = [sorted(await store.lapsed())]
        for name in ("session-a", "session-b"):
            session = await store.get(name)
            self._leases = [pair for pair in self._leases if session or pair[1].session_id != name]
            seen.append((session, session and (session.lapsed, session.unread_seconds)))
            seen.append(await store.read(name, session.first_index if session else 0, 99))
        return seen


async def compare(one: StreamStore, two: StreamStore, clock: Clock, steps: list[tuple[Step, int]]) -> None:
    memory, shared = Replicas(MemoryStreamStore(clock=clock, **LIMITS)), Replicas(one, two)
    for step, replica in steps:
        if step[0] == "pass":
            clock.now += step[1]
        else:
            assert await shared.take(step, replica) == await memory.take(step, 0)
        if step[0] == "forget":  # until now another replica may have read on
            clock.now += LEASE_SECONDS
        assert await shared.seen() == await memory.seen() * 2


@settings(max_examples=120, deadline=None)
@given(STEPS)
async def test_sqlite_gives_the_same_answers(steps: list[tuple[Step, int]]) -> None:
    clock = Clock()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.db"
        async with opened(path, clock=clock, **LIMITS) as one, opened(path, clock=clock, **LIMITS) as two:
            await compare(one, two, clock, steps)


@settings(max_examples=120, deadline=None)
@given(STEPS)
async def test_redis_gives_the_same_answers(redis_server: RedisServer, steps: list[tuple[Step, int]]) -> None:
    clock, prefix = Clock(), f"warung-{secrets.token_hex(8)}:"
    one, two = [RedisStreamStore(redis_server.url, clock=clock, prefix=prefix, **LIMITS) for _ in range(2)]
    try:
        await compare(one, two, clock, steps)
    finally:
        await one.close()
        await two.close()
