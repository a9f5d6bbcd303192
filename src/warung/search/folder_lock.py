"""Who uses an index's folder: servers share it, `warung reindex` wants it alone; knows no index.

Locks of POSIX belong to the process and end with it, however it ends.
"""

import fcntl
import os
from functools import cache
from pathlib import Path

from warung.errors import Unavailable


def share(folder: Path) -> None:
    """From now on until this process ends. Raises Unavailable while another has it alone."""
    _lock(folder, fcntl.LOCK_SH, "another process makes this search index anew; wait until it is done")


def claim(folder: Path) -> None:
    """The same, alone. Raises Unavailable while another process uses it."""
    _lock(folder, fcntl.LOCK_EX, "another process uses this search index: stop the server first")


def _lock(folder: Path, kind: int, refusal: str) -> None:
    try:
        fcntl.lockf(_file(folder.with_name(f"{folder.name}.lock")), kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unavailable(refusal, retry_after_seconds=5) from None


@cache
def _file(path: Path) -> int:
    """Never closed: closing any file of this path would end the process's locks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
