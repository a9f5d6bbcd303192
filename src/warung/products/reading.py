"""Reads whole products as plain values, without the ORM's objects; knows no transaction and no condition.

An object of the ORM for each product, supplier and tag costs four times as much as the rows themselves.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from warung.geo import Coordinates
from warung.products.models import ProductRow, ProductTagRow
from warung.products.product import Product
from warung.suppliers.models import SupplierRow
from warung.suppliers.supplier import Supplier

# In the order in which `_as_supplier` and `_as_product` take them.
_SUPPLIER_COLUMNS = (
    *(SupplierRow.id, SupplierRow.external_id, SupplierRow.name, SupplierRow.business_name),
    *(SupplierRow.city, SupplierRow.address, SupplierRow.contact, SupplierRow.lat, SupplierRow.lng),
    *(SupplierRow.registration_date, SupplierRow.email, SupplierRow.version, SupplierRow.updated_at),
)
_PRODUCT_COLUMNS = (
    *(ProductRow.id, ProductRow.sku, ProductRow.name, ProductRow.description, ProductRow.price_rupiah),
    *(ProductRow.stock_quantity, ProductRow.category, ProductRow.brand, ProductRow.condition),
    *(ProductRow.weight_grams, ProductRow.images, ProductRow.version),
    *(ProductRow.created_at, ProductRow.updated_at),
)
_SUPPLIER = len(_SUPPLIER_COLUMNS)

# Statements that are made once are also compiled once.
WHOLE_PRODUCTS: Select[*tuple[Any, ...]] = select(*_SUPPLIER_COLUMNS, *_PRODUCT_COLUMNS).join_from(
    ProductRow, SupplierRow
)
_TAGS = (
    select(ProductTagRow.product_id, ProductTagRow.tag)
    .where(ProductTagRow.product_id.in_(bindparam("ids", expanding=True)))
    .order_by(ProductTagRow.product_id, ProductTagRow.position)
)


def read_products(
    session: Session, chosen: Select[*tuple[Any, ...]], values: dict[str, object]
) -> list[Product]:
    """What a statement made of WHOLE_PRODUCTS finds with these `values` of its parameters, in its order."""
    rows = session.execute(chosen, values).all()
    tags = _tags(session, [row[_SUPPLIER] for row in rows])
    suppliers: dict[int, Supplier] = {}
    return [_as_product(row, suppliers, tags) for row in rows]


def _tags(session: Session, ids: Iterable[int]) -> dict[int, list[str]]:
    tags: defaultdict[int, list[str]] = defaultdict(list)
    for product_id, tag in session.execute(_TAGS, {"ids": ids}):
        tags[product_id].append(tag)
    return tags


def _as_product(row: Row[Any], suppliers: dict[int, Supplier], tags: dict[int, list[str]]) -> Product:
    if row[0] not in suppliers:
        suppliers[row[0]] = _as_supplier(*row[:_SUPPLIER])
    key, sku, name, description, price, stock, category, brand, condition, grams, images, *rest = row[
        _SUPPLIER:
    ]
    return Product(
        *(key, suppliers[row[0]], sku, name, description, price, stock, category, tuple(tags.get(key, ()))),
        *(brand, condition, grams, tuple(images), *rest),
    )


def _as_supplier(*columns: Any) -> Supplier:
    key, external, name, business, city, address, contact, lat, lng, *rest = columns
    location = Coordinates(lat, lng)
    return Supplier(key, external, name, business, city, address, contact, location, *rest)
