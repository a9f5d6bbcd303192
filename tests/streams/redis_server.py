"""A real Redis of the test's own, on a free port, that can be killed and started again."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from warung.streams.redis_store import RedisStreamStore

OpenRedis = Callable[..., RedisStreamStore]
"""A replica's store, with these options; closed at the end of the test."""

_READY_WITHIN_SECONDS = 30


class RedisServer:
    """Every write it acknowledges is on its disk."""

    def __init__(self, folder: Path) -> None:
        self._binary = shutil.which("redis-server")
        if self._binary is None:
            pytest.fail("redis-server is missing: apt-get install redis-server, or brew install redis")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """On the same folder and port as before."""
        always = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._folder),
            "logfile": "redis.log",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        options = [part for name, value in always.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen([str(self._binary), *options])
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"redis-server doesn't start: {(self._folder / 'redis.log').read_text()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        """Also when it asks for a password."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        return False

    def kill(self) -> None:
        """Like kill -9: it writes nothing any more and says goodbye to nobody."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It is there and says nothing, until it goes on."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGCONT)


async def ask(server: RedisServer, *command: str | bytes | int) -> Any:
    """What Redis says to a command, over a connection of its own."""
    async with Redis.from_url(server.url, decode_responses=True, protocol=2) as connection:
        options = {"NEVER_DECODE": True} if command[0] == "DUMP" else {}
        return await connection.execute_command(*command, **options)


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Fails when it never comes to be so."""
    async with asyncio.timeout(_READY_WITHIN_SECONDS):
        while not await is_so():  # noqa: ASYNC110  another process makes it so
            await asyncio.sleep(0.01)
