"""Readers behind a proxy that stalls or dribbles: they slow nobody, cost little, and are told the truth."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from durability.proxy import Proxy
from durability.replica import Replica
from durability.shop import open_shop
from durability.stories import STORY, asked, check
from waiting import wait_until

BEFORE = 20
STALLED = 20
MOST_BYTES_EACH = 500_000

on_every_store = pytest.mark.parametrize("kept", ["memory", "sqlite", "redis"], indirect=True)


@on_every_store
def test_a_stalled_reader_slows_nobody_and_later_gets_everything(kept: dict[str, str], folder: Path) -> None:
    with open_shop(folder, kept, session_events=10_000) as (url, valve), Proxy(url) as proxy:
        valve.open()
        slow, quick = asked(1), asked(1)
        with ThreadPoolExecutor() as threads:
            reading = threads.submit(slow.read, proxy.url, at={BEFORE: proxy.stall})
            wait_until(lambda: len(slow.events) >= BEFORE)
            quick.read(url)  # to the end, while the other stands still
            check(quick)
            assert not slow.has_ended
            proxy.go_on()
            reading.result()
    check(slow)


@on_every_store
def test_a_stalled_reader_that_is_overtaken_is_told_what_is_left(kept: dict[str, str], folder: Path) -> None:
    with open_shop(folder, kept, session_events=64) as (url, valve), Proxy(url) as proxy:
        slow = asked(1)
        with ThreadPoolExecutor() as threads:
            reading = threads.submit(slow.read, proxy.url, at={1: proxy.stall})
            wait_until(lambda: slow.events)
            valve.open()
            wait_until(lambda: httpx.get(f"{url}/health").json()["running"] == 0)
            proxy.go_on()
            reading.result()
        assert [index for index, _ in slow.events] == list(range(len(slow.events)))
        assert not slow.has_ended
        [refusal] = slow.refusals
        assert (refusal["error"]["code"], refusal["warung"]["status"]) == ("cursor_too_old", 410)
        cursor = {"last_event_id": f"session-1:{slow.events[-1][0]}"}
        gone = httpx.get(f"{url}/v1/chat/completions/session-1", params=cursor)
        assert (gone.status_code, gone.json()["error"]["message"]) == (410, refusal["error"]["message"])


@pytest.mark.parametrize("kept", ["memory"], indirect=True)
def test_byte_by_byte_is_the_same_answer(kept: dict[str, str], folder: Path) -> None:
    with open_shop(folder, kept) as (url, valve), Proxy(url) as proxy:
        valve.open()
        proxy.dribbles = True
        reader = asked(1, story="Kopi é 🙂 teh; " * 5)
        reader.read(proxy.url)
    check(reader)


@pytest.mark.parametrize("kept", ["memory"], indirect=True)
def test_a_stalled_reader_takes_little_memory(kept: dict[str, str], folder: Path) -> None:
    with Replica(folder, folder / "log", **kept) as server, Proxy(server.url) as proxy, ExitStack() as open_:
        reader = asked(1, story=STORY * 4)  # four megabytes on the wire
        reader.read(server.url)
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        for _ in range(STALLED):
            stalled = open_.enter_context(socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port)))
            stalled.sendall(b"GET /v1/chat/completions/session-1 HTTP/1.1\r\nHost: warung\r\n\r\n")
            assert stalled.recv(1)
        proxy.stall()
        again = asked(1, story=STORY * 4)
        again.read(server.url)
        check(again)
        assert process.memory_info().rss - before < STALLED * MOST_BYTES_EACH
