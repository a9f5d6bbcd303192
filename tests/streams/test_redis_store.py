"""What the store in Redis promises beyond the suite: who may produce, what is kept, who asks when."""

# pyright: reportUnknownMemberType=false

import asyncio
import gc
import secrets

import pytest
from redis.asyncio import Redis

from streams.conformance import WITHIN_SECONDS, Clock, events, settle
from streams.redis_server import OpenRedis, RedisServer, ask, eventually
from warung.streams.event import StreamStatus
from warung.streams.redis_changes import RedisChanges
from warung.streams.store import LeaseLost, StoreUnavailable


async def kept(server: RedisServer, pattern: str = "*") -> dict[str, bytes]:
    """What is stored under these keys, as Redis would back it up."""
    return {key: await ask(server, "DUMP", key) for key in await ask(server, "KEYS", pattern)}


async def test_two_stores_are_one(open_redis: OpenRedis) -> None:
    one, two = open_redis(), open_redis()
    lease = await one.begin("session-a", "owner", "request", "plan")
    wait = asyncio.create_task(two.wait("session-a", 1))
    await one.append(lease, ["one"], "memo")
    assert await two.claim("session-a") is None
    await one.release(lease)
    claim = await two.claim("session-a")
    assert claim
    assert (claim.plan, claim.memos, claim.session.next_index) == ("plan", ("memo",), 1)
    await two.append(claim.lease, ["two"])
    with pytest.raises(LeaseLost):
        await one.append(lease, ["mine"])
    async with asyncio.timeout(WITHIN_SECONDS):
        await wait
    await two.end(claim.lease, StreamStatus.FINISHED, ["three"])
    assert await one.read("session-a", 0, 10) == events("session-a", 0, ["one", "two", "three"])


async def test_stores_with_other_prefixes_do_not_mix(open_redis: OpenRedis) -> None:
    one, two = open_redis(prefix="one:"), open_redis(prefix="two:")
    lease = await one.begin("session-a", "owner", "request")
    await one.release(lease)
    assert await two.get("session-a") is None
    assert await two.lapsed() == []


async def test_a_lease_lapses_by_the_clock_of_redis(open_redis: OpenRedis) -> None:
    one, two = open_redis(lease_seconds=0.05), open_redis(lease_seconds=0.05)
    await one.begin("session-a", "owner", "request")

    async def is_lapsed() -> bool:
        return await two.lapsed() == ["session-a"]

    await eventually(is_lapsed)
    assert await two.claim("session-a")


@pytest.mark.parametrize("jump_seconds", [-500, 500])
async def test_a_clock_that_jumps_leads_to_a_handover(open_redis: OpenRedis, jump_seconds: float) -> None:
    clock = Clock()
    one, two = open_redis(clock=clock), open_redis(clock=clock)
    lease = await one.begin("session-a", "owner", "request")
    clock.now += jump_seconds
    session = await two.get("session-a")
    assert session
    assert session.lapsed
    assert await two.lapsed() == ["session-a"]
    assert await two.claim("session-a")
    with pytest.raises(LeaseLost):
        await one.append(lease, ["one"])
    assert await two.lapsed() == []


async def test_events_are_kept_within_their_bytes(open_redis: OpenRedis) -> None:
    store = open_redis(bytes_per_session=10)
    reader = open_redis(bytes_per_session=10)
    lease = await store.begin("session-a", "owner", "request")
    for text in ("1234", "5678", "éé", "x" * 50, "1", "2"):
        await store.append(lease, [text])
        ours, theirs = await store.get("session-a"), await reader.get("session-a")
        assert ours
        assert ours == theirs
        latest = await reader.read("session-a", ours.first_index, 100)
        assert latest[-1].data == text
        assert sum(len(event.data.encode()) for event in latest) <= max(10, len(text))
        assert await store.read("session-a", ours.first_index, 100) == latest
    assert ours.first_index == 4


