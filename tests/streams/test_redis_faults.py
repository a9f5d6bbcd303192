"""What is said, and what is kept, when Redis is gone, full, read-only, slow or somebody else's."""

import asyncio

import pytest

from streams.conformance import WITHIN_SECONDS, Clock, events
from streams.redis_server import OpenRedis, RedisServer, ask, eventually
from warung.errors import InvalidInput
from warung.streams.event import StreamStatus
from warung.streams.redis_store import RedisStreamStore
from warung.streams.store import Lease, LeaseLost, StoreUnavailable

CHANNEL = "warung:changes"


async def is_refused(store: RedisStreamStore, lease: Lease) -> str:
    """What the refusal of an append says."""
    async with asyncio.timeout(WITHIN_SECONDS):
        with pytest.raises(StoreUnavailable) as caught:
            await store.append(lease, ["refused"], "refused")
    message = caught.value.message
    assert "REDIS_URL" in message
    assert "\n" not in message
    assert store.problem == message
    return message


async def hears(server: RedisServer) -> bool:
    return await ask(server, "PUBSUB", "NUMSUB", CHANNEL) == [CHANNEL, 1]


async def test_what_was_acknowledged_survives_a_kill(server: RedisServer, open_redis: OpenRedis) -> None:
    clock = Clock()
    store, other = open_redis(clock=clock), open_redis(clock=clock)
    lease = await store.begin("session-a", "owner", "request", "plan")
    for number in range(20):
        await store.append(lease, [f"event {number}"], f"memo {number}")
    server.kill()
    assert "can't be reached" in await is_refused(store, lease)
    with pytest.raises(StoreUnavailable):
        await other.read("session-a", 0, 100)
    server.start()
    assert await other.read("session-a", 0, 100) == events(
        "session-a", 0, [f"event {number}" for number in range(20)]
    )
    assert other.problem is None
    clock.now += store.lease_seconds
    claim = await other.claim("session-a")
    assert claim
    assert (claim.plan, len(claim.memos), claim.session.next_index) == ("plan", 20, 20)
    await other.end(claim.lease, StreamStatus.FINISHED, ["last"])
    assert await store.read("session-a", 20, 9) == events("session-a", 20, ["last"])
    assert store.problem  # nothing could be stored when it was tried last
    await store.collect(100)
    assert store.problem is None


