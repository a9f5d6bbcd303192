"""The cheap readers against the server that they measure, in a process of its own."""

import asyncio
from collections.abc import Generator

import httpx
import pytest

from benchmarks.load import LoadError
from benchmarks.readers import Reader, all_over, ask, attach, leave_all, open_all
from benchmarks.servers import Running, started
from benchmarks.stream_probes import work
from benchmarks.stream_server import question
from benchmarks.stream_stores import STORES
from benchmarks.streams import server
from warung.engine.scripted import MODEL_ID

HOUR_SECONDS = 3600
WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """One for all tests: each asks in sessions of its own."""
    folder = tmp_path_factory.mktemp("streams")
    sqlite = next(kind for kind in STORES if kind.name == "normal")
    with sqlite.environment(folder) as environment:
        environment["STOP_WITHIN_SECONDS"] = "0"  # some of its streams say nothing for an hour
        with started(server(environment), folder) as running:
            yield running


async def test_a_reader_counts_the_events_of_an_answer(running: Running) -> None:
    reader = await Reader(ask(MODEL_ID, question(0), 20, "twenty-words")).open(running.url)
    await over([reader])
    async with httpx.AsyncClient(base_url=running.url, timeout=WITHIN_SECONDS) as client:
        stored = await client.get("/v1/chat/completions/twenty-words")
    assert reader.events == sum(line.startswith("id: ") for line in stored.iter_lines()) > 20
    assert reader.asked_at < reader.first_event_at <= reader.last_at
    rest = await Reader(attach("twenty-words", 9)).open(running.url)
    await over([rest])
    assert rest.events == reader.events - 10


async def test_a_reader_may_leave_after_a_few_events(running: Running) -> None:
    await over(await open_all(running.url, [ask(MODEL_ID, question(0), 20, "left-early")]))
    reader = await Reader(attach("left-early", 0), most_events=1).open(running.url)
    await over([reader])
    assert reader.events >= 1


async def test_readers_of_streams_that_say_nothing_can_be_sent_home(running: Running) -> None:
    readers = await open_all(running.url, [ask(MODEL_ID, question(HOUR_SECONDS), 16)] * 3)
    assert [(reader.over.done(), reader.accepted.is_set()) for reader in readers] == [(False, True)] * 3
    leave_all(readers)


async def test_a_stream_that_ended_where_none_should_is_an_error(running: Running) -> None:
    readers = await open_all(running.url, [ask(MODEL_ID, question(0), 4)])
    await over(readers)
    with pytest.raises(LoadError, match="should have gone on"):
        leave_all(readers)


async def test_a_reader_that_is_turned_away_says_why(running: Running) -> None:
    reader = await Reader(attach("never-begun")).open(running.url)
    with pytest.raises(LoadError, match="404"):
        await over([reader])


async def test_the_servers_work_is_counted_by_event(running: Running) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        found = await work(running, streams=2, gap_seconds=0, events=200)
    assert found.streams == 2
    assert found.events_per_second > 0
    assert found.seconds_per_event > 0


async def over(readers: list[Reader]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        await all_over(readers)
