"""A product as a shopper is shown it: the wire's product card; knows no table and no index."""

from pydantic import BaseModel

from warung.geo import Coordinates, distance_km
from warung.products.product import Product
from warung.suppliers.schemas import Location


class CardSupplier(BaseModel):
    id: int
    business_name: str
    city: str
    location: Location


class Delivery(BaseModel):
    """One way of sending: `fee` in rupiah, the time as a range of hours."""

    service: str
    fee: int
    min_hours: int
    max_hours: int


class ProductCard(BaseModel):
    """`price` in rupiah; `distance_km` from the shopper to 0.1 km, null where no place is known."""

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
    product: Product, *, near: Coordinates | None = None, score: float | None = None
) -> ProductCard:
    """The card of `product` for a shopper at `near`."""
    supplier = product.supplier
    return ProductCard(
        id=product.id,
        name=product.name,
        description=product.description,
        price=product.price_rupiah,
        stock_quantity=product.stock_quantity,
        category=product.category,
        tags=list(product.tags),
        distance_km=None if near is None else round(distance_km(near, supplier.location), 1),
        supplier=CardSupplier(
            id=supplier.id,
            business_name=supplier.business_name,
            city=supplier.city,
            location=Location(lat=supplier.location.lat, lng=supplier.location.lng),
        ),
        delivery=None,
        score=None if score is None else round(score, 4),
    )
