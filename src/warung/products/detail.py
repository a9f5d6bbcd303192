"""A product with all that is public of it, as the wire shows it; knows no table and no index."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from warung.delivery.schemas import DeliveryLevel
from warung.geo import Coordinates
from warung.products.cards import ProductCard, product_card
from warung.products.categories import Category
from warung.products.product import PriceChange, Product
from warung.products.schemas import Condition


class ProductDetail(ProductCard):
    """The card, and what else its supplier told."""

    sku: str
    brand: str | None
    condition: Condition
    weight_grams: int | None
    images: list[str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(
        cls, product: Product, *, near: Coordinates | None = None, levels: Sequence[DeliveryLevel] = ()
    ) -> Self:
        return cls(
            **dict(product_card(product, near=near, levels=levels)),
            sku=product.sku,
            brand=product.brand,
            condition=product.condition,
            weight_grams=product.weight_grams,
            images=list(product.images),
            created_at=product.created_at,
            updated_at=product.updated_at,
        )


class HistoryEntry(BaseModel):
    """Price, in rupiah, and stock after one of them changed; `actor` changed it."""

    at: datetime
    price: int
    stock_quantity: int
    actor: str
    reason: str | None

    @classmethod
    def of(cls, change: PriceChange) -> Self:
        return cls(
            at=change.at,
            price=change.price_rupiah,
            stock_quantity=change.stock_quantity,
            actor=change.actor,
            reason=change.reason,
        )


class CategoryName(BaseModel):
    slug: str
    name: str


class CategoryGroup(BaseModel):
    name: str
    categories: list[CategoryName]


class CategoryTree(BaseModel):
    groups: list[CategoryGroup]

    @classmethod
    def of(cls, categories: tuple[Category, ...]) -> Self:
        """In the order in which groups and categories first come."""
        groups: dict[str, list[CategoryName]] = {}
        for each in categories:
            groups.setdefault(each.group, []).append(CategoryName(slug=each.slug, name=each.name))
        return cls(groups=[CategoryGroup(name=name, categories=held) for name, held in groups.items()])
