"""Whatever is asked of them, a store in SQLite, shared by two replicas, answers as the one in memory does."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.conformance import Clock
from streams.sqlite_files import opened
from warung.errors import WarungError
from warung.streams.event import StreamStatus
from warung.streams.memory_store import LEASE_SECONDS, MemoryStreamStore
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

    async def seen(self, replica: int) -> list[Any]:
        store = self._stores[replica % len(self._stores)]
        seen: list[Any] = [sorted(await store.lapsed())]
        for name in ("session-a", "session-b"):
            session = await store.get(name)
            self._leases = [pair for pair in self._leases if session or pair[1].session_id != name]
            seen.append((session, session and (session.lapsed, session.unread_seconds)))
            seen.append(await store.read(name, session.first_index if session else 0, 99))
        return seen


async def compare(path: Path, steps: list[tuple[Step, int]]) -> None:
    clock = Clock()
    limits: dict[str, Any] = {"events_per_session": 5, "bytes_per_session": 40, "clock": clock}
    async with opened(path, **limits) as one, opened(path, **limits) as two:
        memory, sqlite = Replicas(MemoryStreamStore(**limits)), Replicas(one, two)
        for step, replica in steps:
            if step[0] == "pass":
                clock.now += step[1]
            else:
                assert await sqlite.take(step, replica) == await memory.take(step, 0)
            if step[0] == "forget":  # until now another replica may have read on
                clock.now += LEASE_SECONDS
            assert await sqlite.seen(replica) == await memory.seen(0)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(STEP, st.integers(0, 1)), min_size=1, max_size=40))
def test_both_give_the_same_answers(steps: list[tuple[Step, int]]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder) / "sessions.db", steps))
