"""What the house does with suppliers; knows no route and no product."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from warung.database.session import Database
from warung.geo import Coordinates
from warung.suppliers.repository import SupplierRepository
from warung.suppliers.schemas import SupplierDraft
from warung.suppliers.supplier import Supplier

_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoredSuppliers:
    """`ids` of all suppliers asked for, by external id; `added` is how many of them are new."""

    ids: Mapping[str, int]
    added: int


class SupplierService:
    def __init__(self, database: Database) -> None:
        self._database = database

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

    def find(self, ids: Iterable[int]) -> Mapping[int, Supplier]:
        """Those that exist, by id."""
        with self._database.reading() as session:
            return SupplierRepository(session).find(ids)

    def locations(self) -> Mapping[int, Coordinates]:
        """Where every supplier is, by id."""
        with self._database.reading() as session:
            return SupplierRepository(session).locations()
