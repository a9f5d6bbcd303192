"""The stores that are measured, each in a folder of its own, and the Redis that one of them needs."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warung.options import stream_store
from warung.settings import Settings
from warung.streams.store import StreamStore

_REDIS_WITHIN_SECONDS = 20
_MOST_EVENTS = 100_000  # nobody is overtaken, however slow


class RedisMissing(Exception):
    """There is no redis-server, or it doesn't start."""


@dataclass(frozen=True, slots=True)
class StoreKind:
    name: str
    title: str
    settings: Mapping[str, str]
    needs_redis: bool = False

    @contextmanager
    def environment(self, folder: Path) -> Generator[dict[str, str]]:
        """The settings of a server that keeps its streams there. Raises RedisMissing."""
        always = {
            "DATA_DIR": str(folder),
            "SESSIONS_DB_PATH": str(folder / "sessions.db"),
            "SESSION_EVENTS": str(_MOST_EVENTS),
        }
        if self.needs_redis:
            with _redis(folder) as url:
                yield {**always, **self.settings, "REDIS_URL": url}
        else:
            yield {**always, **self.settings}


STORES = (
    StoreKind("memory", "memory", {}),
    StoreKind("normal", "SQLite, NORMAL", {"PERSIST_SESSIONS": "1", "SESSIONS_SYNCHRONOUS": "NORMAL"}),
    StoreKind("full", "SQLite, FULL", {"PERSIST_SESSIONS": "1", "SESSIONS_SYNCHRONOUS": "FULL"}),
    StoreKind("redis", "Redis, appendfsync everysec", {}, needs_redis=True),
)


def opened(environment: Mapping[str, str]) -> StreamStore:
    """The store in this process."""
    settings = {name.lower(): value for name, value in environment.items()}
    return stream_store(Settings(_env_file=None, **settings))[1]  # pyright: ignore[reportArgumentType, reportCallIssue]


@contextmanager
def _redis(folder: Path) -> Generator[str]:
    """The URL of a Redis that keeps its files there."""
    program = shutil.which("redis-server")
    if program is None:
        raise RedisMissing("not installed: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    options += ["--appendonly", "yes", "--appendfsync", "everysec", "--logfile", str(folder / "redis.log")]
    child = subprocess.Popen([program, *options])  # noqa: S603 - the options are this file's own
    try:
        _await_redis(port, child)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        child.terminate()
        child.wait()


def _await_redis(port: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _REDIS_WITHIN_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RedisMissing("redis-server doesn't start")
