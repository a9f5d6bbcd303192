"""Passwords and their hashes; knows no account."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property

from pwdlib import PasswordHash

from warung.errors import InvalidInput, Unavailable

MIN_CHARACTERS = 8
MAX_CHARACTERS = 256
_AT_A_TIME = 4
_WAIT_SECONDS = 10


class Passwords:
    """argon2id (RFC 9106). Safe to share between threads.

    A hash takes 64 MiB for a moment, so only a few are made at a time: raises Unavailable to whoever waits
    for too long.
    """

    def __init__(self, hasher: PasswordHash | None = None) -> None:
        self._hasher = hasher or PasswordHash.recommended()
        self._turns = threading.BoundedSemaphore(_AT_A_TIME)

    def hash(self, password: str) -> str:
        """Raises InvalidInput when the password is too short or too long."""
        if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
            raise InvalidInput(
                f"password must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters", field="password"
            )
        with self._turn():
            return self._hasher.hash(password)

    def is_right(self, password: str, hashed: str | None) -> bool:
        """Without a hash it is wrong, and takes as long."""
        with self._turn():
            nobodys = self._nobodys  # made by whoever is first, known or not
            right = self._hasher.verify(password, hashed or nobodys)
        return right and hashed is not None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's")

    @contextmanager
    def _turn(self) -> Generator[None]:
        if not self._turns.acquire(timeout=_WAIT_SECONDS):
            raise Unavailable("too many people sign in at once; try again soon", retry_after_seconds=5)
        try:
            yield
        finally:
            self._turns.release()
