import math

from hypothesis import given
from hypothesis import strategies as st

from marketplace import BANDUNG, JAKARTA
from warung.geo import EARTH_RADIUS_KM, Coordinates, distance_km
from warung.search.geo import COARSE, FINE, LEVELS, Cell, cells_around, split, spot

POINTS = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))


def destination(start: Coordinates, bearing: float, length_km: float) -> Coordinates:
    """The end of a great circle, as in any textbook of spherical trigonometry."""
    lat, lng, angle = math.radians(start.lat), math.radians(start.lng), length_km / EARTH_RADIUS_KM
    sine = math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(bearing)
    end_lat = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat),
        math.cos(angle) - math.sin(lat) * math.sin(end_lat),
    )
    end_lng = (math.degrees(lng + turn) + 180) % 360 - 180
    return Coordinates(math.degrees(end_lat), end_lng)


@given(POINTS, st.floats(0, 2 * math.pi), st.floats(0.0001, 8), st.floats(0, 1), st.sampled_from(LEVELS))
def test_the_cells_around_hold_every_point_within_the_radius(
    center: Coordinates, bearing: float, cells: float, part: float, level: int
) -> None:
    radius_km = cells * 111 / level
    point = destination(center, bearing, radius_km * part)
    if distance_km(center, point) <= radius_km:
        assert Cell.of(point, level) in cells_around(center, radius_km, level)


@given(
    POINTS, POINTS, st.floats(1, 12_000), st.sampled_from(LEVELS), st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_a_cell_that_lies_within_has_no_point_outside(
    center: Coordinates, point: Coordinates, radius_km: float, level: int, corner: tuple[float, float]
) -> None:
    cell = Cell.of(point, level)
    if split([cell], level, radius_km, center)[0]:
        north, east = corner
        inside = Coordinates((cell.row + north) / level - 90, (cell.column + east) / level - 180)
        assert distance_km(center, inside) <= radius_km


@given(st.floats(89.3, 90), st.floats(-180, 180), st.floats(0, 1), st.floats(0, 1), st.floats(20, 200))
def test_behind_the_pole_a_cell_that_lies_within_has_no_point_outside_either(
    lat: float, lng: float, north: float, east: float, radius_km: float
) -> None:
    center = Coordinates(lat, lng)
    behind = Cell.of(Coordinates(lat, lng - 180 if lng > 0 else lng + 180), COARSE)
    if split([behind], COARSE, radius_km, center)[0]:
        inside = Coordinates((behind.row + north) / COARSE - 90, (behind.column + east) / COARSE - 180)
        assert distance_km(center, inside) <= radius_km


def test_both_sides_of_the_antimeridian_are_neighbours() -> None:
    east, west = Coordinates(-16.5, 179.99), Coordinates(-16.5, -179.99)
    assert Cell.of(west, FINE) in cells_around(east, 5, FINE)
    assert Cell.of(Coordinates(0, 180), FINE) == Cell.of(Coordinates(0, -180), FINE)


def test_a_ring_is_no_larger_than_it_must_be() -> None:
    assert len(cells_around(JAKARTA, 5, FINE)) <= 4
    assert Cell.of(BANDUNG, FINE) not in cells_around(JAKARTA, 60, FINE)


def test_a_whole_cell_is_recognised() -> None:
    cell = Cell.of(JAKARTA, FINE)
    assert split([cell], FINE, 30, JAKARTA) == ([cell], [])
    assert split([cell], FINE, 5, JAKARTA) == ([], [cell])


@given(POINTS, POINTS)
def test_a_cell_is_split_off_where_one_of_its_points_is(center: Coordinates, point: Coordinates) -> None:
    distance = distance_km(center, point)
    for level in LEVELS:
        cell = Cell.of(point, level)
        assert any(split([cell], level, distance, center))
        assert not split([cell], level, distance - 0.01, center)[0]


@given(POINTS, POINTS)
def test_every_cell_lies_within_half_the_earth_around(center: Coordinates, point: Coordinates) -> None:
    cells = [Cell.of(point, COARSE)]
    assert split(cells, COARSE, 20_037.6 + 60, center) == (cells, [])


@given(POINTS, POINTS, POINTS)
def test_spots_of_one_cell_follow_each_other(one: Coordinates, two: Coordinates, other: Coordinates) -> None:
    first, between, last = sorted((one, two, other), key=spot)
    for level in LEVELS:
        if Cell.of(first, level) == Cell.of(last, level):
            assert Cell.of(between, level) == Cell.of(first, level)
