import pytest
from starlette.requests import Request

from warung.accounts.authentication import Authentication
from warung.accounts.principal import ANONYMOUS, Principal
from warung.errors import Unauthorized

STALL = Principal("supplier:7", "supplier", supplier_id=7)
authenticate = Authentication({"wrs_": lambda credential: STALL if credential == "wrs_good" else None})


def asked(*headers: tuple[str, str]) -> Request:
    return Request({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers]})


def test_who_shows_nothing_is_anonymous() -> None:
    assert authenticate(asked()) is ANONYMOUS


@pytest.mark.parametrize("header", ["Bearer wrs_good", "bearer  wrs_good "])
def test_a_good_credential_is_read_by_its_kind(header: str) -> None:
    assert authenticate(asked(("authorization", header))) is STALL


@pytest.mark.parametrize("header", ["Bearer wrs_bad", "Bearer other", "Basic wrs_good", "wrs_good", ""])
def test_what_is_shown_must_be_good(header: str) -> None:
    with pytest.raises(Unauthorized, match="sign in again"):
        authenticate(asked(("authorization", header)))
