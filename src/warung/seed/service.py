"""Puts the catalogue into the database, once; knows neither how it was made nor any table."""

from collections.abc import Callable
from dataclasses import dataclass

from warung.products.service import ProductService
from warung.seed.catalogue import Catalogue
from warung.suppliers.service import SupplierService


@dataclass(frozen=True, slots=True)
class SeedReport:
    """`unchanged` counts suppliers and products that were there already."""

    suppliers_added: int
    products_added: int
    unchanged: int


def seed(
    suppliers: SupplierService,
    products: ProductService,
    catalogue: Catalogue,
    on_progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> SeedReport:
    """Store what is missing; a second run writes nothing.

    `on_progress` is told what is being stored ("suppliers", "products"), how many are done, and of how many.
    """
    drafts = [entry.draft for entry in catalogue.suppliers]
    stored = suppliers.add_missing(drafts, lambda done: on_progress("suppliers", done, len(drafts)))
    offers = [
        (stored.ids[entry.draft.external_id], product)
        for entry in catalogue.suppliers
        for product in entry.products
    ]
    added = products.add_missing(offers, lambda done: on_progress("products", done, len(offers)))
    total = len(drafts) + len(offers)
    return SeedReport(stored.added, added, total - stored.added - added)
