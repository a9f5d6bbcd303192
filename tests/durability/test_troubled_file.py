"""The file of the streams on a full disk, or damaged: the server stays up, says so, and recovers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from durability.replica import LEASE_SECONDS
from durability.shop import is_degraded, open_shop
from durability.stories import asked, check
from streams.troubles import full_disk, move_away
from waiting import wait_until

BEFORE = 300


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def kept(file: Path) -> dict[str, str]:
    return {"PERSIST_SESSIONS": "1", "SESSIONS_DB_PATH": str(file)}


def refuses(url: str) -> bool:
    answer = httpx.post(f"{url}/v1/chat/completions", json=asked(2).body, timeout=60)
    return answer.status_code == 503 and answer.json()["error"]["code"] == "sessions_unavailable"


def test_a_disk_that_is_full_for_a_while(folder: Path, file: Path) -> None:
    with (
        open_shop(folder, kept(file), lease_seconds=LEASE_SECONDS, session_events=10_000) as (url, valve),
        ThreadPoolExecutor() as threads,
    ):
        valve.give(BEFORE)
        reader, late = asked(1), asked(1)
        reading = threads.submit(reader.read, url)
        wait_until(lambda: len(reader.events) > BEFORE / 2)
        with full_disk(file):
            valve.open()
            wait_until(lambda: is_degraded(url))
            assert refuses(url)
            late.read(url, leave_at=len(reader.events))  # what is stored can be read
        wait_until(lambda: not is_degraded(url))
        reading.result()
        for one in (reader, late):
            while not one.has_ended:
                one.read(url)
            check(one)


def test_a_file_that_is_damaged_while_an_answer_is_given(folder: Path, file: Path) -> None:
    with open_shop(folder, kept(file), lease_seconds=LEASE_SECONDS) as (url, valve):
        valve.give(BEFORE)
        reader = asked(1)
        reader.read(url, leave_at=BEFORE // 2)
        damage(file)
        valve.open()
        wait_until(lambda: refuses(url))
        assert is_degraded(url)
        check_recovery(url, file)
        assert httpx.get(f"{url}{reader.route}/{reader.session_id}").status_code == 404  # and says so


def test_a_file_that_was_damaged_before_the_start(folder: Path, file: Path) -> None:
    with open_shop(folder, kept(file)) as (url, valve):
        valve.open()
        asked(1).read(url)
    damage(file)
    with open_shop(folder, kept(file), lease_seconds=LEASE_SECONDS) as (url, valve):
        valve.open()
        wait_until(lambda: is_degraded(url))
        assert refuses(url)
        check_recovery(url, file)


def damage(file: Path) -> None:
    """All but the beginning of the file, and of its log, from which it would heal."""
    for path, sound in ((file, 4096), (file.with_name(f"{file.name}-wal"), 32)):
        if path.exists():
            with path.open("r+b") as opened:
                opened.seek(sound)
                opened.write(b"\xff" * (path.stat().st_size - sound))


def check_recovery(url: str, file: Path) -> None:
    """Once the operator has done what he is told."""
    move_away(file)
    reader = asked(3)
    reader.read(url)
    check(reader)
    wait_until(lambda: not is_degraded(url))
