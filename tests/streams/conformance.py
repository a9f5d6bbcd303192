"""What every stream store must do; a test module subclasses the suite and provides `open_store`."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import CursorTooOld, SessionBusy, StreamStore

WITHIN_SECONDS = 20


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


OpenStore = Callable[[int, Clock], StreamStore]
"""An empty store that keeps this many events of each session and reads this clock."""


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

    async def test_a_session_that_was_never_begun(self, store: StreamStore) -> None:
        assert await store.get("session-a") is None
        assert await store.read("session-a", 0, 10) == []
        async with asyncio.timeout(WITHIN_SECONDS):
            await store.wait("session-a", 0)

    async def test_beginning_opens_it(self, store: StreamStore) -> None:
        session = await store.begin("session-a", "owner", "request")
        assert session == Session("session-a", "owner", "request", StreamStatus.RUNNING, 0, 0, 0)
        assert await store.get("session-a") == session

    async def test_events_are_numbered_from_zero_in_order(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        await store.append("session-a", ["one", "two"])
        await store.append("session-a", [])
        await store.append("session-a", ['{"three": "é 👍"}'])
        assert await store.read("session-a", 0, 10) == events(
            "session-a", 0, ["one", "two", '{"three": "é 👍"}']
        )

    async def test_a_read_begins_at_its_index_and_ends_at_its_limit(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        await store.append("session-a", [str(n) for n in range(10)])
        assert await store.read("session-a", 4, 3) == events("session-a", 4, ["4", "5", "6"])
        assert await store.read("session-a", 9, 3) == events("session-a", 9, ["9"])
        assert await store.read("session-a", 10, 3) == []

    async def test_sessions_do_not_mix(self, store: StreamStore) -> None:
        for session_id in ("session-a", "session-b"):
            await store.begin(session_id, f"owner of {session_id}", "request")
            await store.append(session_id, [session_id])
        await store.end("session-a", StreamStatus.FAILED)
        assert await store.read("session-b", 0, 10) == events("session-b", 0, ["session-b"])
        session = await store.get("session-b")
        assert session
        assert (session.owner, session.status) == ("owner of session-b", StreamStatus.RUNNING)

    @pytest.mark.parametrize("status", [StreamStatus.FINISHED, StreamStatus.FAILED, StreamStatus.CANCELLED])
    async def test_the_end_comes_with_its_last_events(self, store: StreamStore, status: StreamStatus) -> None:
        await store.begin("session-a", "owner", "request")
        await store.append("session-a", ["one"])
        await store.end("session-a", status, ["two", "three"])
        session = await store.get("session-a")
        assert session == Session("session-a", "owner", "request", status, 0, 0, 3)
        assert await store.read("session-a", 1, 10) == events("session-a", 1, ["two", "three"])

    async def test_an_end_is_final(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        await store.end("session-a", StreamStatus.CANCELLED, ["last"])
        await store.end("session-a", StreamStatus.FINISHED, ["later"])
        session = await store.get("session-a")
        assert session
        assert (session.status, session.next_index) == (StreamStatus.CANCELLED, 1)

    async def test_the_next_turn_goes_on_counting(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "first")
        await store.append("session-a", ["one", "two"])
        await store.end("session-a", StreamStatus.FINISHED)
        session = await store.begin("session-a", "owner", "second")
        assert session == Session("session-a", "owner", "second", StreamStatus.RUNNING, 2, 0, 2)
        await store.append("session-a", ["three"])
        assert await store.read("session-a", 0, 10) == events("session-a", 0, ["one", "two", "three"])

    async def test_a_running_turn_is_not_begun_over(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "first")
        with pytest.raises(SessionBusy):
            await store.begin("session-a", "owner", "second")
        session = await store.get("session-a")
        assert session
        assert session.request == "first"

    async def test_only_the_latest_events_are_kept(self, open_store: OpenStore, clock: Clock) -> None:
        store = open_store(4, clock)
        await store.begin("session-a", "owner", "request")
        await store.append("session-a", [str(n) for n in range(7)])
        session = await store.get("session-a")
        assert session
        assert (session.first_index, session.next_index) == (3, 7)
        assert await store.read("session-a", 3, 10) == events("session-a", 3, ["3", "4", "5", "6"])
        with pytest.raises(CursorTooOld) as caught:
            await store.read("session-a", 2, 10)
        assert caught.value.first_id == "session-a:3"
        assert "session-a:3" in caught.value.message

    async def test_a_wait_ends_with_the_event_it_waits_for(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        waits = [asyncio.create_task(store.wait("session-a", index)) for index in (0, 0, 2)]
        await settle()
        assert not any(wait.done() for wait in waits)
        await store.append("session-a", ["one", "two"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await asyncio.gather(*waits[:2])
        await settle()
        assert not waits[2].done()
        await store.append("session-a", ["three"])
        async with asyncio.timeout(WITHIN_SECONDS):
            await waits[2]
            await store.wait("session-a", 1)  # what is there already

    async def test_a_wait_ends_with_the_turn(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(store.wait("session-a", 5))
        await settle()
        assert not wait.done()
        await store.end("session-a", StreamStatus.FINISHED)
        async with asyncio.timeout(WITHIN_SECONDS):
            await wait
            await store.wait("session-a", 5)

    async def test_a_wait_can_be_given_up(self, store: StreamStore) -> None:
        await store.begin("session-a", "owner", "request")
        wait = asyncio.create_task(store.wait("session-a", 0))
        await settle()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await store.append("session-a", ["one"])
        assert len(await store.read("session-a", 0, 10)) == 1

    async def test_ended_sessions_are_forgotten_after_their_time(
        self, store: StreamStore, clock: Clock
    ) -> None:
        for session_id in ("session-a", "session-b", "session-c"):
            await store.begin(session_id, "owner", "request")
        await store.end("session-a", StreamStatus.FINISHED)
        clock.now += 60
        await store.end("session-b", StreamStatus.FAILED)
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
        await store.begin("session-a", "owner", "first")
        await store.end("session-a", StreamStatus.FINISHED)
        clock.now += 1000
        await store.begin("session-a", "owner", "second")
        assert await store.collect(100) == 0
        await store.end("session-a", StreamStatus.FINISHED)
        assert await store.collect(100) == 0

    async def test_a_forgotten_session_begins_at_zero_again(self, store: StreamStore, clock: Clock) -> None:
        await store.begin("session-a", "owner", "first")
        await store.append("session-a", ["one"])
        await store.end("session-a", StreamStatus.FINISHED)
        clock.now += 1000
        await store.collect(100)
        session = await store.begin("session-a", "another", "second")
        assert (session.owner, session.turn_index, session.next_index) == ("another", 0, 0)
