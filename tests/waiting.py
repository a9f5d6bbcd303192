"""Waiting for what another thread or process makes so."""

import time
from collections.abc import Callable

import pytest

_WITHIN_SECONDS = 60


def wait_until(is_so: Callable[[], object]) -> None:
    """Fails when it never comes to be so."""
    deadline = time.monotonic() + _WITHIN_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail("it never came to be so")
        time.sleep(0.02)
