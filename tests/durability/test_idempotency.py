"""The official client, whose server dies or stops under it: with an Idempotency-Key its retry gets the answer
that was begun."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from openai.types.chat import ChatCompletion

from durability.replica import Replica
from durability.stories import STORY
from openai_api.house import client_of, user
from relay import Relay, relaying
from warung.engine.scripted import MODEL_ID

KEY = {"Idempotency-Key": "order-1"}
AFTER_EVENTS = 100


def ask(relay: Relay) -> ChatCompletion:
    with client_of(relay.url) as client:
        return client.with_options(max_retries=10).chat.completions.create(
            model=MODEL_ID, messages=user(STORY), max_tokens=16_000, extra_headers=KEY
        )


def wait_for_the_middle(url: str) -> None:
    body = {"model": MODEL_ID, "messages": user(STORY), "max_tokens": 16_000, "stream": True}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, headers=KEY, timeout=60) as response:
        assert response.status_code == 200, response.read()
        lines = (line for line in response.iter_lines() if line.startswith("data: "))
        for _ in range(AFTER_EVENTS):
            next(lines)


def check(answer: ChatCompletion, url: str, *replicas: Replica) -> None:
    """Whole, and the only one, which its session tells too."""
    assert answer.choices[0].message.content == STORY
    assert sum(replica.takeovers for replica in replicas) == 1
    session_id = (answer.model_extra or {})["warung"]["session_id"]
    told = httpx.get(f"{url}/v1/chat/completions/{session_id}", timeout=60).text
    assert told.count(answer.id) == told.count("data: ") - 1


def test_another_replica_answers_when_the_one_that_began_is_killed(
    kept: dict[str, str], folder: Path
) -> None:
    with (
        Replica(folder, folder / "log-1", **kept) as one,
        Replica(folder, folder / "log-2", **kept) as two,
        relaying(one.url) as relay,
        ThreadPoolExecutor() as threads,
    ):
        asking = threads.submit(ask, relay)
        wait_for_the_middle(one.url)
        relay.target = two.url
        one.kill()
        check(asking.result(), two.url, one, two)


def test_a_client_hears_that_its_server_stops_and_gets_the_answer_of_the_next(
    kept: dict[str, str], folder: Path
) -> None:
    with (
        Replica(folder, folder / "log", STOP_WITHIN_SECONDS="0", **kept) as server,
        relaying(server.url) as relay,
        ThreadPoolExecutor() as threads,
    ):
        asking = threads.submit(ask, relay)
        wait_for_the_middle(server.url)
        server.tell_to_stop()
        assert server.wait() == 0
        server.start()
        relay.target = server.url
        check(asking.result(), server.url, server)
    assert "Traceback" not in server.log
