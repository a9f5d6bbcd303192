"""A live server in this process, whose model speaks when it may; for faults that need no other process."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from live import served
from marketplace import shop_settings
from openai_api.house import Valve, held_engine
from warung.app import create_app

Shop = tuple[str, Valve]
"""Its URL, and what lets its model speak."""


@contextmanager
def open_shop(folder: Path, kept: Mapping[str, str], **settings: object) -> Generator[Shop]:
    store = {name.lower(): value for name, value in kept.items()}
    with (
        held_engine() as (engine, valve),
        served(create_app(shop_settings(folder, **store, **settings), engine=engine)) as server,
    ):
        yield server.url, valve
        valve.open()


def is_degraded(url: str) -> bool:
    """Whether the server at this URL has trouble with its streams; it serves all the same."""
    health = httpx.get(f"{url}/health").json()
    assert health["ok"]
    return health["degraded"]
