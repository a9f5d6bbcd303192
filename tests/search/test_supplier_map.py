from hypothesis import given
from hypothesis import strategies as st

from marketplace import BANDUNG, JAKARTA, SURABAYA
from warung.geo import Coordinates, distance_km
from warung.search.supplier_map import SupplierMap, place_terms

POINTS = st.one_of(
    st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180)),
    st.builds(Coordinates, st.floats(-7, -6), st.floats(106, 108)),
)


@given(st.lists(POINTS, max_size=30), POINTS, st.floats(0.1, 21_000))
def test_an_area_is_exactly_the_suppliers_within_the_radius(
    points: list[Coordinates], center: Coordinates, radius_km: float
) -> None:
    locations = dict(enumerate(points))
    area = SupplierMap(locations).within(radius_km, center)
    terms = set(area.terms)
    found = {key for key, point in locations.items() if not terms.isdisjoint(place_terms(key, point))}
    assert found == {key for key, point in locations.items() if distance_km(center, point) <= radius_km}


def test_a_supplier_who_moves_is_found_at_the_new_place_only() -> None:
    suppliers = SupplierMap({1: JAKARTA, 2: SURABAYA})
    suppliers.place(1, BANDUNG)
    assert suppliers.location(1) == BANDUNG
    assert suppliers.location(3) is None
    assert not {*suppliers.within(10, JAKARTA).terms} & {*place_terms(1, BANDUNG)}
    assert {*suppliers.within(10, BANDUNG).terms} & {*place_terms(1, BANDUNG)}
