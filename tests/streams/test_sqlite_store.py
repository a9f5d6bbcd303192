"""What the SQLite store promises beyond the suite that every store passes."""

# pyright: reportPrivateUsage=false

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from streams.conformance import WITHIN_SECONDS, Clock, events, settle
from streams.sqlite_files import opened, statements
from warung.streams.event import StreamStatus
from warung.streams.store import CursorTooOld, LeaseLost, SessionBusy, StoreUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def size(path: Path) -> int:
    return path.stat().st_size


async def test_what_one_turn_of_the_loop_stores_is_one_commit(path: Path) -> None:
    async with opened(path) as store:
        leases = [await store.begin(f"session-{n}", "owner", "request") for n in range(8)]
        seen = await statements(store._writer)
        await asyncio.gather(*(store.append(lease, ["one"], "memo") for lease in leases))
        assert seen.count("COMMIT") == 1
        await asyncio.gather(*(store.end(lease, StreamStatus.FINISHED, ["two"]) for lease in leases))
        assert seen.count("COMMIT") == seen.count("BEGIN IMMEDIATE") == 2
        for lease in leases:
            name = lease.session_id
            assert await store.read(name, 0, 9) == events(name, 0, ["one", "two"])


async def test_who_is_told_finds_it_committed(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        with closing(sqlite3.connect(path)) as another:
            for number in range(5):
                await store.append(lease, [str(number)])
                assert another.execute("SELECT max(position) FROM events").fetchone() == (number,)


async def test_what_is_refused_spoils_nothing_stored_with_it(path: Path) -> None:
    async with opened(path) as store:
        one, two = [await store.begin(name, "owner", "request") for name in ("session-1", "session-2")]
        lost = await store.begin("session-3", "owner", "request")
        await store.end(lost, StreamStatus.FAILED)
        seen = await statements(store._writer)
        outcomes = await asyncio.gather(
            store.append(one, ["first"]),
            store.append(lost, ["no"], "no"),
            store.begin("session-1", "owner", "no", "no"),
            store.begin("session-4", "owner", "request", "half a pair: \ud83d"),
            store.append(two, ["second"], "memo"),
            store.end(lost, StreamStatus.FINISHED, ["no"]),
            return_exceptions=True,
        )
        kinds = [bool, LeaseLost, SessionBusy, UnicodeEncodeError, bool, LeaseLost]
        assert [type(outcome) for outcome in outcomes] == kinds
        assert seen.count("ROLLBACK") >= 1
        assert await store.get("session-4") is None
        assert store.problem is None
    async with opened(path) as store:
        assert await store.read("session-1", 0, 9) == events("session-1", 0, ["first"])
        assert await store.read("session-2", 0, 9) == events("session-2", 0, ["second"])
        assert await store.read("session-3", 0, 9) == []


async def test_who_reads_what_is_made_here_is_served_from_memory(path: Path) -> None:
    async with opened(path, events_per_session=3, clock=Clock()) as store:
        lease = await store.begin("session-a", "owner", "request")
        seen = await statements(store._reader)
        for number in range(4):
            wait = asyncio.create_task(store.wait("session-a", number))
            await settle()
            await store.append(lease, [str(number)])
            await wait
            assert await store.read("session-a", number, 9) == events("session-a", number, [str(number)])
            assert await store.read("session-a", number + 1, 9) == []
        assert not seen
        with pytest.raises(CursorTooOld) as caught:
            await store.read("session-a", 0, 9)
        assert caught.value.first_id == "session-a:1"
        assert seen


async def test_the_file_is_looked_at_only_while_somebody_waits_for_anothers_turn(path: Path) -> None:
    async with opened(path) as store, opened(path) as other:
        lease = await store.begin("session-a", "owner", "request")
        seen, seen_by_other = await statements(store._reader), await statements(other._reader)
        waits = [asyncio.create_task(one.wait("session-a", 0)) for one in (store, other)]
        await asyncio.sleep(0.15)
        assert not seen
        assert seen_by_other
        waits[1].cancel()
        assert other._looking
        async with asyncio.timeout(WITHIN_SECONDS):
            await other._looking
        await store.append(lease, ["one"])
        await waits[0]


async def test_a_wait_for_what_is_made_here_goes_on_when_another_takes_it_over(path: Path) -> None:
    clock = Clock()
    async with (
        opened(path, clock=clock, lease_seconds=0.1) as store,
        opened(path, clock=clock, lease_seconds=0.1) as other,
    ):
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one"])
        wait = asyncio.create_task(store.wait("session-a", 1))
        await settle()
        clock.now += 0.1
        claim = await other.claim("session-a")
        assert claim
        await other.append(claim.lease, ["two"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await wait
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])


async def test_who_gives_up_an_append_leaves_no_gap(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        task = asyncio.create_task(store.append(lease, ["one"]))
        await settle()
        task.cancel()
        await asyncio.wait([task])
        await store.append(lease, ["two"])
        assert await store.read("session-a", 0, 9) == events("session-a", 0, ["one", "two"])


async def test_closing_finishes_what_was_asked_for_and_tells_who_waits(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        append = asyncio.create_task(store.append(lease, ["one"]))
        wait = asyncio.create_task(store.wait("session-a", 9))
        await asyncio.sleep(0)
    assert await append is False
    for late in (wait, store.append(lease, ["two"]), store.get("session-a"), store.wait("session-a", 9)):
        with pytest.raises(StoreUnavailable, match="closed"):
            await late
    await store.close()
    async with opened(path) as again:
        assert await again.read("session-a", 0, 9) == events("session-a", 0, ["one"])


@pytest.mark.parametrize("jump", [-1e6, -5.5, 5.0, 1e6])
async def test_when_the_clock_jumps_a_turn_is_handed_over_once(path: Path, jump: float) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as store, opened(path, clock=clock) as other:
        lease = await store.begin("session-a", "owner", "request")
        clock.now += jump
        assert await other.lapsed() == ["session-a"]
        claim = await other.claim("session-a")
        assert claim
        assert await store.claim("session-a") is None
        assert await store.lapsed() == []
        with pytest.raises(LeaseLost):
            await store.append(lease, ["mine"])
        clock.now -= jump
        assert await store.lapsed() == ["session-a"]


@pytest.mark.parametrize("jump", [-1e6, 1e6])
async def test_when_the_clock_jumps_a_producer_that_renews_keeps_its_turn(path: Path, jump: float) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as store, opened(path, clock=clock) as other:
        lease = await store.begin("session-a", "owner", "request")
        clock.now += jump
        await store.renew([lease])
        assert await other.claim("session-a") is None
        await store.append(lease, ["one"])
        clock.now += store.lease_seconds
        assert await other.claim("session-a")


async def test_when_the_clock_is_put_back_nothing_is_unread_before_its_time_or_kept_for_ever(
    path: Path,
) -> None:
    clock = Clock()
    async with opened(path, clock=clock) as store:
        lease = await store.begin("session-a", "owner", "request")
        clock.now -= 600
        session = await store.get("session-a")
        assert session
        assert session.unread_seconds == 0
        clock.now += 600
        await store.end(lease, StreamStatus.FINISHED)
        clock.now -= 600
        assert await store.collect(60) == 0
        clock.now += 60
        assert await store.collect(60) == 1


async def test_a_file_of_many_sessions_stays_as_large_as_those_that_are_kept(path: Path) -> None:
    clock, text, sizes = Clock(), "x" * 10_000, list[int]()
    for generation in range(4):
        async with opened(path, clock=clock) as store:
            for number in range(12):
                lease = await store.begin(f"session-{generation}-{number}", "owner", "request", text)
                await store.append(lease, [text] * 10, text)
                await store.end(lease, StreamStatus.FINISHED)
            clock.now += 100
        sizes.append(size(path))
        async with opened(path, clock=clock) as store:
            assert await store.collect(100) == 12
    assert sizes[0] > 12 * 10 * len(text)
    assert max(sizes) < 1.1 * sizes[0]
    assert size(path) < sizes[0] / 10


async def test_a_long_session_is_forgotten_in_pieces_and_is_whole_from_its_first_index_on(path: Path) -> None:
    async with opened(path, clock=Clock()) as store:
        lease = await store.begin("session-a", "owner", "request", "plan")
        await store.append(lease, [str(number) for number in range(130)], "memo")
        await store.end(lease, StreamStatus.FINISHED)
        forget = partial(store._turns.collect, ttl_seconds=0)
        for first in (64, 128):
            assert await store._writer.perform(forget) == 0
            session = await store.get("session-a")
            assert session
            assert (session.first_index, session.next_index) == (first, 130)
            kept = [str(number) for number in range(first, 130)]
            assert await store.read("session-a", first, 99) == events("session-a", first, kept)
            with pytest.raises(CursorTooOld):
                await store.read("session-a", first - 1, 99)
        again = await store.begin("session-a", "owner", "request")
        await store.append(again, ["130"])
        assert await store._writer.perform(forget) is None
        await store.end(again, StreamStatus.FINISHED)
        assert [await store._writer.perform(forget) for _ in range(2)] == [1, None]
        assert await store.get("session-a") is None


async def test_the_log_beside_the_file_stays_small_under_load(path: Path) -> None:
    async with opened(path) as store:
        lease = await store.begin("session-a", "owner", "request")
        for _ in range(2000):
            await store.append(lease, ["x" * 9000] * 2)
        assert size(path.with_name(path.name + "-wal")) < 24 * 2**20


async def test_only_its_owner_can_read_the_file(path: Path) -> None:
    async with opened(path.parent / "new" / "folder" / "sessions.db") as store:
        await store.begin("session-a", "owner", "request")
        files = list((path.parent / "new" / "folder").iterdir())
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
