"""Made suppliers and products, and a migrated SQLite file, for the tests of the marketplace's parts."""

import atexit
import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from warung.accounts.principal import Principal
from warung.database.migrate import migrate
from warung.database.session import Database
from warung.geo import Coordinates
from warung.products.counter import Counter
from warung.products.product import draft_of
from warung.products.schemas import ProductDraft
from warung.products.service import ProductService
from warung.settings import Settings
from warung.suppliers.schemas import SupplierDraft
from warung.suppliers.service import SupplierService

JAKARTA = Coordinates(-6.2, 106.8)
BANDUNG = Coordinates(-6.9175, 107.6191)
SURABAYA = Coordinates(-7.2575, 112.7521)


def shop_settings(folder: Path, **values: object) -> Settings:
    """Settings that take nothing from the environment's `.env` file."""
    fields = {"data_dir": folder, "engine": "scripted", **values}
    return Settings(_env_file=None, **fields)  # pyright: ignore[reportArgumentType, reportCallIssue]


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(sqlite_url(folder / "empty.db"))
    return folder / "empty.db"


def new_database(folder: Path, name: str = "warung.db") -> Database:
    """An empty, migrated database in `folder`."""
    shutil.copyfile(_migrated_file(), folder / name)
    return Database(sqlite_url(folder / name))


def supplier_draft(
    external_id: str, location: Coordinates = JAKARTA, *, city: str = "Jakarta"
) -> SupplierDraft:
    return SupplierDraft(
        external_id=external_id,
        name="Siti Rahma",
        business_name=f"Toko {external_id}",
        city=city,
        address="Jalan Melati 1",
        contact="+62 812-3456-7890",
        location=location,
        registration_date=date(2024, 5, 17),
    )


def product_draft(
    sku: str,
    name: str,
    price_rupiah: int = 100_000,
    *,
    stock_quantity: int = 5,
    category: str = "laptop",
    description: str = "",
    tags: tuple[str, ...] = (),
) -> ProductDraft:
    return ProductDraft(
        sku=sku,
        name=name,
        description=description,
        price_rupiah=price_rupiah,
        stock_quantity=stock_quantity,
        category=category,
        tags=tags,
    )


def add_supplier(database: Database, external_id: str, location: Coordinates = JAKARTA) -> int:
    return SupplierService(database).add_missing([supplier_draft(external_id, location)]).ids[external_id]


def add_products(database: Database, supplier_id: int, *drafts: ProductDraft) -> None:
    ProductService(database).add_missing([(supplier_id, draft) for draft in drafts])


class StockRoom:
    """Where an operator changes products behind the shop's back."""

    _OPERATOR = Principal("user:operator", "operator", user_id="operator")

    def __init__(self, database: Database) -> None:
        self._counter = Counter(database)
        self.find = ProductService(database).find

    def change(self, product_id: int, **fields: object) -> None:
        self._counter.change(
            product_id, self._OPERATOR, lambda before: draft_of(before).model_copy(update=fields)
        )

    def remove(self, product_id: int) -> None:
        self._counter.take_off(product_id, self._OPERATOR)
