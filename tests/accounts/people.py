"""Accounts for tests, with passwords that are quick to hash."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from warung.accounts.logins import Lifetimes, Logins
from warung.accounts.passwords import Passwords
from warung.accounts.service import AccountService
from warung.accounts.user import AccountRole, User
from warung.database.session import Database

PASSWORD = "kopi tubruk 7"  # noqa: S105  made up


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def quick_passwords() -> Passwords:
    return Passwords(PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)]))


@dataclass(frozen=True, slots=True)
class House:
    """The services over one database, and the clock of its sign-ins."""

    accounts: AccountService
    logins: Logins
    clock: Clock

    def register(self, email: str = "sari@example.com", role: AccountRole = "shopper") -> User:
        return self.accounts.register(name="Sari", email=email, password=PASSWORD, role=role)


def open_house(
    database: Database,
    *,
    lifetimes: Lifetimes | None = None,
    stall_of: Callable[[str], int | None] = lambda _user_id: None,
    ai_access_for_new: bool = True,
) -> House:
    clock, passwords = Clock(), quick_passwords()
    logins = Logins(database, passwords, stall_of, lifetimes, clock)
    accounts = AccountService(database, passwords, logins, ai_access_for_new=ai_access_for_new)
    return House(accounts, logins, clock)
