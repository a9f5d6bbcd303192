"""Several processes on one SQLite file, one of which is killed."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from streams.conformance import events
from streams.sqlite_files import opened
from warung.streams.event import StreamStatus

ENOUGH = 10**6


async def start(path: Path, prefix: str, count: int) -> Process:
    script = Path(__file__).with_name("sqlite_writer.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return await asyncio.create_subprocess_exec(
        sys.executable, script, path, prefix, str(count), stdout=PIPE, env=environment
    )


async def test_what_a_killed_process_acknowledged_is_there_and_another_goes_on(tmp_path: Path) -> None:
    path, seconds_ahead = tmp_path / "sessions.db", 0.0
    process = await start(path, "session", ENOUGH)
    assert process.stdout
    lines = [await process.stdout.readline() for _ in range(500)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    acknowledged = dict(line.decode().split() for line in lines if line.endswith(b"\n"))  # the last of each
    async with opened(path, lease_seconds=3600, clock=lambda: time.monotonic() + seconds_ahead) as store:
        assert sorted(acknowledged) == [f"session-{number}" for number in range(4)]
        for name, last in acknowledged.items():
            assert await store.claim(name) is None
            session = await store.get(name)
            assert session
            assert session.next_index > int(last)
            kept = await store.read(name, session.first_index, ENOUGH)
            texts = [f"{name} {number}" for number in range(session.first_index, session.next_index)]
            assert kept == events(name, session.first_index, texts)
        seconds_ahead = 3600
        for name in acknowledged:
            claim = await store.claim(name)
            assert claim
            assert claim.plan == f"the plan of {name}"
            assert claim.memos == tuple(f"memo {number}" for number in range(claim.session.next_index))
            await store.append(claim.lease, ["mine"])
            next_index = claim.session.next_index
            assert await store.read(name, next_index, 9) == events(name, next_index, ["mine"])


async def test_processes_that_open_a_new_file_at_once_share_it(tmp_path: Path) -> None:
    path, count = tmp_path / "sessions.db", 60
    processes = [await start(path, prefix, count) for prefix in ("left", "right")]
    await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    async with opened(path) as store:
        for name in (f"{prefix}-{number}" for prefix in ("left", "right") for number in range(4)):
            session = await store.get(name)
            assert session
            assert session.status is StreamStatus.FINISHED
            texts = [f"{name} {number}" for number in range(count)]
            assert await store.read(name, 0, ENOUGH) == events(name, 0, texts)
