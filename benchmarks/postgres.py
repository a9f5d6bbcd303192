"""A PostgreSQL of one's own, on loopback, in a folder that goes with it; for benchmarks and tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_FOLDERS = ("usr/lib/postgresql/*/bin", "opt/homebrew/opt/postgresql*/bin", "usr/local/opt/postgresql*/bin")
_INSTALL = "PostgreSQL is missing: apt-get install postgresql (Debian, Ubuntu), brew install postgresql"


class PostgresMissing(Exception):
    """There is none, or it doesn't start."""


@contextmanager
def postgres(*options: str) -> Generator[str]:
    """Its URL without a database's name; the database postgres is there. `options` are settings of the
    server, such as fsync=off. Raises PostgresMissing."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    own = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *options)
    initdb = ["-D", data, "-A", "trust", "-U", "warung", "-E", "UTF8", "--locale=C", "--no-sync"]
    start = ["-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", " ".join(f"-c {one}" for one in own)]
    try:
        _call([programs / "initdb", *initdb], user)
        _call([programs / "pg_ctl", "start", *start], user)
        try:
            yield f"postgresql+psycopg://warung@127.0.0.1:{port}"
        finally:
            _call([programs / "pg_ctl", "stop", "-D", data, "-m", "immediate"], user)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """The folder of the server's programs, which Debian keeps off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    for pattern in _FOLDERS:
        if found := sorted(Path("/").glob(f"{pattern}/initdb")):
            return found[-1].parent
    raise PostgresMissing(_INSTALL)


def _call(command: list[str | Path], user: str | None) -> None:
    group = pwd.getpwnam(user).pw_gid if user else None
    with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server runs
        done = subprocess.run(  # noqa: S603 - the commands are this file's own
            command,
            user=user,
            group=group,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
        if done.returncode:
            output.seek(0)
            raise PostgresMissing(
                f"{Path(command[0]).name}: {output.read().decode('utf-8', 'replace').strip()}"
            )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
