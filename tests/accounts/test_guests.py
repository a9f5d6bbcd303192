import re
from http.cookies import SimpleCookie

import pytest
from starlette.requests import Request

from warung.accounts.guests import COOKIE, Guests
from warung.errors import Forbidden, TooManyRequests


def request(cookie: str | None = None, *, address: str | None = "10.0.0.1", scheme: str = "http") -> Request:
    headers = [] if cookie is None else [(b"cookie", f"{COOKIE}={cookie}".encode("latin-1"))]
    client = (address, 5000) if address else None
    scope = {"type": "http", "scheme": scheme, "path": "/", "server": ("warung", 80), "headers": headers}
    return Request({**scope, "client": client})


def new_guests(*, enabled: bool = True, per_minute: int = 2) -> Guests:
    return Guests(enabled=enabled, per_minute=per_minute)


def test_a_guest_is_known_again_by_the_cookie() -> None:
    guests = new_guests()
    first = guests.caller(request())
    cookie = SimpleCookie(first.headers["Set-Cookie"])[COOKIE]
    again = guests.caller(request(cookie.value))
    assert again.owner == first.owner
    assert again.headers == {}
    assert cookie.value not in first.owner
    assert (cookie["path"], cookie["samesite"], cookie["httponly"], cookie["max-age"]) == (
        "/",
        "Lax",
        True,
        "2592000",
    )
    assert cookie["secure"] == ""
    assert re.fullmatch(r"guest:[0-9a-f]{32}", first.owner)


def test_over_https_the_cookie_never_travels_in_the_open() -> None:
    assert new_guests().caller(request(scheme="https")).headers["Set-Cookie"].endswith("; Secure")


def test_two_guests_are_two_owners() -> None:
    guests = new_guests()
    assert len({guests.caller(request()).owner for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "forged", ["", "x", "x" * 31, "x" * 33, "x" * 31 + ".", "é" * 32, '"' + "x" * 30 + '"']
)
def test_a_cookie_that_was_never_given_out_is_replaced(forged: str) -> None:
    caller = new_guests().caller(request(forged))
    given_out = SimpleCookie(caller.headers["Set-Cookie"])[COOKIE].value
    assert given_out != forged
    assert len(given_out) == 32


def test_the_allowance_belongs_to_the_address_not_to_the_cookie() -> None:
    guests = new_guests(per_minute=2)
    for _ in range(2):
        guests.caller(request()).spend()
    with pytest.raises(TooManyRequests) as refusal:
        guests.caller(request()).spend()
    assert refusal.value.code == "guest_limit"
    assert refusal.value.retry_after_seconds in {30, 31}
    guests.caller(request(address="10.0.0.2")).spend()
    guests.caller(request(address=None)).spend()


def test_guests_may_be_turned_off() -> None:
    with pytest.raises(Forbidden) as refusal:
        new_guests(enabled=False).caller(request())
    assert refusal.value.code == "guests_disabled"
