import pytest
from starlette.requests import Request

from warung.accounts.authentication import Authentication
from warung.accounts.callers import Callers
from warung.accounts.guests import Guests
from warung.accounts.principal import Principal
from warung.errors import Forbidden, TooManyRequests, Unauthorized

PEOPLE = {
    "t_sari": Principal("user:1", "shopper", "1", ai_access=True),
    "t_budi": Principal("user:2", "shopper", "2", ai_access=True),
    "t_closed": Principal("user:3", "shopper", "3"),
}
authenticate = Authentication({"t_": PEOPLE.get})


def new_callers(*, guests: bool = True) -> Callers:
    return Callers(authenticate, Guests(enabled=guests, per_minute=1), per_minute=2)


def asked(token: str | None) -> Request:
    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "http",
        "scheme": "http",
        "path": "/",
        "server": ("warung", 80),
        "client": ("10.0.0.1", 1),
    }
    return Request({**scope, "headers": headers})


def test_who_shows_nothing_is_a_guest() -> None:
    assert new_callers()(asked(None)).owner.startswith("guest:")


def test_an_account_asks_in_its_own_name_without_a_cookie() -> None:
    caller = new_callers(guests=False)(asked("t_sari"))
    assert (caller.owner, caller.headers) == ("user:1", {})


def test_a_credential_that_is_not_good_makes_no_guest() -> None:
    with pytest.raises(Unauthorized):
        new_callers()(asked("t_forged"))


def test_an_account_needs_the_operators_leave() -> None:
    with pytest.raises(Forbidden) as refusal:
        new_callers()(asked("t_closed"))
    assert refusal.value.code == "ai_access_disabled"


def test_each_account_has_an_allowance_of_its_own() -> None:
    callers = new_callers()
    for _ in range(2):
        callers(asked("t_sari")).spend()
    with pytest.raises(TooManyRequests) as refusal:
        callers(asked("t_sari")).spend()
    assert refusal.value.code == "account_limit"
    callers(asked("t_budi")).spend()
    callers(asked(None)).spend()
