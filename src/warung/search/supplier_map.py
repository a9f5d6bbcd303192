"""Where the suppliers are, held in memory by cells; knows no product and no index."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from warung.geo import Coordinates, distance_km
from warung.search.geo import COARSE, FINE, LEVELS, Cell, cells_around

_FINE_UP_TO_KM = 60
# From here on there are more cells around a point than cells with a supplier in them.
_ALL_CELLS_FROM_KM = 2000


@dataclass(frozen=True, slots=True)
class Area:
    """A disc, exactly: all suppliers of `cells` and, where its edge cuts cells, those of `suppliers`."""

    cells: frozenset[Cell]
    suppliers: frozenset[int]


class SupplierMap:
    """Safe to share between threads."""

    def __init__(self, locations: Mapping[int, Coordinates]) -> None:
        self._lock = Lock()
        self._locations: dict[int, Coordinates] = {}
        self._cells: dict[int, defaultdict[Cell, set[int]]] = {level: defaultdict(set) for level in LEVELS}
        for supplier_id, location in locations.items():
            self.place(supplier_id, location)

    def place(self, supplier_id: int, location: Coordinates) -> None:
        with self._lock:
            before = self._locations.get(supplier_id)
            if before == location:
                return
            self._locations[supplier_id] = location
            for level, cells in self._cells.items():
                if before is not None:
                    cells[Cell.of(before, level)].discard(supplier_id)
                cells[Cell.of(location, level)].add(supplier_id)

    def location(self, supplier_id: int) -> Coordinates | None:
        with self._lock:
            return self._locations.get(supplier_id)

    def within(self, radius_km: float, center: Coordinates) -> Area:
        level = FINE if radius_km <= _FINE_UP_TO_KM else COARSE
        inside: set[Cell] = set()
        suppliers: set[int] = set()
        with self._lock:
            known = self._cells[level]
            cells = set(known)
            if radius_km < _ALL_CELLS_FROM_KM:
                cells &= cells_around(center, radius_km, level)
            for cell in cells:
                if cell.lies_within(radius_km, center):
                    inside.add(cell)
                    continue
                suppliers.update(
                    supplier_id
                    for supplier_id in known[cell]
                    if distance_km(center, self._locations[supplier_id]) <= radius_km
                )
        return Area(frozenset(inside), frozenset(suppliers))
