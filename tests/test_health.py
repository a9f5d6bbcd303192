"""What /health tells, of a live server."""

import socket
from pathlib import Path

import httpx

from live import serving
from marketplace import shop_settings
from openai_api.house import CHAT, open_house, question
from waiting import wait_until
from warung.app import create_app
from warung.engine.scripted import MODEL_ID


def test_health_tells_when_the_model_is_ready(tmp_path: Path) -> None:
    with open_house(tmp_path) as client:
        before = client.get("/health").json()
        client.post(CHAT, json=question())
        after = client.get("/health").json()
    assert before == {
        "ok": True,
        "modelReady": False,
        "modelId": MODEL_ID,
        "status": "idle",
        "running": 0,
        "error": None,
        "degraded": False,
        "stopping": False,
        "sessions": {"store": "memory", "problem": None},
        "database": {"problem": None},
    }
    assert after == {**before, "modelReady": True, "status": "ready"}


def test_health_tells_where_streams_are_kept_and_what_is_wrong_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open_house(tmp_path, redis_url=f"redis://127.0.0.1:{port}/0") as client:
        assert client.post(CHAT, json=question()).status_code == 503
        health = client.get("/health")
    told = health.json()
    assert (health.status_code, told["ok"], told["degraded"]) == (200, True, True)
    assert told["sessions"]["store"] == "redis"
    assert told["sessions"]["problem"]
    assert "\n" not in told["sessions"]["problem"]


def test_health_tells_of_a_database_that_is_away(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = f"postgresql://warung@127.0.0.1:{port}/warung"
    with (
        serving(create_app(shop_settings(tmp_path, database_url=away))) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        refused = client.get("/api/products/1")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert refused.headers["Retry-After"] == "2"
        wait_until(lambda: client.get("/health").json()["degraded"])
        told = client.get("/health").json()
        assert told["ok"]
        assert told["database"]["problem"]
        assert told["sessions"]["problem"] is None
