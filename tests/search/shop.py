"""A shop that can be searched, for tests of what is found."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marketplace import add_products, add_supplier, new_database
from warung.database.session import Database
from warung.geo import Coordinates
from warung.products.cards import ProductCard
from warung.products.schemas import ProductDraft
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.request import SearchRequest, SearchResult
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService


@dataclass(frozen=True, slots=True)
class Shop:
    database: Database
    products: ProductService
    index: ProductIndex
    search: SearchService

    def stock(self, location: Coordinates, *drafts: ProductDraft) -> None:
        """One more supplier with these products, not indexed yet."""
        supplier_id = add_supplier(
            self.database, f"s{len(SupplierService(self.database).locations())}", location
        )
        add_products(self.database, supplier_id, *drafts)

    def names(self, text: str = "", **asked: Any) -> list[str]:
        return [card.name for card in self.search.search(SearchRequest(text=text, **asked)).cards]


def open_shop(folder: Path) -> Shop:
    database = new_database(folder)
    products = ProductService(database)
    index = ProductIndex(folder / "index", products, SupplierService(database))
    index.catch_up()
    return Shop(database, products, index, SearchService(index, products))


def results_of(shop: Shop, request: SearchRequest) -> Iterator[SearchResult]:
    cursor = None
    while True:
        result = shop.search.search(replace(request, cursor=cursor))
        yield result
        if (cursor := result.next_cursor) is None:
            return


def pages(shop: Shop, request: SearchRequest) -> Iterator[tuple[ProductCard, ...]]:
    return (result.cards for result in results_of(shop, request))
