import pytest

from warung.accounts.principal import ANONYMOUS, Principal
from warung.errors import Forbidden, Unauthorized

SHOPPER = Principal("user:1", "shopper", user_id="1")
STALL = Principal("supplier:7", "supplier", supplier_id=7)


def test_a_role_opens_what_is_for_it_alone() -> None:
    SHOPPER.require("operator", "shopper")
    with pytest.raises(Forbidden, match="operators, and your role is shopper"):
        SHOPPER.require("operator")
    with pytest.raises(Unauthorized, match="sign in"):
        ANONYMOUS.require("operator")


def test_only_who_runs_a_stall_has_one() -> None:
    assert STALL.require_supplier() == 7
    with pytest.raises(Unauthorized):
        ANONYMOUS.require_supplier()
    with pytest.raises(Forbidden):
        SHOPPER.require_supplier()
    with pytest.raises(Forbidden, match="register your stall"):
        Principal("user:2", "supplier", user_id="2").require_supplier()
