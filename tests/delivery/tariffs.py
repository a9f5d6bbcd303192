"""A tariff to estimate with."""

from warung.delivery.schemas import DeliveryLevel

REGULAR = DeliveryLevel(
    slug="regular",
    name="Reguler",
    max_km=6000,
    max_weight_grams=50_000,
    min_fee=9_000,
    fee_per_km=22,
    fee_per_kg=8_000,
    min_hours=36,
    max_hours=72,
    hours_per_100_km=3,
)
