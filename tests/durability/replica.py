"""A real server process for a test to kill, as often as it likes, and what it wrote to its log."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import pytest

import warung
from warung.settings import Settings

_OPEN = re.compile(r"warung is open on (http://\S+)")
_OPEN_WITHIN_SECONDS = 60
LEASE_SECONDS = 1


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """This process's environment without settings, but for those given; the data lies in `folder`."""
    names = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    always = {
        "PYTHONPATH": str(Path(warung.__file__).parents[1]),
        "DATA_DIR": str(folder),
        "ENGINE": "scripted",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "SESSION_EVENTS": "100000",
        "GUEST_REQUESTS_PER_MINUTE": "1000000",
    }
    return {**kept, **always, **settings}


class Replica:
    """`warung serve` on a free port, another one each time. `folder` is its data's, which replicas share."""

    def __init__(self, folder: Path, log: Path, **settings: str) -> None:
        self.url = ""
        self._log = log
        self._folder = folder
        self._environment = environment(folder, **settings)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Replica":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        command = [sys.executable, "-m", "warung", "serve", "--port", "0"]
        begins_at = len(self.log)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=self._environment, stderr=log)
        deadline = time.monotonic() + _OPEN_WITHIN_SECONDS
        while not (found := _OPEN.search(self.log[begins_at:])):
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server never opened:\n{self.log}")
            time.sleep(0.02)
        self.url = found[1]

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it wrote, over all its lives."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def takeovers(self) -> int:
        return self.log.count('"took over"')

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def tell_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process
        return self._process.wait(timeout=60)
