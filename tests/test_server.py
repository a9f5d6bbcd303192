"""What a server does when it is told to stop, once and again, while an answer is held in its middle."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from live import LiveServer, served
from marketplace import new_database, shop_settings
from openai_api.house import CHAT, Valve, frames_of, held_engine, question, said, take
from waiting import wait_until
from warung.app import create_app

SESSION = "held-session"
BODY = question("Satu dua", stream=True, session_id=SESSION)
FOR_LONG = 3600


@contextmanager
def open_shop(
    folder: Path, *, stop_within_seconds: float, **settings: object
) -> Generator[tuple[LiveServer, httpx.Client, Valve]]:
    new_database(folder).close()
    with held_engine() as (engine, valve):
        app = create_app(
            shop_settings(folder, stop_within_seconds=stop_within_seconds, **settings), engine=engine
        )
        with served(app) as server, httpx.Client(base_url=server.url, timeout=20) as client:
            yield server, client, valve


def tell_to_stop(server: LiveServer, client: httpx.Client) -> None:
    """And see that it knows."""
    server.tell_to_stop()
    wait_until(lambda: client.get("/health").json()["stopping"])


def test_while_it_drains_readers_may_come_back_and_nothing_begins(tmp_path: Path) -> None:
    with open_shop(tmp_path, stop_within_seconds=FOR_LONG) as (server, client, valve):
        valve.give(4)
        with client.stream("POST", CHAT, json=BODY) as response:
            pieces = response.iter_raw()
            seen = take(pieces, 4)
            tell_to_stop(server, client)
            health = client.get("/health")
            assert (health.status_code, health.json()["ok"]) == (503, False)
            for path, body in ((CHAT, question("Tiga")), ("/api/chat", {"message": "laptop"})):
                refused = client.post(path, json=body)
                assert "server_stopping" in refused.text
                assert (refused.status_code, refused.headers["x-should-retry"]) == (503, "true")
                assert refused.headers["Retry-After"] == "1"
            with (
                client.stream("POST", CHAT, json=BODY) as again,
                client.stream("GET", f"{CHAT}/{SESSION}", headers={"Last-Event-ID": f"{SESSION}:1"}) as back,
            ):
                assert said(frames_of(take(again.iter_raw(), 4))) == "Satu"
                assert said(frames_of(take(back.iter_raw(), 3))) == "atu"
                valve.open()
                seen += b"".join(pieces)
            whole = frames_of(seen)
        assert (said(whole), whole[-1].data) == ("Satu dua", "[DONE]")
        server.wait()
        with pytest.raises(httpx.ConnectError):
            client.get("/health")


def test_told_again_it_ends_what_it_keeps_in_memory_at_once(tmp_path: Path) -> None:
    with open_shop(tmp_path, stop_within_seconds=FOR_LONG) as (server, client, valve):
        valve.give(4)
        with client.stream("POST", CHAT, json=BODY) as response:
            pieces = response.iter_raw()
            seen = take(pieces, 4)
            tell_to_stop(server, client)
            server.tell_to_stop()
            *_, failure, done = frames_of(seen + b"".join(pieces))
        assert (failure.json["error"]["code"], done.data) == ("server_stopping", "[DONE]")
        valve.open()
        server.wait()


def test_told_again_it_hands_over_what_it_keeps_on_disk(tmp_path: Path) -> None:
    kept = {"persist_sessions": True, "sessions_db_path": tmp_path / "sessions.db"}
    with open_shop(tmp_path, stop_within_seconds=FOR_LONG, **kept) as (server, client, valve):
        valve.give(4)
        with client.stream("POST", CHAT, json=BODY) as response:
            pieces = response.iter_raw()
            seen = take(pieces, 4)
            tell_to_stop(server, client)
            server.tell_to_stop()
            with pytest.raises(httpx.RemoteProtocolError):
                b"".join(pieces)
        valve.open()
        server.wait()
    with open_shop(tmp_path, stop_within_seconds=FOR_LONG, **kept) as (_, client, valve):
        valve.open()
        last = frames_of(seen)[-1].id
        rest = client.get(f"{CHAT}/{SESSION}", headers={"Last-Event-ID": str(last)})
        assert said(frames_of(seen + rest.content)) == "Satu dua"
