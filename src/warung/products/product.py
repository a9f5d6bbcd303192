"""A stored product and the log of changes, as the rest of the house sees them; knows no table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from warung.products.schemas import Condition, ProductDraft
from warung.suppliers.supplier import EPOCH, Supplier


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
    brand: str | None = None
    condition: Condition = "new"
    weight_grams: int | None = None
    images: tuple[str, ...] = ()
    version: int = 1
    created_at: datetime = EPOCH
    updated_at: datetime = EPOCH


def draft_of(product: Product) -> ProductDraft:
    """What is stored, as its supplier would send it."""
    return ProductDraft.model_construct(
        **{field: getattr(product, field) for field in ProductDraft.model_fields}
    )


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The price and stock after one of them changed; `actor` is the owner name of who did it."""

    at: datetime
    price_rupiah: int
    stock_quantity: int
    actor: str
    reason: str | None


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
