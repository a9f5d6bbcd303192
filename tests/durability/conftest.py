from collections.abc import Generator
from pathlib import Path

import pytest

from marketplace import new_database
from streams.redis_server import RedisServer


@pytest.fixture(params=["sqlite", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[dict[str, str]]:
    """Where the streams are kept, as settings; replicas share it."""
    if request.param == "redis":
        (tmp_path / "redis").mkdir()
        server = RedisServer(tmp_path / "redis")
        server.start()
        yield {"REDIS_URL": server.url}
        server.kill()
        return
    file = {"PERSIST_SESSIONS": "1", "SESSIONS_DB_PATH": str(tmp_path / "sessions.db")}
    yield file if request.param == "sqlite" else {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of an empty shop."""
    new_database(tmp_path).close()
    return tmp_path
