"""A stored product and the log of changes, as the rest of the house sees them; knows no table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from warung.suppliers.supplier import Supplier


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    supplier: Supplier
    sku: str
    name: str
    description: str
    price_rupiah: int
    stock_quantity: int
    category: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeMark:
    """A position in the change log; as a whole it tells one database's log from another's."""

    seq: int
    product_id: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed up to `mark`: the ids, and the products among them that still exist."""

    mark: ChangeMark
    ids: frozenset[int]
    products: Sequence[Product]