async def test_the_end_of_a_turn_leaves_only_what_readers_need(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request", "secret plan")
    await store.append(lease, ["one"], "secret memo")
    assert len(await kept(server)) == 4
    await store.end(lease, StreamStatus.FINISHED)
    left = await kept(server)
    assert sorted(left) == ["warung:ended", "warung:{session-a}:events", "warung:{session-a}:state"]
    assert not any(b"secret" in value for value in left.values())


async def test_ended_sessions_vanish_when_every_replica_is_gone(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis(forget_seconds=0.01)
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"], "memo")
    await store.end(lease, StreamStatus.FINISHED, ["two"])
    await store.close()

    async def nothing_is_kept() -> bool:
        return not await kept(server)

    await eventually(nothing_is_kept)


async def test_what_runs_does_not_expire(server: RedisServer, open_redis: OpenRedis) -> None:
    store = open_redis(forget_seconds=1000)
    lease = await store.begin("session-a", "owner", "request")
    await store.end(lease, StreamStatus.FINISHED, ["one"])
    ttls = [await ask(server, "TTL", key) for key in await kept(server)]
    assert all(0 < ttl <= 1000 for ttl in ttls)
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["two"], "memo")
    assert [await ask(server, "TTL", key) for key in await kept(server)] == [-1] * 4


async def test_collecting_what_has_vanished_by_itself(server: RedisServer, open_redis: OpenRedis) -> None:
    clock = Clock()
    store = open_redis(clock=clock)
    lease = await store.begin("session-a", "owner", "request")
    await store.end(lease, StreamStatus.FINISHED)
    await ask(server, "DEL", "warung:{session-a}:state")
    clock.now += 100
    assert await store.collect(10) == 0
    assert await kept(server) == {}


async def test_the_appends_of_one_moment_are_one_round_trip(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis()
    leases = [await store.begin(f"session-{number}", "owner", "request") for number in range(20)]
    await store.append(leases[0], ["warm"])

    async with Redis.from_url(server.url, decode_responses=True) as connection:
        await connection.ping()  # connected, so that each INFO is one read and no more
        before = await connection.info("all")
        await asyncio.gather(*(store.append(lease, ["one"]) for lease in leases))
        after = await connection.info("all")
    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 20
    assert after["total_reads_processed"] - before["total_reads_processed"] == 2


async def test_one_that_is_refused_does_not_spoil_the_others(open_redis: OpenRedis) -> None:
    store, other = open_redis(), open_redis()
    leases = [await store.begin(f"session-{name}", "owner", "request") for name in "abc"]
    await store.release(leases[1])
    assert await other.claim("session-b")
    results = await asyncio.gather(
        *(store.append(lease, ["one"]) for lease in leases),
        store.begin("session-c", "owner", "request"),
        store.append(leases[0], ["\ud800"]),
        store.append(leases[0], ["two"]),
        return_exceptions=True,
    )
    kinds = [type(result).__name__ for result in results]
    assert kinds == ["bool", "LeaseLost", "bool", "SessionBusy", "UnicodeEncodeError", "bool"]
    assert await other.read("session-a", 0, 10) == events("session-a", 0, ["one", "two"])
    assert store.problem is None


async def test_a_script_that_redis_has_forgotten(server: RedisServer, open_redis: OpenRedis) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await ask(server, "SCRIPT FLUSH")
    await asyncio.gather(store.append(lease, ["one"]), store.append(lease, ["two"]))
    await ask(server, "SCRIPT FLUSH")
    assert await open_redis().read("session-a", 0, 10) == events("session-a", 0, ["one", "two"])


async def test_readers_of_what_is_produced_here_do_not_ask(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    clock = Clock()
    store = open_redis(clock=clock)
    lease = await store.begin("session-a", "owner", "request")
    wait = asyncio.create_task(store.wait("session-a", 1))
    await settle()
    await store.append(lease, ["one", "two"])
    await settle()
    assert wait.done()
    for _ in range(3):
        clock.now += store.lease_seconds * 0.6
        await store.renew([lease])
    async with Redis.from_url(server.url, decode_responses=True) as connection:
        before = await connection.info("commandstats")
        assert await store.read("session-a", 0, 1) == events("session-a", 0, ["one"])
        assert await store.read("session-a", 1, 9) == events("session-a", 1, ["two"])
        assert await store.read("session-a", 2, 9) == []
        await store.wait("session-a", 1)
        after = await connection.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] == before["cmdstat_evalsha"]["calls"]
    assert await ask(server, "PUBSUB", "NUMSUB", "warung:changes") == ["warung:changes", 0]


async def test_readers_ask_once_the_turn_may_be_another_s(open_redis: OpenRedis) -> None:
    clock = Clock()
    store, other = open_redis(clock=clock), open_redis(clock=clock)
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    clock.now += store.lease_seconds
    claim = await other.claim("session-a")
    assert claim
    await other.append(claim.lease, ["two"])
    assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])
    async with asyncio.timeout(WITHIN_SECONDS):
        await store.wait("session-a", 1)


async def test_a_producer_that_is_stopped_in_an_append_can_end(open_redis: OpenRedis) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    append = asyncio.create_task(store.append(lease, ["two"]))
    await asyncio.sleep(0)  # on its way, and not yet answered
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    await store.end(lease, StreamStatus.CANCELLED, ["three"])
    assert await store.read("session-a", 0, 10) == events("session-a", 0, ["one", "two", "three"])


async def test_a_change_anywhere_is_told_to_those_who_wait(server: RedisServer) -> None:
    channel = f"changes-{secrets.token_hex(4)}"
    async with Redis.from_url(server.url, decode_responses=True) as connection:
        changes = RedisChanges(connection, channel)
        with changes.watch("session-a") as one, changes.watch("session-b") as two:
            changes.listen()
            async with asyncio.timeout(WITHIN_SECONDS):
                await one.wait()  # they are heard from now on
                one.clear()
                two.clear()
                await ask(server, "PUBLISH", channel, "session-a")
                await one.wait()
            assert not two.is_set()
        await changes.close()


async def test_it_closes_at_any_moment_of_its_connecting(server: RedisServer) -> None:
    for moments in range(30):
        async with Redis.from_url(server.url) as connection, asyncio.timeout(WITHIN_SECONDS):
            changes = RedisChanges(connection, "changes")
            changes.listen()
            for _ in range(moments):
                await asyncio.sleep(0)
            await changes.close()


async def test_closing_leaves_nothing_open(server: RedisServer, open_redis: OpenRedis) -> None:
    store, other = open_redis(), open_redis()
    lease = await store.begin("session-a", "owner", "request")
    wait = asyncio.create_task(other.wait("session-a", 0))
    append = asyncio.create_task(store.append(lease, []))
    await settle()
    await store.close()
    await append
    await other.close()
    async with asyncio.timeout(WITHIN_SECONDS):
        with pytest.raises(StoreUnavailable):
            await wait
    with pytest.raises(StoreUnavailable):
        await store.get("session-a")
    gc.collect()

    async def only_this_one_is_connected() -> bool:
        return len(await ask(server, "CLIENT LIST")) == 1

    await eventually(only_this_one_is_connected)
