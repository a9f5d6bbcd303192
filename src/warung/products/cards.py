"""A product as a shopper is shown it: the wire's product card; knows no table and no index."""

from collections.abc import Sequence

from pydantic import BaseModel

from warung.delivery.estimate import estimate
from warung.delivery.schemas import Delivery, DeliveryLevel
from warung.geo import Coordinates, distance_km
from warung.location import Location
from warung.products.product import Product


class CardSupplier(BaseModel):
    id: int
    business_name: str
    city: str
    location: Location


class ProductCard(BaseModel):
    """`price` in rupiah; `distance_km` from the shopper to 0.1 km and `delivery` are null where no place is
    known; `delivery` is empty where no service goes."""

    id: int
    name: str
    description: str
    price: int
    stock_quantity: int
    category: str
    tags: list[str]
    distance_km: float | None
    supplier: CardSupplier
    delivery: list[Delivery] | None
    score: float | None


def product_card(
    product: Product,
    *,
    near: Coordinates | None = None,
    score: float | None = None,
    levels: Sequence[DeliveryLevel] = (),
) -> ProductCard:
    """The card of `product` for a shopper at `near`, sent by one of the `levels`."""
    supplier = product.supplier
    way_km = None if near is None else distance_km(near, supplier.location)
    return ProductCard(
        id=product.id,
        name=product.name,
        description=product.description,
        price=product.price_rupiah,
        stock_quantity=product.stock_quantity,
        category=product.category,
        tags=list(product.tags),
        distance_km=None if way_km is None else round(way_km, 1),
        supplier=CardSupplier(
            id=supplier.id,
            business_name=supplier.business_name,
            city=supplier.city,
            location=Location.of(supplier.location),
        ),
        delivery=estimate(levels, way_km, product.weight_grams) if levels and way_km is not None else None,
        score=None if score is None else round(score, 4),
    )
