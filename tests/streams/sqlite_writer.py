"""A process that appends to streams of an SQLite file and prints what is acknowledged, until it is killed."""

import asyncio
import sys
from pathlib import Path

from warung.streams.event import StreamStatus
from warung.streams.sqlite_store import SqliteStreamStore


async def produce(store: SqliteStreamStore, name: str, count: int) -> None:
    lease = await store.begin(name, "owner", "request", f"the plan of {name}")
    for number in range(count):
        await store.append(lease, [f"{name} {number}"], f"memo {number}")
        sys.stdout.write(f"{name} {number}\n")
        sys.stdout.flush()
    await store.end(lease, StreamStatus.FINISHED)


async def main(path: str, prefix: str, count: str) -> None:
    store = SqliteStreamStore(Path(path), lease_seconds=3600, lock_wait_seconds=60)
    await asyncio.gather(*(produce(store, f"{prefix}-{number}", int(count)) for number in range(4)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
