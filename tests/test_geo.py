import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.errors import InvalidInput
from warung.geo import EARTH_RADIUS_KM, Circle, Coordinates, distance_km

JAKARTA = Coordinates(-6.2088, 106.8456)
HALF_ROUND_KM = math.pi * EARTH_RADIUS_KM

points = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        # A degree of arc on this sphere is 111.195 km; the rest follows from angles that are known.
        (Coordinates(0, 0), Coordinates(0, 1), 111.195),
        (Coordinates(0, 0), Coordinates(1, 0), 111.195),
        (Coordinates(60, 0), Coordinates(60, 1), 55.597),
        (Coordinates(0, 0), Coordinates(0, 90), HALF_ROUND_KM / 2),
        (Coordinates(0, 0), Coordinates(0, 180), HALF_ROUND_KM),
        (Coordinates(-6.2, 106.8), Coordinates(6.2, -73.2), HALF_ROUND_KM),
        # Here rounding makes the sine's square exceed 1.
        (Coordinates(78.6, -104.0), Coordinates(-78.6, 76.0), HALF_ROUND_KM),
        # From Land's End to John o' Groats.
        (Coordinates(50.0664, -5.7147), Coordinates(58.6439, -3.0700), 968.9),
    ],
)
def test_known_distances(a: Coordinates, b: Coordinates, km: float) -> None:
    assert distance_km(a, b) == pytest.approx(km, rel=2e-4)


def by_vectors_km(a: Coordinates, b: Coordinates) -> float:
    """The same distance another way: the angle between the points as vectors from the centre."""

    def vector(point: Coordinates) -> tuple[float, float, float]:
        lat, lng = math.radians(point.lat), math.radians(point.lng)
        return math.cos(lat) * math.cos(lng), math.cos(lat) * math.sin(lng), math.sin(lat)

    (ax, ay, az), (bx, by, bz) = vector(a), vector(b)
    cross = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return EARTH_RADIUS_KM * math.atan2(cross, ax * bx + ay * by + az * bz)


@given(points, points)
def test_another_formula_gives_the_same(a: Coordinates, b: Coordinates) -> None:
    assert distance_km(a, b) == pytest.approx(by_vectors_km(a, b), abs=1e-3)


def test_the_short_way_over_the_antimeridian() -> None:
    assert distance_km(Coordinates(0, 179.5), Coordinates(0, -179.5)) == pytest.approx(111.195, rel=1e-5)
    assert distance_km(Coordinates(10, 180), Coordinates(10, -180)) == pytest.approx(0, abs=1e-9)


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_at_a_pole_every_longitude_is_the_same_point(one: float, other: float) -> None:
    for lat in (90, -90):
        assert distance_km(Coordinates(lat, one), Coordinates(lat, other)) == pytest.approx(0, abs=1e-6)
    assert distance_km(Coordinates(90, one), Coordinates(-90, other)) == pytest.approx(HALF_ROUND_KM)


@given(points)
def test_a_point_has_no_distance_to_itself_and_the_most_to_its_antipode(point: Coordinates) -> None:
    antipode = Coordinates(-point.lat, point.lng - 180 if point.lng > 0 else point.lng + 180)
    assert distance_km(point, point) == 0
    assert distance_km(point, antipode) == pytest.approx(HALF_ROUND_KM, rel=1e-7)


@given(points, points, points)
def test_distance_is_a_metric(a: Coordinates, b: Coordinates, c: Coordinates) -> None:
    assert distance_km(a, b) == pytest.approx(distance_km(b, a), abs=1e-9)
    assert 0 <= distance_km(a, b) <= HALF_ROUND_KM * (1 + 1e-12)
    # Near the antipode the formula is good to about a metre only.
    assert distance_km(a, c) <= distance_km(a, b) + distance_km(b, c) + 1e-3


@pytest.mark.parametrize("metres", [0.1, 1, 10])
def test_small_distances_do_not_vanish(metres: float) -> None:
    near = Coordinates(JAKARTA.lat + math.degrees(metres / 1000 / EARTH_RADIUS_KM), JAKARTA.lng)
    assert distance_km(JAKARTA, near) * 1000 == pytest.approx(metres, rel=1e-4)


def test_a_circle_holds_its_edge() -> None:
    edge = Coordinates(0, 1)
    radius_km = distance_km(Coordinates(0, 0), edge)
    assert edge in Circle(Coordinates(0, 0), radius_km)
    assert edge not in Circle(Coordinates(0, 0), radius_km - 0.001)


@given(points)
def test_what_is_written_is_read_back(point: Coordinates) -> None:
    assert Coordinates.parse(f"{point.lat!r},{point.lng!r}") == point


def test_blanks_do_no_harm() -> None:
    assert Coordinates.parse(" -6.2 , 106.8 ") == Coordinates(-6.2, 106.8)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1", "1,2,3", "1;2", "1,", ",1", "1,x", "nan,1", "1,inf", "91,0", "-90.1,0", "0,180.5"],
)
def test_what_is_no_place_names_the_field_and_shows_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match=r'for example "-6.2,106.8"') as refusal:
        Coordinates.parse(text, field="near")
    assert refusal.value.field == "near"
    assert refusal.value.message.startswith("near must be")


def test_a_long_wrong_text_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidInput) as refusal:
        Coordinates.parse("x" * 10_000)
    assert len(refusal.value.message) < 200


@pytest.mark.parametrize(
    ("lat", "lng", "field"),
    [(91, 0, "lat"), (math.nan, 0, "lat"), (0, -181, "lng"), (0, math.inf, "lng")],
)
def test_values_out_of_range_name_themselves(lat: float, lng: float, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Coordinates(lat, lng)
    assert refusal.value.field == field
