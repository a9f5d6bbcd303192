"""What every stream store must do; a test module subclasses the suite and provides `open_store`."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import Claim, CursorTooOld, Lease, LeaseLost, SessionBusy, StreamStore

WITHIN_SECONDS = 20


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


OpenStore = Callable[[int, Clock], StreamStore]
"""A store that keeps this many events of each session and reads this clock. All that a test opens are on the
same storage, as those of several replicas are; it is empty at first."""


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def events(session_id: str, first: int, data: Sequence[str]) -> list[Event]:
    return [Event(session_id, first + offset, text) for offset, text in enumerate(data)]


class StreamStoreConformance:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, open_store: OpenStore, clock: Clock) -> StreamStore:
        return open_store(100, clock)

    @pytest.fixture
    def other(self, store: StreamStore, open_store: OpenStore, clock: Clock) -> StreamStore:
        """Another replica's."""
        assert store
        return open_store(100, clock)

    async def test_a_session_that_was_never_begun(self, store: StreamStore) -> None:
        assert await store.get("session-a") is None
        assert await store.read("session-a", 0, 10) == []
        async with asyncio.timeout(WITHIN_SECONDS):
            await store.wait("session-a", 0)

    async def test_beginning_opens_it(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        session = await store.get("session-a")
        assert session == Session("session-a", "owner", "request", StreamStatus.RUNNING, 0, 0, 0)
        assert lease.session_id == "session-a"

    async def test_events_are_numbered_from_zero_in_order(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one", "two"])
        await store.append(lease, [])
        await store.append(lease, ['{"three": "é 👍"}'])
        assert await store.read("session-a", 0, 10) == events(
            "session-a", 0, ["one", "two", '{"three": "é 👍"}']
        )

    async def test_a_read_begins_at_its_index_and_ends_at_its_limit(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, [str(n) for n in range(10)])
        assert await store.read("session-a", 4, 3) == events("session-a", 4, ["4", "5", "6"])
        assert await store.read("session-a", 9, 3) == events("session-a", 9, ["9"])
        assert await store.read("session-a", 10, 3) == []

    async def test_sessions_do_not_mix(self, store: StreamStore) -> None:
        leases = [
            await store.begin(name, f"owner of {name}", "request") for name in ("session-a", "session-b")
        ]
        for lease in leases:
            await store.append(lease, [lease.session_id])
        await store.end(leases[0], StreamStatus.FAILED)
        assert await store.read("session-b", 0, 10) == events("session-b", 0, ["session-b"])
        session = await store.get("session-b")
        assert session
        assert (session.owner, session.status) == ("owner of session-b", StreamStatus.RUNNING)

    @pytest.mark.parametrize("status", [StreamStatus.FINISHED, StreamStatus.FAILED, StreamStatus.CANCELLED])
    async def test_the_end_comes_with_its_last_events(self, store: StreamStore, status: StreamStatus) -> None:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one"])
        await store.end(lease, status, ["two", "three"])
        session = await store.get("session-a")
        assert session == Session("session-a", "owner", "request", status, 0, 0, 3)
        assert await store.read("session-a", 1, 10) == events("session-a", 1, ["two", "three"])

    async def test_an_end_is_final(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        await store.end(lease, StreamStatus.CANCELLED, ["last"])
        with pytest.raises(LeaseLost):
            await store.end(lease, StreamStatus.FINISHED, ["later"])
        with pytest.raises(LeaseLost):
            await store.append(lease, ["later"])
        session = await store.get("session-a")
        assert session
        assert (session.status, session.next_index) == (StreamStatus.CANCELLED, 1)

    async def test_the_next_turn_goes_on_counting(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "first")
        await store.append(lease, ["one", "two"])
        await store.end(lease, StreamStatus.FINISHED)
        lease = await store.begin("session-a", "owner", "second")
        session = await store.get("session-a")
        assert session == Session("session-a", "owner", "second", StreamStatus.RUNNING, 2, 0, 2)
        await store.append(lease, ["three"])
        assert await store.read("session-a", 0, 10) == events("session-a", 0, ["one", "two", "three"])

    async def test_a_running_turn_is_not_begun_over(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "first")
        with pytest.raises(SessionBusy):
            await store.begin("session-a", "owner", "second")
        session = await store.get("session-a")
        assert session
        assert session.request == "first"

    async def test_a_turn_begins_only_after_what_its_beginner_has_seen(
        self, store: StreamStore, other: StreamStore
    ) -> None:
        lease = await store.begin("session-a", "owner", "first", after=0)
        await store.end(lease, StreamStatus.FINISHED, ["one", "two"])
        for stale in (0, 1, 3):
            with pytest.raises(SessionBusy):
                await other.begin("session-a", "owner", "second", after=stale)
        session = await store.get("session-a")
        assert session == Session("session-a", "owner", "first", StreamStatus.FINISHED, 0, 0, 2)
        await other.begin("session-a", "owner", "second", after=2)
        await store.begin("session-b", "owner", "of one that was forgotten", after=7)

    async def test_only_the_latest_events_are_kept(self, open_store: OpenStore, clock: Clock) -> None:
        store = open_store(4, clock)
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, [str(n) for n in range(7)])
        session = await store.get("session-a")
        assert session
        assert (session.first_index, session.next_index) == (3, 7)
        assert await store.read("session-a", 3, 10) == events("session-a", 3, ["3", "4", "5", "6"])
        with pytest.raises(CursorTooOld) as caught:
            await store.read("session-a", 2, 10)
        assert caught.value.first_id == "session-a:3"
        assert "session-a:3" in caught.value.message

    async def test_a_wait_ends_with_the_event_it_waits_for(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        waits = [asyncio.create_task(store.wait("session-a", index)) for index in (0, 0, 2)]
        await settle()
        assert not any(wait.done() for wait in waits)
        await store.append(lease, ["one", "two"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(*waits[:2])
        await settle()
        assert not waits[2].done()
        await store.append(lease, ["three"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await waits[2]
            await store.wait("session-a", 1)  # what is there already

    async def test_a_wait_ends_with_the_turn(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(store.wait("session-a", 5))
        await settle()
        assert not wait.done()
        await store.end(lease, StreamStatus.FINISHED)
        async with asyncio.timeout(WITHIN_SECONDS):
            await wait
            await store.wait("session-a", 5)

    async def test_a_wait_can_be_given_up(self, store: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(store.wait("session-a", 0))
        await settle()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await store.append(lease, ["one"])
        assert len(await store.read("session-a", 0, 10)) == 1

    async def test_ended_sessions_are_forgotten_after_their_time(
        self, store: StreamStore, clock: Clock
    ) -> None:
        leases = [await store.begin(f"session-{name}", "owner", "request") for name in "abc"]
        await store.end(leases[0], StreamStatus.FINISHED)
        clock.now += 60
        await store.end(leases[1], StreamStatus.FAILED)
        clock.now += 50
        assert await store.collect(100) == 1
        assert await store.get("session-a") is None
        assert await store.get("session-b")
        clock.now += 1000
        assert await store.collect(100) == 1
        running = await store.get("session-c")
        assert running
        assert running.running

    async def test_a_session_that_goes_on_is_not_forgotten(self, store: StreamStore, clock: Clock) -> None:
        lease = await store.begin("session-a", "owner", "first")
        await store.end(lease, StreamStatus.FINISHED)
        clock.now += 1000
        lease = await store.begin("session-a", "owner", "second")
        assert await store.collect(100) == 0
        await store.end(lease, StreamStatus.FINISHED)
        assert await store.collect(100) == 0

    async def test_a_forgotten_session_begins_at_zero_again(self, store: StreamStore, clock: Clock) -> None:
        lease = await store.begin("session-a", "owner", "first")
        await store.append(lease, ["one"])
        await store.end(lease, StreamStatus.FINISHED)
        clock.now += 1000
        await store.collect(100)
        await store.begin("session-a", "another", "second")
        session = await store.get("session-a")
        assert session
        assert (session.owner, session.turn_index, session.next_index) == ("another", 0, 0)

    async def test_no_lease_of_a_forgotten_session_holds_again(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        lost = await store.begin("session-a", "owner", "request")
        clock.now += store.lease_seconds
        claim = await other.claim("session-a")
        assert claim
        await other.end(claim.lease, StreamStatus.FINISHED)
        clock.now += 1000
        assert await other.collect(100) == 1
        lease = await other.begin("session-a", "owner", "request")
        for stale in (lost, claim.lease):
            with pytest.raises(LeaseLost):
                await store.append(stale, ["mine"])
        await other.append(lease, ["one"])
        assert await store.read("session-a", 0, 10) == events("session-a", 0, ["one"])

    async def test_what_one_replica_stores_the_other_reads(
        self, store: StreamStore, other: StreamStore
    ) -> None:
        lease = await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(other.wait("session-a", 1))
        await store.append(lease, ["one"])
        assert await other.read("session-a", 0, 10) == events("session-a", 0, ["one"])
        await store.append(lease, ["two"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await wait
        await store.end(lease, StreamStatus.FINISHED, ["three"])
        assert await other.get("session-a") == await store.get("session-a")
        assert await other.read("session-a", 1, 10) == events("session-a", 1, ["two", "three"])

    async def test_a_turn_under_lease_cannot_be_claimed(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        lease = await store.begin("session-a", "owner", "request")
        for _ in range(4):
            clock.now += store.lease_seconds * 0.6
            assert await other.claim("session-a") is None
            assert await other.lapsed() == []
            session = await other.get("session-a")
            assert session
            assert not session.lapsed
            assert await store.renew([lease]) == frozenset()
        assert await other.claim("session-z") is None

    async def test_a_lapsed_turn_is_taken_over_with_all_that_is_needed(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        lease = await store.begin("session-a", "owner", "request", "the plan")
        await store.append(lease, ["one", "two"], "memo 1")
        await store.append(lease, ["three"])
        await store.append(lease, [], "memo 2")
        clock.now += store.lease_seconds
        assert await other.lapsed() == ["session-a"]
        session = await store.get("session-a")
        assert session
        assert session.lapsed
        claim = await other.claim("session-a")
        assert claim
        assert claim == Claim(Lease("session-a", lease.epoch + 1), session, "the plan", ("memo 1", "memo 2"))
        assert await store.claim("session-a") is None
        await other.append(claim.lease, ["four"], "memo 3")
        assert await store.read("session-a", 2, 10) == events("session-a", 2, ["three", "four"])

    async def test_the_former_producer_is_fenced_off(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        lease = await store.begin("session-a", "owner", "request")
        await store.append(lease, ["one"])
        clock.now += store.lease_seconds
        claim = await other.claim("session-a")
        assert claim
        with pytest.raises(LeaseLost):
            await store.append(lease, ["mine"], "mine")
        with pytest.raises(LeaseLost):
            await store.end(lease, StreamStatus.FINISHED, ["mine"])
        await store.renew([lease])
        await store.release(lease)
        assert await store.lapsed() == []
        await other.end(claim.lease, StreamStatus.FINISHED, ["two"])
        assert await store.read("session-a", 0, 10) == events("session-a", 0, ["one", "two"])

    async def test_of_many_who_claim_one_succeeds(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        await store.begin("session-a", "owner", "request")
        clock.now += store.lease_seconds
        claims = await asyncio.gather(*(one.claim("session-a") for one in [store, other] * 8))
        assert len([claim for claim in claims if claim]) == 1

    async def test_a_lapsed_lease_that_nobody_took_still_holds(
        self, store: StreamStore, clock: Clock
    ) -> None:
        lease = await store.begin("session-a", "owner", "request")
        clock.now += store.lease_seconds * 3
        await store.append(lease, ["one"])
        await store.renew([lease])
        assert await store.lapsed() == []

    async def test_a_released_turn_can_be_claimed_at_once(
        self, store: StreamStore, other: StreamStore
    ) -> None:
        lease = await store.begin("session-a", "owner", "request", "plan")
        await store.release(lease)
        assert await other.lapsed() == ["session-a"]
        assert await other.claim("session-a")

    async def test_the_next_turn_has_a_plan_and_memos_of_its_own(
        self, store: StreamStore, clock: Clock
    ) -> None:
        first = await store.begin("session-a", "owner", "first", "plan 1")
        await store.append(first, ["one"], "memo 1")
        await store.end(first, StreamStatus.FINISHED)
        assert await store.lapsed() == []
        second = await store.begin("session-a", "owner", "second", "plan 2")
        assert second.epoch > first.epoch
        await store.append(second, ["two"], "memo 2")
        clock.now += store.lease_seconds
        claim = await store.claim("session-a")
        assert claim
        assert (claim.plan, claim.memos, claim.session.turn_index) == ("plan 2", ("memo 2",), 1)

    async def test_memos_outlive_events_that_are_no_longer_kept(
        self, open_store: OpenStore, clock: Clock
    ) -> None:
        store = open_store(3, clock)
        lease = await store.begin("session-a", "owner", "request")
        for number in range(9):
            await store.append(lease, [str(number)], f"memo {number}")
        clock.now += store.lease_seconds
        claim = await store.claim("session-a")
        assert claim
        assert claim.memos == tuple(f"memo {number}" for number in range(9))
        assert (claim.session.first_index, claim.session.next_index) == (6, 9)

    async def test_a_turn_is_cancelled_from_anywhere(self, store: StreamStore, other: StreamStore) -> None:
        lease = await store.begin("session-a", "owner", "request")
        assert not await store.append(lease, ["one"])
        await other.ask_to_cancel("session-a")
        await other.ask_to_cancel("session-z")
        assert await store.renew([lease]) == {"session-a"}
        assert await store.append(lease, ["two"])
        await store.end(lease, StreamStatus.CANCELLED)
        await other.ask_to_cancel("session-a")
        again = await store.begin("session-a", "owner", "request")
        assert not await store.append(again, ["three"])

    async def test_readers_anywhere_are_noted(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        await store.begin("session-a", "owner", "request")
        clock.now += 40
        session = await store.get("session-a")
        assert session
        assert session.unread_seconds == pytest.approx(40)
        await other.touch(["session-a", "session-z"])
        clock.now += 7
        session = await store.get("session-a")
        assert session
        assert session.unread_seconds == pytest.approx(7)

    async def test_nothing_is_kept_of_a_session_that_is_forgotten(
        self, store: StreamStore, other: StreamStore
    ) -> None:
        lease = await store.begin("session-a", "owner", "request", "plan")
        await store.append(lease, ["one", "two"], "memo")
        await store.end(lease, StreamStatus.FINISHED)
        kept = await store.begin("session-b", "owner", "request")
        await store.append(kept, ["kept"])
        await other.forget("session-a")
        await other.forget("session-a")
        for one in (store, other):
            assert await one.get("session-a") is None
            assert await one.read("session-a", 0, 10) == []
        assert await store.collect(0) == 0
        assert await store.read("session-b", 0, 10) == events("session-b", 0, ["kept"])

    async def test_a_running_turn_that_is_forgotten_is_nobodys(
        self, store: StreamStore, other: StreamStore, clock: Clock
    ) -> None:
        lease = await store.begin("session-a", "owner", "request", "plan")
        await store.append(lease, ["one"], "memo")
        await store.forget("session-a")
        assert await store.read("session-a", 0, 10) == []
        with pytest.raises(LeaseLost):
            await store.append(lease, ["two"])
        with pytest.raises(LeaseLost):
            await store.end(lease, StreamStatus.FINISHED)
        assert await store.renew([lease]) == frozenset()
        clock.now += store.lease_seconds
        assert await other.lapsed() == []
        assert await other.claim("session-a") is None
        again = await other.begin("session-a", "another", "request", after=0)
        with pytest.raises(LeaseLost):
            await store.append(lease, ["two"])
        await other.append(again, ["anew"])
        assert await other.read("session-a", 0, 10) == events("session-a", 0, ["anew"])

    async def test_who_waits_for_a_session_that_is_forgotten_returns(
        self, store: StreamStore, other: StreamStore
    ) -> None:
        await store.begin("session-a", "owner", "request")
        waits = [asyncio.create_task(store.wait("session-a", 0)) for store in (store, other)]
        await settle()
        await store.forget("session-a")
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(*waits)

    async def test_a_store_that_works_has_no_problem(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        assert store.problem is None
