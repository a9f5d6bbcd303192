"""Reads and writes suppliers and their keys inside its caller's transaction; knows no product."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.database.model import Model
from warung.database.types import utc_now
from warung.errors import Conflict
from warung.geo import Coordinates
from warung.suppliers.key import SupplierKey, digest_of, hint_of
from warung.suppliers.models import SupplierKeyRow, SupplierRow
from warung.suppliers.schemas import LocatedStall, SupplierDraft
from warung.suppliers.supplier import Supplier

_KEPT = SupplierRow.deleted_at.is_(None)
_FIELDS = ["lat", "lng", *(field.name for field in fields(Supplier) if field.name != "location")]

TABLE = Model.metadata.tables[SupplierRow.__tablename__]
COLUMNS = tuple(TABLE.c[name] for name in _FIELDS)
"""What `supplier_of` takes."""

_KEYS = Model.metadata.tables[SupplierKeyRow.__tablename__]
_OF_KEY = (
    select(TABLE.c.id)
    .join_from(TABLE, _KEYS)
    .where(_KEYS.c.digest == bindparam("digest"), _KEYS.c.revoked_at.is_(None), TABLE.c.deleted_at.is_(None))
)


class Shelf(Protocol):
    """What stands in a stall, and follows it within the same transaction."""

    def moved(self, session: Session, supplier_id: int) -> None: ...

    def closed(self, session: Session, supplier_id: int) -> None: ...


class SupplierRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def ids_by_external_id(self, external_ids: Iterable[str]) -> dict[str, int]:
        """The ids of those that are stored."""
        found = select(SupplierRow.external_id, SupplierRow.id).where(
            SupplierRow.external_id.in_(external_ids), _KEPT
        )
        return {external: key for external, key in self._session.execute(found) if external is not None}

    def id_of_user(self, user_id: str) -> int | None:
        """The stall that an account runs."""
        return self._session.scalar(select(SupplierRow.id).where(SupplierRow.user_id == user_id, _KEPT))

    def add(self, drafts: Sequence[SupplierDraft]) -> None:
        rows = [
            _values(draft) | {"external_id": draft.external_id, "registration_date": draft.registration_date}
            for draft in drafts
        ]
        self._session.execute(insert(SupplierRow), rows)

    def register(self, stall: LocatedStall, user_id: str | None) -> Supplier:
        """Store a new one. Raises Conflict when the account runs another already."""
        row = SupplierRow(**_values(stall), registration_date=_today(), user_id=user_id)
        self._session.add(row)
        with _one_stall_each():
            self._session.flush()
        return _as_supplier(row)

    def find(self, ids: Iterable[int]) -> Mapping[int, Supplier]:
        return self._suppliers(select(SupplierRow).where(SupplierRow.id.in_(ids), _KEPT))

    def after(self, supplier_id: int, limit: int) -> Sequence[Supplier]:
        """The next suppliers in the order of their ids."""
        following = select(SupplierRow).where(SupplierRow.id > supplier_id, _KEPT)
        return list(self._suppliers(following.order_by(SupplierRow.id).limit(limit)).values())

    def locations(self, latitudes: tuple[float, float] = (-90, 90)) -> dict[int, Coordinates]:
        """Where every supplier between two parallels is, by id."""
        places = select(SupplierRow.id, SupplierRow.lat, SupplierRow.lng)
        rows = self._session.execute(places.where(_KEPT, SupplierRow.lat.between(*latitudes)))
        return {key: Coordinates(lat, lng) for key, lat, lng in rows}

    def lock(self, supplier_id: int) -> Supplier | None:
        """The supplier, which no other transaction changes before this one's end."""
        # SQLite has no row locks and needs none: a writing transaction is alone from its beginning.
        locked = select(SupplierRow).where(SupplierRow.id == supplier_id, _KEPT).with_for_update()
        return self._suppliers(locked).get(supplier_id)

    def hold(self, ids: Iterable[int]) -> set[int]:
        """Those of the suppliers that there are: until the transaction's end none of them is deleted."""
        held = select(SupplierRow.id).where(SupplierRow.id.in_(set(ids)), _KEPT).order_by(SupplierRow.id)
        return set(self._session.scalars(held.with_for_update(read=True)))

    def replace(self, supplier_id: int, stall: LocatedStall) -> Supplier:
        """Make a locked supplier what `stall` says: a new version, if it isn't that already."""
        row = self._session.get_one(SupplierRow, supplier_id)
        for field, value in _values(stall).items():
            setattr(row, field, value)
        if self._session.is_modified(row):
            row.version += 1
        self._session.flush()
        return _as_supplier(row)

    def remove(self, supplier_id: int) -> None:
        """Mark a locked supplier as deleted."""
        row = self._session.get_one(SupplierRow, supplier_id)
        row.deleted_at = utc_now()
        row.version += 1
        self._session.flush()

    def add_key(self, supplier_id: int, credential: str) -> SupplierKey:
        row = SupplierKeyRow(supplier_id=supplier_id, digest=digest_of(credential), hint=hint_of(credential))
        self._session.add(row)
        self._session.flush()
        return _as_key(row)

    def keys(self, supplier_id: int) -> list[SupplierKey]:
        kept = select(SupplierKeyRow).where(SupplierKeyRow.supplier_id == supplier_id)
        return [_as_key(row) for row in self._session.scalars(kept.order_by(SupplierKeyRow.id))]

    def revoke_key(self, supplier_id: int, key_id: int) -> bool:
        """False when the supplier has no such key that is still good."""
        changed = self._session.scalars(
            update(SupplierKeyRow)
            .where(
                SupplierKeyRow.id == key_id,
                SupplierKeyRow.supplier_id == supplier_id,
                SupplierKeyRow.revoked_at.is_(None),
            )
            .values(revoked_at=utc_now())
            .returning(SupplierKeyRow.id)
        ).all()
        return bool(changed)

    def id_of_key(self, credential: str) -> int | None:
        """The supplier whose key this is; None for one that is unknown or revoked."""
        return self._session.scalar(_OF_KEY, {"digest": digest_of(credential)})

    def _suppliers(self, chosen: Select[SupplierRow]) -> dict[int, Supplier]:
        return {row.id: _as_supplier(row) for row in self._session.scalars(chosen)}


def supplier_of(values: Iterable[Any]) -> Supplier:
    """The supplier of a row of COLUMNS."""
    lat, lng, *others = values
    return Supplier(**dict(zip(_FIELDS[2:], others, strict=True)), location=Coordinates(lat, lng))


def _as_supplier(row: SupplierRow) -> Supplier:
    return supplier_of(getattr(row, name) for name in _FIELDS)


def _as_key(row: SupplierKeyRow) -> SupplierKey:
    return SupplierKey(row.id, row.hint, row.created_at, row.revoked_at)


def _values(stall: LocatedStall) -> dict[str, object]:
    return {
        "name": stall.name,
        "business_name": stall.business_name,
        "city": stall.city,
        "address": stall.address,
        "contact": stall.contact,
        "email": stall.email,
        "lat": stall.location.lat,
        "lng": stall.location.lng,
    }


def _today() -> date:
    return utc_now().date()


@contextmanager
def _one_stall_each() -> Generator[None]:
    try:
        yield
    except IntegrityError as error:
        if "user_id" in str(error.orig):
            raise Conflict("your account runs a stall already", code="stall_exists") from None
        raise
