"""The header Idempotency-Key over a live server: whatever is lost on its way, a request is answered once."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import UnprocessableEntityError
from openai.types.chat import ChatCompletion

from openai_api.house import CHAT, Valve, client_of, frames_of, open_house, question, said, user
from relay import relaying
from warung.completions.idempotency import session_of
from warung.engine.scripted import MODEL_ID, ScriptedRunner, echo
from warung.engine.worker import ThreadedEngine

KEY = {"Idempotency-Key": "order-1"}


class House:
    """A live server, its client, and what its engine was asked; `valve` holds the model until it opens."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.valve = Valve()
        self.asked: list[str] = []
        self._folder = folder
        self._max_requests = settings.pop("max_requests", 64)
        self._settings = settings

    def _script(self, prompt: str) -> str:
        self.asked.append(prompt)
        return echo(prompt)

    @contextmanager
    def open(self) -> Generator[httpx.Client]:
        runner = ScriptedRunner(self._script, self.valve)
        engine = ThreadedEngine(MODEL_ID, runner, max_requests=self._max_requests)
        try:
            with open_house(self._folder, engine, **self._settings) as client:
                yield client
        finally:
            self.valve.open()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["param"]


REUSED = (422, "idempotency_key_reused", "Idempotency-Key")


def told(answer: ChatCompletion) -> tuple[str, str | None]:
    return answer.id, answer.choices[0].message.content


def test_the_official_clients_retry_of_a_plain_request_gets_the_answer_that_was_lost(house: House) -> None:
    house.valve.open()
    with house.open() as http, relaying(str(http.base_url)) as relay, client_of(relay.url) as client:
        relay.losses = 2
        create = client.with_options(max_retries=2).chat.completions.create
        answer = create(model=MODEL_ID, messages=user("Kopi Gayo"), extra_headers=KEY)
        assert relay.losses == 0
        again = create(model=MODEL_ID, messages=user("Kopi Gayo"), extra_headers=KEY)
    assert told(answer) == told(again) == (answer.id, "Kopi Gayo")
    assert len(house.asked) == 1


def test_the_official_clients_retry_of_a_stream_gets_all_of_it(house: House) -> None:
    house.valve.open()
    with house.open() as http, relaying(str(http.base_url)) as relay, client_of(relay.url) as client:
        relay.losses = 2
        chunks = list(
            client.with_options(max_retries=2).chat.completions.create(
                model=MODEL_ID, messages=user("Kopi Gayo"), stream=True, extra_headers=KEY
            )
        )
        assert relay.losses == 0
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Kopi Gayo"
    assert len(house.asked) == 1


def test_the_official_client_is_told_of_a_key_that_was_used_before(house: House) -> None:
    house.valve.open()
    with house.open() as http, client_of(http.base_url) as client:
        create = client.with_options(max_retries=5).chat.completions.create
        create(model=MODEL_ID, messages=user("Kopi"), extra_headers=KEY)
        with pytest.raises(UnprocessableEntityError, match="send a new key") as refused:
            create(model=MODEL_ID, messages=user("Teh"), extra_headers=KEY)
    assert refused.value.code == "idempotency_key_reused"
    assert refused.value.request.headers["x-stainless-retry-count"] == "0"


def test_a_plain_request_waits_for_the_answer_that_is_being_made(house: House) -> None:
    with house.open() as http, ThreadPoolExecutor() as threads:
        house.valve.give(1)
        posts = [threads.submit(http.post, CHAT, json=question("Kopi"), headers=KEY) for _ in range(4)]
        with http.stream("POST", CHAT, json=question("Kopi", stream=True), headers=KEY) as stream:
            assert http.get("/health").json()["running"] == 1
            house.valve.open()
            frames = frames_of(stream.read())
        answers = [post.result().json() for post in posts]
    assert answers == [answers[0]] * 4
    assert answers[0]["choices"][0]["message"]["content"] == said(frames) == "Kopi"
    assert frames[0].json["id"] == answers[0]["id"]
    assert len(house.asked) == 1


def test_a_client_that_was_cut_off_in_mid_answer_waits_for_the_same(house: House) -> None:
    with house.open() as http, relaying(str(http.base_url)) as relay, client_of(relay.url) as client:
        create = client.with_options(max_retries=2).chat.completions.create

        def disturb() -> None:
            _until(lambda: house.valve.steps > 0)
            relay.hang_up()
            _until(lambda: relay.taken == 2)
            house.valve.open()

        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        answer = create(model=MODEL_ID, messages=user("Kopi"), extra_headers=KEY)
        disturbing.join()
    assert answer.choices[0].message.content == "Kopi"
    assert len(house.asked) == 1


