"""Who may run a stall; knows no table and no route."""

from warung.accounts.principal import Principal
from warung.errors import Forbidden, NotFound


def require_keeper(caller: Principal, supplier_id: int, *, hidden: str | None = None) -> None:
    """Raises unless `caller` runs this stall or the whole market.

    Forbidden tells that the stall is another's. What nobody else may know of is `hidden`, by the words of
    one who finds nothing: for others it is NotFound.
    """
    caller.require("supplier", "operator")
    if caller.role == "operator" or caller.supplier_id == supplier_id:
        return
    if hidden is not None:
        raise NotFound(hidden)
    raise Forbidden("this belongs to another stall; you may change your own only", code="not_yours")
