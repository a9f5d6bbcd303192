"""Brings a database to a revision of the packaged migrations; knows no model."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from warung.database.session import connected, make_engine, parse_url
from warung.errors import Conflict


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade or downgrade to `revision` ("head", "base" or an id) in one transaction.

    Raises Conflict when the database stands at a revision that this version doesn't know, and InvalidInput
    when there is no database at this URL.
    """
    # Rebuilding a table on SQLite drops the old one, which would cascade with foreign keys on.
    engine = make_engine(database_url, foreign_keys=False)
    try:
        with connected(engine.execution_options(warung_writes=True)) as connection, connection.begin():
            _move(connection, revision)
            _check_foreign_keys(connection)
    except CommandError as error:
        raise Conflict(
            f"cannot migrate the database to {revision!r}: {error}", code="migration_failed"
        ) from error
    finally:
        engine.dispose()


def pending(database_url: str) -> bool:
    """Whether the database stands anywhere but at the newest revision; makes no file. Raises InvalidInput."""
    url = parse_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return True
    engine = make_engine(database_url)
    try:
        with connected(engine) as connection:
            current = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    return set(current) != set(ScriptDirectory.from_config(alembic_config()).get_heads())


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without a file; commands run on `connection`, in its transaction."""
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _move(connection: Connection, revision: str) -> None:
    config = alembic_config(connection)
    if revision == "head" or not _is_behind(connection, revision):
        command.upgrade(config, revision)
    else:
        command.downgrade(config, revision)


def _is_behind(connection: Connection, revision: str) -> bool:
    """Whether `revision` lies before the one at which the database stands."""
    current = MigrationContext.configure(connection).get_current_heads()
    if revision == "base":
        return True
    script = ScriptDirectory.from_config(alembic_config())
    older = {step.revision for step in script.iterate_revisions(current, "base")}
    return revision in older - set(current)


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise Conflict(
            f"rows without their parent in {tables}; nothing was migrated", code="migration_failed"
        )
