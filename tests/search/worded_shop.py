"""A shop of named goods, searched by what words stand for; its groups of synonyms can be exchanged."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marketplace import add_products, add_supplier, new_database, product_draft
from warung.products.schemas import ProductDraft
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.request import SearchRequest, SearchResult
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService
from warung.synonyms.packaged import load_synonyms
from warung.synonyms.schemas import SynonymDraft, SynonymGroup


def group(slug: str, draft: SynonymDraft) -> SynonymGroup:
    return SynonymGroup(slug=slug, packaged=False, changed=False, **draft.model_dump())


PACKAGED = tuple(group(slug, draft) for slug, draft in load_synonyms().items())


@dataclass
class Shop:
    search: SearchService
    groups: tuple[SynonymGroup, ...] = field(default=PACKAGED)

    def find(self, text: str, **asked: Any) -> SearchResult:
        return self.search.search(SearchRequest(text=text, **asked))

    def names(self, text: str, **asked: Any) -> list[str]:
        return [card.name for card in self.find(text, **asked).cards]

    def suggest(self, text: str, limit: int = 8) -> list[tuple[str, int]]:
        return [(each.text, each.count) for each in self.search.complete(text, limit)[0]]


def open_shop(folder: Path, *drafts: ProductDraft) -> Shop:
    database = new_database(folder)
    add_products(database, add_supplier(database, "a"), *drafts)
    products = ProductService(database)
    index = ProductIndex(folder / "index", products, SupplierService(database))
    index.catch_up()
    shop = Shop(SearchService(index, products, synonyms=lambda: shop.groups))
    return shop


NAMES = (
    "Kulkas 2 Pintu Sharp", "Lemari Es 2 Pintu", "Lemari Pakaian 2 Pintu", "Es Krim Vanila",
    "Smartphone Samsung Galaxy", "HP Xiaomi Redmi", "Laptop HP Pavilion", "Laptop Gaming Asus",
    "Laptop Gaming Acer", "Vacuum Tanpa Kabel", "Vacuum Kabel Panjang", "Sandal Kulit",
    "Jaket Jin", "Hoodie Polos", "Kursi Gaming",
)  # fmt: skip


def stocked(folder: Path) -> Shop:
    return open_shop(
        folder, *(product_draft(str(at), name, category="sembako") for at, name in enumerate(NAMES))
    )
