"""What the house does with suppliers; knows no route and no product."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from warung.accounts.oversight import note
from warung.accounts.principal import Principal
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.errors import Conflict, Forbidden, NotFound
from warung.etag import require_match
from warung.geo import EARTH_RADIUS_KM, Coordinates, distance_km
from warung.paging import cut, malformed, read_key
from warung.suppliers.keeper import require_keeper
from warung.suppliers.key import SupplierKey, new_credential
from warung.suppliers.repository import Shelf, SupplierRepository
from warung.suppliers.schemas import LocatedStall, SupplierDraft
from warung.suppliers.supplier import Supplier

_BATCH = 500
_FIRST_BELT_KM = 10.0

_Place = tuple[float, int]  # the distance in km, and who is there

Suppliers = tuple[Sequence[Supplier], str | None]
"""A page of suppliers and the cursor to the next one."""


@dataclass(frozen=True, slots=True)
class StoredSuppliers:
    """`ids` of all suppliers asked for, by external id; `added` is how many of them are new."""

    ids: Mapping[str, int]
    added: int


class SupplierService:
    """`shelf` follows when a stall moves or closes; who only reads and adds needs none."""

    def __init__(self, database: Database, shelf: Shelf | None = None) -> None:
        self._database = database
        self._shelf = shelf

    def add_missing(
        self, drafts: Sequence[SupplierDraft], on_progress: Callable[[int], None] = lambda _done: None
    ) -> StoredSuppliers:
        """Store those whose external id is new; the others are left as they are, whatever they hold.

        Each batch is one transaction, so an interrupted run is completed by the next.
        `on_progress` is told after each batch how many drafts are done.
        """
        ids: dict[str, int] = {}
        added = 0
        for start in range(0, len(drafts), _BATCH):
            batch = {draft.external_id: draft for draft in drafts[start : start + _BATCH]}
            with self._database.transaction() as session:
                repository = SupplierRepository(session)
                stored = repository.ids_by_external_id(batch)
                if missing := [draft for key, draft in batch.items() if key not in stored]:
                    repository.add(missing)
                    stored = repository.ids_by_external_id(batch)
            ids |= stored
            added += len(missing)
            on_progress(min(start + _BATCH, len(drafts)))
        return StoredSuppliers(ids, added)

    def register(self, stall: LocatedStall, caller: Principal) -> tuple[Supplier, str]:
        """A new supplier and its key. An account of a supplier runs it from now on.

        Raises Conflict when the caller runs another stall already, Forbidden for a shopper's account.
        """
        if caller.supplier_id is not None:
            raise Conflict("you run a stall already", code="stall_exists")
        if caller.role == "shopper":
            raise Forbidden(
                "a shopper's account runs no stall: register an account with the role supplier, or send no"
                " credential and keep the stall's key"
            )
        user_id = caller.user_id if caller.role == "supplier" else None
        credential = new_credential()
        with self._database.transaction() as session:
            repository = SupplierRepository(session)
            supplier = repository.register(stall, user_id)
            repository.add_key(supplier.id, credential)
        return supplier, credential

    def find(self, ids: Iterable[int]) -> Mapping[int, Supplier]:
        """Those that exist, by id."""
        with self._database.reading() as session:
            return SupplierRepository(session).find(ids)

    def get(self, supplier_id: int) -> Supplier:
        """Raises NotFound."""
        return _found(self.find([supplier_id]).get(supplier_id), supplier_id)

    def page(self, near: Coordinates | None, cursor: str | None, limit: int) -> Suppliers:
        """The nearest to `near` first, else in the order of their ids. Raises InvalidInput."""
        with self._database.reading() as session:
            repository = SupplierRepository(session)
            if near is None:
                after = repository.after(read_key(cursor) if cursor else 0, limit + 1)
                return cut(after, limit, lambda supplier: str(supplier.id))
            start: _Place = _read_place(cursor) if cursor else (-1.0, 0)
            nearest = _nearest(repository, near, start, limit + 1)
            page, following = cut(nearest, limit, lambda place: f"{place[0]!r}:{place[1]}")
            suppliers = repository.find([key for _, key in page])
            return [suppliers[key] for _, key in page], following

    def locations(self) -> Mapping[int, Coordinates]:
        """Where every supplier is, by id."""
        with self._database.reading() as session:
            return SupplierRepository(session).locations()

    def change(
        self,
        supplier_id: int,
        caller: Principal,
        edit: Callable[[Supplier], LocatedStall],
        if_match: Sequence[str] | None = None,
    ) -> Supplier:
        """Make a stall what `edit` says, which sees it as it is at this moment.

        Raises NotFound, Forbidden, and PreconditionFailed for another version than `if_match` names.
        """
        with self._database.transaction() as session:
            repository = SupplierRepository(session)
            before = _kept(repository, supplier_id, caller, if_match)
            note(AuditRepository(session), caller, "supplier.change", f"supplier:{supplier_id}")
            after = repository.replace(supplier_id, edit(before))
            if self._shelf and (after.location, after.city) != (before.location, before.city):
                self._shelf.moved(session, supplier_id)
        return after

    def close(self, supplier_id: int, caller: Principal, if_match: Sequence[str] | None = None) -> None:
        """Delete a stall with all that stands in it; its keys open nothing any more. Raises like `change`."""
        with self._database.transaction() as session:
            repository = SupplierRepository(session)
            _kept(repository, supplier_id, caller, if_match)
            note(AuditRepository(session), caller, "supplier.close", f"supplier:{supplier_id}")
            repository.remove(supplier_id)
            if self._shelf:
                self._shelf.closed(session, supplier_id)

    def add_key(self, supplier_id: int, caller: Principal) -> tuple[SupplierKey, str]:
        """Another key to the stall. Raises NotFound, also for a caller who runs another stall."""
        require_keeper(caller, supplier_id, hidden=_no_supplier(supplier_id))
        credential = new_credential()
        with self._database.transaction() as session:
            repository = SupplierRepository(session)
            _found(repository.lock(supplier_id), supplier_id)
            note(AuditRepository(session), caller, "supplier.add_key", f"supplier:{supplier_id}")
            return repository.add_key(supplier_id, credential), credential

    def keys(self, supplier_id: int, caller: Principal) -> Sequence[SupplierKey]:
        """All keys that the stall ever had. Raises like `add_key`."""
        require_keeper(caller, supplier_id, hidden=_no_supplier(supplier_id))
        with self._database.reading() as session:
            repository = SupplierRepository(session)
            _found(repository.find([supplier_id]).get(supplier_id), supplier_id)
            return repository.keys(supplier_id)

    def revoke_key(self, supplier_id: int, key_id: int, caller: Principal) -> None:
        """From now on the key opens nothing. Raises like `add_key`, and NotFound for one that is not good."""
        require_keeper(caller, supplier_id, hidden=_no_supplier(supplier_id))
        with self._database.transaction() as session:
            if not SupplierRepository(session).revoke_key(supplier_id, key_id):
                raise NotFound(f"supplier {supplier_id} has no good key {key_id}")
            told = {"key_id": key_id}
            note(AuditRepository(session), caller, "supplier.revoke_key", f"supplier:{supplier_id}", **told)

    def by_key(self, credential: str) -> Principal | None:
        """Who shows this key; None for one that is unknown or revoked."""
        with self._database.reading() as session:
            supplier_id = SupplierRepository(session).id_of_key(credential)
        if supplier_id is None:
            return None
        return Principal(f"supplier:{supplier_id}", "supplier", supplier_id=supplier_id)

    def by_account(self, user_id: str) -> int | None:
        """The id of the stall that an account runs."""
        with self._database.reading() as session:
            return SupplierRepository(session).id_of_user(user_id)


def _kept(
    repository: SupplierRepository, supplier_id: int, caller: Principal, if_match: Sequence[str] | None
) -> Supplier:
    """The locked supplier, which the caller may change."""
    supplier = _found(repository.lock(supplier_id), supplier_id)
    require_keeper(caller, supplier_id)
    require_match(if_match, supplier.version)
    return supplier


def _found(supplier: Supplier | None, supplier_id: int) -> Supplier:
    if supplier is None:
        raise NotFound(_no_supplier(supplier_id))
    return supplier


def _no_supplier(supplier_id: int) -> str:
    return f"there is no supplier {supplier_id}"


def _nearest(repository: SupplierRepository, near: Coordinates, start: _Place, limit: int) -> list[_Place]:
    """The next places behind `start`, read from ever wider belts of latitude around the shopper."""
    reach_km = _FIRST_BELT_KM
    while True:
        degrees = math.degrees(reach_km / EARTH_RADIUS_KM)
        points = repository.locations((near.lat - degrees, near.lat + degrees))
        places = ((distance_km(near, point), key) for key, point in points.items())
        nearest = heapq.nsmallest(limit, (place for place in places if start < place))
        whole = degrees >= 180
        if whole or (len(nearest) == limit and nearest[-1][0] < reach_km):
            return nearest
        reach_km *= 4


def _read_place(cursor: str) -> _Place:
    distance, _, key = cursor.partition(":")
    try:
        return float(distance), read_key(key)
    except ValueError:
        raise malformed() from None
