"""Callers with credentials of the tests' own."""

from warung.accounts.authentication import Authentication
from warung.accounts.principal import Principal

OPERATOR = {"Authorization": "Bearer t_operator"}
SHOPPER = {"Authorization": "Bearer t_ani"}
OTHER_SHOPPER = {"Authorization": "Bearer t_budi"}
STRANGER = {"Authorization": "Bearer t_nobody"}

_PRINCIPALS = {
    "t_operator": Principal("user:operator", "operator", user_id="operator"),
    "t_ani": Principal("user:ani", "shopper", user_id="ani"),
    "t_budi": Principal("user:budi", "shopper", user_id="budi"),
}


def authentication() -> Authentication:
    return Authentication({"t_": _PRINCIPALS.get})
