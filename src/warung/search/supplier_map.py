"""Where the suppliers are, held in memory by cells; knows no product and no index."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from warung.geo import Coordinates, distance_km
from warung.search.geo import COARSE, FINE, FINEST, LEVELS, Cell, cells_around, split

# From here on there are more cells around a point than cells with a supplier in them.
_ALL_CELLS_FROM_KM = 2000


@dataclass(frozen=True, slots=True)
class Area:
    """A disc, exactly: all suppliers of `cells` and, where its edge cuts cells, those of `suppliers`."""

    cells: frozenset[Cell]
    suppliers: frozenset[int]

    @property
    def terms(self) -> list[str]:
        """One of these is among the `place_terms` of each supplier in the area, and of no other."""
        return [*(cell.term for cell in self.cells), *map(_supplier_term, self.suppliers)]


def place_terms(supplier_id: int, location: Coordinates) -> list[str]:
    """The terms by which an index finds what a supplier has."""
    return [*(Cell.of(location, level).term for level in LEVELS), _supplier_term(supplier_id)]


def _supplier_term(supplier_id: int) -> str:
    return f"supplier:{supplier_id}"


class SupplierMap:
    """Safe to share between threads."""

    def __init__(self, locations: Mapping[int, Coordinates]) -> None:
        self._lock = Lock()
        self._locations: dict[int, Coordinates] = {}
        self._suppliers: defaultdict[Cell, set[int]] = defaultdict(set)
        self._cells: defaultdict[Cell, set[Cell]] = defaultdict(set)
        self._coarse: set[Cell] = set()
        for supplier_id, location in locations.items():
            self.place(supplier_id, location)

    def place(self, supplier_id: int, location: Coordinates) -> None:
        with self._lock:
            before = self._locations.get(supplier_id)
            if before == location:
                return
            self._locations[supplier_id] = location
            if before is not None:
                self._suppliers[Cell.of(before, FINEST)].discard(supplier_id)
            finest, fine, coarse = (Cell.of(location, level) for level in (FINEST, FINE, COARSE))
            self._suppliers[finest].add(supplier_id)
            self._cells[fine].add(finest)
            self._cells[coarse].add(fine)
            self._coarse.add(coarse)

    def location(self, supplier_id: int) -> Coordinates | None:
        with self._lock:
            return self._locations.get(supplier_id)

    def within(self, radius_km: float, center: Coordinates) -> Area:
        """The largest cells that lie inside, and the suppliers of the finest ones that the edge cuts."""
        inside: set[Cell] = set()
        with self._lock:
            cut = self._coarse_around(radius_km, center)
            for level in (COARSE, FINE, FINEST):
                whole, cut = split(cut, level, radius_km, center)
                inside.update(whole)
                if level != FINEST:
                    cut = [part for cell in cut for part in self._cells[cell]]
            suppliers = frozenset(
                supplier_id
                for cell in cut
                for supplier_id in self._suppliers[cell]
                if distance_km(center, self._locations[supplier_id]) <= radius_km
            )
        return Area(frozenset(inside), suppliers)

    def _coarse_around(self, radius_km: float, center: Coordinates) -> Iterable[Cell]:
        if radius_km >= _ALL_CELLS_FROM_KM:
            return self._coarse
        return self._coarse & cells_around(center, radius_km, COARSE)