async def test_a_producer_whose_append_failed_cannot_leave_it_out(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    server.kill()
    await is_refused(store, lease)
    server.start()
    with pytest.raises(LeaseLost):
        await store.end(lease, StreamStatus.FINISHED, ["three"])
    assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one"])


async def test_an_append_that_nobody_acknowledged_is_there_once_or_not_at_all(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    server.pause()
    assert "in time" in await is_refused(store, lease)
    server.go_on()
    data = [event.data for event in await store.read("session-a", 0, 9)]
    try:
        await store.append(lease, ["three"])
        expected = ["one", "refused", "three"]
    except LeaseLost:
        expected = ["one"]
    assert data == expected[:2]
    assert await store.read("session-a", 0, 9) == events("session-a", 0, expected)


async def test_a_redis_that_has_lost_what_it_acknowledged(server: RedisServer, open_redis: OpenRedis) -> None:
    """As after a fail-over to a replica that was behind."""
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    keys = [f"warung:{{session-a}}:{part}" for part in ("state", "events")]
    behind = [await ask(server, "DUMP", key) for key in keys]
    await store.append(lease, ["two"])
    for key, value in zip(keys, behind, strict=True):
        await ask(server, "RESTORE", key, 0, value, "REPLACE")
    with pytest.raises(LeaseLost):
        await store.append(lease, ["three"])
    assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one"])


async def test_a_full_redis(server: RedisServer, open_redis: OpenRedis) -> None:
    clock = Clock()
    store, other = open_redis(clock=clock), open_redis(clock=clock)
    ended = await store.begin("session-b", "owner", "request")
    await store.end(ended, StreamStatus.FINISHED, ["one"])
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"], "memo")
    await ask(server, "CONFIG", "SET", "maxmemory", 1)
    assert "out of memory" in await is_refused(store, lease)
    with pytest.raises(StoreUnavailable):
        await other.end(lease, StreamStatus.FINISHED, ["refused"])
    with pytest.raises(StoreUnavailable):
        await store.begin("session-b", "owner", "again")
    assert await other.read("session-a", 0, 9) == events("session-a", 0, ["one"])
    clock.now += 1000
    assert await other.collect(100) == 1  # which frees some
    assert "out of memory" in (other.problem or "")
    await ask(server, "CONFIG", "SET", "maxmemory", 0)
    claim = await other.claim("session-a")
    assert claim
    assert (claim.memos, claim.session.next_index, claim.session.running) == (("memo",), 1, True)
    assert other.problem is None


async def test_a_redis_that_may_not_be_written(server: RedisServer, open_redis: OpenRedis) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    await ask(server, "REPLICAOF", "127.0.0.1", 1)
    assert "read-only" in await is_refused(store, lease)
    assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one"])
    assert "read-only" in (store.problem or "")
    await ask(server, "REPLICAOF", "NO", "ONE")
    await store.begin("session-b", "owner", "request")
    assert store.problem is None


async def test_a_wrong_password_is_told_and_not_shown(server: RedisServer, open_redis: OpenRedis) -> None:
    await ask(server, "CONFIG", "SET", "requirepass", "open sesame")
    for credentials in ("", ":hunter2@", "somebody:hunter2@"):
        store = open_redis(url=f"redis://{credentials}127.0.0.1:{server.port}/0")
        with pytest.raises(StoreUnavailable, match="password in REDIS_URL") as caught:
            await store.get("session-a")
        for said in (str(caught.value), repr(caught.value), store.problem or ""):
            assert "REDIS_URL" in said
            assert "hunter2" not in said
            assert "somebody" not in said
    store = open_redis(url=f"redis://:open%20sesame@127.0.0.1:{server.port}/0")
    assert await store.get("session-a") is None


async def test_a_redis_that_is_not_there_is_named_without_its_password(open_redis: OpenRedis) -> None:
    store = open_redis(url="redis://somebody:hunter2@127.0.0.1:1/0")
    message = await is_refused(store, Lease("session-a", 1))
    assert "hunter2" not in message
    assert "somebody" not in message


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://host", "redis://:hunter2/x@host:6379/0", "redis://:1/hunter2@host"]
)
def test_a_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        RedisStreamStore(url)
    assert caught.value.field == "REDIS_URL"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_message_that_is_lost_loses_nothing(server: RedisServer, open_redis: OpenRedis) -> None:
    store, other = open_redis(), open_redis()
    lease = await store.begin("session-a", "owner", "request")
    wait = asyncio.create_task(other.wait("session-a", 0))
    await eventually(lambda: hears(server))
    assert await ask(server, "CLIENT", "KILL", "TYPE", "pubsub") == 1
    await store.append(lease, ["one"])
    async with asyncio.timeout(WITHIN_SECONDS):
        await wait
    await eventually(lambda: hears(server))


async def test_those_who_wait_look_for_themselves(server: RedisServer, open_redis: OpenRedis) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await ask(server, "ACL", "SETUSER", "reader", "on", ">word", "~*", "+@all", "resetchannels")
    deaf = open_redis(url=f"redis://reader:word@127.0.0.1:{server.port}/0")
    wait = asyncio.create_task(deaf.wait("session-a", 0))
    await asyncio.sleep(0)
    await store.append(lease, ["one"])
    async with asyncio.timeout(WITHIN_SECONDS):
        await wait
    assert await ask(server, "PUBSUB", "NUMSUB", CHANNEL) == [CHANNEL, 0]
    told = await store.read("session-a", 0, 9)
    await store.release(lease)
    claim = await deaf.claim("session-a")
    assert claim
    with pytest.raises(StoreUnavailable, match="REDIS_URL"):
        await deaf.append(claim.lease, ["may not be told"])
    assert await store.read("session-a", 0, 9) == told


async def test_a_wait_says_that_redis_is_gone(server: RedisServer, open_redis: OpenRedis) -> None:
    store, other = open_redis(), open_redis()
    await store.begin("session-a", "owner", "request")
    wait = asyncio.create_task(other.wait("session-a", 0))
    await eventually(lambda: hears(server))
    server.kill()
    async with asyncio.timeout(WITHIN_SECONDS):
        with pytest.raises(StoreUnavailable, match="REDIS_URL"):
            await wait


async def test_connections_that_broke_between_two_calls(server: RedisServer, open_redis: OpenRedis) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one"])
    await ask(server, "CLIENT", "KILL", "TYPE", "normal")
    await asyncio.sleep(0.05)  # so that this side hears of it
    await store.append(lease, ["two"])
    assert await open_redis().read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])


async def test_events_that_redis_has_evicted_are_no_gap(server: RedisServer, open_redis: OpenRedis) -> None:
    store, other = open_redis(), open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["one", "two"])
    await ask(server, "DEL", "warung:{session-a}:events")
    with pytest.raises(Exception, match="no longer kept") as caught:
        await other.read("session-a", 0, 9)
    assert getattr(caught.value, "first_id", None) == "session-a:2"


async def test_a_session_of_which_redis_has_kept_the_events_only(
    server: RedisServer, open_redis: OpenRedis
) -> None:
    store = open_redis()
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["old", "old"])
    await ask(server, "DEL", "warung:{session-a}:state")
    with pytest.raises(LeaseLost):
        await store.append(lease, ["old"])
    lease = await store.begin("session-a", "owner", "request")
    await store.append(lease, ["new"])
    assert await open_redis().read("session-a", 0, 9) == events("session-a", 0, ["new"])


async def test_a_call_whose_connection_broke_is_not_sent_again(open_redis: OpenRedis) -> None:
    calls = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greets as Redis does, and is gone as soon as it has heard a call."""
        nonlocal calls
        while (heard := await reader.read(65536)) and b"EVALSHA" not in heard:
            writer.write(b"+OK\r\n" * heard.count(b"SETINFO"))
        calls += bool(heard)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        await is_refused(open_redis(url=f"redis://127.0.0.1:{port}"), Lease("session-a", 1))
    assert calls == 1
