"""A clock on the wall, for a process of its own, that jumps when the test says so (libfaketime)."""

import os
import sys
from pathlib import Path

import pytest

_FOLDERS = ("/usr/lib", "/opt/homebrew/lib", "/usr/local/lib", "/home/linuxbrew/.linuxbrew/lib")
_NAMES = ("libfaketimeMT.so.1", "libfaketimeMT.1.dylib")


class WallClock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process go by this clock; its steady clock stays as it is."""
        preload = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
        return {
            preload: _library(),
            "DYLD_FORCE_FLAT_NAMESPACE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, seconds: int) -> None:
        """To so many seconds from the true time, at once."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+}")
        fresh.replace(self._file)


def _library() -> str:
    for folder in _FOLDERS:
        for place in (folder, *(place.path for place in os.scandir(folder) if place.is_dir())):
            for name in _NAMES:
                if (library := Path(place, "faketime", name)).exists():
                    return str(library)
    pytest.fail("libfaketime is missing: apt-get install libfaketime, or brew install libfaketime")
