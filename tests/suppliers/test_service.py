import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from marketplace import BANDUNG, JAKARTA, supplier_draft
from warung.database.session import Database
from warung.geo import Coordinates, distance_km
from warung.suppliers.service import SupplierService


def test_what_is_missing_is_stored_and_the_rest_left_as_it_is(database: Database) -> None:
    service = SupplierService(database)
    first = service.add_missing([supplier_draft("a"), supplier_draft("b", BANDUNG)])
    assert first.added == 2
    again = service.add_missing([supplier_draft("a", BANDUNG), supplier_draft("c")])
    assert again.added == 1
    assert again.ids["a"] == first.ids["a"]
    assert service.find(again.ids.values())[first.ids["a"]].location == JAKARTA
    assert service.locations()[first.ids["b"]] == BANDUNG


def test_progress_is_told_batch_by_batch_to_the_end(database: Database) -> None:
    seen: list[int] = []
    SupplierService(database).add_missing([supplier_draft(str(i)) for i in range(1001)], seen.append)
    assert seen == [500, 1000, 1001]


def test_a_point_off_the_earth_is_refused_by_the_table(database: Database) -> None:
    SupplierService(database).add_missing([supplier_draft("a")])
    with pytest.raises(IntegrityError, match="lat_range"), database.transaction() as session:
        session.execute(text("UPDATE suppliers SET lat = 91"))


@pytest.mark.parametrize("near", [JAKARTA, Coordinates(0, 180), Coordinates(90, 0), Coordinates(-89.9, -77)])
def test_pages_walk_all_stalls_from_the_nearest_to_the_farthest(
    database: Database, near: Coordinates
) -> None:
    service, dice = SupplierService(database), random.Random(7)
    around = [
        Coordinates(
            max(-90, min(90, near.lat + dice.gauss(0, spread))),
            (near.lng + dice.gauss(0, spread) + 180) % 360 - 180,
        )
        for spread in (0.01, 0.5, 60)
        for _ in range(40)
    ]
    service.add_missing([supplier_draft(str(i), point) for i, point in enumerate(around)])
    everybody = service.locations()
    expected = sorted(everybody, key=lambda key: (distance_km(near, everybody[key]), key))
    seen: list[int] = []
    cursor = None
    while True:
        page, cursor = service.page(near, cursor, 7)
        seen += [supplier.id for supplier in page]
        if cursor is None:
            break
    assert seen == expected
