import threading

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers import HasherProtocol

from accounts.people import quick_passwords
from warung.accounts.passwords import Passwords
from warung.errors import InvalidInput


def test_a_password_is_known_again_and_is_not_in_its_hash() -> None:
    passwords = Passwords()
    hashed = passwords.hash("kopi tubruk")
    assert hashed.startswith("$argon2id$")
    assert "kopi" not in hashed
    assert passwords.is_right("kopi tubruk", hashed)
    assert not passwords.is_right("kopi tubruk ", hashed)


def test_the_same_password_has_another_hash_each_time() -> None:
    passwords = quick_passwords()
    assert passwords.hash("kopi tubruk") != passwords.hash("kopi tubruk")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257])
def test_too_short_and_too_long_ones_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="8 to 256") as refusal:
        quick_passwords().hash(password)
    assert refusal.value.field == "password"


@pytest.mark.parametrize("password", ["12345678", "ü" * 256, "\x00" * 8])
def test_the_bounds_themselves_are_allowed(password: str) -> None:
    passwords = quick_passwords()
    assert passwords.is_right(password, passwords.hash(password))


class Counting(HasherProtocol):
    """Counts how often a password is checked, and how many checks run at once."""

    def __init__(self) -> None:
        self.verified = 0
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:  # noqa: A002, ARG003  the protocol's name
        return True

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:  # noqa: ARG002
        return str(password)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        threading.Event().wait(0.01)
        with self._lock:
            self.running -= 1
            self.verified += 1
        return password == hash

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002, ARG002
        return False


def test_an_unknown_account_costs_as_many_checks_as_a_known_one() -> None:
    counting = Counting()
    passwords = Passwords(PasswordHash([counting]))
    assert not passwords.is_right("nobody's", None)
    assert counting.verified == 1
    assert passwords.is_right("right", "right")
    assert counting.verified == 2


def test_only_a_few_are_checked_at_a_time() -> None:
    counting = Counting()
    passwords = Passwords(PasswordHash([counting]))
    threads = [threading.Thread(target=passwords.is_right, args=("a", "a")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counting.verified, counting.most) == (20, 4)
