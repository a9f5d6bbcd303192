import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.completions.chunk import DONE, Answer, AnswerFailed, Cancelled, ChunkWriter, error_object
from warung.engine.request import FinishReason, Usage
from warung.errors import InvalidInput, NotFound, TooManyRequests, Unavailable, WarungError

USAGE = Usage(prompt_tokens=7, completion_tokens=3)
COUNTED = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def writer(*, include_usage: bool = False) -> ChunkWriter:
    return ChunkWriter("chatcmpl-1", "m", "session-1", include_usage, created=1_800_000_000)


def test_every_chunk_has_the_same_frame() -> None:
    chunks = [writer().opening(), writer().content("a"), writer().ending("b", FinishReason.STOP, USAGE)[0]]
    for chunk in map(json.loads, chunks):
        del chunk["choices"], chunk["warung"]
        assert chunk == {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_800_000_000,
            "model": "m",
        }


def test_the_ending_brings_the_reason_and_the_usage_only_if_asked_for() -> None:
    last, done = writer().ending("b", FinishReason.LENGTH, USAGE)
    assert done == DONE
    assert json.loads(last)["choices"][0] == {
        "index": 0,
        "delta": {"content": "b"},
        "logprobs": None,
        "finish_reason": "length",
    }
    assert "usage" not in json.loads(last)
    last, usage, done = writer(include_usage=True).ending("", FinishReason.STOP, USAGE)
    assert json.loads(last)["choices"][0]["delta"] == {}
    assert (json.loads(usage)["choices"], json.loads(usage)["usage"], done) == ([], COUNTED, DONE)


@given(st.text())
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    line = writer().content(text)
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["choices"][0]["delta"]["content"] == text


@given(st.lists(st.text(min_size=1), max_size=8), st.booleans())
def test_an_answer_is_what_its_chunks_say(texts: list[str], include_usage: bool) -> None:
    written = writer(include_usage=include_usage)
    events = [
        written.opening(products=[1]),
        *map(written.content, texts),
        *written.ending("!", FinishReason.STOP, USAGE, products=[2]),
    ]
    answer = Answer()
    assert not answer.add(events[:1])
    assert answer.add(events[1:])
    assert answer.content == "".join(texts) + "!"
    assert answer.own == {"session_id": "session-1", "products": [2], "usage": COUNTED}
    completion = answer.completion()
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert (completion["object"], completion["usage"]) == ("chat.completion", COUNTED)
    assert completion["warung"] == {"session_id": "session-1"}


def test_an_answer_ends_at_its_done() -> None:
    answer = Answer()
    assert answer.add([writer().content("mine"), DONE, writer().content("the next turn's")])
    assert answer.content == "mine"


@pytest.mark.parametrize(
    "error",
    [
        Cancelled("stopped"),
        Unavailable("no model"),
        InvalidInput("wrong", field="messages", code="context_length_exceeded"),
        WarungError("failed"),
    ],
)
def test_a_stored_failure_is_raised_as_it_was(error: WarungError) -> None:
    events = writer().failure(error)
    assert events[-1] == DONE
    answer = Answer()
    answer.add([writer().opening()])
    with pytest.raises(AnswerFailed) as failed:
        answer.add(events)
    raised = failed.value
    assert (raised.message, raised.status, raised.code, raised.field) == (
        error.message,
        error.status,
        error.code,
        error.field,
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            InvalidInput("m", field="stop"),
            {"type": "invalid_request_error", "param": "stop", "code": "invalid_input"},
        ),
        (NotFound("m"), {"type": "invalid_request_error", "param": None, "code": "not_found"}),
        (TooManyRequests("m", code="x"), {"type": "rate_limit_error", "param": None, "code": "x"}),
        (WarungError("m"), {"type": "server_error", "param": None, "code": "internal_error"}),
    ],
)
def test_openais_error_object(error: WarungError, expected: dict[str, Any]) -> None:
    assert error_object(error) == {"message": "m", **expected}
