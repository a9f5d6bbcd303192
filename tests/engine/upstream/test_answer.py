"""From bytes to events: whatever the pieces they come in."""

import json
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.upstream.fleet import Frames, chunk, ending, saying, wire
from warung.engine.request import FinishReason, TokenEvent, TokenLogprob, Usage
from warung.engine.upstream.answer import Answer
from warung.engine.upstream.failure import ServerFailed
from warung.engine.upstream.server import MAX_FRAME_BYTES, frames
from warung.errors import InvalidInput


async def read(pieces: Sequence[bytes], logprobs: int | None = None) -> list[TokenEvent]:
    async def stream() -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx2.Response(
        200,
        headers={"Content-Type": "text/event-stream"},
        content=stream(),
        request=httpx2.Request("POST", "http://peer"),
    )
    return [event async for event in Answer(logprobs).events(frames(response))]


async def events(given: Frames, logprobs: int | None = None) -> list[TokenEvent]:
    return await read([wire(given)], logprobs)


def calling(*deltas: dict[str, Any]) -> dict[str, Any]:
    return chunk(delta={"tool_calls": list(deltas)})


BUSY_STREAM = (
    b": ping\n: ping\n\r\nid: a:0\nretry: 10\n\n"
    + wire([chunk("Halo"), chunk(" 👋🏽 caf\u00e9\n"), chunk("漢\u2028字")]).replace(b"\n\n", b"\r\n\r\n")
    + b": ping\n"
    + wire(ending())
)


@given(st.sets(st.integers(1, len(BUSY_STREAM) - 1)))
async def test_any_split_of_the_bytes_gives_the_same_events(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(BUSY_STREAM)]
    pieces = [BUSY_STREAM[start:end] for start, end in pairwise(places)]
    told = await read(pieces)
    assert [event.text for event in told] == ["Halo", " 👋🏽 café\n", "漢\u2028字", ""]
    assert told[-1].finish_reason is FinishReason.STOP
    assert told[-1].usage == Usage(7, 2)


async def test_the_last_event_alone_has_the_finish_and_the_server_s_usage() -> None:
    told = await events([chunk("a"), chunk("b"), *ending("length", 11, 5)])
    assert [event.finish_reason for event in told] == [None, None, FinishReason.LENGTH]
    assert [event.usage for event in told] == [Usage(0, 1), Usage(0, 2), Usage(11, 5)]


async def test_running_counts_are_the_server_s_where_it_tells_them() -> None:
    counted = [
        {**chunk("a"), "usage": {"prompt_tokens": 4, "completion_tokens": 3}},
        {**chunk("b", token_ids=[5, 6]), "usage": None},
    ]
    told = await events([*counted, chunk(finish_reason="stop"), "[DONE]"])
    assert [event.usage for event in told] == [Usage(4, 3), Usage(4, 5), Usage(4, 5)]
    assert told[1].token_ids == (5, 6)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", FinishReason.STOP),
        ("tool_calls", FinishReason.STOP),
        ("content_filter", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
    ],
)
async def test_why_it_ended(said: str, meant: FinishReason) -> None:
    assert (await events([chunk("a", finish_reason=said)]))[-1].finish_reason is meant


@pytest.mark.parametrize(
    "left",
    [
        [],
        ["[DONE]"],
        [chunk("a")],
        [chunk("a"), "[DONE]"],
        [chunk("a"), chunk(finish_reason="abort"), "[DONE]"],
        [chunk("a"), chunk(finish_reason="error"), "[DONE]"],
    ],
)
async def test_an_answer_that_did_not_end_is_never_whole(left: Frames) -> None:
    with pytest.raises(ServerFailed, match="broke off"):
        await events(left)


@pytest.mark.parametrize(
    "strange",
    ["<html>", "[1]", '"text"', "null", '{"choices": 3}', '{"choices": [{"delta": {"content": 5}}]}'],
)
async def test_what_is_no_chat_completion_is_a_failure_of_the_server(strange: str) -> None:
    with pytest.raises(ServerFailed, match="no chat completion"):
        await events([strange])


async def test_a_frame_without_end_is_refused() -> None:
    with pytest.raises(httpx2.SSEError):
        await read([b"data: ", *[b"x" * 65_536] * (MAX_FRAME_BYTES // 65_536 + 1)])


@pytest.mark.parametrize(
    "error",
    [
        {"type": "invalid_request_error", "message": "too many", "param": "n", "code": "bad_n"},
        {"type": "BadRequestError", "message": "too many", "param": "n", "code": 400},
    ],
)
async def test_an_error_frame_that_is_the_caller_s_fault(error: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="too many") as caught:
        await events([chunk("a"), {"error": error}, "[DONE]"])
    assert caught.value.field == "n"


@pytest.mark.parametrize(
    "error", [{"type": "server_error", "message": "GPU 3 at 10.0.0.7"}, {"code": 500}, "plain", ["odd"]]
)
async def test_an_error_frame_that_is_the_server_s_fault_tells_nothing(error: object) -> None:
    with pytest.raises(ServerFailed) as caught:
        await events([{"error": error}])
    assert caught.value.reason == "ended its answer with an error"


async def test_half_a_character_is_replaced() -> None:
    told = await events(['{"choices": [{"delta": {"content": "a\\ud83d"}}]}', *ending()])
    assert told[0].text == "a?"


async def test_logprobs_are_bytes_as_many_as_were_asked_for() -> None:
    likely = [
        {"token": "é", "bytes": [0xC3, 0xA9], "logprob": -0.5, "top_logprobs": []},
        {
            "token": "\ufffd",
            "bytes": [0xC3],
            "logprob": -1.0,
            "top_logprobs": [{"token": name, "bytes": None, "logprob": -2.0} for name in ("x", "y")],
        },
    ]
    stream = [chunk("é", logprobs={"content": likely}), chunk("", logprobs=None), *ending()]
    expected = (
        TokenLogprob("é".encode(), -0.5),
        TokenLogprob(b"\xc3", -1.0, (TokenLogprob(b"x", -2.0),)),
    )
    assert (await events(stream, 1))[0].logprobs == expected
    assert (await events(stream))[0].logprobs == ()


async def test_tool_calls_become_text() -> None:
    stream = [
        chunk("Let me see."),
        calling({"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}}),
        calling({"index": 0, "function": {"arguments": '{"city": '}}),
        calling({"index": 0, "function": {"arguments": '"Bogor"}'}}),
        calling({"index": 1, "id": "b", "function": {"name": "clock"}}),
        *ending("tool_calls"),
    ]
    told = await events(stream)
    assert "".join(event.text for event in told) == (
        'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Bogor"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>'
    )
    assert len(told) > 5


async def test_a_call_cut_by_the_token_limit_stays_cut() -> None:
    begun = calling({"index": 0, "function": {"name": "clock", "arguments": '{"zo'}})
    told = await events([begun, *ending("length")])
    assert "".join(event.text for event in told).endswith('"arguments": {"zo')


async def test_thinking_kept_apart_is_left_out() -> None:
    told = await events([chunk(delta={"reasoning_content": "hmm"}), *saying("Yes")])
    assert "".join(event.text for event in told) == "Yes"


def test_the_imitation_s_frames_are_json() -> None:
    assert all(isinstance(frame, str) or json.dumps(frame) for frame in saying("a"))
