"""Streams over a live server: the wire byte for byte, resuming, cancelling, and what fails half-way."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from openai_api.house import CHAT, PING, Frame, frames_of, held_engine, open_house, question, said, take
from warung.engine.scripted import MODEL_ID, scripted_engine


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with open_house(tmp_path_factory.mktemp("house")) as client:
        yield client


@pytest.mark.parametrize("include_usage", [False, True])
def test_the_wire_byte_for_byte(house: httpx.Client, *, include_usage: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    response = house.post(CHAT, json=question("Rp\n5 ✓", stream=True, **options))
    session = response.headers["X-Session-Id"]
    first = frames_of(response.content)[0].json

    def chunk(choices: str, own: str = "", more: str = "") -> str:
        return (
            f'{{"id":"{first["id"]}","object":"chat.completion.chunk","created":{first["created"]},'
            f'"model":"{MODEL_ID}","warung":{{"session_id":"{session}"{own}}},"choices":[{choices}]{more}}}'
        )

    def choice(delta: str, reason: str = "null") -> str:
        return f'{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{reason}}}'

    usage = '"usage":{"prompt_tokens":26,"completion_tokens":8,"total_tokens":34}'
    expected = [
        chunk(choice('"role":"assistant","content":""')),
        *(chunk(choice(f'"content":"{text}"')) for text in ("R", "p", "\\n", "5", " ")),
        chunk(choice('"content":"✓"', '"stop"'), f",{usage}"),
        *([chunk("", more=f",{usage}")] if include_usage else []),
        "[DONE]",
    ]
    frames = [f"id: {session}:{index}\ndata: {data}\n\n" for index, data in enumerate(expected)]
    assert response.content.decode() == ": ping\n" + "".join(frames)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"


def test_the_session_is_the_callers_when_it_names_one(house: httpx.Client) -> None:
    response = house.post(CHAT, json=question(stream=True, session_id="named-by-me"))
    frames = frames_of(response.content)
    assert response.headers["X-Session-Id"] == "named-by-me"
    assert {frame.json["warung"]["session_id"] for frame in frames[:-1]} == {"named-by-me"}
    made = {house.post(CHAT, json=question(stream=True)).headers["X-Session-Id"] for _ in range(3)}
    assert len(made) == 3
    assert min(map(len, made)) >= 32


def test_an_ending_by_length(house: httpx.Client) -> None:
    frames = frames_of(house.post(CHAT, json=question("Selamat", stream=True, max_tokens=3)).content)
    assert [frame.json["choices"][0]["finish_reason"] for frame in frames[:-1]] == [
        None,
        None,
        None,
        "length",
    ]
    assert said(frames) == "Sel"


@pytest.mark.parametrize("by", ["header", "query"])
def test_every_cursor_gets_exactly_the_rest(house: httpx.Client, by: str) -> None:
    body = question("Kopi Gayo é 🙂", stream=True, session_id=f"resumed-by-{by}")
    whole = frames_of(house.post(CHAT, json=body).content)
    assert len(whole) == 15  # the role, 13 characters of which the last brings the reason, [DONE]
    for seen, frame in enumerate(whole, start=1):
        headers = {"Last-Event-ID": str(frame.id)} if by == "header" else {}
        params = {"last_event_id": str(frame.id)} if by == "query" else {}
        posted = house.post(CHAT, json=body, headers=headers, params=params)
        got = house.get(f"{CHAT}/resumed-by-{by}", headers=headers, params=params)
        if seen < len(whole):
            assert frames_of(posted.content) == frames_of(got.content) == whole[seen:]
            assert posted.content.startswith(PING)
            assert got.headers["X-Session-Id"] == f"resumed-by-{by}"
        else:
            assert (posted.status_code, posted.content) == (200, b"data: [DONE]\n\n")
            assert (got.status_code, got.content) == (204, b"")
    for whole_again in (house.post(CHAT, json=body), house.get(f"{CHAT}/resumed-by-{by}")):
        assert frames_of(whole_again.content) == whole


def test_a_cursor_alone_finds_its_session(house: httpx.Client) -> None:
    body = question("Teh", stream=True)
    whole = frames_of(house.post(CHAT, json=body).content)
    rest = house.post(CHAT, json=body, headers={"Last-Event-ID": str(whole[1].id)})
    assert frames_of(rest.content) == whole[2:]


def test_a_cursor_that_fits_nothing_begins_nothing(house: httpx.Client) -> None:
    body = question("Teh", stream=True, session_id="wrong-cursors")
    lost = house.post(CHAT, json=body, headers={"Last-Event-ID": "wrong-cursors:3"})
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "session_not_found")
    assert house.get(f"{CHAT}/wrong-cursors").status_code == 404

    whole = frames_of(house.post(CHAT, json=body).content)
    other = {**body, "messages": [{"role": "user", "content": "Kopi"}]}
    for cursor in ("wrong-cursors:99", "another-one:0", "wrong-cursors:-1", "wrong-cursors:", ":", "x"):
        for refused in (
            house.post(CHAT, json=body, headers={"Last-Event-ID": cursor}),
            house.post(CHAT, json=other, headers={"Last-Event-ID": cursor}),
            house.post(CHAT, json={**other, "stream": False}, headers={"Last-Event-ID": cursor}),
            house.get(f"{CHAT}/wrong-cursors", params={"last_event_id": cursor}),
        ):
            error = refused.json()["error"]
            assert (refused.status_code, error["param"]) == (400, "Last-Event-ID"), cursor
    assert frames_of(house.get(f"{CHAT}/wrong-cursors").content) == whole


def test_the_next_turn_goes_on_counting(house: httpx.Client) -> None:
    first = frames_of(house.post(CHAT, json=question("Satu", stream=True, session_id="two-turns")).content)
    body = question("Dua", stream=True, session_id="two-turns")
    second = frames_of(house.post(CHAT, json=body).content)
    assert second[0].id == f"two-turns:{len(first)}"
    assert (said(first), said(second)) == ("Satu", "Dua")
    both = house.get(f"{CHAT}/two-turns", headers={"Last-Event-ID": str(first[1].id)})
    assert frames_of(both.content) == first[2:] + second
    plain = house.post(CHAT, json={**body, "stream": False})
    assert plain.json()["choices"][0]["message"]["content"] == "Dua"


def test_a_cursor_older_than_what_is_kept(tmp_path: Path) -> None:
    with held_engine("x" * 100) as (engine, valve), open_house(tmp_path, engine, session_events=64) as client:
        body = question(stream=True, session_id="a-long-one")
        with client.stream("POST", CHAT, json=body) as response:
            pieces = response.iter_raw()
            seen = b""
            while len(said(frames_of(seen))) < 100:  # never further ahead of the reader than is kept
                valve.give(1)
                seen += next(pieces)
            whole = frames_of(seen + b"".join(pieces))
        assert len(whole) == 102
        for refused in (
            client.get(f"{CHAT}/a-long-one", headers={"Last-Event-ID": "a-long-one:36"}),
            client.post(CHAT, json=body, headers={"Last-Event-ID": "a-long-one:36"}),
            client.post(CHAT, json=body),  # its first event is gone too
        ):
            error = refused.json()["error"]
            assert (refused.status_code, error["code"]) == (410, "cursor_too_old")
            assert "a-long-one:38" in error["message"]
        kept = client.get(f"{CHAT}/a-long-one", headers={"Last-Event-ID": "a-long-one:37"})
        assert frames_of(kept.content) == whole[38:]


def test_one_request_at_a_time_in_a_session(tmp_path: Path) -> None:
    with held_engine() as (engine, valve), open_house(tmp_path, engine) as client:
        body = question("Satu dua", stream=True, session_id="busy-session")
        valve.give(4)
        with client.stream("POST", CHAT, json=body) as first:
            take(first.iter_raw(), 4)
            for other in (question("Tiga", session_id="busy-session"), {**body, "temperature": 0}):
                refused = client.post(CHAT, json=other)
                assert (refused.status_code, refused.json()["error"]["code"]) == (409, "session_busy")
                assert refused.headers["x-should-retry"] == "false"
            with (
                client.stream("POST", CHAT, json=body) as joined,
                client.stream(
                    "GET", f"{CHAT}/busy-session", params={"last_event_id": "busy-session:2"}
                ) as late,
            ):
                assert said(frames_of(take(joined.iter_raw(), 4))) == "Satu"
                assert said(frames_of(take(late.iter_raw(), 2))) == "tu"
                valve.open()
        again = frames_of(client.post(CHAT, json=body).content)
        assert said(again) == "Satu dua"
        assert frames_of(client.post(CHAT, json={**body, "temperature": 0}).content)[0].id == (
            f"busy-session:{len(again)}"
        )


def test_a_reader_that_leaves_loses_nothing(tmp_path: Path) -> None:
    with held_engine("Halo semua") as (engine, valve), open_house(tmp_path, engine) as client:
        body = question(stream=True, session_id="left-and-back")
        valve.give(4)
        with client.stream("POST", CHAT, json=body) as response:
            seen = frames_of(take(response.iter_raw(), 4))
        valve.open()
        rest = client.post(CHAT, json=body, headers={"Last-Event-ID": str(seen[-1].id)})
        assert said(seen) + said(frames_of(rest.content)) == "Halo semua"
        assert frames_of(client.get(f"{CHAT}/left-and-back").content) == seen + frames_of(rest.content)


def test_cancel_stops_the_model_within_a_token(tmp_path: Path) -> None:
    with held_engine("abcdefghij") as (engine, valve), open_house(tmp_path, engine) as client:
        body = question(stream=True, session_id="to-be-cancelled")
        valve.give(3)
        with client.stream("POST", CHAT, json=body) as response:
            pieces = response.iter_raw()
            seen = b""
            while len(said(frames_of(seen))) < 3:
                seen += next(pieces)
            assert client.get("/health").json()["running"] == 1
            for _ in range(2):
                cancelled = client.post("/v1/cancel/to-be-cancelled")
                assert cancelled.json() == {"session_id": "to-be-cancelled", "cancelled": True}
            frames = frames_of(seen + b"".join(pieces))
        check_failure(frames, said_before="abc", code="cancelled", status=409)
        assert client.get("/health").json()["running"] == 0

        assert frames_of(client.get(f"{CHAT}/to-be-cancelled").content) == frames
        resumed = client.post(CHAT, json=body, headers={"Last-Event-ID": str(frames[1].id)})
        assert frames_of(resumed.content) == frames[2:]
        valve.open()
        again = frames_of(client.post(CHAT, json=body).content)  # without a cursor it is asked anew
        assert (said(again), again[0].id) == ("abcdefghij", f"to-be-cancelled:{len(frames)}")
        assert client.post(CHAT, json=question("x", max_tokens=2)).status_code == 200
        # Three that were let through, the one that waited, the second turn's, the next request's.
        assert valve.steps == 3 + 1 + 10 + 2
        assert client.post("/v1/cancel/to-be-cancelled").status_code == 200


def test_cancel_of_what_is_not_there(house: httpx.Client) -> None:
    absent = house.post("/v1/cancel/never-was-here")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "session_not_found")


def test_an_engine_that_dies_half_way(tmp_path: Path) -> None:
    steps = iter(range(3))

    def before_step() -> None:
        if next(steps, None) is None:
            raise RuntimeError("out of memory")

    engine = scripted_engine(lambda _prompt: "abcdef", before_step)
    with open_house(tmp_path, engine) as client:
        frames = frames_of(client.post(CHAT, json=question(stream=True)).content)
        check_failure(frames, said_before="abc", code="engine_unavailable", status=503)
        health = client.get("/health")
        assert (health.status_code, health.json()["ok"], health.json()["status"]) == (503, False, "failed")
        assert "worker died" in health.json()["error"]
        assert client.post(CHAT, json=question(stream=True)).status_code == 503


def check_failure(frames: list[Frame], *, said_before: str, code: str, status: int) -> None:
    *_, failure, done = frames
    assert said(frames) == said_before
    assert done.data == "[DONE]"
    assert (failure.json["error"]["code"], failure.json["warung"]["status"]) == (code, status)
    assert failure.json["error"]["message"]
    assert not [frame for frame in frames[:-2] if json.loads(frame.data)["choices"][0]["finish_reason"]]
