"""What can befall the SQLite file of the streams, for a while."""

import resource
import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path


def full_disk(path: Path) -> AbstractContextManager[None]:
    """The system refuses the next page of the database's log."""
    return full_beyond(path.with_name(f"{path.name}-wal").stat().st_size)


@contextmanager
def full_beyond(size: int) -> Generator[None]:
    """This process can write no file beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Another process writes, and writes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def away(path: Path) -> Generator[None]:
    """The folder is not mounted."""
    elsewhere = path.parent.rename(path.parent.with_name("elsewhere"))
    yield
    elsewhere.rename(path.parent)


def move_away(path: Path) -> None:
    """As an operator is told to do with a damaged file, and with those beside it."""
    (path.parent / "damaged").mkdir()
    for file in list(path.parent.glob(f"{path.name}*")):
        with suppress(FileNotFoundError):  # the log goes with the last that had the file open
            file.rename(path.parent / "damaged" / file.name)
