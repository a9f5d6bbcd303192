from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from warung.database.types import UtcDateTime

ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours, minutes=30)))
MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001  zones are drawn
DIALECTS: list[Dialect] = [sqlite.dialect(), postgresql.dialect()]


@given(MOMENTS, st.sampled_from(DIALECTS))
def test_a_moment_stays_the_same_and_comes_back_in_utc(moment: datetime, dialect: Dialect) -> None:
    column = UtcDateTime()
    stored = column.process_bind_param(moment, dialect)
    assert stored is not None
    if dialect.name == "sqlite":
        stored = stored.replace(tzinfo=None)
    back = column.process_result_value(stored, dialect)
    assert back == moment
    assert back is not None
    assert back.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(naive, sqlite.dialect())