def _until(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(2000):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it never happened")


def test_a_replay_is_the_same_byte_for_byte(house: House) -> None:
    house.valve.open()
    with house.open() as http:
        body = question("Kopi", stream=True)
        first, again = [http.post(CHAT, json=body, headers=KEY) for _ in range(2)]
        plain = http.post(CHAT, json={**body, "stream": False}, headers=KEY)
        frames = frames_of(first.content)
        rest = http.post(CHAT, json=body, headers={**KEY, "Last-Event-ID": str(frames[2].id)})
        session_id = first.headers["X-Session-Id"]
        assert frames_of(http.get(f"{CHAT}/{session_id}").content) == frames
    assert again.content == first.content
    assert {response.headers["X-Session-Id"] for response in (again, plain, rest)} == {session_id}
    assert frames_of(rest.content) == frames[3:]
    assert plain.json()["id"] == frames[0].json["id"]
    assert len(house.asked) == 1


@pytest.mark.parametrize("stream", [True, False])
def test_another_request_with_the_key_is_refused_while_it_runs_and_after(
    house: House, *, stream: bool
) -> None:
    others = [question("Teh", stream=stream), question("Kopi", stream=stream, temperature=0)]
    with house.open() as http:
        with http.stream("POST", CHAT, json=question("Kopi", stream=True), headers=KEY) as first:
            for body in others:
                assert error_of(http.post(CHAT, json=body, headers=KEY)) == REUSED
            house.valve.open()
            first.read()
        for body in others:
            refused = http.post(CHAT, json=body, headers=KEY)
            assert error_of(refused) == REUSED
            assert "Idempotency-Key" in refused.json()["error"]["message"]
        assert http.post(CHAT, json=others[0], headers={"Idempotency-Key": "order-2"}).status_code == 200
    assert len(house.asked) == 2


def test_a_key_is_its_callers_own(tmp_path: Path) -> None:
    house = House(tmp_path, api_keys="key-of-ani, key-of-budi")
    house.valve.open()
    ani, budi = ({"Authorization": f"Bearer {key}", **KEY} for key in ("key-of-ani", "key-of-budi"))
    with house.open() as http:
        first = http.post(CHAT, json=question("Kopi"), headers=ani)
        second = http.post(CHAT, json=question("Kopi"), headers=budi)
        other = http.post(CHAT, json=question("Teh"), headers={**budi, "Idempotency-Key": "order-2"})
        assert http.get(f"{CHAT}/{first.headers['X-Session-Id']}", headers=budi).status_code == 404
        assert http.post(CHAT, json=question("Kopi"), headers=ani).json() == first.json()
    assert len({response.json()["id"] for response in (first, second, other)}) == 3
    assert len(house.asked) == 3


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a\tb", "kunci-é".encode(), b"a\x7fb", b"a\x80"])
def test_a_key_that_is_none_is_refused(house: House, key: bytes) -> None:
    with house.open() as http:
        for stream in (True, False):
            headers = [(b"Idempotency-Key", key)]
            refused = http.post(CHAT, json=question(stream=stream), headers=headers)
            assert error_of(refused) == (400, "invalid_idempotency_key", "Idempotency-Key")
            assert "1 to 255 printable" in refused.json()["error"]["message"]
    assert house.asked == []


@pytest.mark.parametrize(
    "key", ["x" * 255, "~", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b, c:d;e=é"[:-1]]
)
def test_any_printable_key_will_do(house: House, key: str) -> None:
    house.valve.open()
    with house.open() as http:
        posted = [
            http.post(CHAT, json=question(), headers={"Idempotency-Key": key}).json()["id"] for _ in range(2)
        ]
    assert posted[0] == posted[1]


def test_a_key_has_a_session_of_its_own(house: House) -> None:
    house.valve.open()
    with house.open() as http:
        for own in (KEY, {**KEY, "Last-Event-ID": "session-of-mine:1"}):
            refused = http.post(CHAT, json=question(session_id="session-of-mine"), headers=own)
            assert error_of(refused) == (400, "invalid_input", "session_id")
            assert "leave session_id out" in refused.json()["error"]["message"]
        foreign = http.post(CHAT, json=question(), headers={**KEY, "Last-Event-ID": "session-of-mine:1"})
        assert error_of(foreign)[::2] == (400, "Last-Event-ID")
        unknown = http.post(CHAT, json=question(session_id=session_of("local", "order-1")))
        assert error_of(unknown)[:2] == (404, "session_not_found")  # nobody can be there before the key

        first = http.post(CHAT, json=question(), headers=KEY)
        session_id = first.headers["X-Session-Id"]
        named = question(session_id=session_id)
        assert http.post(CHAT, json=named, headers=KEY).json() == first.json()
        assert http.post(CHAT, json=named).json() == first.json()
        assert error_of(http.post(CHAT, json=question("Teh", session_id=session_id))) == REUSED
    assert len(house.asked) == 1


def test_what_is_refused_does_not_use_up_the_key(tmp_path: Path) -> None:
    house = House(tmp_path, max_requests=1)
    with house.open() as http:
        assert http.post(CHAT, json=question("Kopi", temperature=9), headers=KEY).status_code == 400
        too_much = question("Kopi", max_tokens=40_000)  # only the loaded model can tell
        assert http.post(CHAT, json=too_much, headers=KEY).status_code == 400
        with http.stream("POST", CHAT, json=question("Lama", stream=True)) as first:
            assert http.post(CHAT, json=question("Kopi"), headers=KEY).status_code == 429
            house.valve.open()
            first.read()
        answer = http.post(CHAT, json=question("Teh"), headers=KEY).json()
        assert answer["choices"][0]["message"]["content"] == "Teh"


def test_an_answer_that_broke_off_is_asked_anew_with_its_key(house: House) -> None:
    with house.open() as http:
        body = question("Kopi", stream=True)
        house.valve.give(1)
        with http.stream("POST", CHAT, json=body, headers=KEY) as response:
            session_id = response.headers["X-Session-Id"]
            assert http.post(f"/v1/cancel/{session_id}").status_code == 200
            assert frames_of(response.read())[-2].json["error"]["code"] == "cancelled"
        house.valve.open()
        anew = http.post(CHAT, json=body, headers=KEY)
        assert (said(frames_of(anew.content)), anew.headers["X-Session-Id"]) == ("Kopi", session_id)
        assert error_of(http.post(CHAT, json=question("Teh"), headers=KEY)) == REUSED


def test_a_key_outlives_its_server_where_streams_do(tmp_path: Path) -> None:
    house = House(tmp_path, persist_sessions=True, sessions_db_path=tmp_path / "sessions.db")
    house.valve.open()
    with house.open() as http:
        first = http.post(CHAT, json=question("Kopi"), headers=KEY)
    with house.open() as http:
        assert http.post(CHAT, json=question("Kopi"), headers=KEY).json() == first.json()
        assert error_of(http.post(CHAT, json=question("Teh"), headers=KEY)) == REUSED
    assert len(house.asked) == 1


def test_two_servers_with_one_store_answer_a_key_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    kept: dict[str, Any] = {"persist_sessions": True, "sessions_db_path": tmp_path / "sessions.db"}
    one, two = (House(tmp_path / name, **kept) for name in ("one", "two"))
    two.valve.open()
    with one.open() as here, two.open() as there, ThreadPoolExecutor() as threads:
        with here.stream("POST", CHAT, json=question("Kopi", stream=True), headers=KEY) as stream:
            waiting = threads.submit(there.post, CHAT, json=question("Kopi"), headers=KEY)
            assert error_of(there.post(CHAT, json=question("Teh"), headers=KEY)) == REUSED
            one.valve.open()
            frames = frames_of(stream.read())
        answer = waiting.result().json()
    assert (answer["id"], answer["choices"][0]["message"]["content"]) == (frames[0].json["id"], "Kopi")
    assert (len(one.asked), len(two.asked)) == (1, 0)


def test_pages_of_other_sites_may_send_it(tmp_path: Path) -> None:
    with House(tmp_path, cors_origins="https://toko.id").open() as http:
        asked = {
            "Origin": "https://toko.id",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "idempotency-key, content-type",
        }
        allowed = http.options(CHAT, headers=asked)
    assert allowed.status_code == 200
    assert "idempotency-key" in allowed.headers["Access-Control-Allow-Headers"]
