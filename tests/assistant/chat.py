"""A shopper who talks to a live server."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from live import serving
from marketplace import StockRoom
from warung.app import create_app
from warung.database.session import Database
from warung.engine.engine import Engine
from warung.settings import Settings

QUESTION = {"message": "laptop gaming Jakarta budget 10 juta", "location": "-6.2,106.8"}
Frame = tuple[str, dict[str, Any] | None]
"""An event's id and JSON; None for [DONE]."""


@dataclass(slots=True)
class Shopper:
    client: httpx.Client

    def ask(self, **body: Any) -> httpx.Response:
        return self.client.post("/api/chat", json={**QUESTION, **body})

    def frames(self, **body: Any) -> list[Frame]:
        with self.client.stream("POST", "/api/chat", json={**QUESTION, "stream": True, **body}) as response:
            assert response.status_code == 200, response.read()
            return read_frames(response)

    def follow(self, session_id: str, after: str | None = None) -> list[Frame]:
        headers = {"Last-Event-ID": after} if after else {}
        with self.client.stream("GET", f"/api/chat/{session_id}", headers=headers) as response:
            assert response.status_code == 200, response.read()
            return read_frames(response)


def read_frames(response: httpx.Response) -> list[Frame]:
    frames: list[Frame] = []
    event_id = ""
    for line in response.iter_lines():
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
            frames.append((event_id, None if data == "[DONE]" else json.loads(data)))
    return frames


def text_of(frames: list[Frame]) -> str:
    return "".join(
        choice["delta"].get("content", "") for _, data in frames if data for choice in data["choices"]
    )


def own_of(frames: list[Frame]) -> dict[str, Any]:
    """The merged "warung" keys."""
    merged: dict[str, Any] = {}
    for _, data in frames:
        merged |= data["warung"] if data else {}
    return merged


@contextmanager
def open_shop(settings: Settings, engine: Engine | None = None) -> Generator[str]:
    with serving(create_app(settings, engine=engine)) as url:
        yield url


@contextmanager
def shopper_at(url: str) -> Generator[Shopper]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield Shopper(client)


@contextmanager
def stock_room(settings: Settings) -> Generator[StockRoom]:
    """The supplier's side of the same database."""
    database = Database(settings.database)
    yield StockRoom(database)
    database.close()


def count_messages(settings: Settings) -> int:
    database = Database(settings.database)
    with database.reading() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM messages").scalar_one()
    database.close()
    return int(count)
