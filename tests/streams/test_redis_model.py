"""Whatever is asked of it, in whatever order, the store in Redis answers as the one in memory does."""

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.conformance import Clock
from streams.redis_server import RedisServer
from warung.errors import WarungError
from warung.streams.event import Session, StreamStatus
from warung.streams.memory_store import LEASE_SECONDS, MemoryStreamStore
from warung.streams.redis_store import RedisStreamStore
from warung.streams.store import Claim, Lease, StreamStore

SESSIONS = ["a", "b"]
LIMITS: dict[str, Any] = {"events_per_session": 4, "bytes_per_session": 12}

replicas = st.integers(0, 1)
sessions = st.sampled_from(SESSIONS)
leases = st.integers(0, 5)
texts = st.lists(st.sampled_from(["", "x", "é 👍", "0123456789abc"]), max_size=6)
seen_index = st.none() | st.integers(0, 6)
memos = st.sampled_from(["", "memo", "\x00\n"])
ended = st.sampled_from([StreamStatus.FINISHED, StreamStatus.FAILED, StreamStatus.CANCELLED])

operations = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), replicas, sessions, st.sampled_from(["", "plan"]), seen_index),
        st.tuples(st.just("append"), leases, texts, memos),
        st.tuples(st.just("end"), leases, ended, texts),
        st.tuples(st.just("renew"), leases),
        st.tuples(st.just("release"), leases),
        st.tuples(st.just("claim"), replicas, sessions),
        st.tuples(st.just("ask_to_cancel"), replicas, sessions),
        st.tuples(st.just("touch"), replicas, sessions),
        st.tuples(st.just("read"), replicas, sessions, st.integers(0, 12), st.integers(1, 6)),
        st.tuples(st.just("forget"), replicas, sessions),
        st.tuples(st.just("collect"), replicas, st.sampled_from([0, 7])),
        st.tuples(st.just("pass"), st.integers(1, 4)),
    ),
    max_size=40,
)


async def outcome(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except WarungError as error:
        return type(error), error.message


@dataclass(slots=True)
class Pair:
    """The same turn's leases in both stores, and the replica that has them."""

    model: Lease
    real: Lease
    replica: int


@dataclass(slots=True)
class Both:
    """A store in memory and two replicas' in Redis, which are told the same."""

    clock: Clock
    model: MemoryStreamStore
    replicas: list[RedisStreamStore]
    leases: list[Pair] = field(default_factory=list[Pair])

    async def tell(self, name: str, *given: Any) -> None:
        if name == "pass":
            self.clock.now += given[0]
        elif name in {"append", "end", "renew", "release"}:
            if self.leases:
                age: int = given[0] % len(self.leases)
                await self._produce(name, self.leases[-1 - age], *given[1:])
        else:
            await self._ask(name, given[0], *given[1:])
        await self._compare()

    async def _produce(self, name: str, pair: Pair, *given: Any) -> None:
        def call(store: StreamStore, lease: Lease) -> Awaitable[Any]:
            return store.renew([lease]) if name == "renew" else getattr(store, name)(lease, *given)

        expected = await outcome(call(self.model, pair.model))
        assert await outcome(call(self.replicas[pair.replica], pair.real)) == expected

    async def _ask(self, name: str, replica: int, *given: Any) -> None:
        if name == "begin":
            given = (given[0], "owner", "request", *given[1:])
        elif name == "touch":
            given = ([given[0]],)
        expected = await outcome(getattr(self.model, name)(*given))
        real = await outcome(getattr(self.replicas[replica], name)(*given))
        if isinstance(expected, Lease):
            assert isinstance(real, Lease)
            self.leases.append(Pair(expected, real, replica))
        elif isinstance(expected, Claim):
            assert replace(real, lease=expected.lease) == expected
            self.leases.append(Pair(expected.lease, real.lease, replica))
        else:
            assert real == expected
        if name == "forget":  # until now another replica may have read on
            self.clock.now += LEASE_SECONDS
        known = [session_id for session_id in SESSIONS if await self.model.get(session_id)]
        self.leases = [pair for pair in self.leases if pair.model.session_id in known]

    async def _compare(self) -> None:
        lapsed = sorted(await self.model.lapsed())
        for store in self.replicas:
            assert sorted(await store.lapsed()) == lapsed
            for session_id in SESSIONS:
                session = await self.model.get(session_id)
                assert seen(await store.get(session_id)) == seen(session)
                if session:
                    kept = await self.model.read(session_id, session.first_index, 100)
                    assert await store.read(session_id, session.first_index, 100) == kept


def seen(session: Session | None) -> Any:
    """Also what sessions aren't compared by."""
    return session and (session, session.lapsed, session.unread_seconds)


@settings(deadline=None, max_examples=150)
@given(operations)
async def test_it_answers_as_the_store_in_memory_does(
    redis_server: RedisServer, told: list[tuple[Any, ...]]
) -> None:
    clock = Clock()
    prefix = f"warung-{secrets.token_hex(8)}:"
    replicas = [RedisStreamStore(redis_server.url, clock=clock, prefix=prefix, **LIMITS) for _ in range(2)]
    both = Both(clock, MemoryStreamStore(clock=clock, **LIMITS), replicas)
    try:
        for name, *given in told:
            await both.tell(name, *given)
    finally:
        for store in replicas:
            await store.close()
