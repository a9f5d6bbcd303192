"""What sending costs and how long it takes, from the way and the weight; knows no table and no product."""

import math
from collections.abc import Iterable

from warung.delivery.schemas import Delivery, DeliveryLevel

_ROUNDED_TO_RUPIAH = 500
_GRAMS_UNLESS_KNOWN = 1000


def estimate(
    levels: Iterable[DeliveryLevel], distance_km: float, weight_grams: int | None = None
) -> list[Delivery]:
    """The services that go so far with so much, in their order.

    Within a service a longer way is never quicker nor cheaper, and more weight never cheaper. Fees are in
    whole rupiah, rounded up to 500. An unknown weight is taken for 1 kg.
    """
    grams = _GRAMS_UNLESS_KNOWN if weight_grams is None else weight_grams
    return [
        _delivery(level, distance_km, grams)
        for level in levels
        if level.enabled and distance_km <= level.max_km and grams <= level.max_weight_grams
    ]


def _delivery(level: DeliveryLevel, distance_km: float, grams: int) -> Delivery:
    more_kg = max(0, math.ceil(grams / 1000) - 1)
    fee = max(level.min_fee, math.ceil(level.fee_per_km * distance_km)) + level.fee_per_kg * more_kg
    way_hours = level.hours_per_100_km * distance_km / 100
    return Delivery(
        service=level.slug,
        name=level.name,
        fee=math.ceil(fee / _ROUNDED_TO_RUPIAH) * _ROUNDED_TO_RUPIAH,
        min_hours=math.ceil(level.min_hours + way_hours),
        max_hours=math.ceil(level.max_hours + way_hours),
    )
