"""Reads and writes the table of suppliers inside its caller's transaction; knows no product."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from warung.geo import Coordinates
from warung.suppliers.models import SupplierRow
from warung.suppliers.schemas import SupplierDraft
from warung.suppliers.supplier import Supplier

_KEPT = SupplierRow.deleted_at.is_(None)


class SupplierRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def ids_by_external_id(self, external_ids: Iterable[str]) -> dict[str, int]:
        """The ids of those that are stored."""
        found = select(SupplierRow.external_id, SupplierRow.id).where(
            SupplierRow.external_id.in_(external_ids), _KEPT
        )
        return {external: key for external, key in self._session.execute(found) if external is not None}

    def add(self, drafts: Sequence[SupplierDraft]) -> None:
        self._session.execute(insert(SupplierRow), [_values(draft) for draft in drafts])

    def find(self, ids: Iterable[int]) -> Mapping[int, Supplier]:
        rows = self._session.scalars(select(SupplierRow).where(SupplierRow.id.in_(ids), _KEPT))
        return {row.id: as_supplier(row) for row in rows}

    def locations(self) -> dict[int, Coordinates]:
        """Where every supplier is, by id."""
        rows = self._session.execute(select(SupplierRow.id, SupplierRow.lat, SupplierRow.lng).where(_KEPT))
        return {key: Coordinates(lat, lng) for key, lat, lng in rows}


def as_supplier(row: SupplierRow) -> Supplier:
    return Supplier(
        id=row.id,
        external_id=row.external_id,
        name=row.name,
        business_name=row.business_name,
        city=row.city,
        address=row.address,
        contact=row.contact,
        location=Coordinates(row.lat, row.lng),
        registration_date=row.registration_date,
        email=row.email,
        version=row.version,
        updated_at=row.updated_at,
    )


def _values(draft: SupplierDraft) -> dict[str, object]:
    values: dict[str, object] = draft.model_dump(exclude={"location"})
    return values | {"lat": draft.location.lat, "lng": draft.location.lng}
