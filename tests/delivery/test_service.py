import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from warung.accounts.principal import Principal
from warung.database.migrate import migrate
from warung.database.session import Database
from warung.delivery.estimate import estimate
from warung.delivery.models import DeliveryServiceRow
from warung.delivery.schemas import DeliveryLevel, Tariff
from warung.delivery.service import DeliveryService
from warung.errors import Forbidden, NotFound

OPERATOR = Principal("user:1", "operator", user_id="1")


def tariff_of(level: DeliveryLevel, **changes: object) -> Tariff:
    return Tariff.model_validate(level.model_dump(exclude={"slug"}) | changes)


def test_the_migration_brings_five_services_that_make_sense(database: Database) -> None:
    levels = DeliveryService(database).levels()
    assert [level.slug for level in levels] == ["instant", "same_day", "next_day", "regular", "cargo"]
    across_town = {delivery.service: delivery for delivery in estimate(levels, 8)}
    assert across_town["instant"].fee > across_town["same_day"].fee > across_town["regular"].fee
    assert across_town["instant"].max_hours < across_town["same_day"].max_hours <= 24
    far_and_heavy = {delivery.service: delivery for delivery in estimate(levels, 700, 40_000)}
    assert list(far_and_heavy) == ["regular", "cargo"]
    assert far_and_heavy["cargo"].fee < far_and_heavy["regular"].fee


def test_a_change_shows_at_once_here_and_soon_elsewhere(database: Database) -> None:
    now = [0.0]
    here, elsewhere = DeliveryService(database), DeliveryService(database, lambda: now[0])
    before = elsewhere.levels()
    assert here.levels() == before
    dearer = here.change("regular", tariff_of(before[3], min_fee=11_000), OPERATOR)
    assert here.levels()[3] == dearer
    now[0] = 1.9
    assert elsewhere.levels() == before
    now[0] = 2.0
    assert elsewhere.levels()[3].min_fee == 11_000


def test_a_service_that_is_not_there_is_told(database: Database) -> None:
    service = DeliveryService(database)
    with pytest.raises(NotFound, match="instant"):
        service.change("drone", tariff_of(service.levels()[0]), OPERATOR)


def test_a_supplier_changes_no_tariff(database: Database) -> None:
    service = DeliveryService(database)
    before = service.levels()
    with pytest.raises(Forbidden):
        service.change("regular", tariff_of(before[3], min_fee=0), Principal("supplier:1", "supplier"))
    assert DeliveryService(database).levels() == before


@pytest.mark.parametrize(
    "values", [{"max_km": 0}, {"min_fee": -1}, {"hours_per_100_km": -0.5}, {"max_hours": 0, "min_hours": 1}]
)
def test_the_table_refuses_what_makes_no_sense(database: Database, values: dict[str, float]) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(DeliveryServiceRow).values(values))


def test_the_tables_go_and_come_back(database_url: str) -> None:
    migrate(database_url, "0002")
    migrate(database_url)
    database = Database(database_url)
    assert len(DeliveryService(database).levels()) == 5
    database.close()
