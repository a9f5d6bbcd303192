import pytest
from starlette.requests import Request

from warung.accounts.api_keys import OPEN_OWNER, ApiKeys
from warung.errors import Unauthorized


def request(authorization: str | None = None) -> Request:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})


def test_without_keys_everybody_is_the_same_owner() -> None:
    keys = ApiKeys([])
    assert keys.owner(request()) == keys.owner(request("Bearer anything")) == OPEN_OWNER


def test_each_key_is_an_owner_whose_name_does_not_tell_the_key() -> None:
    keys = ApiKeys(["kunci-satu", "kunci-dua"])
    one, two = (keys.owner(request(f"Bearer kunci-{which}")) for which in ("satu", "dua"))
    assert len({one, two, OPEN_OWNER}) == 3
    assert "kunci" not in one + two
    assert keys.owner(request("bearer  kunci-satu ")) == one
    assert ApiKeys(["kunci-satu"]).owner(request("Bearer kunci-satu")) == one


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "kunci",
        "Bearer",
        "Bearer ",
        "Basic kunci",
        "Bearer Kunci",
        "Bearer kunci2",
        "Bearer kunci kunci",
        "Bearer ékunci",
    ],
)
def test_anything_else_is_refused(authorization: str | None) -> None:
    with pytest.raises(Unauthorized) as refusal:
        ApiKeys(["kunci"]).owner(request(authorization))
    assert refusal.value.code == "invalid_api_key"
    assert "kunci" not in refusal.value.message
