"""Who asks, and as what; knows no credential and no route."""

from dataclasses import dataclass
from typing import Literal

from warung.errors import Forbidden, Unauthorized
from warung.geo import Coordinates

Role = Literal["anonymous", "shopper", "supplier", "operator"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. What is kept for one is kept under `owner`: "user:<account id>", "supplier:<id>".

    `supplier_id` is the stall that the caller runs, by an account or by the stall's own key; `location` is
    where the account says it is.
    """

    owner: str
    role: Role
    user_id: str | None = None
    supplier_id: int | None = None
    ai_access: bool = False
    location: Coordinates | None = None

    def require(self, *roles: Role) -> None:
        """Raises Unauthorized without any credential, Forbidden for another role than these."""
        if self.role in roles:
            return
        wanted = " or ".join(f"{role}s" for role in roles)
        if self.role == "anonymous":
            raise Unauthorized(f"sign in first: this is for {wanted}")
        raise Forbidden(f"this is for {wanted}, and your role is {self.role}")

    def require_supplier(self) -> int:
        """The stall that the caller runs. Raises Unauthorized and Forbidden."""
        if self.supplier_id is None:
            self.require("supplier")
            raise Forbidden("register your stall first: POST /api/suppliers/register")
        return self.supplier_id


ANONYMOUS = Principal("anonymous", "anonymous")
