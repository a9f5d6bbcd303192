"""Databases on a PostgreSQL of the tests' own."""

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

import pytest
from sqlalchemy import create_engine, text

from benchmarks.postgres import PostgresMissing, postgres
from warung.database.migrate import migrate

_NAMES = count(1)


class PostgresServer:
    def __init__(self, url: str) -> None:
        self._url = url
        self._template: str | None = None

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of an empty database."""
        if migrated and self._template is None:
            self._template = self._create()
            migrate(self._named(self._template))
        return self._named(self._create(self._template if migrated else None))

    def _named(self, name: str) -> str:
        return f"{self._url}/{name}"

    def _create(self, template: str | None = None) -> str:
        name = f"shop_{next(_NAMES)}"
        engine = create_engine(self._named("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
            )
        engine.dispose()
        return name


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """Fails the test when it can't be started."""
    try:
        with postgres("fsync=off") as url:
            yield PostgresServer(url)
    except PostgresMissing as error:
        pytest.fail(str(error))
