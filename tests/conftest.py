"""What many tests stand on: the packaged model and a seeded shop."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.weights import convert
from marketplace import new_database, shop_settings, sqlite_url
from postgres_server import PostgresServer, postgres_server
from warung.cli import packaged_model
from warung.database.migrate import migrate
from warung.database.session import Database
from warung.errors import InvalidInput
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.seed.catalogue import build_catalogue
from warung.seed.service import seed
from warung.settings import Settings
from warung.suppliers.service import SupplierService

# Timing decides no test.
settings.register_profile("warung", deadline=None)
settings.load_profile("warung")


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The small real model, SmolLM2-135M-Instruct."""
    try:
        return packaged_model()
    except InvalidInput as error:
        pytest.fail(error.message)


@pytest.fixture(scope="session")
def model_folder(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a Hugging Face folder in float32, which Transformers reads twenty times as quickly."""
    folder = tmp_path_factory.mktemp("model") / "SmolLM2"
    convert(model_file, folder)
    return folder


@pytest.fixture(scope="session")
def seeded_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the seeded database and its index; copy it, don't write to it."""
    folder = tmp_path_factory.mktemp("seeded")
    settings = shop_settings(folder)
    migrate(settings.database)
    database = Database(settings.database)
    suppliers, products = SupplierService(database), ProductService(database)
    seed(suppliers, products, build_catalogue())
    ProductIndex(folder / "index", products, suppliers).catch_up()
    database.close()
    return folder


@pytest.fixture
def shop(seeded_folder: Path, tmp_path: Path) -> Settings:
    """Settings of a seeded shop of the test's own, with the scripted engine."""
    return shop_settings(Path(shutil.copytree(seeded_folder, tmp_path / "shop")))


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty, migrated database of each kind."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.new_database()
    new_database(tmp_path).close()
    return sqlite_url(tmp_path / "warung.db")


@pytest.fixture
def database(database_url: str) -> Generator[Database]:
    """The same, open."""
    opened = Database(database_url)
    yield opened
    opened.close()
