import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from marketplace import BANDUNG, JAKARTA, supplier_draft
from warung.database.session import Database
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
