import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.tariffs import REGULAR
from warung.delivery.estimate import estimate
from warung.delivery.schemas import Delivery, DeliveryLevel

rupiah = st.integers(0, 100_000)
hours = st.integers(0, 200)


@st.composite
def services(draw: st.DrawFn) -> DeliveryLevel:
    least = draw(hours)
    return DeliveryLevel(
        slug="x",
        name="X",
        max_km=draw(st.integers(1, 20_000)),
        max_weight_grams=draw(st.integers(1, 10**6)),
        min_fee=draw(rupiah),
        fee_per_km=draw(rupiah),
        fee_per_kg=draw(rupiah),
        min_hours=least,
        max_hours=least + draw(hours),
        hours_per_100_km=draw(st.floats(0, 100)),
    )


ways_km = st.floats(0, 20_000)
grams = st.none() | st.integers(1, 10**6)


@given(services(), ways_km, ways_km, grams)
def test_a_longer_way_is_never_quicker_nor_cheaper(
    level: DeliveryLevel, one_km: float, other_km: float, weight: int | None
) -> None:
    near, far = sorted((one_km, other_km))
    [*shorter], [*longer] = estimate([level], near, weight), estimate([level], far, weight)
    assert len(shorter) >= len(longer)
    for less, more in zip(shorter, longer, strict=False):
        assert (less.fee, less.min_hours, less.max_hours) <= (more.fee, more.min_hours, more.max_hours)
        assert less.min_hours <= more.min_hours
        assert less.max_hours <= more.max_hours


@given(services(), ways_km, st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_weight_is_never_cheaper(level: DeliveryLevel, way_km: float, one: int, other: int) -> None:
    light, heavy = sorted((one, other))
    [*less], [*more] = estimate([level], way_km, light), estimate([level], way_km, heavy)
    assert len(less) >= len(more)
    assert all(a.fee <= b.fee for a, b in zip(less, more, strict=False))


@given(services(), ways_km, grams)
def test_fees_are_round_and_cover_the_tariff(level: DeliveryLevel, way_km: float, weight: int | None) -> None:
    for delivery in estimate([level], way_km, weight):
        assert delivery.fee % 500 == 0
        assert delivery.fee >= max(level.min_fee, level.fee_per_km * way_km)
        assert level.min_hours <= delivery.min_hours <= delivery.max_hours


@pytest.mark.parametrize(
    ("way_km", "weight", "fee", "min_hours", "max_hours"),
    [
        (0, None, 9_000, 36, 72),
        (660, 1_000, 15_000, 56, 92),  # 14,520 rupiah
        (660, 1_001, 23_000, 56, 92),
        (660, 3_000, 31_000, 56, 92),
        (6_000, 1, 132_000, 216, 252),
    ],
)
def test_a_known_tariff(way_km: float, weight: int | None, fee: int, min_hours: int, max_hours: int) -> None:
    told = Delivery(service="regular", name="Reguler", fee=fee, min_hours=min_hours, max_hours=max_hours)
    assert estimate([REGULAR], way_km, weight) == [told]


def test_what_is_too_far_too_heavy_or_turned_off_is_left_out() -> None:
    assert estimate([REGULAR], 6000.1) == []
    assert estimate([REGULAR], 1, 50_001) == []
    assert estimate([REGULAR.model_copy(update={"enabled": False})], 1) == []
