from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from accounts.people import PASSWORD, House, open_house
from warung.accounts.logins import Lifetimes, Logins
from warung.accounts.models import LoginRow, TokenRow
from warung.accounts.passwords import Passwords
from warung.accounts.principal import Principal
from warung.accounts.user import Tokens
from warung.audit.service import AuditService
from warung.database.session import Database
from warung.errors import Unauthorized

EMAIL = "sari@example.com"


@pytest.fixture
def house(database: Database) -> House:
    return open_house(database)


def sign_in(house: House) -> Tokens:
    return house.logins.log_in(EMAIL, PASSWORD)


def refreshed(house: House, token: str) -> Tokens | None:
    try:
        return house.logins.refresh(token)
    except Unauthorized:
        return None


def test_a_token_says_who_asks(database: Database) -> None:
    house = open_house(database, stall_of=lambda _user_id: 7, ai_access_for_new=False)
    shopper, supplier = house.register(), house.register("budi@example.com", "supplier")
    token = sign_in(house).access
    assert token.startswith("wra_")
    assert house.logins.principal(token) == Principal(f"user:{shopper.id}", "shopper", shopper.id)
    house.accounts.manage("user:o", supplier.id, {"ai_access_enabled": True})
    token = house.logins.log_in("budi@example.com", PASSWORD).access
    assert house.logins.principal(token) == Principal(
        f"user:{supplier.id}", "supplier", supplier.id, 7, ai_access=True
    )


def test_nobody_can_tell_a_wrong_password_from_an_unknown_email(house: House) -> None:
    house.register()
    said: list[tuple[str, str]] = []
    for email, password in ((EMAIL, "kopi tubruk 8"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(Unauthorized) as refusal:
            house.logins.log_in(email, password)
        said.append((refusal.value.message, refusal.value.code))
    assert said[0] == said[1]


def test_the_database_holds_no_token(house: House, database: Database) -> None:
    house.register()
    tokens = sign_in(house)
    with database.reading() as session:
        digests = session.scalars(select(TokenRow.digest)).all()
    assert len(digests) == 2
    assert not {tokens.access, tokens.refresh} & set(digests)


def test_an_access_token_is_good_for_its_time_and_a_refresh_token_for_longer(database: Database) -> None:
    house = open_house(database, lifetimes=Lifetimes(60, 3600))
    house.register()
    tokens = sign_in(house)
    assert tokens.expires_in_seconds == 60
    house.clock.wait(59)
    assert house.logins.principal(tokens.access)
    house.clock.wait(1)
    assert house.logins.principal(tokens.access) is None
    newer = house.logins.refresh(tokens.refresh)
    assert house.logins.principal(newer.access)
    house.clock.wait(3600)
    assert refreshed(house, newer.refresh) is None


def test_tokens_of_one_kind_do_not_pass_for_the_other(house: House) -> None:
    house.register()
    tokens = sign_in(house)
    assert house.logins.principal(tokens.refresh) is None
    assert refreshed(house, tokens.access) is None
    assert house.logins.principal(tokens.access)
    assert refreshed(house, tokens.refresh)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shown=st.lists(st.integers(0, 9), max_size=8))
def test_no_sequence_of_refreshes_lets_two_tokens_of_a_login_be_good(
    database: Database, shown: list[int]
) -> None:
    """Only the newest of each kind is good, and none is after an older refresh token was shown."""
    house = open_house(database)
    user = house.register()
    issued = [sign_in(house)]
    alive = True
    for back in shown:
        token = issued[max(0, len(issued) - 1 - back)]
        expected = alive and token is issued[-1]
        newer = refreshed(house, token.refresh)
        assert (newer is not None) == expected
        alive = expected
        issued += [newer] if newer else []
        good = [tokens for tokens in issued if house.logins.principal(tokens.access)]
        assert good == (issued[-1:] if alive else [])
    house.accounts.delete(user.id)


def test_a_refresh_token_shown_twice_ends_its_login_alone_and_is_noted(
    house: House, database: Database
) -> None:
    user = house.register()
    stolen, other = sign_in(house), sign_in(house)
    newer = house.logins.refresh(stolen.refresh)
    assert refreshed(house, stolen.refresh) is None
    assert house.logins.principal(newer.access) is None
    assert refreshed(house, newer.refresh) is None
    assert house.logins.principal(other.access)
    (entry,) = AuditService(database).page({"action": "login.reused_token"})[0]
    assert entry.target == f"user:{user.id}"


def test_of_many_who_show_one_refresh_token_at_once_one_is_served(house: House) -> None:
    house.register()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            tokens = sign_in(house)
            answers = list(pool.map(refreshed, [house] * 4, [tokens.refresh] * 4))
            (served,) = [answer for answer in answers if answer]
            # The others showed a used one.
            assert house.logins.principal(served.access) is None


class Interrupted(Passwords):
    """Something happens while a password is being checked."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def is_right(self, password: str, hashed: str | None) -> bool:
        self._happens()
        return super().is_right(password, hashed)


def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(
    house: House, database: Database
) -> None:
    user = house.register()
    access = sign_in(house).access

    def change() -> None:
        house.accounts.change_password(user.id, PASSWORD, "teh botol 99", access)

    logins = Logins(database, Interrupted(change), lambda _user_id: None)
    with pytest.raises(Unauthorized):
        logins.log_in(EMAIL, PASSWORD)
    assert house.logins.log_in(EMAIL, "teh botol 99")


def test_an_account_that_goes_while_its_password_is_checked_opens_nothing(
    house: House, database: Database
) -> None:
    user = house.register()
    logins = Logins(database, Interrupted(lambda: house.accounts.delete(user.id)), lambda _user_id: None)
    with pytest.raises(Unauthorized):
        logins.log_in(EMAIL, PASSWORD)


def test_a_logout_ends_one_login_at_once(house: House) -> None:
    house.register()
    here, there = sign_in(house), sign_in(house)
    house.logins.log_out(here.access)
    assert house.logins.principal(here.access) is None
    assert refreshed(house, here.refresh) is None
    assert house.logins.principal(there.access)


def test_a_logout_everywhere_ends_all_logins_of_the_account_alone(house: House) -> None:
    user = house.register()
    house.register("budi@example.com")
    own = [sign_in(house), sign_in(house)]
    others = house.logins.log_in("budi@example.com", PASSWORD)
    house.logins.log_out_everywhere(user.id)
    assert [house.logins.principal(tokens.access) for tokens in own] == [None, None]
    assert [refreshed(house, tokens.refresh) for tokens in own] == [None, None]
    assert house.logins.principal(others.access)


def test_what_has_expired_is_cleared_away_at_the_next_sign_in(house: House, database: Database) -> None:
    house.register()
    house.logins.refresh(sign_in(house).refresh)
    house.clock.wait(31 * 24 * 3600)
    sign_in(house)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LoginRow)) == 1
        assert session.scalar(select(func.count()).select_from(TokenRow)) == 2
