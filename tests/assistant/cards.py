"""Product cards for tests that need no database."""

from warung.products.cards import CardSupplier, Location, ProductCard


def card(number: int, name: str, description: str = "", **values: object) -> ProductCard:
    fields: dict[str, object] = {
        "id": number,
        "name": name,
        "description": description,
        "price": 1_000_000 * number,
        "stock_quantity": 5,
        "category": "laptop",
        "tags": [],
        "distance_km": 1.5 * number,
        "supplier": CardSupplier(
            id=number,
            business_name=f"Toko Nomor{number}",
            city="Jakarta Barat",
            location=Location(lat=-6.2, lng=106.8),
        ),
        "delivery": None,
        "score": None,
        **values,
    }
    return ProductCard.model_validate(fields)
