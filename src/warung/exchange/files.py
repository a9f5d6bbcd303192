"""Files of products on this machine; knows no table."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from warung.errors import InvalidInput
from warung.exchange.formats import Format

_PIECE_BYTES = 64 * 1024
_SUFFIXES: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def format_of(path: Path) -> Format:
    """By the end of its name. Raises InvalidInput."""
    if format_ := _SUFFIXES.get(path.suffix.lower()):
        return format_
    raise InvalidInput(
        f"{path}: its name must end in {', '.join(_SUFFIXES)}, or --format must tell what it is"
    )


@contextmanager
def reading(path: Path) -> Generator[BinaryIO]:
    """The file, open. Raises InvalidInput when it can't be read."""
    with _told(path), path.open("rb") as file:
        yield file


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(file.read, _PIECE_BYTES), b"")


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file; one that was there stays as it is until the new one is whole.

    Raises InvalidInput when it can't be written.
    """
    part = path.with_name(f"{path.name}.part")
    with _told(path):
        with part.open("wb") as file:
            file.writelines(pieces)
        part.replace(path)


def send(output: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Write to a pipe, or as much as its reader takes."""
    try:
        output.writelines(pieces)
        output.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


@contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
