"""A PostgreSQL of the tests' own, on loopback, in a folder that goes with it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from warung.database.migrate import migrate

_NAMES = count(1)
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_INSTALL = (
    "PostgreSQL is missing: apt-get install postgresql (Debian, Ubuntu), brew install postgresql (macOS)"
)


class PostgresServer:
    def __init__(self, url: str) -> None:
        self._url = url
        self._template: str | None = None

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of an empty database."""
        if migrated and self._template is None:
            self._template = self._create()
            migrate(self._named(self._template))
        return self._named(self._create(self._template if migrated else None))

    def _named(self, name: str) -> str:
        return f"{self._url}/{name}"

    def _create(self, template: str | None = None) -> str:
        name = f"shop_{next(_NAMES)}"
        engine = create_engine(self._named("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
            )
        engine.dispose()
        return name


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """Fails the test when it can't be started."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    initdb = ["-D", data, "-A", "trust", "-U", "warung", "-E", "UTF8", "--locale=C", "--no-sync"]
    start = ["-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", options]
    try:
        _call([programs / "initdb", *initdb], user)
        _call([programs / "pg_ctl", "start", *start], user)
        try:
            yield PostgresServer(f"postgresql+psycopg://warung@127.0.0.1:{port}")
        finally:
            _call([programs / "pg_ctl", "stop", "-D", data, "-m", "immediate"], user)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """The folder of the server's programs, which Debian keeps off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    for pattern in _FOLDERS:
        if folders := sorted(Path("/").glob(f"{pattern[1:]}/initdb")):
            return folders[-1].parent
    pytest.fail(_INSTALL)


def _call(command: list[str | Path], user: str | None) -> None:
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(
        command,
        user=user,
        group=group,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if command[1] != "start" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}: {(done.stdout or b'').decode()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
